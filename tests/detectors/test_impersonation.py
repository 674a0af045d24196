"""A device that keeps its MAC and loses its habits, and what looks alike and is none."""

import msgspec
import numpy as np
import pytest

from sensor.detectors import impersonation
from sensor.detectors.impersonation import FRESH_MIN, MISSED_MIN, again, recount
from tests.detectors.recounts import ask
from tests.detectors.ticks import entities, joined, stepped
from tests.scenes import SECRET, flow, flows
from tests.store.archives import Writer

HOSTS = [f"10.0.0.{last}" for last in range(10, 26)]
PRINTER = HOSTS[0]
EVERYBODYS = "198.51.100.250"
DAY_S = 86_400.0


def mac(address):
    """A MAC of its own for each address."""
    return 0x001B1B000000 + int(address.rpartition(".")[2])


def own(host, k):
    """The k-th place that only this host goes to."""
    return f"198.51.{host.rpartition('.')[2]}.{k}"


def talk(host, places, at_s, step_s=60.0):
    """A conversation with each place, one after the other."""
    return [flow(host, place, at_s=at_s + k * step_s, port=443, orig_mac=mac(host)) for k, place in enumerate(places)]


def habits(host, day, at_s=0.0):
    """What a host does every day: eight places of its own, four times, and the site's resolver."""
    return [
        row
        for turn in range(4)
        for row in talk(host, [*(own(host, k) for k in range(8)), EVERYBODYS], day * DAY_S + at_s + turn * 900)
    ]


class Site:
    """A site whose hosts keep their habits, shown an hour a step."""

    def __init__(self, known=None, watch=None):
        self.known = known or entities()
        self.detector = impersonation.detector(self.known, SECRET)
        self.flagged, self.watch = (), watch

    def step(self, rows):
        """One tick."""
        return stepped(self.known, self.detector, flows(*rows), flagged=self.flagged, watch=self.watch)

    def days(self, count, first=0, but=()):
        """Let the hosts live; return what was said."""
        return [
            finding
            for day in range(first, first + count)
            for finding in self.step([row for host in HOSTS if host not in but for row in habits(host, day)])
        ]

    def another(self, day, host=PRINTER, fresh=FRESH_MIN, at_s=7_200.0):
        """Somebody else with the host's MAC: new places, and the resolver, for two hours."""
        places = [own("10.0.0.99", k) for k in range(fresh)]
        first = talk(host, places, day * DAY_S + at_s)
        return [
            *first,
            *(r for n in range(15) for r in talk(host, [*places, EVERYBODYS], day * DAY_S + at_s + n * 600)),
        ]


def test_a_device_that_lost_its_habits_is_told():
    """By the site's own rate, once there are device-days for it; and it goes on under the same id."""
    site = Site()
    assert [] == site.days(12)
    (found,) = site.step(site.another(12))

    evidence = found.evidence
    assert (True, True, "device") == (found.digest, found.opens, evidence.family)
    assert FRESH_MIN <= evidence.observed
    assert MISSED_MIN <= evidence.basis["missed"]
    assert pytest.approx(again(evidence)) == evidence.p
    assert pytest.approx(1 / (100 + 11 * len(HOSTS))) == evidence.p
    assert "none of the 8 habits of its 12 days" in evidence.text
    (more,) = site.step(talk(PRINTER, ["198.51.99.77"], 12 * DAY_S + 20_000))
    assert (evidence.id, evidence.observed + 1) == (more.evidence.id, more.evidence.observed)
    assert "judged" == site.detector.coverage().state


def test_the_last_new_thing_may_be_long_ago():
    """Told of as soon as enough of its habits were missed; once, unless there is more that is new."""
    site = Site()
    site.days(12)
    rows = site.another(12)
    cut = len(rows) // 15
    assert [] == site.step(rows[:cut])
    assert 1 == len(site.step(rows[cut:]))
    assert [] == site.step(talk(PRINTER, [own("10.0.0.99", 3)], 12 * DAY_S + 20_000))


def test_one_habit_ends_it():
    """Who does what it always did is who it was, whatever it does beside."""
    site = Site()
    site.days(12)
    assert [] == site.step([*site.another(12), *talk(PRINTER, [own(PRINTER, 3)], 12 * DAY_S + 9_000)])
    assert [] == site.step(talk(PRINTER, [f"198.51.99.{k}" for k in range(20)], 12 * DAY_S + 10_000))


def test_new_things_beside_its_habits_are_none():
    """A tool that somebody installed."""
    site = Site()
    site.days(12)
    assert [] == site.step([*habits(PRINTER, 12), *site.another(12, at_s=100.0)])


def test_what_everybody_does_is_no_habit_of_its_own():
    """The site's resolver is used by whoever takes over, too."""
    site = Site()
    site.days(12)
    assert [8] * len(HOSTS) == site.detector._devices.columns["habits"][: len(HOSTS)].tolist()


def test_before_a_week_of_life_nothing_is_told():
    """It says that it is learning."""
    site = Site()
    assert "no_input" == site.detector.coverage().state
    site.days(5)
    assert [] == site.step(site.another(5))
    assert "learning" == site.detector.coverage().state


def test_few_new_things_are_not_enough():
    """A machine that is nearly idle."""
    site = Site()
    site.days(12)
    assert [] == site.step(site.another(12, fresh=FRESH_MIN - 1))


def test_a_site_that_installs_anew_each_week_opens_nothing():
    """Its rate is what it is: after a few of them, they are a row."""
    site = Site()
    site.days(12)
    told = [
        found for k, host in enumerate(HOSTS[:6]) for found in site.step(site.another(12, host, at_s=7_200 + 10 * k))
    ]
    assert [True, False] == [told[0].opens, told[-1].opens]
    assert told[0].evidence.p < told[-1].evidence.p


def test_a_flagged_device_teaches_no_habits():
    """What an open incident is about does not become usual."""
    site = Site()
    site.flagged = (PRINTER,)
    site.days(12)
    assert 0 == site.detector._devices.columns["habits"][site.known.locate(0, PRINTER)]


def test_rows_that_become_one_keep_their_habits():
    """And both sets of things are known to it."""
    site = Site()
    site.days(12)
    a, b = HOSTS[0], HOSTS[1]
    found, kept = joined(site.known, site.detector, a, b)
    assert [] == found
    site.days(1, first=12, but=(a, b))
    rows = site.detector._things.columns["keys"][: len(site.detector._things), 0] // 4
    assert 17 == int((rows == kept).sum())


def test_it_goes_on_after_a_restart():
    """The habits are in the state."""
    site = Site()
    site.days(12)
    restored = impersonation.detector(site.known, SECRET)
    restored.load(site.detector.save())
    site.detector = restored
    assert 1 == len(site.step(site.another(12)))
    impersonation.detector(site.known, SECRET).load({})


def test_it_is_counted_again_from_the_archive(tmp_path):
    """Its listed first uses are there; where one is not, the count is another."""
    writer = Writer(tmp_path)

    def keep(one):
        writer.archive.take(one)
        writer.clock_ns = one.end_ns

    site = Site(writer.known, keep)
    site.days(12)
    (found,) = site.step(site.another(12))
    writer.commit().close()

    evidence = found.evidence
    assert evidence.observed == ask(tmp_path, lambda archive: recount(evidence, archive))
    first, *rest = evidence.records
    forged = msgspec.structs.replace(evidence, records=(msgspec.structs.replace(first, uid="Cnone"), *rest))
    assert evidence.observed - 1 == ask(tmp_path, lambda archive: recount(forged, archive))
    assert np.isnan(again(msgspec.structs.replace(evidence, observed=FRESH_MIN - 1.0)))
