"""The generalised Pareto tail of excesses, by probability-weighted moments.

Hosking and Wallis 1987, "Parameter and quantile estimation for the generalized Pareto distribution", section 2.3:
with a0 the mean of n excesses and a1 = Σ (1 − p_j) y_(j) / n, p_j = (j − .35) / n, the shape ξ (their −k) is
2 − a0 / (a0 − 2 a1) and the scale 2 a0 a1 / (a0 − 2 a1). Where the shape is cut to its limits the scale follows from
the mean: σ = a0 (1 − ξ). Not here: where a tail begins, nor how far it is believed.
"""

import numpy as np
from numpy.typing import NDArray

SHAPE_MAX = 0.9
"""Above 1 the mean that the fit rests on does not exist; the method in force."""
SHAPE_MIN = -0.4
"""Lighter tails are taken for this one: below it the fitted end of the tail lies within the sample too often."""
PLOTTING = 0.35
"""Of the plotting position p_j; Hosking and Wallis, section 2.3."""


def fit(excesses: NDArray[np.float64], shape_min: float = SHAPE_MIN) -> tuple[float, float]:
    """Return (shape, scale) of excesses; (shape_min, 0) where they say nothing.

    Args:
        excesses: ≥ 0, float64, shape (n,), in any order.
        shape_min: Smallest shape.
    """
    n = len(excesses)
    y = np.sort(excesses)
    a0 = float(y.mean()) if n else 0.0
    if a0 <= 0.0:
        return shape_min, 0.0
    a1 = float(((1.0 - (np.arange(1, n + 1) - PLOTTING) / n) * y).mean())
    gap = a0 - 2.0 * a1
    shape = 2.0 - a0 / gap if gap > 0.0 else shape_min
    cut = min(SHAPE_MAX, max(shape_min, shape))
    return cut, 2.0 * a0 * a1 / gap if cut == shape and gap > 0.0 else a0 * (1.0 - cut)
