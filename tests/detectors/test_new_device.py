"""A device that shows itself for the first time, where that is rare; and where it is not."""

import msgspec
import numpy as np
import pytest

from sensor.detectors import new_device
from sensor.detectors.new_device import ROWS_MAX, again, recount
from tests.detectors.recounts import ask
from tests.detectors.ticks import entities, tick
from tests.scenes import DAY, SECRET, START, S, arp, flow, flows
from tests.store.archives import Writer

HOSTS = [f"10.0.0.{last}" for last in range(10, 30)]


def mac(address):
    """A MAC of its own for each address."""
    return 0x001B1B000000 + int(address.rpartition(".")[2])


def talk(at_s, *hosts, state="SF"):
    """A conversation of each host with the outside."""
    return flows(*(flow(host, "198.51.100.1", at_s=at_s, port=443, state=state, orig_mac=mac(host)) for host in hosts))


class Site:
    """A site that is shown tick by tick."""

    def __init__(self, known=None):
        self.known = known or entities()
        self.detector = new_device.detector(self.known, SECRET)
        self.flagged = ()

    def step(self, rows, *, asks=None, end_ns=None):
        """One tick."""
        one = tick(self.known, rows, asks=asks, end_ns=end_ns)
        found = self.detector.score(one)
        flags = np.zeros(self.known.count(), np.bool_)
        for host in self.flagged:
            flags[self.known.locate(0, host)] = True
        self.detector.learn(one, flags)
        return found

    def days(self, count, first=0):
        """Let the usual hosts work; nothing is said."""
        for day in range(first, first + count):
            assert [] == self.step(talk(day * 86_400.0 + 100, *HOSTS))
        return self


def test_a_device_at_a_settled_site_is_a_row():
    """By the site's own rate; it opens nothing, and is said once."""
    site = Site().days(20)
    (found,) = site.step(talk(20 * 86_400.0 + 50, "10.0.0.99"))

    evidence = found.evidence
    assert (True, False, "device") == (found.digest, found.opens, evidence.family)
    assert pytest.approx(1 / (100 + 380)) == evidence.p
    assert evidence.p == pytest.approx(again(evidence))
    assert "10.0.0.99 was never seen at local in the 20 days" in evidence.text
    assert "0 new ones in 380 device-days; about one in 480" in evidence.text
    assert [] == site.step(talk(20 * 86_400.0 + 90, "10.0.0.99"))
    assert "judged" == site.detector.coverage().state
    assert "1 new ones" in site.detector.coverage().why


def test_before_a_day_of_learning_nothing_is_new():
    """It is learning, and says so."""
    site = Site()
    assert "no_input" == site.detector.coverage().state
    site.days(1)
    assert [] == site.step(talk(50_000.0, "10.0.0.99"))
    assert "learning" == site.detector.coverage().state


def test_where_new_devices_are_common_it_says_nothing():
    """Guests' phones with a MAC of the day."""
    site = Site().days(3)
    said = []
    for day in range(3, 20):
        said.append(len(site.step(talk(day * 86_400.0, *(f"10.0.{day}.{100 + day * 5 + k}" for k in range(5))))))
        site.days(1, first=day)
    assert 0 == sum(said[4:])


def test_many_at_once_are_a_network_that_was_connected():
    """A few rows; the rest is counted."""
    site = Site().days(20)
    found = site.step(talk(20 * 86_400.0, *(f"10.0.9.{k}" for k in range(100, 140))))
    assert ROWS_MAX == len(found)
    assert 40 - ROWS_MAX == site.detector.unshown


def test_addresses_that_nobody_answers_are_no_devices():
    """What a forger sends; ARP is a sign of life."""
    site = Site().days(20)
    assert [] == site.step(talk(20 * 86_400.0, "10.0.0.99", state="S0"))
    (found,) = site.step(
        flows(), asks=arp("10.0.0.98", mac=0x001B1B000098, at_s=20 * 86_400.0 + 60), end_ns=START + 20 * DAY + 70 * S
    )
    assert "10.0.0.98" == found.name


def test_a_flagged_device_does_not_make_new_ones_usual():
    """It is not counted."""
    site = Site().days(20)
    site.flagged = ("10.0.0.99",)
    site.step(talk(20 * 86_400.0, "10.0.0.99"))
    (found,) = site.step(talk(20 * 86_400.0 + 60, "10.0.0.98"))
    assert 0.0 == found.evidence.basis["events"]


def test_it_goes_on_after_a_restart():
    """What was alive is no news."""
    site = Site().days(20)
    restored = new_device.detector(site.known, SECRET)
    restored.load(site.detector.save())
    site.detector = restored
    site.days(1, first=20)
    assert 1 == len(site.step(talk(20 * 86_400.0 + 300, "10.0.0.99")))
    new_device.detector(site.known, SECRET).load({})


def test_it_is_counted_again_from_the_archive(tmp_path):
    """Nothing of it is older; an older record contradicts."""
    writer = Writer(tmp_path)
    site = Site(writer.known)
    told = []
    for day in range(20):
        for rows in (
            (talk(day * 86_400.0, *HOSTS), talk(day * 86_400.0 + 60, "10.0.0.99"))
            if day == 19
            else (talk(day * 86_400.0, *HOSTS),)
        ):
            step = tick(writer.known, rows)
            writer.archive.take(step)
            writer.clock_ns = step.end_ns
            told += [one.evidence for one in site.detector.score(step)]
            site.detector.learn(step, np.zeros(writer.known.count(), np.bool_))
    writer.commit().close()

    (evidence,) = told
    assert 1.0 == ask(tmp_path, lambda archive: recount(evidence, archive))
    old = msgspec.structs.replace(
        evidence, entity=msgspec.structs.replace(evidence.entity, id=writer.known.device_id(0))
    )
    assert 0.0 == ask(tmp_path, lambda archive: recount(old, archive))
