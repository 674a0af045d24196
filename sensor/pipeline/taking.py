"""What comes from the other end of a link into the core, beside records: at a site from its hub, at a hub from sites.

Orders, and what became of orders, go into the state's store of them with the commit; only a sensor that runs takes
them, a replay does not. What a site does not know is counted and passed over.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model import given, report
from sensor.model.fleet_part import FleetPart, FleetPool, pool_problem, problem
from sensor.model.order import HUB
from sensor.store.state import State

_LOG = logging.getLogger(__name__)


class Taking:
    """One process's.

    Attributes:
        fleet_key: By which this site knows the fleet's things again; None: it does not.
        counts: What came in this process, by the name of its kind; `unknown` is of a later release.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.fleet_key: bytes | None = None
        self._priors: list[report.Prior] = []
        self._judged: list[given.Judged] = []

    def take(self, state: State) -> bool:
        """Take what the hub gave; tell whether anything did come."""
        came = state.returned.take()
        for key, body in came:
            one = given.decode(body)
            if one is None:
                self.counts["unknown"] += 1
                _LOG.warning("passed over what the hub gave, of a kind of a later release: key=%s", key)
                continue
            self.counts[type(one).__name__] += 1
            if isinstance(one, given.FleetPopular | given.FleetCalibrated):
                self._hear_fleet(one)
            elif isinstance(one, given.Judged):
                self._judged.append(one)
            else:
                state.orders.came(HUB, one.wanted if isinstance(one, given.Order) else one.outcome)
        return bool(came)

    def hear(self, reports: Sequence[report.AnyReport], state: State) -> None:
        """Take what sites order, and what became there of what was ordered."""
        for one in reports:
            if isinstance(one, report.Ordered):
                state.orders.came(one.site, one.wanted)
            elif isinstance(one, report.Became):
                state.orders.came(one.site, one.outcome)

    def know(self, key: bytes) -> None:
        """Know the fleet's things again by a key, from the next step on."""
        self.fleet_key = key
        self._priors.insert(0, report.Prior(ts=0, key=key))

    def judged(self) -> list[given.Judged]:
        """Return what the hub says of sign-ins, for the commit that forgets that it came."""
        judged, self._judged = self._judged, []
        return judged

    def due(self) -> list[report.Prior]:
        """Return what is to go with the next step: what changes how it is judged changes between two, wherever."""
        priors, self._priors = self._priors, []
        return priors

    def _hear_fleet(self, one: given.FleetPopular | given.FleetCalibrated) -> None:
        part = one.part if isinstance(one, given.FleetPopular) else None
        pool = one.pool if isinstance(one, given.FleetCalibrated) else None
        wrong = (part and problem(part)) or (pool and pool_problem(pool))
        if wrong:
            self.counts[wrong] += 1
        elif self.fleet_key is not None:
            self._priors.append(report.Prior(ts=one.ts, key=self.fleet_key, part=part, pool=pool))

    def save(self) -> dict[str, NDArray[Any]]:
        """Return what waits for the next step, as named arrays; empty where nothing does."""
        parts = [(one.part, one.pool) for one in self._priors if one.part is not None or one.pool is not None]
        return {"parts": np.frombuffer(msgspec.msgpack.encode(parts), np.uint8)} if parts else {}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned."""
        if "parts" in state:
            held = msgspec.msgpack.decode(
                state["parts"].tobytes(), type=list[tuple[FleetPart | None, FleetPool | None]]
            )
            self._priors = [report.Prior(ts=0, key=b"", part=part, pool=pool) for part, pool in held]
