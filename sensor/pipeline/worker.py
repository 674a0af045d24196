"""A worker: repeats who is who step by step, and owns some detectors, which it scores and teaches.

It is a state machine: what it begins with and the orders it was given since make it what it is, bit by bit. It reads no
clock but to tell what each detector cost, no file and no store, and ends when the coordinator's end of the stream does.
Run as `python -m sensor.pipeline.worker DESCRIPTOR`, by `crew`.
"""

import signal
import socket
import sys
import time
from collections.abc import Callable

import numpy as np

from sensor import registry
from sensor.entities.entities import Entities
from sensor.model.capture import ARP
from sensor.model.flow import FLOW
from sensor.model.tick import Detector, Names, Tick
from sensor.pipeline.collecting import look_rarely
from sensor.pipeline.worker_wire import (
    ORDERS,
    Begin,
    Kept,
    Learn,
    Own,
    Stream,
    StreamClosedError,
    Take,
    Tell,
    column,
    encode,
    encode_found,
    packed,
    unpacked,
)

PACKAGE = "sensor.detectors"


def made(name: str, names: Names, secret: int) -> Detector:
    """Make one detector, by the name of its module."""
    make: Callable[[Names, int], Detector] = registry.load(PACKAGE, name).detector
    return make(names, secret)


class Worker:
    """What a worker holds."""

    def __init__(self, begin: Begin) -> None:
        """Start from what is known."""
        self._secret = begin.secret
        self.entities = Entities(begin.networks, begin.secret, begin.egresses, begin.domains, begin.timezone)
        if begin.entities:
            self.entities.load(unpacked(begin.entities))
        self.detectors: dict[str, Detector] = {}
        self._tick: Tick | None = None
        self._spent_s: dict[str, float] = {}

    def own(self, order: Own) -> None:
        """Take detectors over, and let go of those that are not named."""
        owned: dict[str, Detector] = {}
        for name, state in sorted(order.detectors.items()):
            if state is None:
                owned[name] = self.detectors[name]
                continue
            owned[name] = made(name, self.entities, self._secret)
            if state:
                owned[name].load(unpacked(state))
        self.detectors = owned
        self._spent_s = dict.fromkeys(owned, 0.0)

    def score(self, order: Take) -> bytes:
        """Resolve a step and judge it; return what was found, encoded."""
        entities = self.entities
        for site in order.sites:
            entities.site_number(site)
        entities.inputs = order.inputs
        tick = self._tick = entities.resolve(
            order.end_ns, column(order.flows, FLOW), column(order.site, np.int32), column(order.arp, ARP),
            column(order.arp_site, np.int32), column(order.arp_input, np.int32), order.messages, order.message_site,
            fresh=column(order.fresh, np.bool_), learn=order.learn, events=order.events, event_site=order.event_site,
            reports=order.reports,
        )  # fmt: skip
        found = {}
        for name, detector in self.detectors.items():
            begin = time.thread_time()
            found[name] = detector.score(tick)
            self._spent_s[name] += time.thread_time() - begin
        return encode_found(found)

    def learn(self, order: Learn) -> None:
        """Teach the detectors the step that was scored, but for what was flagged."""
        tick, self._tick = self._tick, None
        if tick is None or not tick.learn:
            return
        tick.frozen_accounts = column(order.frozen, np.bool_)
        flagged = column(order.flagged, np.bool_)
        for name, detector in self.detectors.items():
            begin = time.thread_time()
            detector.learn(tick, flagged)
            self._spent_s[name] += time.thread_time() - begin

    def kept(self, order: Tell) -> Kept:
        """Say what the detectors hold."""
        held = self.detectors
        calibration = {
            name: [(statistic, alpha, ratio) for (statistic, alpha), ratio in getattr(one, "calibration", {}).items()]
            for name, one in held.items()
        }
        spent_s, self._spent_s = self._spent_s, dict.fromkeys(held, 0.0)
        return Kept(
            states={name: packed(one.save()) for name, one in held.items()},
            coverage={name: one.coverage() for name, one in held.items()},
            saturation={name: dict(getattr(one, "saturation", {})) for name, one in held.items()},
            calibration=calibration, spent_s=spent_s,
            entities=packed(self.entities.save()) if order.entities else {},
        )  # fmt: skip


def serve(stream: Stream) -> None:
    """Obey until the stream ends."""
    worker: Worker | None = None
    while True:
        try:
            order = ORDERS.decode(stream.receive())
            if isinstance(order, Begin):
                worker = Worker(order)
                continue
            if worker is None:
                raise ValueError(f"{type(order).__name__} before a beginning")
            if isinstance(order, Own):
                worker.own(order)
            elif isinstance(order, Take):
                stream.send(worker.score(order))
            elif isinstance(order, Learn):
                worker.learn(order)
            else:
                stream.send(encode(worker.kept(order)))
        except StreamClosedError:
            return


def main(words: list[str]) -> None:
    """Serve the socket that was inherited under a descriptor's number."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's ^C goes to all; the coordinator ends its workers
    look_rarely()
    with socket.socket(fileno=int(words[0])) as end:
        serve(Stream(end))


if __name__ == "__main__":
    main(sys.argv[1:])
