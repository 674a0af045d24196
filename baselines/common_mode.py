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


def binomial_tail(hits: int, size: int, p: float) -> float:
    """Return the probability of at least `hits` of `size`, each with probability `p`; O(size − hits)."""
    if hits <= 0:
        return 1.0
    terms = [
        math.lgamma(size + 1) - math.lgamma(k + 1) - math.lgamma(size - k + 1) + k * math.log(p)
        + (size - k) * math.log1p(-p)
        for k in range(hits, size + 1)
    ]  # fmt: skip
    largest = max(terms)
    return min(1.0, math.exp(largest) * math.fsum(math.exp(term - largest) for term in terms))


def in_common(p: NDArray[np.float64], group: NDArray[np.int32], groups: int) -> list[tuple[int, int, int, float]]:
    """Return (group, members below P_MEMBER, members judged, binomial p) of each group in common mode.

    Args:
        p: float64, shape (n,); NaN = not judged.
        group: int32, shape (n,).
        groups: How many there are.
    """
    judged = ~np.isnan(p)
    size = np.bincount(group[judged], minlength=groups)
    hits = np.bincount(group[judged & (p < P_MEMBER)], minlength=groups)
    found = []
    for g in np.nonzero((hits >= MEMBERS_MIN) & (hits > SHARE_MIN * size))[0].tolist():
        chance = binomial_tail(int(hits[g]), int(size[g]), P_MEMBER)
        if chance < P_GROUP:
            found.append((g, int(hits[g]), int(size[g]), chance))
    return found
