"""Read a TLS ClientHello that is already in one piece (RFC 8446 §4.1.2), in plain Python: what QUIC carries.

Gives server name, ALPN and JA4 (https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md, BSD); over TCP the
kernel in `sensor.packets.tls` does the same. Where the hello is cut off, what was read before is given, without JA4:
a fingerprint of a part would be another one.
"""

from typing import NamedTuple

from sensor.errors import Malformed
from sensor.packets.messages import ja4_hash
from sensor.packets.octets import Octets

CLIENT_HELLO = 1
SERVER_NAME, SIGNATURES, ALPN, VERSIONS = 0, 13, 16, 43
"""IANA TLS ExtensionType values."""
VERSION_CODES = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}
LIST_MAX = 99
"""JA4 writes counts in two digits."""


class Hello(NamedTuple):
    """What a ClientHello says."""

    server_name: str | None = None
    alpn: tuple[str, ...] = ()
    ja4: str | None = None


class _Parts:
    def __init__(self) -> None:
        self.version = 0
        self.ciphers: list[int] = []
        self.extensions: list[int] = []
        self.signatures: list[int] = []
        self.versions: list[int] = []
        self.server_name: str | None = None
        self.alpn: list[bytes] = []


def parse_hello(message: bytes, kind: str) -> Hello | None:
    """Read a handshake message.

    Args:
        message: From its type on; what follows the message is not looked at.
        kind: JA4's letter of the transport: t or q.

    Returns:
        What it says; None where it is no ClientHello.
    """
    if len(message) < 6 or message[0] != CLIENT_HELLO:
        return None
    size = int.from_bytes(message[1:4], "big")
    parts = _Parts()
    whole = True
    try:
        _body(Octets(message[4 : 4 + size]), parts)
    except Malformed:
        whole = False
    alpn = tuple(name.decode("utf-8", "backslashreplace") for name in parts.alpn)
    return Hello(parts.server_name, alpn, _ja4(parts, kind) if whole else None)


def _body(at: Octets, parts: _Parts) -> None:
    parts.version = at.big(2)
    at.skip(32)
    at.skip(at.big(1))
    suites = Octets(at.take(at.big(2)))
    while suites.left >= 2:
        parts.ciphers.append(suites.big(2))
    at.skip(at.big(1))
    if not at.left:
        return
    at.at += 2  # the length of what remains: a cut message is read up to its cut
    while at.left >= 4:
        code, size = at.big(2), at.big(2)
        value = Octets(at.take(size))
        parts.extensions.append(code)
        _extension(code, value, parts)
    if at.left:
        raise Malformed("cut")


def _extension(code: int, value: Octets, parts: _Parts) -> None:
    if code == SERVER_NAME and value.left > 5:
        value.skip(2)
        if value.big(1) == 0:
            name = value.take(value.big(2))
            parts.server_name = name.decode("utf-8", "backslashreplace") or None
    elif code == ALPN and value.left > 2:
        value.skip(2)
        while value.left:
            parts.alpn.append(value.take(value.big(1)))
    elif code == VERSIONS and value.left > 1:
        value.skip(1)
        while value.left >= 2:
            parts.versions.append(value.big(2))
    elif code == SIGNATURES and value.left > 2:
        value.skip(2)
        while value.left >= 2:
            parts.signatures.append(value.big(2))


def _is_grease(value: int) -> bool:
    """Tell whether a value is reserved to keep peers tolerant (RFC 8701): 0x?A?A, both bytes alike."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def _alpn_code(alpn: list[bytes]) -> str:
    if not alpn or not alpn[0]:
        return "00"
    first, last = alpn[0][:1], alpn[0][-1:]
    if first.isalnum() and last.isalnum():
        return (first + last).decode("ascii")
    return first.hex()[0] + last.hex()[1]


def _ja4(parts: _Parts, kind: str) -> str:
    ciphers = [code for code in parts.ciphers if not _is_grease(code)]
    extensions = [code for code in parts.extensions if not _is_grease(code)]
    versions = [code for code in parts.versions if not _is_grease(code)]
    version = VERSION_CODES.get(max(versions, default=parts.version), "00")
    head = f"{kind}{version}{'d' if SERVER_NAME in extensions else 'i'}"
    head += f"{min(len(ciphers), LIST_MAX):02d}{min(len(extensions), LIST_MAX):02d}{_alpn_code(parts.alpn)}"
    rest = _listed(sorted(code for code in extensions if code not in (SERVER_NAME, ALPN)))
    signatures = [code for code in parts.signatures if not _is_grease(code)]
    if signatures and rest:
        rest += "_" + _listed(signatures)
    return ja4_hash(f"{head}_{_listed(sorted(ciphers))}_{rest}".encode())


def _listed(codes: list[int]) -> str:
    return ",".join(f"{code:04x}" for code in codes)
