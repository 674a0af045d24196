"""How much devices send to a place on the day they first have to do with it: real first days, and a site's own.

The reference is 605 first days of 16 real device-days (the method in force): 90 % sent at most 14 kB, 99 % 346 kB, the
largest 9 MB. Between these points, and beyond the last, the share that sends more falls as a power of the bytes. It is
scaled by the site's own 95 % point as the site's pool grows, and never gives less than the site's own ranks. No
detector; a pool is told of a day when the day is over.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

POINTS = ((1.0, 1.0), (14e3, 0.1), (346e3, 0.01), (9e6, 1 / 605))
"""(bytes, share of first days that sent as much)."""
REFERENCE_95 = 40e3
"""Bytes at the 95 % point, by the same."""
BINS = 160
"""Of a pool: 4 an octave, up to a terabyte."""
SHRINK = 200.0
"""Observations at which site and reference weigh alike: the method in force."""
FLOORS = ((2_000, 1e-3), (10_000, 1e-4))
"""No p below the second number with fewer observations than the first: the method in force."""


class Pool(NamedTuple):
    """A site's own first days, as evidence keeps them."""

    n: int
    above: int
    """How many sent as much as what is judged."""
    q95: float
    """Bytes at the site's 95 % point; the reference's where there are none."""


def bin_of(sent: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of bytes, int64, shape (n,)."""
    return np.asarray(np.clip(np.floor(4 * np.log2(np.maximum(sent, 1.0))), 0, BINS - 1), np.int64)


def pool_of(counts: NDArray[np.int64], sent: float) -> Pool:
    """Return what a histogram of first days says about one that sent that much.

    Args:
        counts: int64, shape (BINS,).
        sent: Bytes.
    """
    n = int(counts.sum())
    if n == 0:
        return Pool(0, 0, REFERENCE_95)
    reached = np.nonzero(np.cumsum(counts) >= 0.95 * n)[0][0]
    return Pool(n, int(counts[int(bin_of(np.array([sent]))[0]) :].sum()), float(2.0 ** ((int(reached) + 1) / 4)))


def reference(sent: float) -> float:
    """Return the share of the reference's first days that sent as much."""
    sent = max(sent, 1.0)
    for (low, high), (beyond, less) in itertools.pairwise(POINTS):
        slope = math.log(high / less) / math.log(beyond / low)
        if sent <= beyond or beyond == POINTS[-1][0]:
            return float(high * (sent / low) ** -slope)
    raise AssertionError("the last piece has no end")


def p_first_day(sent: float, pool: Pool) -> float:
    """Return the share of first days that send as much, by the reference and the site's own."""
    scale = (pool.q95 / REFERENCE_95) ** (pool.n / (pool.n + SHRINK))
    floor = next((least for fewer, least in FLOORS if pool.n < fewer), 1.0 / (10 * max(1, pool.n)))
    own = pool.above / (pool.n + 1)
    return min(1.0, max(floor, reference(sent / scale), own))


def p_day(sent: float, pool: Pool, chances: int) -> float:
    """Return the rate of device-days on which one of `chances` new places is sent as much."""
    return 1.0 - (1.0 - p_first_day(sent, pool)) ** max(1, chances)
