"""Metadata rows made of fields, and what the kernel writes of them."""

import msgspec
import numpy as np

from sensor.model import metadata as m
from sensor.model.protocols import AnyMessage
from sensor.packets.packing import FIELDS_MAX, pack

ODD = (
    b"", b"plain", "Grüße €𐍈".encode(), b"\xff\xfe", b"cut \xe2\x82", b"\xed\xa0\x80 surrogate", b"\xc0\xaf over",
    b"\xf4\x90\x80\x80 beyond", b"\xe0\x80\x80", b"\xf0\x9f\x98\x80 smile", b"\x00\x7f\x80", b"a" * 31, b"a" * 32,
    b"b" * 300, b"\xff" * 70, b"tail\xc2",
)  # fmt: skip
"""Texts, valid and not."""


def laid_out(found):
    """META rows and their arena."""
    rows, arena = np.zeros(len(found), m.META), bytearray(b"xyz")
    for number, (kind, fields, is_orig, hi, lo) in enumerate(found):
        blob = b"".join(bytes([field]) + len(value).to_bytes(2, "little") + value for field, value in fields)
        row = rows[number]
        row["kind"], row["is_orig"], row["at"], row["len"] = kind, is_orig, len(arena), len(blob)
        row["ts"], row["uid"], row["offset"] = lo >> 1, hi, number * 70_000
        row["orig_hi"], row["orig_lo"], row["resp_hi"], row["resp_lo"] = hi, lo, 0, 0xFFFF_0000_0000 | lo >> 32
        row["orig_p"], row["resp_p"], row["proto"] = lo & 0xFFFF, hi & 0xFFFF, 17
        arena += blob
    return rows, np.frombuffer(arena, np.uint8)


def read(rows, arena, source=0, room=1 << 20):
    """What the kernel wrote, as Structs."""
    out, ends, places = np.zeros(room, np.uint8), np.zeros(len(rows), np.int64), np.zeros(3 * FIELDS_MAX, np.int64)
    n = pack(rows, arena, source, 0, out, ends, places)
    pieces = [out[start:end] for start, end in zip([0, *ends[: n - 1]], ends[:n], strict=False) if end > start]
    return n, [msgspec.msgpack.decode(piece.tobytes(), type=AnyMessage) for piece in pieces]
