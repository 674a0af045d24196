"""Turn the metadata rows that kernels wrote into messages: META and its byte arena to the Structs of the model.

Most kinds a kernel writes as MessagePack (`sensor.packets.packing`), which msgspec reads as Structs; a capture process
sends it on as it is. Here fingerprints are hashed (JA3: MD5 of its text, JA4: two truncated SHA-256), what is handed
over goes to its parser, and all are put in order. A field that is not there stays None.
"""

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model import addresses
from sensor.model import metadata as m
from sensor.model.protocols import AnyMessage
from sensor.packets.packing import FIELDS_MAX, PACKED, pack

MEMO_ENTRIES = 8192
"""Distinct fingerprints kept; a site of a thousand hosts shows a few hundred. Each costs under 2 KiB."""

TLS_VERSIONS = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    0x0301: "TLSv10",
    0x0302: "TLSv11",
    0x0303: "TLSv12",
    0x0304: "TLSv13",
}
"""Names as in Zeek's base/protocols/ssl/consts.zeek."""

ROOM_BYTES = 1 << 20
"""Of messages that are written at a time."""
BASE32 = "0123456789ABCDEFGHIJKLMNOPQRSTUV"

Common = dict[str, int | str]
Row = tuple[int, ...]
"""A META row's fields."""
Fields = dict[int, list[bytes]]
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[AnyMessage])
_LIST = struct.Struct(">BI")
_LIST_32 = 0xDD
"""A list's head: its kind, and the number of items."""
_PAIRS = [first + second for first in BASE32 for second in BASE32]


class Handed(Protocol):
    """Reads the rows that hold payloads (`sensor.packets.conversations`)."""

    def is_full(self, ts: int) -> bool:
        """Tell, and count, that a row of that time is not to be read, for there were too many."""
        ...

    def read(self, number: int, kind: int, common: Common, fields: Fields, flags: int) -> list[AnyMessage]:
        """Return what one row tells, of flow `number`; flags: 1 the originator sent it, 2 whole."""
        ...


def uid_text(number: int) -> str:
    """Write a flow's number as the flow table does: C and thirteen digits of base 32."""
    return "C" + BASE32[number >> 60] + "".join([_PAIRS[number >> shift & 1023] for shift in (50, 40, 30, 20, 10, 0)])


@lru_cache(MEMO_ENTRIES)
def ja3_hash(text: bytes) -> str:
    """Return JA3 or JA3S: the MD5 of its text."""
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


@lru_cache(MEMO_ENTRIES)
def ja4_hash(text: bytes) -> str:
    """Return JA4 from its raw form: each list becomes twelve digits of its SHA-256, an empty one twelve zeros."""
    head, ciphers, rest = text.split(b"_", 2)
    return "_".join((head.decode("ascii", "backslashreplace"), _half(ciphers), _half(rest)))


def _half(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:12] if text else "0" * 12


class Packed(msgspec.Struct, frozen=True):
    """Messages in MessagePack, one behind the other."""

    count: int
    content: bytes

    @property
    def encoded(self) -> bytes:
        """Return them as a list of MessagePack."""
        return _LIST.pack(_LIST_32, self.count) + self.content

    def messages(self) -> list[AnyMessage]:
        """Return them as Structs."""
        return _DECODER.decode(self.encoded) if self.count else []

    @classmethod
    def of(cls, messages: Sequence[AnyMessage]) -> "Packed":
        """Pack Structs."""
        return cls(len(messages), b"".join(map(_ENCODER.encode, messages)))


def decode(
    rows: NDArray[np.void], arena: NDArray[np.uint8], *, source: int = 0, handed: Handed | None = None
) -> list[AnyMessage]:
    """Decode metadata rows, in their order; arguments as of `packed`.

    Returns:
        One Struct a row that a kernel parsed; of payloads that were handed over what they tell by now.
    """
    return [message for part in packed(rows, arena, source=source, handed=handed) for message in part.messages()]


def packed(
    rows: NDArray[np.void], arena: NDArray[np.uint8], *, source: int = 0, handed: Handed | None = None
) -> Iterator[Packed]:
    """Decode metadata rows, in their order, to messages that are packed.

    Args:
        rows: Messages, dtype META, shape (n,).
        arena: Bytes, uint8, shape (m,), into which the rows' `at` and `len` point.
        source: Number of the input they came from.
        handed: Reads rows from K_QUIC on; without it they are left out.

    Yields:
        About a megabyte at a time.
    """
    out, ends = np.empty(ROOM_BYTES, np.uint8), np.empty(len(rows), np.int64)
    places = np.empty(3 * FIELDS_MAX, np.int64)
    while len(rows):
        n = pack(rows, arena, source, 0, out, ends, places)
        yield _merged(rows[:n], arena, source, handed, out, ends)
        rows = rows[n:]


def _merged(
    rows: NDArray[np.void], arena: NDArray[np.uint8], source: int, handed: Handed | None, out: NDArray[np.uint8],
    ends: NDArray[np.int64],
) -> Packed:  # fmt: skip
    """Put what Python reads of rows among what the kernel wrote of others."""
    kinds = rows["kind"]
    at = np.flatnonzero(_READ_HERE[kinds])
    count, pieces, done = int(_PACKED_THERE[kinds].sum()), list[bytes](), 0
    for row, end in zip(rows[at].tolist(), ends[at].tolist(), strict=True):
        if found := _read(row, arena, source, handed):
            pieces += [out[done:end].tobytes(), *map(_ENCODER.encode, found)]
            count, done = count + len(found), end
    pieces.append(out[done : ends[len(rows) - 1]].tobytes())
    return Packed(count, b"".join(pieces))


def _read(row: Row, arena: NDArray[np.uint8], source: int, handed: Handed | None) -> list[AnyMessage]:
    """Read one row that the kernel does not write."""
    ts, number, orig_hi, orig_lo, resp_hi, resp_lo, _, _, offset, at, size, orig_p, resp_p, proto, kind, sent, whole = (
        row
    )
    make = MAKERS.get(kind)
    if make is None and (handed is None or handed.is_full(ts)):
        return []
    common: Common = {
        "ts": ts, "uid": uid_text(number), "orig_h": addresses.text(orig_hi, orig_lo), "orig_p": orig_p,
        "resp_h": addresses.text(resp_hi, resp_lo), "resp_p": resp_p, "proto": proto, "input": source, "offset": offset,
    }  # fmt: skip
    fields = collect(arena[at : at + size].tobytes())
    if make is not None:
        return [make(common, fields)]
    return handed.read(number, kind, common, fields, sent | whole << 1) if handed is not None else []


def collect(blob: bytes) -> Fields:
    """Gather the fields of one message by id, each with its values in order."""
    fields: Fields = {}
    at, end = 0, len(blob) - 3
    while at <= end:  # as `metadata.fields` walks, without a call for each
        field, following = blob[at], at + 3 + (blob[at + 1] | blob[at + 2] << 8)
        value = blob[at + 3 : following]
        if field in fields:
            fields[field].append(value)
        else:
            fields[field] = [value]
        at = following
    return fields


def _number(fields: Fields, field: int) -> int | None:
    return int.from_bytes(fields[field][0], "little") if field in fields else None


def _decode(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _text(fields: Fields, field: int) -> str | None:
    return _decode(fields[field][0]) if field in fields else None


def _texts(fields: Fields, field: int) -> tuple[str, ...]:
    return tuple(_decode(value) for value in fields.get(field, ()))


def _tls(common: Common, fields: Fields, *, is_client: bool) -> AnyMessage:
    version = _number(fields, m.F_SUPPORTED_VERSION)
    ja3, ja3s, ja4 = (fields.get(field) for field in (m.F_JA3_TEXT, m.F_JA3S_TEXT, m.F_JA4_TEXT))
    return m.Tls(
        **common,  # type: ignore[arg-type]
        version=None if version is None else TLS_VERSIONS.get(version, f"unknown-{version}"),
        cipher=_number(fields, m.F_CIPHER),
        server_name=_text(fields, m.F_SERVER_NAME),
        alpn=_texts(fields, m.F_ALPN),
        ja3=ja3_hash(ja3[0]) if ja3 else None,
        ja3s=ja3_hash(ja3s[0]) if ja3s else None,
        ja4=ja4_hash(ja4[0]) if ja4 else None,
        encrypted_client_hello=m.F_ECH in fields,
        is_client=is_client,
    )


def _tls_client(common: Common, fields: Fields) -> AnyMessage:
    return _tls(common, fields, is_client=True)


def _tls_server(common: Common, fields: Fields) -> AnyMessage:
    return _tls(common, fields, is_client=False)


MAKERS: dict[int, Callable[[Common, Fields], AnyMessage]] = {m.K_TLS_CLIENT: _tls_client, m.K_TLS_SERVER: _tls_server}
_READ_HERE = np.isin(np.arange(256), [*MAKERS, *range(m.K_QUIC, len(m.SERVICES))])
_PACKED_THERE = np.isin(np.arange(256), PACKED)
