"""Whether events come at a period: a gate on the gaps between runs, calibrated for a Poisson stream of any rate.

Events closer than a merging gap are one run; runs are timed by their first event, at two scales of merging. The gate
looks at the last 48 gaps only at given counts of gaps. It asks for a narrow shortest half of the log gaps (Rousseeuw
1984, "Least Median of Squares Regression", section 2: n/2 + 1 of n), narrower where merging makes short gaps rare, and
for autocorrelation at the period. Half of the gaps may be anything: pauses, retries and missed events do not hide it.

The half-width's thresholds are the method in force: a Poisson stream passes about once in 1e5 looks, merging included
(tests/baselines/test_periodicity.py). The method leaves open how autocorrelation is taken. Here: events counted in bins
of half a period, the larger of the correlations at one period and at one and a half; gaps of one and a half periods are
as much a sign of ±50 % jitter as gaps of one. Measured at ±80 % jitter in 24 h: .79 found so, .25 at one period alone.

Departure, measured: gaps are kept as 16 bits a logarithm, not as bytes. Bytes (18 steps a unit) doubled the passes of
Poisson streams whose median gap is near twice the merging gap, from 8e-5 to 1.5e-4 a look.

Not here: what an event is, and whether a period is news.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows
from baselines.keyed import I64, Ints

KEPT = 48
"""Gaps kept: the method in force, as are the four numbers below."""
SCALES_NS = (1_000_000_000, 10_000_000_000)
"""Merging gaps."""
SHARE_MAX = 0.45
"""Of the merging gap in the median gap; beyond it the floor that merging makes looks like regularity."""
CORRELATION_MIN = 0.1
LOOKS = (24, 48, 72, 96, 120, 144, 168, 192, 384)
"""Counts of gaps at which the gate looks; from the last on at each doubling. Departure, measured: the method looks at
24, 48, 96, 144 and 192, which found .71 of a day of 5 min ± 50 % with 30 % of the events missed and .66 of ± 80 %; so
it is .83 and .80 (400 draws each), at three looks more."""
P_LOOK = 1e-5
"""A Poisson stream passes one look with about this probability."""
STEPS = 1024.0
"""Codes a unit of the natural logarithm of a gap in ms: 16 bits reach 71 million years."""
PAUSE_PERIODS = 8.0
"""A longer gap counts as this many periods where correlation is taken: pauses are no part of the rhythm."""
BINS = 1024
"""Room for 48 gaps of at most 8 periods, in halves."""

Gaps = NDArray[np.uint16]
_I64_2D, _U16_3D, _F64_2D, _F64 = rows(np.int64, 2), rows(np.uint16, 3), rows(np.float64, 2), rows(np.float64)


@kernel()
def code_of(gap_ns: np.int64) -> int:
    """Return the code of a gap: its logarithm in steps."""
    return int(STEPS * math.log(max(int(gap_ns), 1_000_000) / 1e6) + 0.5)


@kernel()
def gap_of(code: float) -> float:
    """Return a code's gap in seconds."""
    return float(math.exp(code / STEPS) / 1e3)


@kernel()
def is_look(gaps: np.int64) -> bool:
    """Tell whether the gate looks after that many gaps: 24, 48, 72 … 192, 384, 768 and so on."""
    if gaps < 384:
        return bool(gaps % 24 == 0 and gaps > 0 and gaps <= 192)
    while gaps % 2 == 0 and gaps > 384:
        gaps //= 2
    return bool(gaps == 384)


@kernel()
def correlation(gaps: Gaps, row: np.int64, scale: int, n: int, period_s: float, bins: NDArray[np.float64]) -> float:
    """Return the autocorrelation of counts in half periods, the larger of lags 2 and 3, over the last n gaps.

    Args:
        gaps: Codes, uint16, shape (rows, scales, KEPT): a ring, in order but for its turn, which is one pause at most.
        row: Whose; `scale` which; `n` how many of the ring are in use.
        period_s: The period.
        bins: Scratch, float64, shape (≥ BINS,).
    """
    half, at, last = period_s / 2.0, 0.0, 0
    for k in range(BINS):
        bins[k] = 0.0
    bins[0] = 1.0
    for k in range(n):
        at += min(gap_of(gaps[row, scale, k]), PAUSE_PERIODS * period_s)
        last = min(BINS - 1, int(at / half))
        bins[last] += 1.0
    mean = (n + 1.0) / (last + 1.0)
    own, two, three = 0.0, 0.0, 0.0
    for k in range(last + 1):
        own += (bins[k] - mean) ** 2
        if k >= 2:
            two += (bins[k] - mean) * (bins[k - 2] - mean)
        if k >= 3:
            three += (bins[k] - mean) * (bins[k - 3] - mean)
    return max(two, three) / own if own > 0.0 else 0.0


@kernel()
def judge(
    gaps: Gaps, row: np.int64, scale: int, count: np.int64, merge_ns: int, scratch: NDArray[np.float64],
    measures: NDArray[np.float64], at: int,
) -> bool:  # fmt: skip
    """Tell whether the last gaps of a row pass; write half-width, merging share, correlation and period to `measures`.

    Args:
        gaps: As `correlation`.
        row: Whose; `scale` which.
        count: Gaps so far.
        merge_ns: The scale's merging gap.
        scratch: float64, shape (BINS,).
        measures: Out, float64, shape (≥ at + 1, 4).
        at: Row of `measures`.
    """
    n = min(KEPT, int(count))
    for k in range(n):
        code, place = float(gaps[row, scale, k]), k
        while place > 0 and scratch[place - 1] > code:
            scratch[place] = scratch[place - 1]
            place -= 1
        scratch[place] = code
    half = n // 2 + 1
    width = scratch[half - 1] - scratch[0]
    for k in range(1, n - half + 1):
        width = min(width, scratch[k + half - 1] - scratch[k])
    period_s = gap_of((scratch[(n - 1) // 2] + scratch[n // 2]) / 2.0)
    half_width, share = width / STEPS / 2.0, merge_ns / 1e9 / period_s
    measures[at, 0], measures[at, 1], measures[at, 3] = half_width, share, period_s
    measures[at, 2] = correlation(gaps, row, scale, n, period_s, scratch)
    limit = 0.165 - 0.219 * share if n < KEPT else 0.281 - 0.338 * share
    return bool(half_width < limit and share <= SHARE_MAX and measures[at, 2] > CORRELATION_MIN)


@kernel(I64, I64, I64, _I64_2D, _I64_2D, _I64_2D, _U16_3D, I64, _I64_2D, "int64", "int64", _F64, _I64_2D, _F64_2D)
def observe(
    row: Ints, ts: Ints, first: Ints, latest: Ints, began: Ints, count: Ints, gaps: Gaps, told: Ints, passed: Ints,
    first_age_ns: int, again_ns: int, scratch: NDArray[np.float64], events: Ints, measures: NDArray[np.float64],
) -> int:  # fmt: skip
    """Take n events in; return how many looks passed the gate.

    Where a row has passed, it is looked at again every `again_ns` as long as events come: no new chance to pass.

    Args:
        row: Row of each event, int64, shape (n,).
        ts: Its time, ns, int64; one that lies before its row's latest event belongs to that one's run.
        first: First event of each row, ns, 0 before any, int64, shape (rows,).
        latest: Latest event, ns, int64, shape (rows, scales).
        began: First event of the present run, ns, int64, shape (rows, scales).
        count: Gaps so far, int64, shape (rows, scales).
        gaps: The last of them, codes, uint16, shape (rows, scales, KEPT).
        told: When it last passed, ns, int64, shape (rows,).
        passed: Looks that passed, int64, shape (rows, scales).
        first_age_ns: No look passes before the first event is that old.
        again_ns: How often a row that has passed is looked at.
        scratch: float64, shape (BINS,).
        events: Out, int64, shape (≥ 2 n, 4): event, row, scale, gaps so far.
        measures: Out, float64, shape (≥ 2 n + 1, 4): half-width of the shortest half of the log gaps, merging gap over
            median gap, autocorrelation, median gap in s.
    """
    written = 0
    for i in range(len(row)):
        who, now = row[i], ts[i]
        if first[who] == 0:
            first[who] = now
            for scale in range(2):
                latest[who, scale], began[who, scale] = now, now
            continue
        for scale in range(2):
            merge_ns = SCALES_NS[scale]
            gap = now - latest[who, scale]
            latest[who, scale] = max(latest[who, scale], now)
            if gap < merge_ns:
                continue
            gaps[who, scale, count[who, scale] % KEPT] = code_of(now - began[who, scale])
            began[who, scale] = now
            count[who, scale] += 1
            due = is_look(count[who, scale]) or (passed[who, scale] > 0 and now - told[who] >= again_ns)
            if not due or count[who, scale] < 24 or now - first[who] < first_age_ns:
                continue
            if judge(gaps, who, scale, count[who, scale], merge_ns, scratch, measures, written):
                events[written, 0], events[written, 1], events[written, 2] = i, who, scale
                events[written, 3] = count[who, scale]
                told[who] = now
                passed[who, scale] += 1
                written += 1
    return written


class Runs(NamedTuple):
    """What is known of one row and scale, in a form that merges: when its last runs began."""

    began: Ints
    """Nanoseconds, ascending, KEPT + 1 at most, int64."""
    seen: int
    """Runs in all."""
    latest: int
    """The last event, ns; 0 before any."""


def runs_of(first: int, latest: int, began: int, count: int, gaps: NDArray[np.uint16]) -> Runs:
    """Return the runs of one row and scale; those before the last within a step of a gap's code each (.05 %).

    Args:
        first: As `observe` has it, of one row; so `latest`, `began` and `count`.
        gaps: Its ring, codes, uint16, shape (KEPT,).
    """
    if not first:
        return Runs(np.empty(0, np.int64), 0, 0)
    kept = min(count, KEPT)
    codes = gaps[(count - 1 - np.arange(kept)) % KEPT]  # the last gap first
    back = np.cumsum(np.rint(np.exp(codes / STEPS) * 1e6))
    return Runs(np.append(began - back[::-1].astype(np.int64), np.int64(began)), count + 1, latest)


def merge(mine: Runs, other: Runs) -> Runs:
    """Return the runs that two saw: the last ones of both, each once. Associative and commutative.

    Runs of both within a merging gap stay two, and of runs that both saw `seen` has two: more looks than there were
    are counted then, which makes a p larger, never smaller.
    """
    began = np.union1d(mine.began, other.began)[-(KEPT + 1) :]
    return Runs(began, mine.seen + other.seen, max(mine.latest, other.latest))


def written(runs: Runs) -> tuple[int, NDArray[np.uint16]]:
    """Return the count of gaps and the ring of codes by which `observe` goes on behind runs."""
    count, ring = max(runs.seen - 1, 0), np.zeros(KEPT, np.uint16)
    gaps = np.diff(runs.began)
    codes = np.minimum(np.rint(STEPS * np.log(np.maximum(gaps, 1_000_000) / 1e6)), np.iinfo(np.uint16).max)
    ring[(count - len(gaps) + np.arange(len(gaps))) % KEPT] = codes.astype(np.uint16)
    return count, ring


def looks(gaps: int) -> int:
    """Return how many looks the gate has taken by that many gaps."""
    return sum(gaps >= at for at in LOOKS) + max(0, (gaps // LOOKS[-1]).bit_length() - 1)
