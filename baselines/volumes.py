"""Level and scale of a count a bucket, exponentially forgotten, and the score of a new bucket against them.

x = log1p(count + u), with u in [0, 1) from a keyed hash of (row, feature, bucket), so that ties are broken the same
way at every replay. z = (x − level) / scale. The step is winsorised at 3 scales, and a flagged row does not learn.
Mean and variance follow Finch 2009, "Incremental calculation of weighted mean and variance", section 9, with the
weight never below that of the plain mean while there is little history.

No season and no CUSUM here yet: a weekly habit looks unusual to this model until both are added.
"""

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows
from baselines.keyed import Ints, mix

BUCKET_NS = 600 * 1_000_000_000
"""10 minutes: the bucket of the *now* channel."""
HALF_LIFE = 432
"""Buckets: 3 days of 10 minutes."""
WINSOR = 3.0
"""Scales; an update reaches no further."""
SCALE_MIN = 0.198
"""The standard deviation that u alone gives log1p(u): √(2 ln²2 − 4 ln 2 + 2 − (2 ln 2 − 1)²)."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
BOOL = rows(np.bool_)
F64_2D = rows(np.float64, 2)
F64 = rows(np.float64)
I64 = rows(np.int64)


@kernel()
def jitter(row: int, feature: int, bucket: int, secret: np.uint64) -> float:
    """Return u in [0, 1) of a cell, from 53 bits of the keyed hash."""
    h = mix(np.uint64(row), np.uint64(feature), np.uint64(bucket), secret)
    return np.float64(h >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel(F64_2D, "int64", "uint64", F64_2D, F64_2D, F64, I64, F64_2D)
def score(
    counts: Floats,
    bucket: int,
    secret: np.uint64,
    level: Floats,
    scale: Floats,
    floor: Floats,
    seen: Ints,
    z: Floats,
) -> None:
    """Score a closed bucket against what was known before it.

    Args:
        counts: What each row counted, float64, shape (n, features); NaN = not visible.
        bucket: Number of the bucket, for the tie-breaker.
        secret: Key of the tie-breaker.
        level: float64, shape (n, features); `scale` likewise.
        floor: Smallest scale of a feature, float64, shape (features,).
        seen: Buckets learned, int64, shape (n,).
        z: Out, float64, shape (n, features); NaN where a row has learned fewer than 2 buckets.
    """
    for i in range(counts.shape[0]):
        for j in range(counts.shape[1]):
            if seen[i] < 2 or np.isnan(counts[i, j]):
                z[i, j] = np.nan
                continue
            x = np.log1p(counts[i, j] + jitter(i, j, bucket, secret))
            z[i, j] = (x - level[i, j]) / max(scale[i, j], floor[j])


@kernel(F64_2D, "int64", "uint64", BOOL, F64_2D, F64_2D, F64, I64)
def learn(
    counts: Floats,
    bucket: int,
    secret: np.uint64,
    take: Flags,
    level: Floats,
    scale: Floats,
    floor: Floats,
    seen: Ints,
) -> None:
    """Take a closed bucket in.

    Args:
        counts: As for `score`; so are `bucket`, `secret`, `floor`.
        take: Rows that may learn, bool, shape (n,).
        level: In and out, float64, shape (n, features); `scale` likewise (a standard deviation).
        seen: In and out, int64, shape (n,).
    """
    slow = 1.0 - 0.5 ** (1.0 / HALF_LIFE)
    for i in range(counts.shape[0]):
        if not take[i]:
            continue
        weight = max(slow, 1.0 / (seen[i] + 1.0))
        for j in range(counts.shape[1]):
            if np.isnan(counts[i, j]):
                continue
            x = np.log1p(counts[i, j] + jitter(i, j, bucket, secret))
            if seen[i] == 0:
                level[i, j], scale[i, j] = x, 0.0
                continue
            step = x - level[i, j]
            reach = WINSOR * max(scale[i, j], floor[j])
            if seen[i] >= 2:
                step = min(reach, max(-reach, step))
            level[i, j] += weight * step
            scale[i, j] = np.sqrt((1.0 - weight) * (scale[i, j] * scale[i, j] + weight * step * step))
        seen[i] += 1
