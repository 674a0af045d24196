"""Turn an interface's clock ticks into nanoseconds since 1970 (draft-ietf-opsawg-pcapng, section 4.2, if_tsresol).

A resolution is one byte: the low seven bits are n, a unit is 10^-n seconds, or 2^-n where the top bit is set. Times are
rounded down. Exact for every 64-bit count; nothing here overflows.
"""

import numpy as np

from baselines._jit import kernel

END_OF_TIME_S = 9_214_646_400
"""2262-01-01: the year in which int64 nanoseconds since 1970 end."""


@kernel()
def seconds_and_ns(ticks: np.uint64, resolution: int) -> tuple[np.uint64, np.int64]:
    """Split an interface's 64-bit time at its resolution: seconds (uint64) and nanoseconds (int64) of the second."""
    giga = np.uint64(1_000_000_000)
    one = np.uint64(1)
    power = resolution & 0x7F
    if resolution & 0x80:
        seconds = np.uint64(0)
        if power < 64:
            seconds = ticks >> np.uint64(power)
            ticks &= (one << np.uint64(power)) - one
        # ticks · 10⁹ / 2^power in 128 bits: no product of 32-bit halves overflows.
        low = (ticks & np.uint64(0xFFFFFFFF)) * giga
        high = (ticks >> np.uint64(32)) * giga + (low >> np.uint64(32))
        low &= np.uint64(0xFFFFFFFF)
        if power < 32:
            return seconds, np.int64((high << np.uint64(32 - power)) | (low >> np.uint64(power)))
        if power - 32 < 64:
            return seconds, np.int64(high >> np.uint64(power - 32))
        return seconds, np.int64(0)
    if power > 28:  # a whole 64-bit count is less than a nanosecond
        return np.uint64(0), np.int64(0)
    unit = one
    for _ in range(min(power, 19)):
        unit *= np.uint64(10)
    if power <= 9:
        scale = giga // unit
        return ticks // unit, np.int64(ticks % unit * scale)
    divisor = one
    for _ in range(power - 9):
        divisor *= np.uint64(10)
    if power > 19:  # 10^power itself would not fit 64 bits
        return np.uint64(0), np.int64(ticks // divisor)
    return ticks // unit, np.int64(ticks % unit // divisor)


@kernel()
def to_ns(ticks: np.uint64, resolution: int, offset_s: int) -> np.int64:
    """Turn an interface's 64-bit time into ns since 1970, -1 where that is before 1970 or after 2261 (int64)."""
    if offset_s == 0:
        if resolution == 6 and ticks < np.uint64(END_OF_TIME_S * 1_000_000):
            return np.int64(ticks) * 1000
        if resolution == 9 and ticks < np.uint64(END_OF_TIME_S * 1_000_000_000):
            return np.int64(ticks)
    seconds, ns = seconds_and_ns(ticks, resolution)
    limit = np.uint64(END_OF_TIME_S)
    if offset_s >= 0:
        if seconds >= limit or offset_s >= END_OF_TIME_S:
            return np.int64(-1)
        seconds += np.uint64(offset_s)
    else:
        back = np.uint64(-(offset_s + 1))  # one less than the offset's size, which may be 2^63
        if seconds <= back:
            return np.int64(-1)
        seconds -= back + np.uint64(1)
    if seconds >= limit:
        return np.int64(-1)
    return np.int64(seconds) * 1_000_000_000 + ns
