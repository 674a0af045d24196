"""Remote desktop: the account a client names, how the connection is protected, and the client's own name.

X.224 connection request and confirm (MS-RDPBCGR §2.2.1.1, §2.2.1.2), and the client's core data where no TLS hides them
(§2.2.1.3.2). The cookie's account is often cut at nine characters. One message for the request and its answer, one more
for the client's data.
"""

from sensor.errors import Malformed
from sensor.model.protocols import AnyMessage, Rdp
from sensor.packets.octets import Octets, plain, utf16
from sensor.packets.payload import Payload

TPKT, REQUEST, CONFIRM, DATA = 3, 0xE0, 0xD0, 0xF0
"""RFC 1006 §6, and codes of X.224 §13."""
COOKIE = b"Cookie: mstshash="
NEGOTIATION, REFUSAL = 2, 3
PROTOCOLS = {0: "RDP", 1: "SSL", 2: "HYBRID", 4: "RDSTLS", 8: "HYBRID_EX", 16: "RDSAAD"}
"""selectedProtocol (§2.2.1.2.1), in Zeek's spelling where it has one (base/protocols/rdp/consts.zeek)."""
REFUSALS = {
    1: "SSL_REQUIRED_BY_SERVER",
    2: "SSL_NOT_ALLOWED_BY_SERVER",
    3: "SSL_CERT_NOT_ON_SERVER",
    4: "INCONSISTENT_FLAGS",
    5: "HYBRID_REQUIRED_BY_SERVER",
    6: "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
}
"""failureCode (§2.2.1.2.2)."""
CORE = b"\x01\xc0"
"""Type of the client's core data, CS_CORE."""
CONFERENCE = b"Duca"
"""The client's key in the conference request (T.124 §8.7); its user data follow."""


class Connection:
    """One connection to a remote desktop."""

    def __init__(self) -> None:
        """Begin before the request."""
        self._asked: Payload | None = None
        self._cookie: str | None = None

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a payload that begins with a packet."""
        at = Octets(payload.data)
        if at.big(1) != TPKT:
            raise Malformed("not_rdp")
        at.skip(1)
        packet = Octets(at.upto(max(at.big(2) - 4, 0)))
        packet.skip(1)
        code = packet.big(1)
        if code == REQUEST:
            self._asked = payload
            packet.skip(5)
            self._cookie = _cookie(packet.upto(packet.left))
            return []
        if code == CONFIRM:
            packet.skip(5)
            return self._answered(packet)
        return _core(payload) if code == DATA and payload.is_orig else []

    def flush(self) -> list[AnyMessage]:
        """Write a request that was not answered."""
        return self._message(None, None)

    def _answered(self, at: Octets) -> list[AnyMessage]:
        if at.left < 8:
            return self._message(None, "RDP")  # a server from before the negotiation
        kind = at.big(1)
        at.skip(3)
        value = at.little(4)
        if kind == NEGOTIATION:
            return self._message("encrypted" if value else None, PROTOCOLS.get(value, f"unknown-{value}"))
        return self._message(REFUSALS.get(value, f"unknown-{value}"), None) if kind == REFUSAL else []

    def _message(self, result: str | None, protocol: str | None) -> list[AnyMessage]:
        asked, self._asked = self._asked, None
        if asked is None:
            return []
        return [Rdp(**asked.common, cookie=self._cookie, result=result, security_protocol=protocol)]  # type: ignore[arg-type]


def _cookie(data: bytes) -> str | None:
    if not data.startswith(COOKIE):
        return None
    end = data.find(b"\r\n")
    return plain(data[len(COOKIE) : end]) or None if end >= 0 else None


def _core(payload: Payload) -> list[AnyMessage]:
    """Find the client's core data behind the conference request's key."""
    start = payload.data.find(CONFERENCE)
    start = payload.data.find(CORE, start) if start >= 0 else -1
    if start < 0:
        return []
    at = Octets(payload.data, start + 2)
    if at.little(2) < 128:
        raise Malformed("not_rdp")
    at.skip(12)
    layout, build = at.little(4), at.little(4)
    name = utf16(at.take(32))
    return [
        Rdp(
            **payload.common,  # type: ignore[arg-type]
            client_name=name or None,
            client_build=str(build),
            keyboard_layout=str(layout),
        )
    ]
