"""What a whole group does at once has one cause, and is not each member's own doing.

A group is in common mode where more than a fifth of it, and at least five, are below p = .05 in one bucket, and that
many are improbable by chance (binomial, below 1e-3): the method in force. The binomial law takes members as
independent, which is what is refuted. Not here: what is subtracted.
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
