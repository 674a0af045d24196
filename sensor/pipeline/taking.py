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

from sensor.model.given import AnyGiven, Order, decode
from sensor.store.returned import Returned

ORDERS_MAX = 1024
"""That nobody executed: a person decides a few a day."""
_LOG = logging.getLogger(__name__)


class Taking:
    """One site's.

    Attributes:
        orders: Not executed yet, by id; whoever has them in a store of its own takes them out.
        counts: What came in this process, by the name of its kind; `unknown` is of a later release.
    """

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.counts: Counter[str] = Counter()

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

    def save(self) -> dict[str, NDArray[Any]]:
        """Return what is to be executed yet, as named arrays; empty where nothing ever was."""
        if not self.orders:
            return {}
        return {"orders": np.frombuffer(msgspec.msgpack.encode(list(self.orders.values())), np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned."""
        if "orders" in state:
            held = msgspec.msgpack.decode(state["orders"].tobytes(), type=list[Order])
            self.orders = {one.id: one for one in held}

    def _one(self, given: AnyGiven) -> None:
        self.orders[given.id] = given
        while len(self.orders) > ORDERS_MAX:
            gone = self.orders.pop(next(iter(self.orders)))
            _LOG.error("more than %d orders of the hub wait: gone, not executed: %s", ORDERS_MAX, gone.id)
