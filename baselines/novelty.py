"""How surprising a category is: the Pitman–Yor predictive probability (Pitman and Yor 1997, section 3).

After N draws that showed K kinds, a new kind comes with P(new) = (α + d K) / (α + N) and kind j, seen n_j times, with
P(j) = (n_j − d) / (α + N). Which new kind it is, the base measure says: how common it is among the peers (Teh 2006, "A
hierarchical Bayesian language model based on Pitman–Yor processes", section 3).

A category is as surprising as all that are at most as probable are together: the p of a *seen* kind is the mid-p, the
rarer ones whole and its equals by half, so that ties neither pile up nor are favoured. A *new* kind is less probable
than any seen one, so its p is P(new) times the mass of the base that is at most as common: the hierarchy account →
tenant, device → group. Counts are of what the caller counts (active days, not rows, for accounts).
"""

import numpy as np
from numpy.typing import NDArray

ALPHA, DISCOUNT = 1.0, 0.25
"""α and d: the method in force."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def p_new(draws: Ints, kinds: Ints) -> Floats:
    """Return the probability that the next draw is of a new kind, float64, shape (n,); 1 without any draw.

    Args:
        draws: N, int64, shape (n,).
        kinds: K, int64, shape (n,).
    """
    return (ALPHA + DISCOUNT * kinds) / (ALPHA + draws)


def p_at_most(counts: Ints, value: int) -> float:
    """Return the mass of what is at most as common as a kind: of the new, the rarer ones, and half of its equals.

    Args:
        counts: How often each kind was drawn, int64, shape (kinds,).
        value: How often this kind was, 0 = never: then only P(new) is left.
    """
    draws, kinds = int(counts.sum()), int((counts > 0).sum())
    new = (ALPHA + DISCOUNT * kinds) / (ALPHA + draws)
    if value <= 0:
        return new
    rarer = float((counts[(counts > 0) & (counts < value)] - DISCOUNT).sum())
    equal = float((counts[counts == value] - DISCOUNT).sum())
    return min(1.0, new + (rarer + equal / 2.0) / (ALPHA + draws))


def p_of_sizes(sizes: Ints, value: int) -> float:
    """Return the same from how many kinds were drawn once, twice, …: for processes of many kinds.

    Args:
        sizes: sizes[n] kinds were drawn n times, int64; sizes[0] says nothing.
        value: As for `p_at_most`; what is above the last size counts as of it.
    """
    times = np.arange(len(sizes))
    draws, kinds = float((times * sizes).sum()), float(sizes[1:].sum())
    new = (ALPHA + DISCOUNT * kinds) / (ALPHA + draws)
    if value <= 0 or len(sizes) < 2:
        return new
    value = min(value, len(sizes) - 1)
    rarer = float(((times[1:value] - DISCOUNT) * sizes[1:value]).sum())
    equal = float((value - DISCOUNT) * sizes[value])
    return min(1.0, new + (rarer + equal / 2.0) / (ALPHA + draws))


def p_hierarchical(draws: Ints, kinds: Ints, mass: Floats) -> Floats:
    """Return the p of a kind new to a subject: P(new) times the mass of the peers that is at most as common.

    Args:
        draws: N of the subject, int64, shape (n,).
        kinds: K of the subject, int64, shape (n,).
        mass: Mass among the peers of what is at most as common (`p_at_most`), float64, shape (n,).
    """
    return p_new(draws, kinds) * np.clip(mass, 0.0, 1.0)
