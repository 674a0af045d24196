"""Write type-length-value fields, and the few byte searches that several parsers share. Kernels only.

The layout is the one of `sensor.model.metadata`: field id, two bytes length (little endian), the bytes. A writer takes
the position to write at and `limit`, the first position it must not write to; it returns the position after the field,
or the same position where the field does not fit. Nothing here allocates.

Does not decide what a field means, and never reads the field it has just written.
"""

import numpy as np
from numba import types

from baselines._jit import byte, ctz64, kernel, put16, put64, ule64

HEADER = 3
"""Bytes before a field's value: id and length."""

TEXT_MAX = 1024
"""Longest text kept of one field, bytes. Names on the wire end at 255 (RFC 1035 §2.3.4), agents rarely pass 300; four
texts of this size and one URI of twice that fit into META_MAX_BYTES."""

BYTES = types.CPointer(types.uint8)
INT = types.int64
INTS = types.CPointer(types.int64)
"""Types of a helper's arguments. Bare pointers, because an array is reference-counted at every call; with pinned
signatures, because numba would otherwise compile a version for each literal."""

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
    # Quotients by multiplication, each exact in its range: 2^16, 656, and 100 in two lanes at once.
    hundreds = (value * 83887) >> 23
    first = (hundreds * 41) >> 12
    pairs = (hundreds - first * 100) | (value - hundreds * 100) << 16
    tens = (pairs * 103) >> 10 & 0x000F_000F
    digits = first | (tens | (pairs - tens * 10) << 8) << 8
    skip = ctz64(np.uint64(digits | 1 << 32)) & 0x38  # leading zeros, in bits
    put64(out, at, (digits + 0x30_3030_3030) >> skip | separator << (40 - skip))
    return at + 6 - (skip >> 3)


@kernel(pin=(BYTES, INT, INT, INT))
def put_hex(out, at, value, separator):  # type: ignore[no-untyped-def]
    """Write 0 … 65535 in four hexadecimal digits and the byte `separator`; touches eight bytes, returns their end."""
    nibbles = value >> 12 | (value >> 8 & 15) << 8 | (value >> 4 & 15) << 16 | (value & 15) << 24
    letters = (nibbles + 0x0606_0606) >> 4 & 0x0101_0101
    put64(out, at, (nibbles + 0x3030_3030 + letters * 39) | separator << 32)
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
