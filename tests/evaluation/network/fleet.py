"""The program under test over simulated days, and copies of its state: what it said of whom, when, and how loudly.

A copy is a fork of the process: whatever is put into it, the original goes on as if nothing had been. Ticks are ten
minutes of event time while it learns, and one minute where the time to detect is asked for; the program's own are 10 s.
The archive is off: nothing here asks it.
"""

import multiprocessing
import traceback
from dataclasses import dataclass

import numpy as np

from baselines.selfcheck import ALPHAS
from sensor.config import Archive, Config, Site
from sensor.model import addresses
from sensor.model.capture import ARP
from sensor.pipeline.core import Core
from sensor.store.sorting import Step
from sensor.store.state import State
from tests.evaluation.network.simulator import DAY_NS, START, S

LEARNING_TICK_NS, TICK_NS = 600 * S, 60 * S


@dataclass(frozen=True)
class Said:
    """One case as far as it is scored: an incident, or a row of the digest."""

    site: str
    tier: str
    db: float
    opened_ns: int
    hosts: tuple
    family: str
    detectors: tuple
    channels: tuple
    day: int
    title: str
    floor_broken: bool

    @property
    def rank(self):
        """Place in the order in which people see it: incidents before the digest, then by weight."""
        return self.db + {"page": 2_000.0, "triage": 1_000.0}.get(self.tier, 0.0)


class Fleet:
    """A core with a state of its own."""

    def __init__(self, sites, folder):
        names = list(sites)
        self.config = Config(
            site=names[0], sites={name: Site() for name in names[1:]}, archive=Archive(enabled=False),
            state=str(folder),
        )  # fmt: skip
        self.core = Core(self.config, State(folder, fresh=True))
        self.core.entities.inputs = list(names)
        self.sites = np.array([self.core.entities.site_number(name) for name in names], np.int32)
        self.checked = {}
        self.flows = 0
        self._told = set()

    def run(self, day, number, *, fine=None, watch=None, span=None):
        """Step through one day; return the cases that opened on it.

        Args:
            day: Its records.
            number: Which day.
            fine: (from, to), ns, where ticks are of a minute.
            watch: Called with the core and the event time after each tick.
            span: (from, to), ns, where not the whole day is run.
        """
        begin, end = span or (START + number * DAY_NS, START + (number + 1) * DAY_NS)
        done = day.flows["ts"] + np.maximum(day.flows["duration"], 0)
        asked = np.array([one.ts for one in day.messages], np.int64)
        edges = np.arange(begin + LEARNING_TICK_NS, end + LEARNING_TICK_NS, LEARNING_TICK_NS)
        if fine is not None:
            edges = np.union1d(edges, np.arange(fine[0], min(fine[1], end), TICK_NS))
        cut, said = np.searchsorted(done, edges), np.searchsorted(asked, edges)
        a = b = 0
        for edge, c, d in zip(edges.tolist(), cut.tolist(), said.tolist(), strict=True):
            self.core.step(
                Step(end_ns=edge, flows=day.flows[a:c].copy(), messages=day.messages[b:d], arp=np.zeros(0, ARP),
                     arp_input=np.zeros(0, np.int32), events=[]), self.sites,
            )  # fmt: skip
            a, b = c, d
            if watch is not None:
                watch(self.core, edge)
        self.flows += len(day.flows)
        found = self.opened(number)
        self._check(number)
        self.core.begin()
        return found

    def opened(self, number):
        """Return the cases not returned before."""
        found = []
        for case in self.core.incidents.cases.values():
            key = (case.id, case.is_incident)
            if key not in self._told:
                self._told.add(key)
                found.append(self._said(case, number))
        return found

    def device(self, site, address):
        """Return the id of the device that has an address."""
        row = self.core.entities.locate(site, address)
        return self.core.entities.device_id(row) if row >= 0 else ""

    def host(self, identity):
        """Return the address that a device is known by."""
        known = self.core.entities.devices
        if identity not in known.ids:
            return identity
        return self.core.entities.device_address(known.ids.index(identity))

    def calibration(self, first, last):
        """Return {(statistic, alpha): (below, tried)} over whole days."""
        sums = {}
        for day, counts in self.checked.items():
            if first <= day < last:
                for key, (below, tried) in counts.items():
                    old = sums.get(key, (0, 0))
                    sums[key] = (old[0] + below, old[1] + tried)
        return sums

    def _check(self, number):
        """Keep the self-check's counts of a day that is over; those of the last bucket come with the next tick."""
        check = self.core.volumes.judge.check
        order = list(dict.fromkeys(name for name, _ in self.core.volumes.judge.ratios()))
        for slot, absolute in enumerate(check.day.tolist()):
            day = absolute - START // DAY_NS
            if absolute >= 0 and number - 1 <= day <= number:
                self.checked[day] = {
                    (order[k], alpha): (int(check.below[k, slot, j]), int(check.tried[k, slot, j]))
                    for k in range(len(order)) for j, alpha in enumerate(ALPHAS)
                }  # fmt: skip

    def _said(self, case, number):
        hosts = tuple(self.host(one.id) for one in case.members.values() if one.kind == "device")
        if case.subject.kind == "device" and not hosts:
            hosts = (self.host(case.subject.id),)
        evidence = list(case.evidence.values())
        broken = any(one.p < one.basis.get("day_floor", 0.0) * (1 - 1e-9) for one in evidence)
        return Said(
            site=case.site, tier=case.tier, db=float(self.core.incidents.score(case)), opened_ns=case.opened_ns,
            hosts=hosts, family=case.family, detectors=tuple(sorted({one.detector for one in evidence})),
            channels=tuple(sorted({one.channel for one in evidence})), day=number,
            title=evidence[0].text[:160] if evidence else "", floor_broken=broken,
        )  # fmt: skip


def in_copies(tasks, workers=2):
    """Run functions, each in a fork of this process, some at a time; return their results in order."""
    context = multiprocessing.get_context("fork")
    results, running, waiting = [None] * len(tasks), [], list(enumerate(tasks))
    while running or waiting:
        while waiting and len(running) < workers:
            number, task = waiting.pop(0)
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_answer, args=(theirs, task))
            process.start()
            theirs.close()
            running.append((number, process, ours))
        number, process, ours = running.pop(0)
        try:
            results[number] = ours.recv()
        except EOFError:
            results[number] = RuntimeError("the copy ended without an answer")
        process.join()
    return results


def _answer(pipe, task):
    try:
        pipe.send(task())
    except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError, OSError, AttributeError):
        pipe.send(RuntimeError(traceback.format_exc()))
    pipe.close()


def text_of(lo):
    """Write an IPv4 address given as a word."""
    return addresses.text(0, int(lo))
