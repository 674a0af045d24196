"""Write values in MessagePack, as msgspec reads them: numbers, texts, addresses, flow numbers. Kernels only.

A writer takes the position to write at and returns the position behind; the caller has seen to it that there is room.
Texts become UTF-8: a byte that belongs to no character is escaped as Python's `backslashreplace` does it. Addresses
have the form of `sensor.model.addresses`.
"""

import numpy as np

from baselines._jit import byte, kernel, ule64
from sensor.packets.tlv import BYTES, INT

_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
_BASE32 = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", np.uint8)
_HIGH_BITS = np.uint64(0x8080_8080_8080_8080)
_V4 = np.uint64(0xFFFF)
_NO_WORD = np.uint64(0)


@kernel(pin=(BYTES, INT, "uint64", INT))
def put_big(out, at, value, width):  # type: ignore[no-untyped-def]
    """Write the low `width` bytes of a number, the highest first."""
    for i in range(width):
        out[at + i] = np.uint8(value >> np.uint64(8 * (width - 1 - i)) & np.uint64(255))
    return at + width


@kernel(pin=(BYTES, INT, "uint64"))
def put_number(out, at, value):  # type: ignore[no-untyped-def]
    """Write a number that is not negative, as short as MessagePack has it."""
    if value < np.uint64(128):
        out[at] = np.uint8(value)
        return at + 1
    power = 0
    while power < 3 and value >> np.uint64(8 << power):
        power += 1
    out[at] = 0xCC + power
    return put_big(out, at + 1, value, 1 << power)


@kernel(pin=(BYTES, INT, INT))
def put_signed(out, at, value):  # type: ignore[no-untyped-def]
    """Write a number that may be negative."""
    if value >= 0:
        return put_number(out, at, np.uint64(value))
    out[at] = 0xD3
    return put_big(out, at + 1, np.uint64(value), 8)


@kernel(pin=(BYTES, INT, INT))
def put_size(out, at, size):  # type: ignore[no-untyped-def]
    """Write the head of a text of `size` bytes."""
    if size < 32:
        out[at] = 0xA0 | size
        return at + 1
    power = 0 if size < 256 else 1 if size < 65536 else 2
    out[at] = 0xD9 + power
    return put_big(out, at + 1, np.uint64(size), 1 << power)


@kernel(pin=(BYTES, INT, INT))
def put_count(out, at, count):  # type: ignore[no-untyped-def]
    """Write the head of a list of `count` items."""
    if count < 16:
        out[at] = 0x90 | count
        return at + 1
    out[at] = 0xDC
    return put_big(out, at + 1, np.uint64(count), 2)


@kernel(pin=(BYTES, INT, INT))
def character(buf, at, end):  # type: ignore[no-untyped-def]
    """Return how many bytes the UTF-8 character at `at` takes; 0 where there is none (RFC 3629 §4)."""
    first = byte(buf, at)
    if first < 0x80:
        return 1
    if first < 0xC2 or first > 0xF4:
        return 0
    size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if at + size > end:
        return 0
    low = 0xA0 if first == 0xE0 else 0x90 if first == 0xF0 else 0x80
    high = 0x9F if first == 0xED else 0x8F if first == 0xF4 else 0xBF
    for i in range(1, size):
        following = byte(buf, at + i)
        if following < low or following > high:
            return 0
        low, high = 0x80, 0xBF
    return size


@kernel(pin=(BYTES, INT, INT))
def plain_until(buf, at, end):  # type: ignore[no-untyped-def]
    """Return the first byte from `at` on that is not ASCII, or `end`. Eight bytes a step."""
    while at + 8 <= end and ule64(buf, at) & _HIGH_BITS == _NO_WORD:
        at += 8
    while at < end and buf[at] < 0x80:
        at += 1
    return at


@kernel(pin=(BYTES, INT, INT))
def text_bytes(buf, start, end):  # type: ignore[no-untyped-def]
    """Return how many bytes a text takes once its undecodable bytes are escaped."""
    at = plain_until(buf, start, end)
    total = at - start
    while at < end:
        size = character(buf, at, end)
        total += size or 4
        at += max(size, 1)
    return total


@kernel(pin=(BYTES, INT, BYTES, INT, INT))
def put_characters(out, at, buf, start, end):  # type: ignore[no-untyped-def]
    """Write a text without its head; a byte that is no UTF-8 as backslash, x and two digits."""
    stop = plain_until(buf, start, end)
    for i in range(start, stop):
        out[at + i - start] = buf[i]
    at += stop - start
    while stop < end:
        size = character(buf, stop, end)
        if size == 0:
            value = byte(buf, stop)
            out[at], out[at + 1] = 0x5C, 0x78
            out[at + 2], out[at + 3] = _DIGITS[value >> 4], _DIGITS[value & 15]
            at += 4
        for i in range(size):
            out[at + i] = buf[stop + i]
        at += size
        stop += max(size, 1)
    return at


@kernel(pin=(BYTES, INT, BYTES, INT, INT))
def put_text(out, at, buf, start, end):  # type: ignore[no-untyped-def]
    """Write a text."""
    at = put_size(out, at, text_bytes(buf, start, end))
    return put_characters(out, at, buf, start, end)


@kernel(pin=(BYTES, INT, INT))
def put_octet(out, at, value):  # type: ignore[no-untyped-def]
    """Write 0 … 255 in decimal."""
    if value >= 100:
        out[at] = 48 + value // 100
        at += 1
    if value >= 10:
        out[at] = 48 + value // 10 % 10
        at += 1
    out[at] = 48 + value % 10
    return at + 1


@kernel(pin=(BYTES, INT, INT))
def put_group(out, at, value):  # type: ignore[no-untyped-def]
    """Write 0 … 65535 in hexadecimal, without leading zeros."""
    shift = 12
    while shift > 0 and value >> shift == 0:
        shift -= 4
    while shift >= 0:
        out[at] = _DIGITS[value >> shift & 15]
        at += 1
        shift -= 4
    return at


@kernel(pin=("uint64", "uint64", INT))
def group_of(hi, lo, k):  # type: ignore[no-untyped-def]
    """Return the k-th 16 bits of an address."""
    word = hi if k < 4 else lo
    return np.int64(word >> np.uint64(16 * (3 - (k & 3))) & _V4)


@kernel(pin=(BYTES, INT, "uint64", "uint64"))
def put_v6(out, at, hi, lo):  # type: ignore[no-untyped-def]
    """Write an IPv6 address as RFC 5952 has it: the first longest run of two zeros or more is left out."""
    run, run_at, k = 1, 8, 0
    while k < 8:
        length = 0
        while k + length < 8 and group_of(hi, lo, k + length) == 0:
            length += 1
        if length > run:
            run, run_at = length, k
        k += length + 1
    k = 0
    while k < 8:
        if k == run_at:
            out[at], out[at + 1] = 0x3A, 0x3A
            at += 2
            k += run
        else:
            if k and k != run_at + run:
                out[at] = 0x3A
                at += 1
            at = put_group(out, at, group_of(hi, lo, k))
            k += 1
    return at


@kernel(pin=(BYTES, INT, "uint64", "uint64"))
def put_address(out, at, hi, lo):  # type: ignore[no-untyped-def]
    """Write an address as text: dotted, or as RFC 5952 has it."""
    begin = at + 2
    if hi == _NO_WORD and lo >> np.uint64(32) == _V4:
        end = begin
        for k in range(4):
            if k:
                out[end] = 0x2E
                end += 1
            end = put_octet(out, end, np.int64(lo >> np.uint64(24 - 8 * k) & np.uint64(255)))
    else:
        end = put_v6(out, begin, hi, lo)
    size = end - begin
    if size >= 32:
        out[at], out[at + 1] = 0xD9, size
        return end
    out[at] = 0xA0 | size
    for i in range(size):
        out[at + 1 + i] = out[begin + i]
    return end - 1


@kernel(pin=(BYTES, INT, INT))
def big_word(buf, start, end):  # type: ignore[no-untyped-def]
    """Return at most eight bytes as a number, the highest first."""
    value = np.uint64(0)
    for i in range(start, min(end, start + 8)):
        value = value << np.uint64(8) | np.uint64(buf[i])
    return value


@kernel(pin=(BYTES, INT, INT))
def little_word(buf, start, end):  # type: ignore[no-untyped-def]
    """Return at most eight bytes as a number, the lowest first."""
    value = np.uint64(0)
    for i in range(start, min(end, start + 8)):
        value |= np.uint64(buf[i]) << np.uint64(8 * (i - start))
    return value


@kernel(pin=(BYTES, INT, BYTES, INT, INT))
def put_octets_address(out, at, buf, start, end):  # type: ignore[no-untyped-def]
    """Write the address that 4 or 16 bytes hold."""
    if end - start == 4:
        return put_address(out, at, _NO_WORD, big_word(buf, start, end) | _V4 << np.uint64(32))
    return put_address(out, at, big_word(buf, start, end), big_word(buf, start + 8, end))


@kernel(pin=(BYTES, INT, "uint64"))
def put_uid(out, at, number):  # type: ignore[no-untyped-def]
    """Write a flow's number as the flow table does: C and thirteen digits of base 32."""
    out[at], out[at + 1] = 0xA0 | 14, 0x43
    for k in range(13):
        out[at + 2 + k] = _BASE32[np.int64(number >> np.uint64(60 - 5 * k) & np.uint64(31))]
    return at + 15


@kernel(pin=(BYTES, INT, BYTES, INT, INT))
def put_mac(out, at, buf, start, end):  # type: ignore[no-untyped-def]
    """Write a link-layer address of at most six bytes."""
    number = big_word(buf, start, end)
    out[at] = 0xA0 | 17
    at += 1
    for k in range(6):
        value = np.int64(number >> np.uint64(40 - 8 * k) & np.uint64(255))
        if k:
            out[at] = 0x3A
            at += 1
        out[at], out[at + 1] = _DIGITS[value >> 4], _DIGITS[value & 15]
        at += 2
    return at


@kernel(pin=(BYTES, INT, BYTES, INT, INT))
def put_hex(out, at, buf, start, end):  # type: ignore[no-untyped-def]
    """Write bytes in hexadecimal."""
    at = put_size(out, at, 2 * (end - start))
    for i in range(start, end):
        value = byte(buf, i)
        out[at], out[at + 1] = _DIGITS[value >> 4], _DIGITS[value & 15]
        at += 2
    return at


@kernel(pin=(BYTES, INT, BYTES, INT, INT))
def put_decimals(out, at, buf, start, end):  # type: ignore[no-untyped-def]
    """Write bytes as numbers with commas."""
    size = max(end - start - 1, 0)
    for i in range(start, end):
        value = byte(buf, i)
        size += 1 if value < 10 else 2 if value < 100 else 3
    at = put_size(out, at, size)
    for i in range(start, end):
        if i > start:
            out[at] = 0x2C
            at += 1
        at = put_octet(out, at, byte(buf, i))
    return at
