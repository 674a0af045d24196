"""Both ends killed again and again, in the middle of what they write: nothing lost, nothing doubled, order kept."""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import time

import pytest

from sensor.store.inbox import Inbox
from sensor.store.spool import SpoolReader
from sensor.store.state import State
from tests.wire.certificates import Authority

LIFE_S = 30.0
"""A process that reaches no statement to die at is killed all the same."""


class Ends:
    """A hub and its sites, as processes."""

    def __init__(self, folder, *names):
        self.folder, self.names, self.upto = folder, names, 0
        keys = folder / "keys"
        keys.mkdir()
        authority = Authority(keys)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        common = {"ca": authority.file}
        self.made = {"hub": {**common, "folder": str(folder / "hub"), "pair": authority.issue("hub"), "port": port,
                             "sites": names}}  # fmt: skip
        for name in names:
            self.made[name] = {**common, "folder": str(folder / name), "name": name, "pair": authority.issue(name),
                               "url": f"https://127.0.0.1:{port}"}  # fmt: skip
        self.processes = {}

    def begin(self, name, number=0):
        """Start one that is not there, to die at a statement."""
        told = self.made[name] | ({} if name == "hub" else {"upto": self.upto})
        command = [sys.executable, "-m", "tests.pipeline.fleet_process", str(number)]
        self.processes[name] = subprocess.Popen([*command, "hub" if name == "hub" else "site", json.dumps(told)])

    def kill(self, name):
        """Kill one, if it is there still."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def close(self):
        """Leave no process behind."""
        for name in tuple(self.processes):
            self.kill(name)

    def said(self):
        """Return what the state of the hub holds of each site, in order."""
        if not (self.folder / "hub" / "state.sqlite").exists():
            return {}
        with State(self.folder / "hub", readonly=True) as state:
            lines = (state.meta("said") or "").split("\n")
        return {
            name: [int(line.split()[1]) for line in lines if line.startswith(f"{name} ")] for name in self.names
        }  # fmt: skip

    def have_all(self):
        """Tell whether the hub has everything."""
        return self.said() == {name: list(range(1, self.upto + 1)) for name in self.names}


def lives(ends, kills, rng):
    """Kill one or another so many times, each in the middle of telling."""
    names, died = ["hub", *ends.names], 0
    for _ in range(kills):
        ends.upto += 15
        victim = rng.choice(names)
        for name in names:
            if name != victim and name != "hub" and name in ends.processes:
                ends.kill(name)  # it is told to tell more
        if victim in ends.processes:
            ends.kill(victim)
        ends.begin(victim, rng.randint(1, 40))
        for name in names:
            if name not in ends.processes:
                ends.begin(name)
        try:
            ends.processes[victim].wait(LIFE_S)
            died += 1
        except subprocess.TimeoutExpired:
            time.sleep(rng.uniform(0, 0.05))
        ends.kill(victim)
    for name in names:
        if name in ends.processes:
            ends.kill(name)
        ends.begin(name)
    until_s = time.monotonic() + 60
    while not ends.have_all() and time.monotonic() < until_s:
        time.sleep(0.05)
    time.sleep(0.3)  # for what would come twice
    for name in names:
        ends.kill(name)
    return died


def check(ends):
    """Hold what the hub's state has against what sites told."""
    assert {name: list(range(1, ends.upto + 1)) for name in ends.names} == ends.said()
    inbox = Inbox(ends.folder / "hub")
    for name in ends.names:
        link = inbox.links()[name]
        assert (ends.upto, 0, ()) == (link.have, link.lost, link.missing)
        spool = SpoolReader(ends.folder / name, name, readonly=True)
        assert (1, ends.upto) == spool.bounds()
        assert ends.upto == sum(one.count for (_, what), one in spool.counts().items() if what == "put")
        spool.close()
    inbox.close()


def test_ends_that_are_killed_while_they_write_lose_and_double_nothing(tmp_path):
    """A hub and two sites; the one that is killed goes on with the files that are left."""
    with contextlib.closing(Ends(tmp_path, "SYD", "PER")) as ends:
        died = lives(ends, int(os.environ.get("SPANLINE_KILLS", "6")), random.Random(3))
    check(ends)
    assert died >= 2


@pytest.mark.slow
def test_a_hundred_and_fifty_kills(tmp_path):
    """Three sites."""
    with contextlib.closing(Ends(tmp_path, "SYD", "PER", "ADL")) as ends:
        died = lives(ends, 150, random.Random(4))
    check(ends)
    print(f"died in the middle of a write {died} of 150; {3 * ends.upto} packets, each once and in order")  # noqa: T201
    assert died >= 60
