"""Slow drift: the level of the last week against the level of 21 days before, by a row's unrest.

Daily values are a day's level, in logarithms, in a ring of 28 days. The distance is that of two means, on the same
weekdays: of the last seven days all that have a value, as have those 21 days before, three at least, so that weekends
and holidays say nothing rather than hide the days around them. Of five and more the two go that differ most, upwards
and downwards: a holiday three weeks ago made four servers look as if they had more to do (simulated, one page each).
The unrest is the median absolute deviation of
differences between a day and the same weekday a week before, about their median, so that a steady ramp, which moves all
of these differences alike, does not hide itself. It is known from some twenty differences, so that among many rows
some seem steady by chance: it is drawn towards the median of its peers' (as Smyth 2004 moderates variances), which
weighs as much as a ring of days. A ramp of ×16 moves the distance by 2.8 whatever its steps: point tests never saw it.

Departure from the method in force, which takes three days: of 24 ramps ×16 to ×64 on a simulated seed, at one false
device-day in 1,000, 9 were found by three days and own unrest, 14 by seven days, 15 by three and the peers', 24 by
both; on another seed 20 by the former and 23 so. Not here: p.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RING = 28
RECENT, BACK, WITHIN = 3, 21, 7
"""Days of the last week that must be comparable, how far back they are compared, and the week."""
TRIMMED = 5
"""Days that can be compared from which on two are left out."""
UNREST_MIN = 0.2
"""Smallest scale of a daily difference: 20 % from day to day is nobody's exact habit."""
PEERS_DAYS = 28.0
"""Differences that the peers' median unrest weighs: a ring's."""
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


def drift(ring: Singles, day: int, peers: NDArray[np.int32]) -> Drift:
    """Compare each row's last days with those 21 days before.

    Args:
        ring: Value of day d at d % RING, NaN = none, float32, shape (n, features, RING).
        day: The last day in it.
        peers: Group of each row, int32, shape (n,).
    """
    # The days backwards: [..., k] is day − k.
    back = ring[..., (day - np.arange(RING)) % RING].astype(np.float64)
    now, then = back[..., :WITHIN], back[..., BACK : BACK + WITHIN]
    both = _without_extremes(now - then)
    count = both.sum(axis=-1)
    there, of = count >= RECENT, np.maximum(count, 1)
    before = np.where(there, np.where(both, then, 0.0).sum(axis=-1) / of, np.nan)
    distance = np.where(both, now, 0.0).sum(axis=-1) / of - before
    steps = back[..., :-7] - back[..., 7:]
    middle, found = _median(steps)
    spread, _ = _median(np.abs(steps - middle[..., None]))
    distance[found < DIFFERENCES_MIN] = np.nan
    own = np.where(np.isnan(distance), np.nan, np.maximum(UNREST_MIN, MAD * spread))
    unrest = moderated(own, found, peers) / np.sqrt(of)
    days = (both << np.arange(WITHIN)).sum(axis=-1).astype(np.int64)
    return Drift(distance, unrest, before, days)


def moderated(own: Floats, found: NDArray[np.int64], peers: NDArray[np.int32]) -> Floats:
    """Return each row's scale drawn towards the median of its peers', by how many differences it rests on.

    Args:
        own: Scales, NaN = none, float64, shape (n, features).
        found: Differences each rests on, int64, of that shape.
        peers: Group of each row, int32, shape (n,).
    """
    middle = np.full_like(own, np.nan)
    for group in np.flatnonzero(np.bincount(peers)).tolist() if len(peers) else ():
        rows = peers == group
        middle[rows] = _median(own[rows].T)[0]
    squares = (found * own**2 + PEERS_DAYS * middle**2) / (found + PEERS_DAYS)
    return np.asarray(np.sqrt(squares), np.float64)


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


def _without_extremes(steps: Floats) -> NDArray[np.bool_]:
    """Return which of seven days' differences are there, less the largest and the least of TRIMMED and more."""
    there = ~np.isnan(steps)
    many = there.sum(axis=-1) >= TRIMMED
    for order, fill in ((np.argmax, -np.inf), (np.argmin, np.inf)):
        at = order(np.where(np.isnan(steps), fill, steps), axis=-1)
        there &= ~(many[..., None] & (np.arange(steps.shape[-1]) == at[..., None]))
    return np.asarray(there, np.bool_)


def _median(values: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the median along the last axis, NaN left out, and how many values there were."""
    found = (~np.isnan(values)).sum(axis=-1)
    ordered = np.sort(values, axis=-1)  # NaN come last
    ends = [np.maximum(found - 1, 0) // 2, np.maximum(found, 1) // 2]
    low, high = (np.take_along_axis(ordered, np.minimum(end, values.shape[-1] - 1)[..., None], axis=-1) for end in ends)
    return (low[..., 0] + high[..., 0]) / 2.0, found
