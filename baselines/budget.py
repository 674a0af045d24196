"""The threshold that holds an alert budget: a robust on-line quantile of the largest evidence of each entity-day.

An entity's day weighs what its strongest evidence weighs, in decibans. A channel's threshold for a rate is the decibans
that this share of entity-days exceeded in the last 28 days. It is robust to a bad day: where k entity-days in n are
asked for, one day counts for at most three times its share of them, so a storm neither raises the threshold for weeks
nor hides what comes next. Below 10 expected exceedances the upper end is taken as exponential (Weissman 1978,
"Estimation of parameters and large quantiles based on the k largest observations", on decibans, which are themselves
logarithms): the largest of few observations alone is off by its own size.

Assumes that days are told apart by the caller's day numbers. Not here: what an incident is, nor bursts.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import DB_MAX

VERSION = 1
DAYS_MIN = 1_000
"""Entity-days below which there is no threshold: the method in force."""
WINDOW_DAYS = 28
"""As the calibration sketches look back."""
STEP_DB = 0.1
"""Width of a bin; a rate changes by 3 % over it, as calibrated evidence falls by e every 3 dB."""
BINS = round(DB_MAX / STEP_DB) + 1
BURST = 3.0
"""A day counts for at most this many times its share: the bursts that the method in force lets pass."""
TAIL = 10
"""Observations from which the upper end is extended where fewer are asked for; as few as give it within a third."""


class Budget:
    """Histograms of entity-days' decibans, by channel and day.

    Attributes:
        counts: Entity-days by channel, day and bin, int64, shape (channels, WINDOW_DAYS, BINS).
        day: Day number each slice holds, −1 none, int64, shape (channels, WINDOW_DAYS).
        late: Entity-days that came after their day had left the window.
    """

    def __init__(self, channels: int) -> None:
        self.counts = np.zeros((channels, WINDOW_DAYS, BINS), np.int64)
        self.day = np.full((channels, WINDOW_DAYS), -1, np.int64)
        self.late = 0

    def observe(self, channel: int, day: int, db: NDArray[np.float64]) -> None:
        """Take in entity-days that ended; a day may come in parts.

        Args:
            channel: Which.
            day: Its number, ≥ 0.
            db: Largest decibans of each entity that day, 0 (or less) where there was nothing, float64, shape (n,).
        """
        newest = int(self.day[channel].max())
        if day <= newest - WINDOW_DAYS:
            self.late += len(db)
            return
        self._forget(channel, max(day, newest))
        at = day % WINDOW_DAYS
        self.day[channel, at] = day
        clean = np.clip(np.nan_to_num(db), 0.0, DB_MAX)
        # The bin's lower edge is not above the value, however the division rounds: equal decibans share a bin.
        bins = np.floor(clean / STEP_DB + 1e-9).astype(np.int64)
        self.counts[channel, at] += np.bincount(bins, minlength=BINS)

    def days(self, channel: int) -> int:
        """Return how many entity-days a channel's window holds."""
        return int(self.counts[channel].sum())

    def threshold(self, channel: int, rate: float) -> float:
        """Return the decibans that a share `rate` of entity-days exceeds; NaN below DAYS_MIN entity-days."""
        n = self.days(channel)
        if n < DAYS_MIN:
            return math.nan
        # The k-th largest of n is exceeded by a further one with probability k / (n + 1).
        wanted = rate * (n + 1)
        held = self.counts[channel][self.day[channel] >= 0]
        if wanted >= TAIL:
            return _exceeded_by(held, wanted)
        base = _exceeded_by(held, TAIL)
        excess = sum(_exceeded_by(held, j) - base for j in range(1, TAIL)) / TAIL
        return base + excess * math.log(TAIL / max(wanted, 1e-9))

    def merge(self, other: "Budget") -> None:
        """Take in what another process observed; associative and commutative."""
        self.late += other.late
        for channel in range(len(self.counts)):
            newest = max(int(self.day[channel].max()), int(other.day[channel].max()))
            self._forget(channel, newest)
            for at, day in enumerate(other.day[channel].tolist()):
                if day > newest - WINDOW_DAYS and day >= 0:
                    self.day[channel, at] = day
                    self.counts[channel, at] += other.counts[channel, at]

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        return {"counts": self.counts.copy(), "day": self.day.copy(), "head": np.array([VERSION, self.late], np.int64)}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for another version or number of channels."""
        head = state.get("head")
        if head is None or int(head[0]) != VERSION:
            found = None if head is None else int(head[0])
            raise ValueError(f"budget state of version {found}; this program reads {VERSION}")
        if state["counts"].shape != self.counts.shape:
            raise ValueError(f"budget of shape {state['counts'].shape}, not {self.counts.shape}")
        self.counts[:], self.day[:], self.late = state["counts"], state["day"], int(head[1])

    def _forget(self, channel: int, newest: int) -> None:
        gone = (self.day[channel] >= 0) & (self.day[channel] <= newest - WINDOW_DAYS)
        self.counts[channel][gone] = 0
        self.day[channel][gone] = -1


def _exceeded_by(held: NDArray[np.int64], wanted: float) -> float:
    """Return the decibans that `wanted` of the entity-days reach, each day counting for BURST shares at most.

    Args:
        held: Entity-days by day and bin, int64, shape (days, BINS).
        wanted: How many, > 0.
    """
    of_day = held.sum(axis=1)
    most = np.maximum(BURST, BURST * wanted * of_day / of_day.sum())
    above = np.minimum(np.cumsum(held[:, ::-1], axis=1)[:, ::-1], most[:, None]).sum(axis=0)
    reached = np.nonzero(above >= wanted)[0]
    # The upper edge: what lies in the bin itself does not exceed it. A bin of nothing is no evidence to exceed.
    return (float(reached[-1]) + 1.0) * STEP_DB if len(reached) and reached[-1] > 0 else 0.0
