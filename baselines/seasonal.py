"""Level, season and scale of a count a bucket, and how surprising a new bucket is under them, on either side.

x = log1p(count + u), with u in [0, 1) from a keyed hash of (row, feature, bucket), so that ties are broken the same way
at every replay. The centre is level + season: a level that forgets half in three days, and one of 48 seasons (hour of
day × weekday or weekend) that forgets half in 28. Updates are winsorised at 3 scales, mean and variance follow Finch
2009, "Incremental calculation of weighted mean and variance", section 9. The first features are *hurdles* (bytes):
whether there is any at all, season by season, times how much given any; on real hosts log1p of zero-inflated bytes put
the 99 % point at 45 scales.

What a row has not learned yet its peers say (`Prior`): season and scale are shrunk with 200/(200 + n buckets), the
method in force; the level with K/(K + n), K = 200 · within / (within + between variance): shrunk with 200 alone, a
server among laptops stays three scales off its own level for two weeks. The score of a side is −ln of that side's
probability under this model. It is a score, not a p: those come from the pool of the peers' scores
(`baselines.calibration`).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows
from baselines.keyed import Ints, mix

SEASONS = 48
BUCKETS_A_DAY = 144
BUCKET_S = 86_400 // BUCKETS_A_DAY
"""10 minutes each."""
HALF_LIFE = 3 * BUCKETS_A_DAY
"""Of the level, in buckets."""
SEASON_HALF_LIFE = 120
"""Visits of a season: 28 days have 20 weekdays of 6 buckets each at that hour."""
SEASON_PRIOR = 12.0
"""Visits that the peers' season counts for: two days of that hour."""
PRIOR = 200.0
"""Buckets that the peers count for: the method in force."""
WINSOR = 3.0
"""Scales; an update reaches no further."""
SCALE_MIN = 0.198
"""The standard deviation that u alone gives log1p(u): √(2 ln²2 − 4 ln 2 + 2 − (2 ln 2 − 1)²)."""
NATS_MAX = 1e4
"""No score is infinite; the last bin of the pools begins below it."""

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Flags = NDArray[np.bool_]
BOOL, I32, I64 = rows(np.bool_), rows(np.int32), rows(np.int64)
F64, F64_2D = rows(np.float64), rows(np.float64, 2)
F32_2D, F32_3D, U16_2D, I32_2D = rows(np.float32, 2), rows(np.float32, 3), rows(np.uint16, 2), rows(np.int32, 2)


class Prior(NamedTuple):
    """What peers are like, by group: float32 columns, shapes (groups, features …); n is how many rows it rests on."""

    n: Ints
    level: Singles
    within: Singles
    """Mean variance of a row about its own centre."""
    between: Singles
    """Variance of the rows' levels."""
    season: Singles
    active: Singles


def season_of(bucket: int, offset_s: int = 0) -> int:
    """Return the season of a bucket since 1970: the hour of the day, + 24 on Saturday and Sunday.

    Args:
        bucket: Ordinal of ten minutes of UTC.
        offset_s: How far the local clock is ahead of UTC then, s; parts of ten minutes are left out.
    """
    day, part = divmod(bucket + offset_s // BUCKET_S, BUCKETS_A_DAY)
    # 1970-01-01 was a Thursday.
    return part // 6 + (24 if (day + 3) % 7 >= 5 else 0)


@kernel()
def jitter(row: int, feature: int, bucket: int, secret: np.uint64) -> float:
    """Return u in [0, 1) of a cell, from 53 bits of the keyed hash."""
    h = mix(np.uint64(row), np.uint64(feature), np.uint64(bucket), secret)
    return np.float64(h >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel()
def nats(z: float) -> float:
    """Return −ln of the normal upper tail at z; beyond 8 by the first terms of its asymptotic series."""
    if z < 8.0:
        return -math.log(0.5 * math.erfc(z / math.sqrt(2.0)))
    return z * z / 2.0 + math.log(z * math.sqrt(2.0 * math.pi)) - math.log1p(-1.0 / (z * z) + 3.0 / (z * z * z * z))


@kernel(F64, F64)
def tails(z: Floats, found: Floats) -> None:
    """Return −ln of the normal upper tail of many z; NaN stays NaN.

    Args:
        z: float64, shape (n,).
        found: Out, float64, shape (n,).
    """
    for i in range(len(z)):
        found[i] = np.nan if np.isnan(z[i]) else min(NATS_MAX, nats(z[i]))


@kernel(
    F64_2D, "int64", "int64", "uint64", F64, I32,  # the bucket
    F32_2D, F32_2D, F32_3D, F32_3D, F32_2D, U16_2D, I64,  # rows
    I64, F32_2D, F32_2D, F32_2D, F32_3D, F32_3D,  # peers
    F64_2D, F64_2D, F64_2D, F64_2D, F64_2D,  # out
)  # fmt: skip
def score(
    counts: Floats, bucket: int, season_at: int, secret: np.uint64, floor: Floats, group: NDArray[np.int32],
    level: Singles, scale: Singles, season: Singles, active: Singles, usually: Singles, visits: NDArray[np.uint16],
    seen: Ints,
    peers: Ints, peer_level: Singles, within: Singles, between: Singles, peer_season: Singles, peer_active: Singles,
    high: Floats, low: Floats, z: Floats, centre: Floats, spread: Floats,
) -> None:  # fmt: skip
    """Score a closed bucket against what was known before it.

    Args:
        counts: What each row counted, float64, shape (n, features); NaN = not visible.
        bucket: Its number, for the tie-breaker; `season_at` its season; `secret` the key.
        floor: Smallest scale of a feature, float64, shape (features,).
        group: Row of `Prior`, int32, shape (n,).
        level: float32, shape (n, features); `scale` likewise; `season` (n, features, SEASONS); `active` (n, hurdles,
            SEASONS) and `usually` (n, hurdles): share of buckets with any; `visits` (n, SEASONS), uint16.
        seen: Buckets learned, int64, shape (n,).
        peers: The columns of `Prior`, and so on to `peer_active`.
        high: Out: −ln P(as much or more), float64, shape (n, features), NaN where nothing is known; `low` −ln P(as
            little or less); `z` (x − centre) / spread, NaN without any of a hurdle; `centre` and `spread` as used.
    """
    hurdles = active.shape[1]
    v = 0.0
    for i in range(counts.shape[0]):
        g, n = np.int64(group[i]), float(seen[i])
        known = peers[g] > 0
        v = float(visits[i, season_at])
        for j in range(counts.shape[1]):
            high[i, j] = low[i, j] = z[i, j] = centre[i, j] = spread[i, j] = np.nan
            if np.isnan(counts[i, j]) or (n < 2.0 and not known):
                continue
            middle, variance = float(level[i, j]), float(scale[i, j]) ** 2
            part = float(season[i, j, season_at]) * v / (v + SEASON_PRIOR)
            if known:
                inner, outer = float(within[g, j]), float(between[g, j])
                k = PRIOR * inner / max(1e-9, inner + outer)
                own = n / (n + max(k, 1.0))
                middle = own * middle + (1.0 - own) * float(peer_level[g, j])
                variance = (n * variance + PRIOR * inner) / (n + PRIOR) + (1.0 - own) ** 2 * outer
                part += float(peer_season[g, j, season_at]) * SEASON_PRIOR / (v + SEASON_PRIOR)
            any_p = 1.0
            if j < hurdles:
                base = float(usually[i, j])
                if known:
                    base = (n * base + PRIOR * float(peer_active[g, j, season_at])) / (n + PRIOR)
                any_p = (v * float(active[i, j, season_at]) + SEASON_PRIOR * base) / (v + SEASON_PRIOR)
                least = 1.0 / (min(n, 4_032.0) + 2.0)
                any_p = min(1.0 - least, max(least, any_p))
            centre[i, j], spread[i, j] = middle + part, max(math.sqrt(variance), floor[j])
            if j < hurdles and counts[i, j] <= 0.0:
                high[i, j], low[i, j] = 0.0, -math.log(1.0 - any_p)
                continue
            x = math.log1p(counts[i, j] + jitter(i, j, bucket, secret))
            z[i, j] = (x - centre[i, j]) / spread[i, j]
            high[i, j] = min(NATS_MAX, nats(z[i, j]) - math.log(any_p))
            below = nats(-z[i, j])
            if j < hurdles:
                below = -math.log(1.0 - any_p + any_p * math.exp(-min(700.0, below)))
            low[i, j] = min(NATS_MAX, below)


@kernel(
    F64_2D, "int64", "int64", "uint64", F64, BOOL,
    F32_2D, F32_2D, F32_3D, F32_3D, F32_2D, U16_2D, I64, I32_2D,
)  # fmt: skip
def learn(
    counts: Floats, bucket: int, season_at: int, secret: np.uint64, floor: Floats, take: Flags,
    level: Singles, scale: Singles, season: Singles, active: Singles, usually: Singles, visits: NDArray[np.uint16],
    seen: Ints, took: NDArray[np.int32],
) -> None:  # fmt: skip
    """Take a closed bucket in.

    Args:
        counts: As for `score`, and so on to `floor`; then its rows' columns, in and out.
        take: Rows that may learn, bool, shape (n,).
        took: Values that went into a level, int32, shape (n, features): buckets with any, for a hurdle.
    """
    hurdles = active.shape[1]
    slow = 1.0 - 0.5 ** (1.0 / HALF_LIFE)
    slow_season = 1.0 - 0.5 ** (1.0 / SEASON_HALF_LIFE)
    for i in range(counts.shape[0]):
        if not take[i]:
            continue
        v = float(visits[i, season_at])
        for j in range(counts.shape[1]):
            if np.isnan(counts[i, j]):
                continue
            if j < hurdles:
                is_any = 1.0 if counts[i, j] > 0.0 else 0.0
                there, ever = float(active[i, j, season_at]), float(usually[i, j])
                active[i, j, season_at] = there + max(slow_season, 1.0 / (v + 1.0)) * (is_any - there)
                usually[i, j] = ever + max(slow, 1.0 / (seen[i] + 1.0)) * (is_any - ever)
                if is_any == 0.0:
                    continue
            x = math.log1p(counts[i, j] + jitter(i, j, bucket, secret))
            m = took[i, j]
            took[i, j] = min(m + 1, 2_000_000_000)
            if m == 0:
                level[i, j], scale[i, j] = x, 0.0
                continue
            middle, part = float(level[i, j]), float(season[i, j, season_at])
            step = x - middle - part
            if m >= 2:
                reach = WINSOR * max(float(scale[i, j]), floor[j])
                step = min(reach, max(-reach, step))
            weight = max(slow, 1.0 / (m + 1.0))
            level[i, j] = middle + weight * step
            season[i, j, season_at] = part + max(slow_season, 1.0 / (v + SEASON_PRIOR)) * (1.0 - weight) * step
            scale[i, j] = math.sqrt((1.0 - weight) * (float(scale[i, j]) ** 2 + weight * step * step))
        visits[i, season_at] = min(65_535, visits[i, season_at] + 1)
        seen[i] += 1


def prior(
    group: NDArray[np.int32], groups: int, ready: Flags, level: Singles, scale: Singles, season: Singles,
    active: Singles,
) -> Prior:  # fmt: skip
    """Return what the rows of each group are like. O(rows · features · SEASONS).

    Args:
        group: int32, shape (n,); `groups` how many there are.
        ready: Rows that have learned enough to speak for others, bool, shape (n,).
        level: As `learn` has them; so are `scale`, `season` and `active`.
    """
    at = group[ready]
    n = np.bincount(at, minlength=groups)
    weight = np.maximum(n, 1).astype(np.float64)

    def mean(values: NDArray[np.floating]) -> Floats:
        flat = values[ready].reshape(len(at), math.prod(values.shape[1:]))
        sums = [np.bincount(at, weights=flat[:, k], minlength=groups) for k in range(flat.shape[1])]
        return (np.stack(sums, axis=1) / weight[:, None]).reshape(groups, *values.shape[1:])

    centre = mean(level)
    between = mean((level - centre[group]) ** 2)
    return Prior(
        n=n.astype(np.int64), level=centre.astype(np.float32), within=mean(scale**2).astype(np.float32),
        between=between.astype(np.float32), season=mean(season).astype(np.float32),
        active=mean(active).astype(np.float32),
    )  # fmt: skip
