"""Slow drift: the level of the last three days against the level of 21 days before, by a row's own unrest.

Daily values are a day's level, in logarithms, in a ring of 28 days. The distance is that of two means of three days, on
the same weekdays: of the last seven days the three latest that have a value, as have those 21 days before, so that
weekends and holidays say nothing rather than hide the days around them. The unrest is the median absolute deviation of
differences between a day and the same weekday a week before, about their median, so that a steady ramp, which moves all
of these differences alike, does not hide itself. A ramp of ×16 moves the distance by 2.8 whatever its steps: point
tests never saw it (METHOD in force). Not here: p.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RING = 28
RECENT, BACK, WITHIN = 3, 21, 7
UNREST_MIN = 0.2
"""Smallest scale of a daily difference: 20 % from day to day is nobody's exact habit."""
MAD = 1.4826
"""Makes the median absolute deviation a standard deviation under the normal law."""
DIFFERENCES_MIN = 7
"""Weekly differences without which there is no unrest to compare with."""

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


class Drift(NamedTuple):
    """How far each row's last days are from those three weeks before; columns of shape (n, features)."""

    distance: Floats
    """NaN where fewer than three days can be compared, or too many of those between are missing."""
    unrest: Floats
    """Its scale."""
    before: Floats
    """The earlier level."""
    days: NDArray[np.int64]
    """Which of the last seven days it is of: bit k is the day k before the last."""


def drift(ring: Singles, day: int) -> Drift:
    """Compare each row's last days with those 21 days before.

    Args:
        ring: Value of day d at d % RING, NaN = none, float32, shape (n, features, RING).
        day: The last day in it.
    """
    # The days backwards: [..., k] is day − k.
    back = ring[..., (day - np.arange(RING)) % RING].astype(np.float64)
    now, then = back[..., :WITHIN], back[..., BACK : BACK + WITHIN]
    both = ~np.isnan(now - then)
    taken = both & (np.cumsum(both, axis=-1) <= RECENT)
    with_three = taken.sum(axis=-1) == RECENT
    before = np.where(with_three, np.where(taken, then, 0.0).sum(axis=-1) / RECENT, np.nan)
    distance = np.where(taken, now, 0.0).sum(axis=-1) / RECENT - before
    steps = back[..., :-7] - back[..., 7:]
    middle, found = _median(steps)
    spread, _ = _median(np.abs(steps - middle[..., None]))
    distance[found < DIFFERENCES_MIN] = np.nan
    unrest = np.maximum(UNREST_MIN, MAD * spread) / np.sqrt(RECENT)
    days = (taken << np.arange(WITHIN)).sum(axis=-1).astype(np.int64)
    return Drift(distance, np.where(np.isnan(distance), np.nan, unrest), before, days)


def merge(mine: Singles, day: int, other: Singles, other_day: int) -> tuple[Singles, int]:
    """Return the days of the same rows that two saw, as if one had, and the last of them.

    A day that both saw is that of who saw more of it. Associative, commutative, and twice the same is once.

    Args:
        mine: As `drift` has it, float32, shape (n, features, RING).
        day: The last day in it; `other` and `other_day` likewise.
    """
    last = max(day, other_day)
    found = np.fmax(_since(mine, day, last), _since(other, other_day, last))
    return found.astype(np.float32), last


def _since(ring: Singles, day: int, last: int) -> Singles:
    """Return a ring without the days that are RING or more before another last day."""
    back = (day - np.arange(RING)) % RING  # slot of the day k before its last
    gone = back[np.arange(RING) + last - day >= RING]
    kept = ring.copy()
    kept[..., gone] = np.nan
    return kept


def _median(values: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the median along the last axis, NaN left out, and how many values there were."""
    found = (~np.isnan(values)).sum(axis=-1)
    ordered = np.sort(values, axis=-1)  # NaN come last
    ends = [np.maximum(found - 1, 0) // 2, np.maximum(found, 1) // 2]
    low, high = (np.take_along_axis(ordered, np.minimum(end, values.shape[-1] - 1)[..., None], axis=-1) for end in ends)
    return (low[..., 0] + high[..., 0]) / 2.0, found
