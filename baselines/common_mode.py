"""What a whole group does at once has one cause, and is not each member's own doing.

A group is in common mode where more than a fifth of it, and at least five, are below p = .05 in one bucket, and that
many are improbable by chance (binomial, below 1e-3): the method in force. The binomial law takes members as
independent, which is what is refuted. What is subtracted is the caller's business, but for scores that have a least
(`leave_rest`).
"""

import math

import numpy as np
from numpy.typing import NDArray

P_MEMBER = 0.05
SHARE_MIN, MEMBERS_MIN = 0.2, 5
P_GROUP = 1e-3
NEGLIGIBLE = 1e-17
"""Of a sum of doubles: what follows no longer changes it."""


def binomial_tail(hits: int, size: int, p: float) -> float:
    """Return the probability of at least `hits` of `size`, each with probability `p`."""
    if hits <= 0:
        return 1.0
    if hits > size:
        return 0.0
    first = (
        math.lgamma(size + 1) - math.lgamma(hits + 1) - math.lgamma(size - hits + 1) + hits * math.log(p)
        + (size - hits) * math.log1p(-p)
    )  # fmt: skip
    # Each term is the one before times (size − k) / (k + 1) · p / (1 − p); below the mean they rise at first.
    total = term = 1.0
    for k in range(hits, size):
        term *= (size - k) / (k + 1) * p / (1.0 - p)
        total += term
        if term < total * NEGLIGIBLE and k > p * size:
            break
    return min(1.0, math.exp(min(0.0, first + math.log(total))))


def in_common(p: NDArray[np.float64], group: NDArray[np.int32], groups: int) -> list[tuple[int, int, int, float]]:
    """Return (group, members below P_MEMBER, members judged, binomial p) of each group in common mode.

    Args:
        p: float64, shape (n,); NaN = not judged.
        group: int32, shape (n,).
        groups: How many there are.
    """
    if np.count_nonzero(p < P_MEMBER) < MEMBERS_MIN:
        return []
    judged = ~np.isnan(p)
    size = np.bincount(group[judged], minlength=groups)
    hits = np.bincount(group[judged & (p < P_MEMBER)], minlength=groups)
    found = []
    for g in np.nonzero((hits >= MEMBERS_MIN) & (hits > SHARE_MIN * size))[0].tolist():
        chance = binomial_tail(int(hits[g]), int(size[g]), P_MEMBER)
        if chance < P_GROUP:
            found.append((g, int(hits[g]), int(size[g]), chance))
    return found


def leave_rest(
    score: NDArray[np.float64], p: NDArray[np.float64], group: NDArray[np.int32], groups: int, *, whole: bool
) -> list[tuple[int, int, int, float]]:
    """Leave each member of a group in common mode what it does beyond the median of those that do it; in place.

    The median is that of the members below P_MEMBER, not of the group: where half of it keeps a holiday, the group's is
    nothing.

    Args:
        score: In and out: one side's, 0 and above, float64, shape (n,); NaN = not judged.
        p: float64, shape (n,); NaN = not judged.
        group: int32, shape (n,).
        groups: How many there are.
        whole: Leave nothing.

    Returns:
        (group, members below P_MEMBER, members judged, median of their scores) of each group in common mode.
    """
    found = []
    for g, hits, size, _ in in_common(p, group, groups):
        rows = np.nonzero((group == g) & ~np.isnan(p))[0]
        median = float(np.median(score[rows[p[rows] < P_MEMBER]]))
        score[rows] = 0.0 if whole else np.maximum(0.0, score[rows] - median)
        found.append((g, hits, size, median))
    return found
