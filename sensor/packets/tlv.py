"""Write type-length-value fields, and the few byte searches that several parsers share. Kernels only.

The layout is the one of `sensor.model.metadata`: field id, two bytes length (little endian), the bytes. A writer takes
the position to write at and `limit`, the first position it must not write to; it returns the position after the field,
or the same position where the field does not fit. Nothing here allocates.

Does not decide what a field means, and never reads the field it has just written.
"""

import numpy as np
from numpy.typing import NDArray

from baselines._jit import byte, ctz64, kernel, pointer, put16, put64, ule64

HEADER = 3
"""Bytes before a field's value: id and length."""

TEXT_MAX = 1024
"""Longest text kept of one field, bytes. Names on the wire end at 255 (RFC 1035 §2.3.4), agents rarely pass 300; four
texts of this size and one URI of twice that fit into META_MAX_BYTES."""

BYTES = pointer(np.uint8)
INT = "int64"
INTS = pointer(np.int64)
"""Types of a helper's arguments. Bare pointers, because an array is reference-counted at every call; with pinned
signatures, because numba would otherwise compile a version for each literal."""


def _packed(texts: list[str]) -> NDArray[np.uint32]:
    """Pack texts of at most three characters, the first lowest, under their length in bits."""
    return np.array([int.from_bytes(text.encode(), "little") | 8 * len(text) << 24 for text in texts], np.uint32)


_THOUSANDS = _packed(["", *(str(k) for k in range(1, 66))])
_BELOW_1000 = _packed([f"{k:03d}" for k in range(1000)] + [str(k) for k in range(1000)])
_HEX_BYTES = np.array([int.from_bytes(f"{k:02x}".encode(), "little") for k in range(256)], np.uint16)
"""Digits looked up instead of computed, 9 KiB: a ClientHello's two fingerprints write some seventy numbers."""

_LOW_BITS = np.uint64(0x7F7F_7F7F_7F7F_7F7F)
_ONES = np.uint64(0x0101_0101_0101_0101)
_ZERO = np.uint64(0)


@kernel(pin=(BYTES, INT, INT, INT))
def close_field(out, at, field, end):  # type: ignore[no-untyped-def]
    """Write the header at `at` of a field whose value lies in out[at + HEADER : end]; return `end`."""
    out[at] = field
    put16(out, at + 1, end - at - HEADER)
    return end


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT, INT))
def put_bytes(out, at, limit, field, buf, start, end):  # type: ignore[no-untyped-def]
    """Write buf[start:end] as one field."""
    length = end - start
    if length < 0 or length > 0xFFFF or at + HEADER + length > limit:
        return at
    value = at + HEADER
    for i in range(length):
        out[value + i] = buf[start + i]
    return close_field(out, at, field, value + length)


@kernel(pin=(BYTES, INT, INT, INT, BYTES, INT, INT, INT))
def put_text(out, at, limit, field, buf, start, end, most):  # type: ignore[no-untyped-def]
    """Write buf[start:end] without blanks at its ends, its first `most` bytes; nothing where it is empty."""
    while start < end and (buf[start] == 32 or buf[start] == 9):
        start += 1
    while end > start and (buf[end - 1] == 32 or buf[end - 1] == 9 or buf[end - 1] == 13):
        end -= 1
    if start == end:
        return at
    return put_bytes(out, at, limit, field, buf, start, min(end, start + most))


@kernel(pin=(BYTES, INT, INT, INT, INT, INT))
def put_number(out, at, limit, field, value, width):  # type: ignore[no-untyped-def]
    """Write a non-negative integer in `width` bytes, little endian."""
    if at + HEADER + width > limit:
        return at
    for i in range(width):
        out[at + HEADER + i] = (value >> (8 * i)) & 255
    return close_field(out, at, field, at + HEADER + width)


@kernel(pin=(BYTES, INT, INT, INT))
def put_decimal(out, at, value, separator):  # type: ignore[no-untyped-def]
    """Write 0 … 65535 in decimal and the byte `separator`, without a header; touches eight bytes, returns their end."""
    thousands = (value * 67109) >> 26  # exact below 2^16
    high = np.int64(_THOUSANDS[thousands])
    low = np.int64(_BELOW_1000[value - thousands * 1000 + (thousands == 0) * 1000])
    bits = high >> 24
    word = (high & 0xFF_FFFF) | (low & 0xFF_FFFF) << bits
    bits += low >> 24
    put64(out, at, word | separator << bits)
    return at + (bits >> 3) + 1


@kernel(pin=(BYTES, INT, INT, INT))
def put_hex(out, at, value, separator):  # type: ignore[no-untyped-def]
    """Write 0 … 65535 in four hexadecimal digits and the byte `separator`; touches eight bytes, returns their end."""
    digits = np.int64(_HEX_BYTES[value >> 8]) | np.int64(_HEX_BYTES[value & 255]) << 16
    put64(out, at, digits | separator << 32)
    return at + 5


@kernel(pin=(BYTES, INT, INT, INT))
def find_byte(buf, start, end, wanted):  # type: ignore[no-untyped-def]
    """Return the first position of the byte `wanted` in buf[start:end], or `end`. Eight bytes a step."""
    pattern = np.uint64(wanted) * _ONES
    at = start
    while at + 8 <= end:
        word = ule64(buf, at) ^ pattern
        # A byte of `zero` is 0x80 exactly where that byte of `word` is zero; no carry can leave a byte.
        zero = ~(((word & _LOW_BITS) + _LOW_BITS) | word | _LOW_BITS)
        if zero != _ZERO:
            return at + (ctz64(zero) >> 3)
        at += 8
    while at < end and buf[at] != wanted:
        at += 1
    return at


@kernel(pin=(BYTES, INT, INT, INT))
def find_field(out, start, end, field):  # type: ignore[no-untyped-def]
    """Return (start, length) of the first value of `field` in the fields out[start:end], or (0, 0)."""
    at = start
    while at + HEADER <= end:
        length = byte(out, at + 1) | byte(out, at + 2) << 8
        if out[at] == field and at + HEADER + length <= end:
            return at + HEADER, length
        at += HEADER + length
    return 0, 0
