"""A score's p from the scores of all peers: the pooled sketch, thin form.

A per-device model gives only a score; the pool turns it into a p. Here the pool is a histogram of 512 logarithmic
bins a statistic and p is the share of pooled scores in or above the score's bin, never below 1/(10 n), 1e-3 until
n = 2,000 and 1e-4 until 10,000. Not here yet: the generalised-Pareto tail, the 24 h lag and the 28-day window.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 512
_LOW, _HIGH = -3.0, 6.0
"""log10 of the scores the bins span; what is outside falls into the first or last bin."""


def bin_of(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of each score (≥ 0), int64, shape (n,)."""
    logs = np.log10(np.maximum(scores, 10.0**_LOW))
    return np.asarray(np.clip((logs - _LOW) / (_HIGH - _LOW) * BINS, 0, BINS - 1), np.int64)


def p_floor(n: int) -> float:
    """Return the smallest p that a pool of n observations may give."""
    if n <= 0:
        return 1.0
    floor = 1e-3 if n < 2_000 else 1e-4 if n < 10_000 else 0.0
    return min(1.0, max(floor, 1.0 / (10.0 * n)))


class Pool:
    """Pooled scores of several statistics.

    Attributes:
        counts: int64, shape (statistics, BINS).
    """

    def __init__(self, statistics: int) -> None:
        self.counts = np.zeros((statistics, BINS), np.int64)

    def size(self, statistic: int) -> int:
        """Return how many scores a statistic has seen."""
        return int(self.counts[statistic].sum())

    def p(self, statistic: int, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the p of scores; NaN stays NaN, and an empty pool gives NaN: there is nothing to compare with.

        Args:
            statistic: Which.
            scores: float64, shape (n,), ≥ 0, high = strange.
        """
        n = self.size(statistic)
        if n == 0:
            return np.full(len(scores), np.nan)
        above = np.cumsum(self.counts[statistic][::-1])[::-1]
        clean = np.where(np.isnan(scores), 0.0, scores)
        p = np.maximum((above[bin_of(clean)] + 1) / (n + 1), p_floor(n))
        return np.where(np.isnan(scores), np.nan, p)

    def add(self, statistic: int, scores: NDArray[np.float64]) -> None:
        """Take scores in; NaN is left out."""
        clean = scores[~np.isnan(scores)]
        self.counts[statistic] += np.bincount(bin_of(clean), minlength=BINS)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the counts."""
        return {"counts": self.counts.copy()}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError where the number of statistics or bins differs."""
        if state["counts"].shape != self.counts.shape:
            raise ValueError(f"pool of shape {state['counts'].shape}, not {self.counts.shape}")
        self.counts[:] = state["counts"]
