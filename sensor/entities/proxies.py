"""Explicit proxies, and to whom the traffic through them goes.

A client that sends CONNECT, or a whole URI, to an address uses it as a proxy (RFC 9110 §9.3.6, RFC 9112 §3.2.2): the
destination of that flow is the host it names. The proxy's own address is then given no name by what is asked of it.
Not here: logs that a proxy writes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensor.entities.names import host_only
from sensor.entities.touched import Touched
from sensor.model.metadata import Http

PENDING_MAX = 65_536
"""Flows whose destination is known before they end."""
PROXIES_MAX = 4096
"""Addresses that were asked as proxies; the one asked longest ago goes."""
ASKED_MIN = 3
"""Requests that make an address a proxy: one CONNECT may be a scanner's."""

Where = tuple[int, int, int]


def is_asked(message: Http) -> bool:
    """Tell whether a request is one to a proxy."""
    return message.method == "CONNECT" or bool(
        message.uri and message.uri[:8].lower().startswith(("http://", "https://"))
    )


class Proxies:
    """Addresses that are asked as proxies, and destinations by flow."""

    def __init__(self, touched: Touched | None = None) -> None:
        """Begin with none; `touched` hears which addresses become proxies, or are none any more."""
        self._touched = touched
        self._asked: dict[Where, int] = {}
        self._pending: dict[bytes, str] = {}

    def hear(self, where: Where, message: Http) -> bool:
        """Take a request to an address in; tell whether the address is a proxy."""
        self._asked[where] = self._asked.pop(where, 0) + 1
        if self._asked[where] == ASKED_MIN:
            self._mark(where)
        if len(self._asked) > PROXIES_MAX:
            oldest = next(iter(self._asked))
            del self._asked[oldest]
            self._mark(oldest)
        host = host_only(message.host) or host_only(message.uri if message.method == "CONNECT" else None)
        if host and message.uid:
            self._pending[message.uid.encode()[:24]] = host.lower()
            if len(self._pending) > PENDING_MAX:
                del self._pending[next(iter(self._pending))]
        return self.is_proxy(where)

    def is_proxy(self, where: Where) -> bool:
        """Tell whether an address is a proxy."""
        return self._asked.get(where, 0) >= ASKED_MIN

    def destinations(self, uids: NDArray[np.bytes_]) -> dict[int, str]:
        """Return the destination of each listed flow that went through a proxy, by its place; shape (n,)."""
        if not self._pending or not len(uids):
            return {}
        found = np.nonzero(np.isin(uids, np.array(list(self._pending), uids.dtype)))[0]
        named = {int(i): self._pending[bytes(uids[i])] for i in found}
        for i in found:
            self._pending.pop(bytes(uids[i]), None)
        return named

    def _mark(self, where: Where) -> None:
        if self._touched is not None:
            self._touched.mark_place(where)

    def save(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "asked": [[*key, count] for key, count in self._asked.items()],
            "pending": [[uid.decode("latin-1"), host] for uid, host in self._pending.items()],
        }

    def load(self, held: dict[str, Any]) -> None:
        """Restore what `save` returned."""
        self._asked = {(site, hi, lo): count for site, hi, lo, count in held["asked"]}
        self._pending = {uid.encode("latin-1"): host for uid, host in held["pending"]}
