"""Slow drift: the level of the last three days against the level of 21 days before, by a row's own unrest.

Daily values are a day's level, in logarithms, in a ring of 28 days. The distance is that of two means of three days, on
the same weekdays; the unrest is the median absolute deviation of differences between a day and the same weekday a week
before, about their median, so that a steady ramp, which moves all of these differences alike, does not hide itself.
A ramp of ×16 moves the distance by 2.8 whatever its steps: point tests never saw it (METHOD in force). Not here: p.
"""

import numpy as np
from numpy.typing import NDArray

RING = 28
RECENT, BACK = 3, 21
UNREST_MIN = 0.2
"""Smallest scale of a daily difference: 20 % from day to day is nobody's exact habit."""
MAD = 1.4826
"""Makes the median absolute deviation a standard deviation under the normal law."""
DIFFERENCES_MIN = 7
"""Weekly differences without which there is no unrest to compare with."""

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


def drift(ring: Singles, day: int) -> tuple[Floats, Floats, Floats]:
    """Compare each row's last days with those 21 days before.

    Args:
        ring: Value of day d at d % RING, NaN = none, float32, shape (n, features, RING).
        day: The last day in it.

    Returns:
        Distance, its scale, and the earlier level, each float64, shape (n, features); NaN where any of the six days is
        missing, or too many of those between.
    """
    # The days backwards: [..., k] is day − k.
    back = ring[..., (day - np.arange(RING)) % RING].astype(np.float64)
    before = back[..., BACK : BACK + RECENT].mean(axis=-1)
    distance = back[..., :RECENT].mean(axis=-1) - before
    steps = back[..., :-7] - back[..., 7:]
    middle, found = _median(steps)
    spread, _ = _median(np.abs(steps - middle[..., None]))
    distance[found < DIFFERENCES_MIN] = np.nan
    unrest = np.maximum(UNREST_MIN, MAD * spread) / np.sqrt(RECENT)
    return distance, np.where(np.isnan(distance), np.nan, unrest), before


def _median(values: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the median along the last axis, NaN left out, and how many values there were."""
    found = (~np.isnan(values)).sum(axis=-1)
    ordered = np.sort(values, axis=-1)  # NaN come last
    ends = [np.maximum(found - 1, 0) // 2, np.maximum(found, 1) // 2]
    low, high = (np.take_along_axis(ordered, np.minimum(end, values.shape[-1] - 1)[..., None], axis=-1) for end in ends)
    return (low[..., 0] + high[..., 0]) / 2.0, found
