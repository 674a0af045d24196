"""A bundle: a signed file of a site's envelopes, in order, for links that go one way.

    8 bytes   SPANBNDL
    1         version, 1; then 3 that are reserved
    4, 4      bytes of the head; how many envelopes
    …         head: what names the bundle, MessagePack (`Head`)
    44 each   table: sequence, bytes of the record, SHA-256 of the record
    64        Ed25519 over a context and everything above (RFC 8032)
    …         body: the records, one after the other: envelopes, or sealed ones (`sensor.wire.bundle_seal`)

Integers are big-endian. The signature pins every record's place, length and hash, so that a reader needs to hold one
record at a time, and nothing is opened, let alone decompressed, that the site did not sign. A bundle speaks of each
sequence from its first to its last: one that is not in the table had left the site's spool, and will never come. A
file that is shorter than it says is taken for one that is still being copied.

Opaque here: what an envelope holds. No file is opened here either: bytes in, bytes out.
"""

import hashlib
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec

from sensor.errors import Malformed
from sensor.wire.bundle_keys import ID_BYTES, key_id
from sensor.wire.bundle_seal import SEALED_KEY_BYTES, TAG_BYTES, Opener, Sealer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

MAGIC = b"SPANBNDL"
VERSION = 1
HEAD_MAX = 4096
"""A name of a site, four numbers and a sealed key: under 500 bytes."""
COUNT_MAX = 16_384
"""Envelopes: a table of 720 kB. At 256 KiB each, far more than a bundle is given."""
RECORD_MAX = 1 << 20
"""An envelope has at most 256 KiB of reports and its own head; what is longer is none."""
SEQUENCE_MAX = (1 << 63) - 1
"""As SQLite's integers."""
SIGNATURE_BYTES = 64
_PREFIX = struct.Struct(">8sB3xII")
_ENTRY = struct.Struct(">QI32s")
_CONTEXT = b"spanline bundle 1 signature\0"
"""A key that signs something else as well does not sign a bundle by it."""
_NAMED = struct.Struct(">QQ")
_Number = Annotated[int, msgspec.Meta(ge=1, le=SEQUENCE_MAX)]


class Head(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What names a bundle."""

    site: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    epoch: Annotated[int, msgspec.Meta(ge=0, le=SEQUENCE_MAX)]
    """Of its last envelope: which life of the site's program wrote that; 0 where it has none."""
    first: _Number
    last: _Number
    """Sequences of which it speaks."""
    made_ns: Annotated[int, msgspec.Meta(ge=0, le=SEQUENCE_MAX)]
    """By the site's clock, and later than that of any bundle the site made before: no two have the same."""
    key: Annotated[bytes, msgspec.Meta(min_length=ID_BYTES, max_length=ID_BYTES)]
    """Which of the site's keys signed."""
    sealed_to: Annotated[bytes, msgspec.Meta(max_length=ID_BYTES)] = b""
    """Which of the hub's keys opens it; empty: it is not encrypted."""
    sealed_key: Annotated[bytes, msgspec.Meta(max_length=SEALED_KEY_BYTES)] = b""

    def named(self) -> bytes:
        """Return what is bound to whatever the bundle seals."""
        return self.site.encode() + b"\0" + _NAMED.pack(self.epoch, self.first)


class Entry(NamedTuple):
    """One envelope's line of the table."""

    sequence: int
    length: int
    digest: bytes


class Incomplete(ValueError):  # noqa: N818 - it may be whole later
    """The bundle is shorter than it says it is: still being copied, or cut short."""

    def __init__(self, have: int, need: int, *, at_least: bool = False) -> None:
        super().__init__(f"{have:,} of {'at least ' if at_least else ''}{need:,} bytes are there")
        self.have, self.need = have, need


class Writer:
    """Makes one bundle: records in order, and when all are there, what stands in front of them.

    Attributes:
        head: What names it.
        body_at: Where the first record goes.
    """

    def __init__(
        self,
        head: Head,
        plan: Sequence[tuple[int, int]],
        sign: "Ed25519PrivateKey",
        seal_to: "X25519PublicKey | None" = None,
    ) -> None:
        """Plan it.

        Args:
            head: Its `key`, `sealed_to` and `sealed_key` are filled in here.
            plan: Sequence and bytes of each envelope, sequences rising.
            sign: The site's key.
            seal_to: The hub's key, to encrypt.
        """
        if len(plan) > COUNT_MAX or any(size > RECORD_MAX - TAG_BYTES for _, size in plan):
            raise ValueError("a bundle cannot hold so much")
        self._sealer = Sealer(seal_to, head.named()) if seal_to is not None else None
        self.head = msgspec.structs.replace(
            head,
            key=key_id(sign.public_key()),
            sealed_to=key_id(seal_to) if seal_to is not None else b"",
            sealed_key=self._sealer.sealed_key if self._sealer is not None else b"",
        )
        self._sign, self._plan, self._table = sign, plan, bytearray()
        self._encoded = msgspec.msgpack.encode(self.head)
        self.body_at = _PREFIX.size + len(self._encoded) + _ENTRY.size * len(plan) + SIGNATURE_BYTES

    def record(self, envelope: bytes) -> bytes:
        """Return what to write of the next envelope."""
        sequence, size = self._plan[len(self._table) // _ENTRY.size]
        if len(envelope) != size:
            raise ValueError(f"envelope {sequence} is not the one that was planned")
        written = envelope if self._sealer is None else self._sealer.seal(sequence, envelope)
        self._table += _ENTRY.pack(sequence, len(written), hashlib.sha256(written).digest())
        return written

    def front(self) -> bytes:
        """Return what stands in front of the body; `body_at` bytes."""
        if len(self._table) != _ENTRY.size * len(self._plan):
            raise ValueError("not every envelope that was planned came")
        front = _PREFIX.pack(MAGIC, VERSION, len(self._encoded), len(self._plan)) + self._encoded + bytes(self._table)
        return front + self._sign.sign(_CONTEXT + front)


class Bundle:
    """A bundle whose front is as its site signed it.

    Attributes:
        head: What names it.
        entries: Its table.
    """

    def __init__(self, head: Head, entries: Sequence[Entry], body_at: int, read: "Read", size: int) -> None:
        self.head, self.entries = head, entries
        self._body_at, self._read, self._size = body_at, read, size

    def check(self) -> None:
        """Compare every record with the table. Raises Malformed, Incomplete; reads the whole of it."""
        for _ in self._records():
            pass

    def envelopes(self, hub_keys: "Sequence[X25519PrivateKey]" = ()) -> Iterator[tuple[int, bytes]]:
        """Give sequence and envelope, in order; each is compared with the table as it is read.

        Args:
            hub_keys: Those that may open it.

        Raises:
            Malformed: It is encrypted to another key, or not what the site signed any more.
            Incomplete: It was cut short meanwhile.
        """
        opener = self._opener(hub_keys)
        for place, (sequence, record) in enumerate(self._records()):
            if opener is None:
                yield sequence, record
                continue
            try:
                yield sequence, opener.open(place, sequence, record)
            except ValueError as error:
                raise Malformed(str(error)) from error

    def lost(self) -> Iterator[tuple[int, int]]:
        """Give each run of sequences that had left the site's spool, from its first to its last."""
        expected = self.head.first
        for one in self.entries:
            if one.sequence > expected:
                yield expected, one.sequence - 1
            expected = one.sequence + 1
        if expected <= self.head.last:
            yield expected, self.head.last

    def _records(self) -> Iterator[tuple[int, bytes]]:
        at = self._body_at
        for one in self.entries:
            record = self._read(at, one.length)
            if len(record) != one.length:
                raise Incomplete(at + len(record), self._size)
            if hashlib.sha256(record).digest() != one.digest:
                raise Malformed(f"envelope {one.sequence} is not as it was signed")
            at += one.length
            yield one.sequence, record

    def _opener(self, hub_keys: "Sequence[X25519PrivateKey]") -> Opener | None:
        head = self.head
        if not head.sealed_to:
            return None
        key = next((key for key in hub_keys if key_id(key.public_key()) == head.sealed_to), None)
        if key is None:
            raise Malformed(f"it is encrypted to a key ({head.sealed_to.hex()}) that is not configured here")
        try:
            return Opener(key, head.named(), head.sealed_key)
        except ValueError as error:
            raise Malformed(str(error)) from error


Read = Callable[[int, int], bytes]
"""Gives so many bytes from an offset; fewer where the file ends."""
Keys = Mapping[str, Sequence["Ed25519PublicKey"]]
"""Site → the keys by which it may sign."""


def verify(read: Read, size: int, keys: Keys) -> Bundle:
    """Read the front of a bundle and check its signature, and that it is as long as it says; of the body, nothing.

    Args:
        read: Reads the file.
        size: Its bytes.
        keys: Who may sign for which site.

    Raises:
        Incomplete: It is shorter.
        Malformed: It is no bundle, or not signed by the site that it names, or says what no site writes.
    """
    start = read(0, _PREFIX.size)
    if not start.startswith(MAGIC[: len(start)]):
        raise Malformed("it is no bundle")
    if len(start) < _PREFIX.size:
        raise Incomplete(size, _PREFIX.size, at_least=True)
    _, version, head_bytes, count = _PREFIX.unpack(start)
    if version != VERSION:
        raise Malformed(f"it is a bundle of version {version}, and this release reads version {VERSION}")
    if head_bytes > HEAD_MAX or count > COUNT_MAX:
        raise Malformed("its head or its table is longer than any site writes")
    signed = _PREFIX.size + head_bytes + _ENTRY.size * count
    body_at = signed + SIGNATURE_BYTES
    if size < body_at:
        raise Incomplete(size, body_at, at_least=True)
    front = read(0, body_at)
    if len(front) < body_at:
        raise Incomplete(len(front), body_at, at_least=True)
    head = _head(front[_PREFIX.size : _PREFIX.size + head_bytes])
    _check_signature(head, front[:signed], front[signed:], keys)
    entries = [Entry(*one) for one in _ENTRY.iter_unpack(front[_PREFIX.size + head_bytes : signed])]
    _check_table(head, entries)
    need = body_at + sum(one.length for one in entries)
    if size < need:
        raise Incomplete(size, need)
    if size > need:
        raise Malformed(f"{size - need:,} bytes follow its end")
    return Bundle(head, entries, body_at, read, size)


def _head(encoded: bytes) -> Head:
    try:
        return msgspec.msgpack.decode(encoded, type=Head)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed("its head is damaged") from error


def _check_signature(head: Head, signed: bytes, signature: bytes, keys: Keys) -> None:
    """Verify by the named site's own keys, whatever other keys there are. Raises Malformed."""
    from cryptography.exceptions import InvalidSignature

    known = keys.get(head.site, ())
    if not known:
        raise Malformed(f"no key of a site {head.site!r} is configured")
    named = [key for key in known if key_id(key) == head.key]
    if not named:
        whose = next((site for site, those in keys.items() if head.key in map(key_id, those)), None)
        by = f"the key of {whose!r}" if whose is not None else f"a key ({head.key.hex()}) that is not configured"
        raise Malformed(f"it says it is of {head.site!r}, and is signed by {by}")
    for key in named:
        try:
            key.verify(signature, _CONTEXT + signed)
        except InvalidSignature:
            continue
        return
    raise Malformed(f"its signature is not that of {head.site!r}: it was changed on its way")


def _check_table(head: Head, entries: Sequence[Entry]) -> None:
    """Refuse what a site signed and should not have. Raises Malformed."""
    before = head.first - 1
    for one in entries:
        if one.sequence <= before or one.sequence > head.last:
            raise Malformed("its envelopes are not in order")
        if not 0 < one.length <= RECORD_MAX:
            raise Malformed(f"envelope {one.sequence} is longer than any site writes, or empty")
        before = one.sequence
    if head.last < head.first:
        raise Malformed("its last sequence is before its first")
    if bool(head.sealed_to) != bool(head.sealed_key):
        raise Malformed("it does not say to whom it is sealed")
