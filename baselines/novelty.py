"""How surprising a new category is: the Pitman–Yor predictive probability (Pitman and Yor 1997, section 3).

P(new) = (α + d K) / (α + N) after N draws that showed K kinds. Not here: the base measure from the peers' popularity,
which the caller multiplies in.
"""

import numpy as np
from numpy.typing import NDArray

ALPHA, DISCOUNT = 1.0, 0.25
"""α and d: the method in force."""


def p_new(draws: NDArray[np.int64], kinds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the probability that the next draw is of a new kind, float64, shape (n,); 1 without any draw.

    Args:
        draws: N, int64, shape (n,).
        kinds: K, int64, shape (n,).
    """
    return (ALPHA + DISCOUNT * kinds) / (ALPHA + draws)
