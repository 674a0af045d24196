"""What the hub gave, into the core: each thing by its kind, between two steps, and part of the state with the commit.

Orders wait in `orders` for whoever executes them, and are part of the state until then. What a site does not know is
counted and passed over. Bounded: beyond ORDERS_MAX the oldest order goes, unexecuted, and is logged.
"""

import logging
from collections import Counter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model import report
from sensor.model.fleet_part import FleetPart, problem
from sensor.model.given import AnyGiven, FleetPopular, Judged, Order, decode
from sensor.store.returned import Returned

ORDERS_MAX = 1024
"""That nobody executed: a person decides a few a day."""
_LOG = logging.getLogger(__name__)


class Taking:
    """One site's.

    Attributes:
        orders: Not executed yet, by id; whoever has them in a store of its own takes them out.
        fleet_key: By which this site knows the fleet's things again; None: it does not.
        counts: What came in this process, by the name of its kind; `unknown` is of a later release.
    """

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.counts: Counter[str] = Counter()
        self.fleet_key: bytes | None = None
        self._priors: list[report.Prior] = []
        self._judged: list[Judged] = []

    def take(self, returned: Returned) -> bool:
        """Take what came; tell whether anything did."""
        came = returned.take()
        for key, body in came:
            given = decode(body)
            if given is None:
                self.counts["unknown"] += 1
                _LOG.warning("passed over what the hub gave, of a kind of a later release: key=%s", key)
            else:
                self.counts[type(given).__name__] += 1
                self._one(given)
        return bool(came)

    def know(self, key: bytes) -> None:
        """Know the fleet's things again by a key, from the next step on."""
        self.fleet_key = key
        self._priors.insert(0, report.Prior(ts=0, key=key))

    def judged(self) -> list[Judged]:
        """Return what the hub says of sign-ins, for the commit that forgets that it came."""
        judged, self._judged = self._judged, []
        return judged

    def due(self) -> list[report.Prior]:
        """Return what is to go with the next step: what changes how it is judged changes between two, wherever."""
        priors, self._priors = self._priors, []
        return priors

    def _hear_popular(self, one: FleetPopular) -> None:
        wrong = problem(one.part)
        if wrong is not None:
            self.counts[wrong] += 1
        elif self.fleet_key is not None:
            self._priors.append(report.Prior(ts=one.ts, key=self.fleet_key, part=one.part))

    def save(self) -> dict[str, NDArray[Any]]:
        """Return what is to be executed yet, and what waits for the next step, as named arrays."""
        parts = [one.part for one in self._priors if one.part is not None]
        state = {"parts": np.frombuffer(msgspec.msgpack.encode(parts), np.uint8)} if parts else {}
        if self.orders:
            state["orders"] = np.frombuffer(msgspec.msgpack.encode(list(self.orders.values())), np.uint8)
        return state

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned."""
        if "parts" in state:
            parts = msgspec.msgpack.decode(state["parts"].tobytes(), type=list[FleetPart])
            self._priors = [report.Prior(ts=0, key=b"", part=one) for one in parts]
        if "orders" in state:
            held = msgspec.msgpack.decode(state["orders"].tobytes(), type=list[Order])
            self.orders = {one.id: one for one in held}

    def _one(self, given: AnyGiven) -> None:
        if isinstance(given, FleetPopular):
            self._hear_popular(given)
            return
        if isinstance(given, Judged):
            self._judged.append(given)
            return
        self.orders[given.id] = given
        while len(self.orders) > ORDERS_MAX:
            gone = self.orders.pop(next(iter(self.orders)))
            _LOG.error("more than %d orders of the hub wait: gone, not executed: %s", ORDERS_MAX, gone.id)
