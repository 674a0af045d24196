"""Responses decided at one place and executed at another, while every process is killed and the link is cut."""

import contextlib
import random
import subprocess
import time

import pytest

from sensor.store import audit
from sensor.store.actions import Actions
from tests.fleet.armed import Cut, Fleet, wait
from tests.responses.vendors import vendors

PLACES = ("hub", "SYD", "PER")
LIFE_S = 15.0
"""A process that reaches no statement to die at is killed all the same."""
STATEMENTS = 60
"""Of a start and what follows until everything is settled, some 50 write."""
EXECUTED = {"hub": ["ACT-3"], "SYD": ["ACT-1"], "PER": ["ACT-1", "ACT-2"]}
KNOWN = {"hub": {"ACT-1", "ACT-2", "ACT-3"}, "SYD": {"ACT-1", "ACT-3"}, "PER": {"ACT-1", "ACT-2"}}


def lives(folder, kills, rng):
    """Let a hub and two sites order from each other, killed in the middle of what they write.

    Returns:
        How many died so, and how often the link was cut.
    """
    with contextlib.ExitStack() as opened:
        products = {name: opened.enter_context(vendors()) for name in PLACES}
        lines = []

        def between(port):
            lines.append(opened.enter_context(Cut(port, rng)))
            return lines[0].port

        fleet = Fleet(folder, {name: one.url for name, one in products.items()}, "SYD", "PER", between=between)
        opened.callback(fleet.close)
        now_ns = time.time_ns()
        fleet.order("hub", "ACT-1", "block_address", "203.0.113.5", "SYD", "PER", now_ns=now_ns)
        fleet.order("hub", "ACT-2", "block_address", "203.0.113.6", "PER", now_ns=now_ns)
        fleet.order("SYD", "ACT-3", "disable_account", "ann@ex.com", now_ns=now_ns)
        victims, died = [PLACES[k % 3] for k in range(kills)], 0
        for name in PLACES:
            fleet.begin(name, rng.randint(1, STATEMENTS) if name in victims else 0)
        for k, victim in enumerate(victims):
            with contextlib.suppress(subprocess.TimeoutExpired):
                fleet.processes[victim].wait(LIFE_S)
                died += 1
            fleet.kill(victim)
            fleet.begin(victim, rng.randint(1, STATEMENTS) if victim in victims[k + 1 :] else 0)
        lines[0].is_whole = True
        wait(lambda: all(_is_settled(fleet, name) for name in PLACES), 120, lambda: _told(fleet))
        time.sleep(0.5)  # for what would come twice
        fleet.close()
        assert EXECUTED == {name: sorted(body["id"] for body in one.hooks) for name, one in products.items()}
        for name in PLACES:
            with Actions(fleet.state(name), readonly=True) as actions:
                assert [] == audit.verify(fleet.state(name), least=actions.audited())[0]
    return died, lines[0].cuts


def _is_settled(fleet, name):
    """Tell whether every action is known at a place, and verified."""
    states = fleet.states(name)
    return states.keys() == KNOWN[name] and {"verified"} == {state for state, _ in states.values()}


def _told(fleet):
    return {name: fleet.states(name) for name in PLACES}, {
        name: (fleet.folder / f"{name}.log").read_text()[-2000:] for name in PLACES
    }  # fmt: skip


def test_orders_are_executed_once_whoever_is_killed(tmp_path):
    """The hub and a site in the middle of a write, over a link that is cut; each knows in the end what became of it."""
    lives(tmp_path, 2, random.Random(5))


@pytest.mark.slow
def test_sixty_kills(tmp_path):
    """Ten fleets, each of the three processes of each killed twice."""
    died = cuts = 0
    for k in range(10):
        one = lives(tmp_path / str(k), 6, random.Random(k))
        died, cuts = died + one[0], cuts + one[1]
    print(f"died in the middle of a write {died} of 60, the link cut {cuts} times")  # noqa: T201
    assert died >= 20
