"""Whether p hold: how often they fell below alpha, over how often they should have.

Each day's share of p at or below 1e-2, 1e-3 and 1e-4 is counted by statistic; a p whose pool cannot go below alpha does
not count for it. The ratio is taken over the seven days before the present one: pools hold weekdays and weekends
together, so single days are above and below one by turns (.3 to 1.9 at 1e-2 over the days of a simulated week). With
fewer than 20 expected p a ratio outside its limits is chance. A statistic outside [.5, 2] at any of the three is
demoted until it is back inside; one day at 9 times its share is enough. Assumes that p from open incidents are left
out. Not here: what a demotion does.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 1
ALPHAS = (1e-2, 1e-3, 1e-4)
DAYS = 8
"""The present day and seven before it."""
EXPECTED_MIN = 20.0
"""Expected p below alpha: by chance alone a ratio then leaves [.5, 2] once in 100 (Poisson)."""
RATIO_MIN, RATIO_MAX = 0.5, 2.0
"""The method in force."""


class SelfCheck:
    """Counts of p by statistic and day.

    Attributes:
        tried: p that could have been at or below alpha, int64, shape (statistics, DAYS, alphas).
        below: Those that were.
        day: Day number of each slot, −1 none, int64, shape (DAYS,).
    """

    def __init__(self, statistics: int) -> None:
        self.tried = np.zeros((statistics, DAYS, len(ALPHAS)), np.int64)
        self.below = np.zeros_like(self.tried)
        self.day = np.full(DAYS, -1, np.int64)

    def note(
        self, statistic: int | slice, day: int, p: NDArray[np.float64], floor: NDArray[np.float64] | float = 0.0
    ) -> None:
        """Count p of a day.

        Args:
            statistic: Which; several that follow each other at once.
            day: Its number.
            p: float64, shape (n,), or (n, statistics); NaN is left out.
            floor: Smallest p that could have been, float64, of that shape, or one for all.
        """
        slot = day % DAYS
        if self.day[slot] > day:
            return
        if self.day[slot] != day:
            self.tried[:, slot], self.below[:, slot], self.day[slot] = 0, 0, day
        there = ~np.isnan(p)
        for k, alpha in enumerate(ALPHAS):
            can = there & (np.asarray(floor) < alpha)
            self.tried[statistic, slot, k] += can.sum(axis=0)
            self.below[statistic, slot, k] += (can & (p <= alpha)).sum(axis=0)

    def ratio(self, statistic: int, alpha: float) -> float:
        """Return observed over expected; NaN where fewer than EXPECTED_MIN were expected in all of its days."""
        k = ALPHAS.index(alpha)
        before = (self.day >= 0) & (self.day < self.day.max()) & (self.day > self.day.max() - DAYS)
        tried, below = (int(counts[statistic, before, k].sum()) for counts in (self.tried, self.below))
        return below / (tried * alpha) if tried * alpha >= EXPECTED_MIN else math.nan

    def failing(self, statistic: int) -> bool:
        """Tell whether a ratio is outside its limits."""
        ratios = [self.ratio(statistic, alpha) for alpha in ALPHAS]
        return any(ratio < RATIO_MIN or ratio > RATIO_MAX for ratio in ratios)

    def merge(self, other: "SelfCheck") -> None:
        """Take in what another process counted; associative and commutative."""
        for slot, day in enumerate(other.day.tolist()):
            if day > self.day[slot]:
                self.tried[:, slot], self.below[:, slot], self.day[slot] = 0, 0, day
            if day == self.day[slot]:
                self.tried[:, slot] += other.tried[:, slot]
                self.below[:, slot] += other.below[:, slot]

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        return {
            "version": np.array([VERSION], np.int64), "tried": self.tried.copy(), "below": self.below.copy(),
            "day": self.day.copy(),
        }  # fmt: skip

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for another version or number of statistics."""
        if "version" not in state or int(state["version"][0]) != VERSION:
            raise ValueError(f"self-check state of another version than {VERSION}")
        if state["tried"].shape != self.tried.shape:
            raise ValueError(f"self-check of shape {state['tried'].shape}, not {self.tried.shape}")
        self.tried[:], self.below[:], self.day[:] = state["tried"], state["below"], state["day"]
