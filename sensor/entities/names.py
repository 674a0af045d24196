"""Names for addresses, as DNS answers, TLS server names and HTTP hosts gave them at a site. Last name wins.

A name is what the client asked for, not the end of its chain of aliases. Not here: whether a host resolves its names
where we can see it.
"""

import ipaddress
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model import addresses
from sensor.model.metadata import Dns, Http, Tls
from sensor.model.protocols import AnyMessage

LIMIT = 200_000
"""Addresses remembered; the one named longest ago goes first (about 150 bytes each)."""
_NAME_MAX = 253
"""RFC 1035 §2.3.4, without the final dot."""


def _direct(_message: AnyMessage, _site: int) -> bool:
    return False


class AddressNames:
    """(site, address) → name.

    Attributes:
        dns_seen: DNS was visible at all.
        dropped: Names forgotten for room.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[int, int, int], str] = {}
        self.dns_seen = False
        self.dropped = 0

    def __len__(self) -> int:
        """Count the named addresses."""
        return len(self._names)

    def get(self, site: int, hi: int, lo: int) -> str | None:
        """Return the last name an address was given at a site."""
        return self._names.get((site, int(hi), int(lo)))

    def observe(
        self, messages: Sequence[AnyMessage], sites: Sequence[int], through: Callable[[AnyMessage, int], bool] = _direct
    ) -> None:
        """Take names from messages, in order.

        Args:
            messages: What was said.
            sites: Each message's site number.
            through: Tells whether a message goes through a proxy, whose address the name is not.
        """
        for message, site in zip(messages, sites, strict=True):
            if isinstance(message, Dns):
                self.dns_seen = True
                for answer in message.addresses:
                    self._put(site, answer, message.query)
            elif isinstance(message, Tls | Http) and through(message, site):
                continue
            elif isinstance(message, Tls):
                self._put(site, message.resp_h, message.server_name)
            elif isinstance(message, Http):
                self._put(site, message.resp_h, host_only(message.host))

    def _put(self, site: int, address: str, name: str | None) -> None:
        if not name or len(name) > _NAME_MAX:
            return
        try:
            key = (site, *addresses.parse(address))
        except ValueError:
            return
        self._names.pop(key, None)
        if len(self._names) >= LIMIT:
            del self._names[next(iter(self._names))]
            self.dropped += 1
        self._names[key] = name.rstrip(".").lower()

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the names as one JSON array of bytes."""
        rows = [[*key, name] for key, name in self._names.items()]
        blob = msgspec.json.encode({"names": rows, "dns_seen": self.dns_seen, "dropped": self.dropped})
        return {"names": np.frombuffer(blob, np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned."""
        held = msgspec.json.decode(state["names"].tobytes())
        self._names = {(site, hi, lo): name for site, hi, lo, name in held["names"]}
        self.dns_seen, self.dropped = held["dns_seen"], held["dropped"]


def host_only(host: str | None) -> str | None:
    """Return the name in a Host header without its port; None where it is an address."""
    if not host:
        return None
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 else host
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name
    return None
