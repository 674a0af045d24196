"""The coordinator's side of its workers: what they are told, what they answer, and how one that dies is replaced.

Each worker repeats who is who and owns some detectors (`worker`). Two exchanges close a step: its records go out and
findings come back, put in the order in which one process would have them; then what was flagged goes out. A checkpoint
holds what all of them knew, the journal every order since: a worker that dies is begun anew from both, and is then,
bit by bit, what it was. Which detector runs where changes no finding (`shares`), so that a state is the same whatever
the number of workers, and any number may go on with it. Not here: anything that is decided once (incidents, the
archive, the store: `core`).
"""

import contextlib
import logging
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensor.config import Config
from sensor.entities.entities import Entities
from sensor.model.evidence import Finding
from sensor.model.report import AnyReport
from sensor.model.result import Coverage
from sensor.model.tick import Detector, Tick
from sensor.pipeline.shares import COORDINATING_S, COSTS_S, deal
from sensor.pipeline.worker_wire import (
    KEPT,
    Arrays,
    Begin,
    Kept,
    Learn,
    Own,
    Stream,
    StreamClosedError,
    Take,
    Tell,
    decode_found,
    encode,
    packed,
    unpacked,
)
from sensor.store.sorting import Step

JOURNAL_BYTES = 64 << 20
"""Orders kept before a checkpoint is taken: some 250,000 flows, which a new worker repeats in seconds."""
DEATHS_MAX = 3
"""Of a worker without one answer: beyond, what it is told kills it, and so it would the next."""
END_S = 5.0
"""Given to a worker to end by itself: it is at most in the middle of a step."""
_LOG = logging.getLogger(__name__)


class WorkersDiedError(RuntimeError):
    """Workers die whatever is done."""


class Member:
    """One worker: its process, and what it owns.

    Attributes:
        number: Its place; the coordinator is 0.
        owned: Names of its detectors.
        deaths: Processes that died since it last answered.
    """

    def __init__(self, number: int, owned: tuple[str, ...]) -> None:
        """Start its process."""
        self.number, self.owned, self.deaths = number, owned, 0
        self.process, self.stream = _started()

    def restart(self) -> None:
        """Start another process in its place."""
        self.end()
        self.process, self.stream = _started()

    def end(self) -> None:
        """End its process and wait for that."""
        self.stream.close()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Elsewhere:
    """Stands for a detector that a worker owns. Implements `Detector`."""

    def __init__(self, detector: Detector, crew: "Crew") -> None:
        """Say of itself what the detector does."""
        self.name, self.family, self.techniques = detector.name, detector.family, detector.techniques
        self.needs, self.unit, self.citation = detector.needs, detector.unit, detector.citation
        self._crew = crew

    @property
    def saturation(self) -> dict[str, float]:
        """Return the share of each bounded table in use."""
        return self._crew.kept(self.name).saturation[self.name]

    @property
    def calibration(self) -> dict[tuple[str, float], float]:
        """Return how often p fell below alpha over how often it should have, by (statistic, alpha)."""
        kept = self._crew.kept(self.name).calibration[self.name]
        return {(statistic, alpha): ratio for statistic, alpha, ratio in kept}

    def score(self, tick: Tick) -> list[Finding]:  # noqa: ARG002 - its worker has a tick of its own
        """Return what its worker found in the step that was given out."""
        return self._crew.found(self.name)

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Do nothing: its worker learns when it is told what was flagged."""

    def coverage(self) -> Coverage:
        """Say whether it could judge, and if not, why."""
        return self._crew.kept(self.name).coverage[self.name]

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        return unpacked(self._crew.kept(self.name).states[self.name])

    def load(self, state: dict[str, NDArray[Any]]) -> None:  # noqa: ARG002 - as a detector has it
        """Refuse: a state is restored before the workers are begun."""
        raise RuntimeError(f"{self.name} is elsewhere")


class Crew:
    """All workers of a coordinator.

    Attributes:
        members: The workers.
        deaths: Workers that died and were replaced.
    """

    def __init__(
        self, entities: Entities, detectors: Sequence[Detector], begin: Callable[[Arrays], Begin], workers: int,
        *, restored: bool,
    ) -> None:  # fmt: skip
        """Deal the detectors out and begin the workers.

        Args:
            entities: The coordinator's, whose copies the workers keep.
            detectors: All of them, with their state.
            begin: Says what a worker begins with, but for what is known.
            workers: Processes, the coordinator one of them.
            restored: There is a state.
        """
        self._entities, self._begin = entities, begin
        shares = deal([one.name for one in detectors], workers, COSTS_S, COORDINATING_S)
        self._owner = {name: number for number, share in enumerate(shares) for name in share}
        self._states = {one.name: packed(one.save()) if restored else {} for one in detectors if self._owner[one.name]}
        self._known: Arrays = packed(entities.save()) if restored else {}
        self._journal: list[tuple[bytes, bool]] = []
        self._journal_bytes = 0
        self._found: dict[str, list[Finding]] | None = None
        self._kept: dict[int, Kept] = {}
        self.deaths = 0
        self.members: list[Member] = []
        with contextlib.ExitStack() as given_up:
            given_up.callback(self.close)
            self.members.extend(Member(number, share) for number, share in enumerate(shares) if number)
            for member in self.members:
                if not self._bring_up(member):
                    self._replace(member)
            given_up.pop_all()

    def stand_in(self, detectors: Iterable[Detector]) -> tuple[Detector, ...]:
        """Return the detectors with a stand-in for each that a worker owns."""
        return tuple(Elsewhere(one, self) if self._owner[one.name] else one for one in detectors)

    def take(
        self, step: Step, reports: Sequence[AnyReport], sites: NDArray[np.int32], fresh: NDArray[np.bool_], *,
        learn: bool,
    ) -> None:  # fmt: skip
        """Give a step's records out, before the coordinator takes them itself.

        Args:
            step: Them, where a flow that was reported before has what is new.
            reports: As they are taken in here.
            sites: Site number by input number.
            fresh: Which flows are first reports.
            learn: They are to be learned from.
        """
        if self._journal_bytes > JOURNAL_BYTES:
            self.checkpoint()
        self._kept.clear()
        self._found = None
        order = Take(
            end_ns=step.end_ns, learn=learn, sites=self._entities.sites, inputs=self._entities.inputs,
            flows=step.flows.tobytes(), site=sites[step.flows["input"]].tobytes(), fresh=fresh.tobytes(),
            arp=step.arp.tobytes(), arp_site=sites[step.arp_input].tobytes(), arp_input=step.arp_input.tobytes(),
            messages=step.messages, message_site=[int(sites[one.input]) for one in step.messages],
            events=step.events, event_site=[int(sites[one.input]) for one in step.events], reports=list(reports),
        )  # fmt: skip
        self._tell_all(order)

    def found(self, name: str) -> list[Finding]:
        """Return what a detector found, once all workers have answered."""
        if self._found is None:
            self._found = {}
            for member in self.members:
                self._found |= decode_found(self._answer(member))
        return self._found.get(name, [])

    def learn(self, flagged: NDArray[np.bool_], frozen: NDArray[np.bool_]) -> None:
        """Tell what was flagged, device and account rows, bool; the workers learn while the coordinator does."""
        self._tell_all(Learn(flagged.tobytes(), frozen.tobytes()))

    def kept(self, name: str) -> Kept:
        """Return what the owner of a detector holds, asked once between two steps."""
        number = self._owner[name]
        if number not in self._kept:
            self._kept[number] = self._ask(self.members[number - 1])
        return self._kept[number]

    def checkpoint(self) -> None:
        """Keep what all know; the journal begins anew."""
        for name, number in self._owner.items():
            if number:
                self._states[name] = self.kept(name).states[name]
        self._known = packed(self._entities.save())
        self._journal.clear()
        self._journal_bytes = 0

    def differing(self) -> list[str]:
        """Return what a worker knows of who is who otherwise than the coordinator, as `number:array`; for tests."""
        mine = packed(self._entities.save())
        return [
            f"{member.number}:{name}" for member in self.members
            for name, body in self._ask(member, entities=True).entities.items() if body != mine[name]
        ]  # fmt: skip

    def close(self) -> None:
        """End the workers."""
        for member in self.members:
            member.end()

    def _ask(self, member: Member, *, entities: bool = False) -> Kept:
        self._tell(member, body := encode(Tell(entities=entities)))
        return KEPT.decode(self._answer(member, body))

    def _answer(self, member: Member, asked: bytes | None = None) -> bytearray:
        """Wait for a worker's answer to a step, or to what is no part of the journal and asked again."""
        while True:
            try:
                answer = member.stream.receive()
            except StreamClosedError:
                self._replace(member)
                if asked is not None:
                    self._tell(member, asked)
            else:
                member.deaths = 0
                return answer

    def _tell_all(self, order: Take | Learn) -> None:
        body = encode(order)
        self._journal.append((body, isinstance(order, Take)))
        self._journal_bytes += len(body)
        for member in self.members:
            try:
                member.stream.send(body)
            except StreamClosedError:
                self._replace(member)  # the journal has it

    def _tell(self, member: Member, body: bytes) -> None:
        while True:
            try:
                member.stream.send(body)
            except StreamClosedError:
                self._replace(member)
            else:
                return

    def _replace(self, member: Member) -> None:
        """Have a new process be what the one that died was. Raises WorkersDiedError where they all do."""
        while True:
            self.deaths += 1
            member.deaths += 1
            if member.deaths > DEATHS_MAX:
                raise WorkersDiedError(f"worker {member.number} died {member.deaths} times at one step")
            _LOG.warning("worker died number=%d orders_repeated=%d", member.number, len(self._journal))
            member.restart()
            if self._bring_up(member):
                return

    def _bring_up(self, member: Member) -> bool:
        """Begin a worker and repeat the journal; tell whether it lived. The last step's answer is left to be read."""
        try:
            member.stream.send(encode(self._begin(self._known)))
            member.stream.send(encode(Own({name: self._states[name] for name in member.owned})))
            for at, (body, is_answered) in enumerate(self._journal, 1):
                member.stream.send(body)
                if is_answered and at < len(self._journal):
                    member.stream.receive()
        except StreamClosedError:
            return False
        return True


def beginning(config: Config, secret: int) -> Callable[[Arrays], Begin]:
    """Return what says what a worker begins with, under a configuration and a key, but for what is known."""
    domains = {name: tenant.domains for name, tenant in config.tenants.items()}
    return lambda known: Begin(config.networks(), secret, config.egresses(), domains, config.timezone, known)


def _started() -> tuple[subprocess.Popen[bytes], Stream]:
    """Start a worker's process, connected."""
    mine, its = socket.socketpair()
    with its:
        process = subprocess.Popen(  # noqa: S603 - this program's own module
            [sys.executable, "-m", "sensor.pipeline.worker", str(its.fileno())], pass_fds=(its.fileno(),)
        )
    return process, Stream(mine)
