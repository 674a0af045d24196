"""`run` at sites and at their hub, killed: what the sites told is at the hub, once, and each site's is its own."""

import os
import random
import signal
import time

import pytest

from tests.evaluation.fleet_lives import Fleet, evidence_of, hold


def until(what, seconds):
    """Wait until something is true; tell whether it came to pass."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        if what():
            return True
        time.sleep(0.2)
    return False


def lives(fleet, kills, rng):
    """Let the fleet live on while one or another of it is killed, then tell the rest; return who died in a write."""
    died = []
    for _ in range(kills):
        victim = rng.choice(["hub", *fleet.names])
        place = rng.choice(["fsync", "statement", "moment"])
        number = {"fsync": rng.randint(1, 10), "statement": rng.randint(1, 150), "moment": 0}[place]
        how = {victim: (place, number)} if number else {}
        with fleet.all(**how) as ends:
            for _, ready, said in ends.values():
                assert ready.wait(60) or any(process.poll() is not None for process, _, _ in ends.values()), said
            fleet.tell(rng)
            process = ends[victim][0]
            if number and until(lambda: process.poll() is not None, 10):  # noqa: B023 - asked now
                died.append(f"{victim} {place}")
            time.sleep(rng.uniform(0, 1.0))
            process.kill()  # the others are killed as the fleet ends: at moments of their own
    return died


def finish(fleet):
    """Let all tell and take in everything, and stop them as a person would."""
    with fleet.all() as ends:
        assert all(ready.wait(60) for _, ready, _ in ends.values())  # else a signal ends it before it listens
        assert until(lambda: all(fleet.state(name).exists() for name in fleet.names) and fleet.is_told(), 120)
        for name in (*fleet.names, "hub"):
            process, _, said = ends[name]
            if name == "hub":
                assert until(fleet.is_told, 60)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, "".join(said)
    told = hold(fleet.state("hub"), {name: fleet.state(name) for name in fleet.names})
    for name in fleet.names:
        assert evidence_of(fleet.state(name), name) == evidence_of(fleet.state("hub"), name)
    return told


def test_what_a_site_finds_is_an_incident_of_its_hub(tmp_path):
    """Both as they are run; the hub dies in a commit meanwhile, and goes on."""
    fleet = Fleet(tmp_path, "SYD")
    with fleet.all(hub=("fsync", 4)) as ends:
        assert all(ready.wait(60) for _, ready, _ in ends.values())
        fleet.tell(random.Random(0))
        assert until(lambda: ends["hub"][0].poll() is not None, 60)
    envelopes, reports, findings = finish(fleet)
    assert (envelopes > 0, reports >= envelopes, findings) == (True, True, 1)


@pytest.mark.slow
def test_a_site_and_its_hub_that_are_killed_lose_and_double_nothing(tmp_path):
    """Two kills of each sort, one after the other."""
    fleet = Fleet(tmp_path, "SYD", "PER")
    died = lives(fleet, 4, random.Random(1))
    envelopes, reports, findings = finish(fleet)
    print(f"died in a write {died}; {envelopes} envelopes, {reports} reports, {findings} findings exact")  # noqa: T201
    assert findings > 0


@pytest.mark.slow
def test_sixty_kills_of_three_sites_and_their_hub(tmp_path):
    """At random moments, at fsyncs and at statements; `SPANLINE_KILLS` for another number."""
    fleet, kills = Fleet(tmp_path, "SYD", "PER", "ADL"), int(os.environ.get("SPANLINE_KILLS", "60"))
    died = lives(fleet, kills, random.Random(2))
    envelopes, reports, findings = finish(fleet)
    print(f"died in a write {len(died)}; {envelopes} envelopes, {reports} reports, {findings} findings exact")  # noqa: T201
    assert len(died) >= kills // 4
