"""Volumes without a part of their method, for an ablation: what p would be by a device's own law, or by adding up.

A score of a bucket or an hour is in nats of the device's own law, that of a drift in deviations. These p are not held
against anybody, and by what was measured of them they do not hold; no evidence of an ablation can be verified.
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NATS_MAX, P_MIN = 690.0, 1e-300
"""No p below 1e-300."""


def own(score: Floats, *, nats: bool) -> Floats:
    """Return the p of scores by the device's own law; NaN stays. A deviation is taken to be normal, one-sided."""
    if nats:
        return np.asarray(np.exp(-np.minimum(score, NATS_MAX)), np.float64)
    tails = [0.5 * math.erfc(min(value, 37.0) / math.sqrt(2.0)) for value in score.ravel().tolist()]
    return np.where(np.isnan(score), np.nan, np.array(tails, np.float64).reshape(score.shape))


def of_day(tries: int, worst: Floats) -> Floats:
    """Return the p of a day's worst −log10 p of so many tries, were they independent; NaN stays."""
    return np.asarray(np.clip(tries * 10.0**-worst, P_MIN, 1.0), np.float64)


def added_up(p: Floats) -> Floats:
    """Return Fisher's p of each row, as if its p were independent; NaN where there is none.

    −2 Σ ln p of k of them is χ² with 2 k degrees of freedom, whose tail is exp(−x) Σ xⁱ / i! over i < k, x = −Σ ln p.
    """
    there = ~np.isnan(p)
    x = -np.log(np.maximum(np.where(there, p, 1.0), P_MIN)).sum(axis=1)
    count = there.sum(axis=1)
    term, total = np.ones(len(p)), np.zeros(len(p))
    for i in range(p.shape[1]):
        total += np.where(i < count, term, 0.0)
        term = term * x / (i + 1)
    return np.asarray(np.where(count > 0, np.minimum(1.0, np.exp(-x) * total), np.nan), np.float64)
