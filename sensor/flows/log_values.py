"""Read the values of a conn.log row out of bytes: counts, times, addresses, words, eight bytes at a step.

Each reader takes a position and returns the value and the position behind it, or -1 where the bytes are not in the
plain form that it knows. -1 does not mean that the value is wrong: `sensor.wire.zeek_values`, which knows every form,
decides that. The value's end is not checked here: the caller must find its delimiter there.

Assumes that at least `SLACK_BYTES` can be read behind any position handed in. Digit runs are found and converted by
arithmetic inside one 64-bit word (https://lemire.me/blog/2022/01/21/swar-explained-parsing-eight-digits/), which has no
branch to mispredict on the varying lengths of real numbers.
"""

from typing import Any

import numpy as np

from baselines._jit import ctz64, kernel, marks, ule32, ule64

SLACK_BYTES = 128
"""How far behind a position a reader may look: 64 bytes at once where delimiters are sought, and then some."""

_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_ZEROS = np.uint64(0x3030303030303030)
_ABOVE_9 = np.uint64(0x7676767676767676)
_LOW_NIBBLE = np.uint64(0x0F0F0F0F0F0F0F0F)
_PAIRS = np.uint64(0x00FF00FF00FF00FF)
_QUADS = np.uint64(0x0000FFFF0000FFFF)
_TENS, _HUNDREDS, _TEN_THOUSANDS = np.uint64(2561), np.uint64(6553601), np.uint64(42949672960001)
_U8, _U16, _U32 = np.uint64(8), np.uint64(16), np.uint64(32)
_BELOW = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_DOTS = np.uint64(0x2E2E2E2E2E2E2E2E)
_POW10 = np.array([10**k for k in range(19)], np.int64)

MAX_SECONDS = 9_223_372_036
"""The last whole second that fits in ns since 1970 as int64."""
FIRST_MILLIS = 100_000_000_000
"""A whole number this large (5138 AD in seconds) is in milliseconds: Zeek's JSON::TS_MILLIS. 1973 in milliseconds."""
_MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


@kernel(inline=True)
def splat(byte: int) -> Any:
    """Repeat one byte over a 64-bit word."""
    return np.uint64(byte) * _ONES


@kernel(inline=True)
def find_byte(word: Any, pattern: Any) -> Any:
    """Mark with its high bit the lowest byte of `word` that equals the byte repeated in `pattern`.

    Bits above the lowest mark are not meaningful.
    """
    x = word ^ pattern
    return (x - _ONES) & ~x & _HIGH


@kernel(inline=True)
def _convert(t: Any) -> Any:
    """Turn eight digit values, most significant in the lowest byte, into their number."""
    t = (t * _TENS) >> _U8
    t = ((t & _PAIRS) * _HUNDREDS) >> _U16
    return np.int64(((t & _QUADS) * _TEN_THOUSANDS) >> _U32)


@kernel(inline=True)
def digits(buf: Any, p: int) -> tuple[int, int]:
    """Read up to eight decimal digits: their value and how many there were."""
    t = ule64(buf, p) ^ _ZEROS
    n = ctz64(((t + _ABOVE_9) | t) & _HIGH) >> 3
    if n == 0:
        return 0, 0
    return _convert((t << np.uint64(64 - 8 * n)) & _LOW_NIBBLE), n


@kernel(inline=True)
def _eight(buf: Any, p: int, n: int) -> Any:
    """Read exactly `n` digits, one to eight; -1 where they are not all digits."""
    t = (ule64(buf, p) ^ _ZEROS) << np.uint64(64 - 8 * n)
    if ((t + _ABOVE_9) | t) & _HIGH:
        return -1
    return _convert(t)


@kernel(inline=True)
def count(buf: Any, p: int, end: int) -> Any:
    """Read an unsigned integer of one to 16 digits that ends at `end`; -1 where it is none."""
    n = end - p
    if n <= 8:
        return _eight(buf, p, n) if n > 0 else -1
    if n > 16:
        return -1
    high, low = _eight(buf, p, n - 8), _eight(buf, end - 8, 8)
    return high * 100_000_000 + low if high >= 0 and low >= 0 else -1


@kernel(inline=True)
def whole(buf: Any, p: int) -> tuple[int, int]:
    """Read an unsigned integer of at most 16 digits and say where it ended; -1 where there is none."""
    value, n = digits(buf, p)
    if n < 8:
        return value, p + n if n else -1
    more, n = digits(buf, p + 8)
    return value * _POW10[n] + more, p + 8 + n if n < 8 else -1


@kernel(inline=True)
def fraction_ns(buf: Any, p: int) -> tuple[int, int]:
    """Read the digits behind a decimal point as ns, the tenth rounded half up; 10**9 is a possible result."""
    value, n = digits(buf, p)
    if n == 0:
        return 0, -1
    p += n
    if n < 8:
        return value * _POW10[9 - n], p
    more, n = digits(buf, p)
    p += n
    if n == 0:
        return value * 10, p
    value = value * 10 + more // _POW10[n - 1]
    if n > 1 and more // _POW10[n - 2] % 10 >= 5:
        value += 1
    while n == 8:
        more, n = digits(buf, p)
        p += n
    return value, p


@kernel(inline=True)
def seconds_ns(buf: Any, p: int) -> tuple[int, int]:
    """Read a non-negative decimal number of seconds as ns, with a fraction or an exponent or neither."""
    start = p
    seconds, p = whole(buf, p)
    if p < 0 or seconds >= MAX_SECONDS:
        return 0, -1
    part = 0
    if buf[p] == 46:
        part, p = fraction_ns(buf, p + 1)
        if p < 0:
            return 0, -1
    if buf[p] == 101 or buf[p] == 69:
        return _scientific_ns(buf, start)
    return seconds * 1_000_000_000 + part, p


@kernel()
def _scientific_ns(buf: Any, p: int) -> tuple[int, int]:
    """Read `d.ddde-dd` seconds as ns, up to 18 digits of mantissa, rounded half up."""
    mantissa: Any = 0
    n_digits = 0
    scale = 9
    seen_point = False
    while buf[p] == 46 or 48 <= buf[p] <= 57:
        if buf[p] == 46:
            if seen_point:
                return 0, -1
            seen_point = True
        else:
            if n_digits == 18:
                return 0, -1
            mantissa = mantissa * 10 + (np.int64(buf[p]) - 48)
            n_digits += 1
            scale -= 1 if seen_point else 0
        p += 1
    p += 1
    negative = buf[p] == 45
    p += 1 if buf[p] == 45 or buf[p] == 43 else 0
    exponent, n = digits(buf, p)
    if n == 0 or n > 3:
        return 0, -1
    scale += -exponent if negative else exponent
    if scale >= 0:
        if mantissa != 0 and (scale > 18 or mantissa >= MAX_SECONDS * 1_000_000_000 // _POW10[scale]):
            return 0, -1
        return mantissa * _POW10[min(scale, 18)], p + n
    if scale < -18:
        return 0, p + n
    half = _POW10[-scale] // 2
    return (mantissa + half) // _POW10[-scale], p + n


@kernel(inline=True)
def time_ns(buf: Any, p: int) -> tuple[int, int]:
    """Read a time as ns since 1970: seconds, milliseconds (see FIRST_MILLIS), or ISO 8601 with UTC where no zone is."""
    start = p
    if buf[p + 10] == 46 and buf[p + 17] <= 32:  # Zeek's own form: ten digits, point, six digits
        high, low, part = count(buf, p, p + 8), count(buf, p + 8, p + 10), count(buf, p + 11, p + 17)
        if high >= 0 and low >= 0 and part >= 0 and high <= MAX_SECONDS // 100:
            return (high * 100 + low) * 1_000_000_000 + part * 1000, p + 17
    number, p = whole(buf, p)
    if p < 0:
        return 0, -1
    if buf[p] == 45 and p - start == 4:
        return _iso_ns(buf, start)
    part = 0
    if buf[p] == 46:
        part, p = fraction_ns(buf, p + 1)
        if p < 0:
            return 0, -1
    if buf[p] == 101 or buf[p] == 69:
        return _scientific_ns(buf, start)
    if number < MAX_SECONDS:
        return number * 1_000_000_000 + part, p
    if number < FIRST_MILLIS or number >= MAX_SECONDS * 1000 or part % 1000 != 0:
        return 0, -1
    return number * 1_000_000 + part // 1000, p


@kernel()
def _two(buf: Any, p: int, last: int) -> Any:
    """Read two digits of at most `last` and the byte before them unseen; -1 where they are not."""
    tens, ones = np.int64(buf[p]) - 48, np.int64(buf[p + 1]) - 48
    value = tens * 10 + ones
    return value if 0 <= tens <= 9 and 0 <= ones <= 9 and value <= last else -1


@kernel()
def _iso_ns(buf: Any, p: int) -> tuple[int, int]:
    """Read `1970-01-01T00:00:00[.f…][Z|±hh:mm]` (RFC 3339 §5.6, also with a space for the T)."""
    year, _ = digits(buf, p)
    year = _two(buf, p, 99) * 100 + _two(buf, p + 2, 99)
    month, day = _two(buf, p + 5, 12), _two(buf, p + 8, 31)
    hour, minute, second = _two(buf, p + 11, 23), _two(buf, p + 14, 59), _two(buf, p + 17, 59)
    if year < 1970 or year > 2261 or month < 1 or day < 1 or hour < 0 or minute < 0 or second < 0:
        return 0, -1
    if buf[p + 7] != 45 or (buf[p + 10] != 84 and buf[p + 10] != 32) or buf[p + 13] != 58 or buf[p + 16] != 58:
        return 0, -1
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _MONTH_DAYS[month - 1] + (1 if leap and month == 2 else 0):
        return 0, -1
    days = (year - 1970) * 365 + (year - 1969) // 4 - (year - 1901) // 100 + (year - 1601) // 400 + day - 1
    for k in range(month - 1):
        days += _MONTH_DAYS[k]
    days += 1 if leap and month > 2 else 0
    value = ((days * 24 + hour) * 60 + minute) * 60 + second
    p += 19
    part = 0
    if buf[p] == 46:
        part, p = fraction_ns(buf, p + 1)
        if p < 0:
            return 0, -1
    if buf[p] == 90:
        p += 1
    elif buf[p] == 43 or buf[p] == 45:
        off_hours, off_minutes = _two(buf, p + 1, 23), _two(buf, p + 4, 59)
        if off_hours < 0 or off_minutes < 0 or buf[p + 3] != 58:
            return 0, -1
        offset = off_hours * 3600 + off_minutes * 60
        value += -offset if buf[p] == 43 else offset
        p += 6
    return (value * 1_000_000_000 + part, p) if value >= 0 else (0, -1)


@kernel(inline=True)
def _octet(buf: Any, p: int, n: int) -> Any:
    """Read one to three digits as a number up to 255, without leading zeros; a number above 255 where it is not."""
    t = np.int64(ule32(buf, p)) ^ 0x30303030
    t = (t << (8 * (4 - n))) & 0xFFFFFFFF
    value = (t >> 24) + (t >> 16 & 255) * 10 + (t >> 8 & 255) * 100
    wrong = ((t + 0x76767676) | t) & 0x80808080 | np.int64(value < _POW10[n - 1] - (n == 1))
    return value | (np.int64(wrong != 0) << 8)


@kernel(inline=True)
def v4(buf: Any, p: int, n: int) -> Any:
    """Read a dotted quad of `n` bytes as a 32-bit number; -1 where it is none.

    Leading zeros are not plain (RFC 6943 §3.1.1). The dots are found first, so that the octets do not wait for each
    other and no branch depends on how long they are.
    """
    if n < 7 or n > 15:
        return -1
    dots = marks(buf, p, 46, 46) & ((_ONE << np.uint64(n)) - _ONE)
    first = ctz64(dots)
    dots &= dots - _ONE
    second = ctz64(dots)
    dots &= dots - _ONE
    third = ctz64(dots)
    if dots == _ZERO or dots & (dots - _ONE) != _ZERO:
        return -1
    lengths = first, second - first - 1, third - second - 1, n - third - 1
    if min(lengths) < 1 or max(lengths) > 3:
        return -1
    a, b = _octet(buf, p, lengths[0]), _octet(buf, p + first + 1, lengths[1])
    c, d = _octet(buf, p + second + 1, lengths[2]), _octet(buf, p + third + 1, lengths[3])
    return a << 24 | b << 16 | c << 8 | d if (a | b | c | d) < 256 else -1


@kernel(inline=True)
def address(buf: Any, p: int, end: int) -> tuple[Any, Any, bool]:
    """Read an address that ends at `end` as its two words; IPv4 becomes ::ffff:a.b.c.d. No zone index, no brackets."""
    if find_byte(np.uint64(ule32(buf, p)), _DOTS) != np.uint64(0):
        quad = v4(buf, p, end - p)
        if quad < 0:
            return _ZERO, _ZERO, False
        return _ZERO, np.uint64(0xFFFF00000000) | np.uint64(quad), True
    hi, lo, p = _v6(buf, p, end)
    return hi, lo, p == end


@kernel()
def _v6(buf: Any, p: int, end: int) -> tuple[Any, Any, int]:
    """Read an IPv6 address (RFC 4291 §2.2, all three forms)."""
    hi, lo = np.uint64(0), np.uint64(0)
    left_hi, left_lo = np.uint64(0), np.uint64(0)
    groups, gap = 0, -1
    if buf[p] == 58:
        if buf[p + 1] != 58:
            return hi, lo, -1
        gap = 0
        p += 2
    while True:
        group, n = np.uint64(0), 0
        q = p
        while n < 5:
            c = np.int64(buf[q])
            d = c - 48
            if d < 0 or d > 9:
                d = (c | 32) - 87
                if d < 10 or d > 15:
                    break
            group = group << np.uint64(4) | np.uint64(d)
            q += 1
            n += 1
        if n == 0:
            if gap == groups:  # the address ends with ::
                break
            return hi, lo, -1
        if n > 4 or groups == 8:
            return hi, lo, -1
        if buf[q] == 46:
            if groups > 6:
                return hi, lo, -1
            quad = v4(buf, p, end - p)
            if quad < 0:
                return hi, lo, -1
            hi, lo = hi << _U32 | lo >> _U32, lo << _U32 | np.uint64(quad)
            groups += 2
            p = end
            break
        hi, lo = hi << _U16 | lo >> np.uint64(48), lo << _U16 | group
        groups += 1
        p = q
        if buf[p] != 58:
            break
        if buf[p + 1] == 58:
            if gap >= 0:
                return hi, lo, -1
            gap = groups
            left_hi, left_lo = hi, lo
            hi, lo = np.uint64(0), np.uint64(0)
            p += 2
        else:
            p += 1
    if gap < 0:
        return hi, lo, p if groups == 8 else -1
    if groups > 7:
        return hi, lo, -1
    shift = 16 * (8 - gap)
    if gap == 0:
        left_hi, left_lo = np.uint64(0), np.uint64(0)
    elif shift >= 64:
        left_hi, left_lo = left_lo << np.uint64(shift - 64), np.uint64(0)
    else:
        left_hi = left_hi << np.uint64(shift) | left_lo >> np.uint64(64 - shift)
        left_lo <<= np.uint64(shift)
    return hi | left_hi, lo | left_lo, p


@kernel()
def mac(buf: Any, p: int) -> tuple[Any, int]:
    """Read aa:bb:cc:dd:ee:ff as a 48-bit number."""
    value = np.uint64(0)
    for k in range(17):
        c = np.int64(buf[p + k])
        if k % 3 == 2:
            if c != 58:
                return value, -1
            continue
        d = c - 48
        if d < 0 or d > 9:
            d = (c | 32) - 87
            if d < 10 or d > 15:
                return value, -1
        value = value << np.uint64(4) | np.uint64(d)
    return value, p + 17


@kernel(inline=True)
def below(n: int) -> Any:
    """Make a mask of the lowest `n` bytes of a word, n from 0 to 8."""
    return _BELOW[n]
