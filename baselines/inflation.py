"""Rows that exceed too often are judged more mildly: their scores are divided by how much too often.

A row that its own model fits badly would fill the tail of its peers' pool by itself. Its share of buckets at or beyond
the pool's 1 % point is kept, forgotten by half in seven days; where it is over three times what it should be after
seven days, its scores are divided by the ratio. The share counts scores as they were before that, so that a milder
judgement does not end itself. Not here: how a score comes about.
"""

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows

ALPHA = 0.01
TOO_OFTEN = 3.0
"""Times ALPHA; the method in force."""
HALF_LIFE = 1_008
"""Buckets of 10 minutes: 7 days; the share counts only after as many."""

Singles = NDArray[np.float32]
F64_2D, F64, F32_2D, I32, BOOL = (
    rows(np.float64, 2),
    rows(np.float64),
    rows(np.float32, 2),
    rows(np.int32),
    rows(np.bool_),
)


@kernel(F64_2D, F64_2D, BOOL, F32_2D, I32)
def watch(
    score: NDArray[np.float64], point: NDArray[np.float64], take: NDArray[np.bool_], share: Singles,
    tries: NDArray[np.int32],
) -> None:  # fmt: skip
    """Count a bucket's scores.

    Args:
        score: Not divided, float64, shape (n, statistics); NaN says nothing.
        point: The 1 % point of the pool that judges the row, float64, shape (n, statistics); NaN = no pool.
        take: Rows that count, bool, shape (n,).
        share: In and out: share at or beyond it, float32, shape (n, statistics).
        tries: In and out: buckets counted, int32, shape (n,).
    """
    slow = 1.0 - 0.5 ** (1.0 / HALF_LIFE)
    for i in range(score.shape[0]):
        if not take[i]:
            continue
        weight = max(slow, 1.0 / (tries[i] + 1.0))
        counted = False
        for k in range(score.shape[1]):
            if np.isnan(score[i, k]) or np.isnan(point[i, k]):
                continue
            counted = True
            before = float(share[i, k])
            share[i, k] = before + weight * ((1.0 if score[i, k] >= point[i, k] else 0.0) - before)
        if counted:
            tries[i] = min(tries[i] + 1, 2_000_000_000)


def inflation(share: Singles, tries: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return what to divide scores by, ≥ 1, float64, shape (n, statistics)."""
    ratio = share.astype(np.float64) / ALPHA
    return np.where((ratio > TOO_OFTEN) & (tries[:, None] >= HALF_LIFE), ratio, 1.0)
