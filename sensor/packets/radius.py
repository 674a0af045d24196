"""RADIUS: which account came in by which station (RFC 2865, accounting RFC 2866, tunnels RFC 2868).

A request waits for its answer (by identifier) and is written once, with the result; an accounting request says more by
itself (start, stop, which address was given) and is written at once. Passwords and EAP contents are not looked at. The
station's hardware address is written as Zeek does, aa:bb:cc:dd:ee:ff, where Calling-Station-Id holds one.
"""

import re
from typing import NamedTuple

from sensor.errors import Malformed
from sensor.model.protocols import AnyMessage, Radius
from sensor.packets.octets import Octets, address, plain
from sensor.packets.payload import Payload

REQUEST, ACCEPT, REJECT, ACCOUNTING, CHALLENGE = 1, 2, 3, 4, 11
USER_NAME, FRAMED_ADDRESS, CALLING_STATION, ACCT_STATUS, TUNNEL_CLIENT, CONNECT_INFO = 1, 8, 31, 40, 66, 77
"""Attribute types (RFC 2865 §5, RFC 2866 §5.1, RFC 2868 §3.3, RFC 2869 §5.11)."""
STATUSES = {1: "start", 2: "stop", 3: "interim", 7: "on", 8: "off"}
ATTRIBUTES_MAX = 128
_MAC = re.compile(
    r"(?i)\s*((?:[0-9a-f]{2}[-:]){5}[0-9a-f]{2}|[0-9a-f]{12}|(?:[0-9a-f]{4}[.-]){2}[0-9a-f]{4})(?![0-9a-f])"
)


class _Facts(NamedTuple):
    username: str | None = None
    mac: str | None = None
    framed_addr: str | None = None
    tunnel_client: str | None = None
    connect_info: str | None = None
    accounting: str | None = None


class Exchange:
    """What goes between one client (an access point, a VPN gateway) and its server."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self._waiting: dict[int, tuple[Payload, _Facts]] = {}

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a datagram."""
        at = Octets(payload.data)
        code, number, size = at.big(1), at.big(1), at.big(2)
        at.skip(16)
        if size < 20:
            raise Malformed("not_radius")
        facts = _attributes(Octets(payload.data[:size], 20))
        if code == REQUEST:
            before = self._waiting.pop(number, None)
            self._waiting[number] = (payload, facts)
            again = before is not None and before[1] == facts  # the same once more: its answer was lost
            return [] if before is None or again else [_message(*before, None)]
        if code == ACCOUNTING:
            return [_message(payload, facts, None)]
        if code not in (ACCEPT, REJECT, CHALLENGE) or number not in self._waiting:
            return []
        asked, said = self._waiting.pop(number)
        if code == CHALLENGE:
            return []  # the next request asks for the same account
        merged = said._replace(**{name: value for name, value in facts._asdict().items() if value is not None})
        return [_message(asked, merged, "success" if code == ACCEPT else "failed")]

    def flush(self) -> list[AnyMessage]:
        """Write the requests that nobody answered."""
        found = [_message(payload, facts, None) for payload, facts in self._waiting.values()]
        self._waiting.clear()
        return found


def _message(payload: Payload, facts: _Facts, result: str | None) -> AnyMessage:
    return Radius(**payload.common, result=result, **facts._asdict())  # type: ignore[arg-type]


def _attributes(at: Octets) -> _Facts:
    found: dict[str, str | None] = {}
    for _ in range(ATTRIBUTES_MAX):
        if at.left < 2:
            break
        kind, size = at.big(1), at.big(1)
        if size < 2 or size - 2 > at.left:
            break
        value = at.take(size - 2)
        if kind == USER_NAME:
            found["username"] = plain(value) or None
        elif kind == CALLING_STATION:
            found["mac"] = station(plain(value))
        elif kind == FRAMED_ADDRESS and len(value) == 4 and value[:3] != b"\xff\xff\xff":
            found["framed_addr"] = address(value)
        elif kind == TUNNEL_CLIENT and value:
            found["tunnel_client"] = plain(value[1:] if value[0] < 0x20 else value) or None
        elif kind == CONNECT_INFO:
            found["connect_info"] = plain(value) or None
        elif kind == ACCT_STATUS and len(value) == 4:
            found["accounting"] = STATUSES.get(int.from_bytes(value, "big"))
    return _Facts(**found)


def station(text: str) -> str | None:
    """Return a hardware address in Zeek's form from what NASes write: 00-11-22-AA-BB-CC:ssid, 0011.22aa.bbcc."""
    found = _MAC.match(text)
    if found is None:
        return None
    digits = re.sub("[-:.]", "", found.group(1)).lower()
    return ":".join(digits[k : k + 2] for k in range(0, 12, 2))
