"""IPv6 neighbour discovery: who has which address, and which prefixes are on the link (RFC 4861 §4).

The payload begins behind the eight bytes of ICMPv6 that hold type, code, checksum and the type's own first four bytes.
A message's type is the flow's: Zeek's `orig_p` is the type of what the originator sent, `resp_p` that of the answer.
Duplicate address detection (a solicitation from ::) claims its target too. Redirects say nothing new.
"""

from sensor.model.protocols import AnyMessage, Neighbor
from sensor.packets.octets import Octets, address
from sensor.packets.payload import Payload

KINDS = {133: "rs", 134: "ra", 135: "ns", 136: "na"}
"""ICMPv6 types (RFC 4861 §4.1 to §4.4)."""
SOURCE_LINK, TARGET_LINK, PREFIX = 1, 2, 3
"""Options (§4.6)."""
ON_LINK = 0x80
OPTIONS_MAX = 16
PREFIXES_MAX = 8
"""Prefixes of one advertisement."""


class Neighbors:
    """What goes between one pair of addresses."""

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a message."""
        kind = KINDS.get(int(payload.common["orig_p" if payload.is_orig else "resp_p"]))
        if kind is None:
            return []
        at = Octets(payload.data)
        target = address(at.take(16)) if kind in ("ns", "na") else None
        if kind == "ra":
            at.skip(8)
        mac, prefixes = _options(at)
        return [Neighbor(**payload.common, kind=kind, target=target, mac=mac, prefixes=prefixes)]  # type: ignore[arg-type]

    def flush(self) -> list[AnyMessage]:
        """Nothing waits."""
        return []


def _options(at: Octets) -> tuple[str | None, tuple[str, ...]]:
    mac = None
    prefixes: list[str] = []
    for _ in range(OPTIONS_MAX):
        if at.left < 8:
            break
        kind, size = at.big(1), 8 * at.big(1)
        if size == 0 or size - 2 > at.left:
            break
        value = at.take(size - 2)
        if kind in (SOURCE_LINK, TARGET_LINK):
            mac = ":".join(f"{octet:02x}" for octet in value[:6])
        elif kind == PREFIX and size == 32 and value[1] & ON_LINK and value[0] <= 128 and len(prefixes) < PREFIXES_MAX:
            prefixes.append(f"{address(value[14:30])}/{value[0]}")
    return mac, tuple(prefixes)
