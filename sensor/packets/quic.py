"""QUIC's first flight: the ClientHello that a client's Initial packets carry (RFC 9000, RFC 9001 §5, RFC 9369).

Initial packets are encrypted with keys that follow from a connection id in the clear, so anyone may read them: version
1, version 2 and drafts 29 to 34. CRYPTO frames of several packets and datagrams are put together, in any order, up to
`CRYPTO_MAX` bytes. Nothing after the ClientHello is read: it needs keys that only the ends have. A packet that does not
authenticate is left out; one that the capture cut cannot be authenticated, and is read as far as it is there.
"""

import hashlib
import hmac
from typing import NamedTuple

from sensor.model.protocols import AnyMessage, Quic
from sensor.packets.client_hello import Hello, parse_hello
from sensor.packets.octets import Octets
from sensor.packets.payload import Payload

CRYPTO_MAX = 16_384
"""Bytes of a ClientHello that are waited for; with post-quantum key shares they are under 4 KiB."""
PACKETS_MAX = 4
"""Packets of one datagram; Initial, 0-RTT and padding make three."""
FRAMES_MAX = 400
"""Frames of one packet. Chrome scatters a hello over some twenty; runs of padding count as one."""
PIECES_MAX = 64
"""Pieces of a hello that are kept at a time."""

VERSION_2 = 0x6B3343CF
NAMES = {1: "1", VERSION_2: "quicv2"}
"""Zeek's names of versions (base/protocols/quic/consts.zeek); drafts are `draft-29` and so on."""
SALT_1 = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
"""RFC 9001 §5.2."""
SALT_2 = bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9")
"""RFC 9369 §3.3.1."""
SALT_DRAFT = bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899")
"""draft-ietf-quic-tls-29 §5.2; drafts up to 32. From 33 on it is that of version 1."""
DRAFT_33 = 0xFF000021
TAG_BYTES, SAMPLE_BYTES = 16, 16
"""AEAD_AES_128_GCM's tag; header protection's sample (RFC 9001 §5.4.2)."""
ACK, ACK_ECN, PING, PADDING, CRYPTO, CLOSE = 2, 3, 1, 0, 6, 0x1C
"""Frames that an Initial may hold (RFC 9000 §12.4)."""


class Keys(NamedTuple):
    """What protects one direction's Initial packets."""

    key: bytes
    iv: bytes
    hp: bytes


def client_keys(version: int, connection: bytes) -> Keys:
    """Derive the client's Initial keys from the id it first sent to (RFC 9001 §5.2)."""
    salt = SALT_1
    if version == VERSION_2:
        salt = SALT_2
    elif version >> 8 == 0xFF0000 and version < DRAFT_33:
        salt = SALT_DRAFT
    secret = hmac.digest(salt, connection, "sha256")
    secret = _expand(secret, b"client in", 32)
    prefix = b"quicv2 " if version == VERSION_2 else b"quic "
    return Keys(
        _expand(secret, prefix + b"key", 16), _expand(secret, prefix + b"iv", 12), _expand(secret, prefix + b"hp", 16)
    )


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label of one block (RFC 8446 §7.1, RFC 5869 §2.3)."""
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0"
    return hmac.new(secret, info + b"\1", hashlib.sha256).digest()[:size]


def varint(at: Octets) -> int:
    """Read a variable-length integer (RFC 9000 §16)."""
    first = at.big(1)
    size = (1 << (first >> 6)) - 1
    return (first & 0x3F) << 8 * size | at.big(size)


class Connection:
    """What is known of one connection's first flight."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._keys: Keys | None = None
        self._pieces: dict[int, bytes] = {}
        self._kept = 0
        self._first: Payload | None = None
        self._version = 0
        self._done = False

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a datagram; the message comes with the one that makes the ClientHello whole."""
        if self._done or not payload.is_orig:
            return []
        at = Octets(payload.data)
        for _ in range(PACKETS_MAX):
            if not at.left:
                break
            plain = self._packet(at, whole=payload.whole)
            if plain:
                self._frames(Octets(plain))
                self._first = self._first or payload
        hello = self._stream()
        if len(hello) < 4 or len(hello) < 4 + int.from_bytes(hello[1:4], "big"):
            return []
        return self._message(payload, hello)

    def flush(self) -> list[AnyMessage]:
        """Say what is known of a ClientHello that never became whole."""
        hello = self._stream()
        return self._message(self._first, hello) if self._first is not None and not self._done and hello else []

    def _message(self, payload: Payload, hello: bytes) -> list[AnyMessage]:
        self._done = True
        self._pieces = {}
        found = parse_hello(hello, "q") or Hello()
        version = NAMES.get(self._version) or f"draft-{self._version & 0xFF}"
        return [
            Quic(
                **payload.common,  # type: ignore[arg-type]
                version=version,
                server_name=found.server_name,
                alpn=found.alpn,
                ja4=found.ja4,
            )
        ]

    def _packet(self, at: Octets, *, whole: bool) -> bytes:
        """Read the long-header packet at a place and move behind it; its plain text where it is an Initial."""
        start = at.at
        first = at.big(1)
        if first & 0xC0 != 0xC0:
            at.at = len(at.data)  # padding of the datagram, or a packet of a later key
            return b""
        version = at.big(4)
        connection = at.take(at.big(1))
        at.skip(at.big(1))
        kind = first >> 4 & 3
        is_initial = kind == (1 if version == VERSION_2 else 0)
        if is_initial:
            at.skip(varint(at))
        elif kind == (0 if version == VERSION_2 else 3):  # Retry has no length
            at.at = len(at.data)
            return b""
        size = varint(at)
        number_at = at.at
        cut = not whole and at.left < size
        at.skip(at.left if cut else size)
        if not is_initial or at.at - number_at < 4 + SAMPLE_BYTES:
            return b""
        self._version = version
        for keys in (self._keys, client_keys(version, connection)):
            plain = unprotect(keys, at.data[start : at.at], number_at - start, cut=cut) if keys else None
            if plain is not None:
                self._keys = keys
                return plain
        return b""

    def _frames(self, at: Octets) -> None:
        for _ in range(FRAMES_MAX):
            while at.left and at.data[at.at] == PADDING:
                at.at += 1
            if not at.left:
                return
            kind = varint(at)
            if kind == CRYPTO:
                offset = varint(at)
                self._keep(offset, at.upto(varint(at)))
            elif kind in (ACK, ACK_ECN):
                varint(at), varint(at)
                ranges = varint(at)
                for _ in range(min(2 * ranges + 1 + 3 * (kind == ACK_ECN), at.left + 1)):
                    varint(at)
            elif kind != PING:
                return

    def _keep(self, offset: int, piece: bytes) -> None:
        if offset + len(piece) > CRYPTO_MAX or len(self._pieces) >= PIECES_MAX or self._kept > CRYPTO_MAX:
            return
        if len(piece) > len(self._pieces.get(offset, b"")):
            self._pieces[offset] = piece
            self._kept += len(piece)

    def _stream(self) -> bytes:
        """Put the pieces together, from the first byte to the first gap."""
        found = b""
        for offset, piece in sorted(self._pieces.items()):
            if offset > len(found):
                break
            found = found[:offset] + piece if offset + len(piece) > len(found) else found
        return found


def unprotect(keys: Keys, packet: bytes, number_at: int, *, cut: bool = False) -> bytes | None:
    """Remove header protection and encryption of one packet (RFC 9001 §5.3, §5.4).

    Args:
        keys: Of the sender.
        packet: From its first byte on.
        number_at: First byte of its packet number.
        cut: Whether its end, and with it the tag, is missing.

    Returns:
        The frames; None where it does not authenticate.
    """
    # Imported where it is needed: it takes longer than all of this module's work on most captures.
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    sample = packet[number_at + 4 : number_at + 4 + SAMPLE_BYTES]
    mask = Cipher(algorithms.AES(keys.hp), modes.ECB()).encryptor().update(sample)  # noqa: S305 - RFC 9001 §5.4.3
    first = packet[0] ^ (mask[0] & 0x0F)
    size = (first & 3) + 1
    number = bytes(a ^ b for a, b in zip(packet[number_at : number_at + size], mask[1:], strict=False))
    header = bytes([first]) + packet[1:number_at] + number
    nonce = (int.from_bytes(keys.iv, "big") ^ int.from_bytes(number, "big")).to_bytes(12, "big")
    sealed = packet[number_at + size :]
    if cut:  # GCM encrypts in counter mode from 2 on (NIST SP 800-38D §7.1)
        return Cipher(algorithms.AES(keys.key), modes.CTR(nonce + b"\0\0\0\2")).decryptor().update(sealed)
    try:
        return AESGCM(keys.key).decrypt(nonce, sealed, header) if len(sealed) >= TAG_BYTES else None
    except InvalidTag:
        return None
