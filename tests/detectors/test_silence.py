"""A server that nobody reaches while its clients are at work; and what looks alike and is none."""

import msgspec
import numpy as np
import pytest

from sensor.detectors import silence
from sensor.detectors.silence import again, recount
from tests.detectors.recounts import ask
from tests.detectors.ticks import entities, joined, stepped
from tests.scenes import SECRET, flow, flows
from tests.store.archives import Writer

CLIENTS = [f"10.0.0.{last}" for last in range(10, 22)]
FILES, WEB, NAMES = "10.0.0.2", "10.0.0.3", "10.0.0.4"
HOUR_S = 3_600.0


def hour(number, *, servers=(FILES, WEB, NAMES), clients=CLIENTS, at_work=None, tries=()):
    """Three of four clients use each server, and all of those at work some place outside."""
    at_work = (8 <= number % 24 < 18) if at_work is None else at_work
    rng = np.random.default_rng(number)
    rows = []
    for k, client in enumerate(clients if at_work else ()):
        at = number * HOUR_S + 60 + k
        used = [server for server in servers if rng.random() < 0.75]
        rows += [flow(client, server, at_s=at + 2 * j, port=445) for j, server in enumerate(used)]
        rows += [flow(client, f"198.51.100.{k + 1}", at_s=at + 10 + j, port=443) for j in range(6)]
        rows += [flow(client, server, at_s=at + 20, port=445, state="S0") for server in tries]
    return rows or [flow(CLIENTS[0], "198.51.100.1", at_s=number * HOUR_S + 60, port=443)]


class Site:
    """A site that is shown an hour a tick."""

    def __init__(self, known=None, watch=None):
        self.known = known or entities()
        self.detector = silence.detector(self.known, SECRET)
        self.watch, self.flagged = watch, ()

    def step(self, rows):
        """One tick."""
        return stepped(self.known, self.detector, flows(*rows), flagged=self.flagged, watch=self.watch)

    def hours(self, numbers, **how):
        """Return what is said in some hours."""
        return [finding for number in numbers for finding in self.step(hour(number, **how))]


def learned(**how):
    """A week: nothing is said in it."""
    site = Site(**how)
    assert [] == site.hours(range(7 * 24))
    return site


def test_a_server_that_nobody_reaches_is_told():
    """Within hours, by its own clients, and it may open an incident; the evidence grows, and ends when it answers."""
    site = learned()
    found = site.hours(range(176, 181), servers=(WEB, NAMES))

    evidence = found[0].evidence
    assert {FILES} == {finding.name for finding in found}
    assert (True, "silence", 0.0) == (found[0].opens, evidence.family, evidence.observed)
    assert evidence.p <= 6.6e-3
    assert "answered none of its 12 clients" in evidence.text
    assert 1 == len({finding.evidence.id for finding in found})
    assert found[-1].evidence.expected > evidence.expected
    assert [pytest.approx(again(f.evidence)) for f in found] == [f.evidence.p for f in found]
    site.hours([181])
    assert [] == site.hours(range(182, 190))
    assert "judged" == site.detector.coverage().state


def test_attempts_that_fail_are_named():
    """They speak for a server that is down, not one that nobody wants."""
    (found, *_) = learned().hours(range(176, 181), servers=(WEB, NAMES), tries=(FILES,))
    assert "which tried" in found.evidence.text


def test_a_holiday_is_no_silence():
    """Nobody is at work, or a few are: with the clients goes what is expected."""
    site = learned()
    assert [] == site.hours(range(7 * 24, 8 * 24), at_work=False)
    assert [] == site.hours(range(8 * 24, 9 * 24), clients=CLIENTS[:2])


def test_machines_that_idle_are_not_at_work():
    """They are on, with a fraction of their usual flows."""
    site = learned()
    rows = [[flow(client, "198.51.100.7", at_s=n * HOUR_S + k, port=443) for k, client in enumerate(CLIENTS)]
            for n in range(176, 186)]  # fmt: skip
    assert [] == [finding for some in rows for finding in site.step(some)]


def test_when_all_servers_are_gone_it_is_the_sensor():
    """No server is told of."""
    assert [] == learned().hours(range(176, 184), servers=())


def test_few_clients_and_few_hours_say_nothing():
    """It is learning, and says so."""
    site = Site()
    assert "no_input" == site.detector.coverage().state
    site.hours(range(3 * 24))
    assert [] == site.hours(range(80, 90), servers=(WEB, NAMES))
    assert "learning" == site.detector.coverage().state
    few = Site()
    few.hours(range(7 * 24), clients=CLIENTS[:4])
    assert [] == few.hours(range(176, 186), servers=(WEB, NAMES), clients=CLIENTS[:4])


def test_a_server_that_is_often_silent_is_told_less():
    """A silence must miss twice what it ever missed."""
    site = learned()
    often = site.detector._devices.columns
    row = site.known.locate(0, FILES)
    often["worst"][row] = 1e3
    assert [] == site.hours(range(176, 186), servers=(WEB, NAMES))


def test_a_flagged_server_learns_nothing():
    """An open incident's hours are no usual ones."""
    site = learned()
    site.flagged = (FILES,)
    row = site.known.locate(0, FILES)
    before = site.detector._devices.columns["hours"][row]
    site.hours(range(176, 179))
    assert 1 >= site.detector._devices.columns["hours"][row] - before


def test_a_client_that_turns_out_to_be_another_goes_on_as_it():
    """Its shares are those of the row that stays."""
    site = learned()
    found, kept = joined(site.known, site.detector, *CLIENTS[:2])
    assert [] == found
    clients = np.unique(site.detector._edges.columns["keys"][: len(site.detector._edges), 0])
    assert kept in clients.tolist()


def test_it_goes_on_after_a_restart():
    """Shares and dispersion are in the state."""
    site = learned()
    restored = silence.detector(site.known, SECRET)
    restored.load(site.detector.save())
    site.detector = restored
    assert {FILES} == {finding.name for finding in site.hours(range(176, 181), servers=(WEB, NAMES))}
    silence.detector(site.known, SECRET).load({})
    assert 0 < restored.saturation["silence_pairs"] < 0.01


def test_it_is_counted_again_from_the_archive(tmp_path):
    """No client was answered in that time; where the time is said to be longer, some were."""
    writer = Writer(tmp_path)

    def keep(one):
        writer.archive.take(one)
        writer.clock_ns = one.end_ns

    site = Site(writer.known, keep)
    site.hours(range(7 * 24))
    found = site.hours(range(176, 181), servers=(WEB, NAMES))
    writer.commit().close()

    evidence = found[-1].evidence
    assert 0.0 == ask(tmp_path, lambda archive: recount(evidence, archive))
    longer = {**evidence.basis, "since_s": evidence.basis["since_s"] - 40 * HOUR_S}
    forged = msgspec.structs.replace(evidence, basis=longer)
    assert 12.0 == ask(tmp_path, lambda archive: recount(forged, archive))
    assert np.isnan(again(msgspec.structs.replace(evidence, expected=1.0)))
