"""Which of a device's traffic a person causes, told from the device's own history.

Traffic is a person's in a slot where the device contacts more than twice as many distinct outside addresses as at the
95 % point of its own six quietest hours of day (of the slots of those hours in which it was on), or where somebody logs
on at it, or where it opens a file share, unless it opens shares by itself in those hours. Half an hour is a person's
with two such slots, or one beyond anything those hours ever had: one burst may be an update.

A device that is off in its quiet hours has not shown what it does alone. It is held to the same point of its site's
other devices, never below FLOOR, and only in hours of day in which it is usually on. Nothing is said before it has been
known for HISTORY_DAYS.
"""

from typing import NamedTuple

import numpy as np

from sensor.entities.presence import BIN_TOP, LOGON, SHARE, SLOTS_HOUR, Presence, Seen

HISTORY_DAYS = 3.0
QUIET_HOURS = 6
QUANTILE = 0.95
FACTOR = 2.0
ALONE_MIN = 3 * SLOTS_HOUR
"""Slots in which it must have been on in its quiet hours before they tell what it does alone: three hours."""
FLOOR = 2.0
"""Distinct addresses in five minutes that any device of today contacts alone (time, updates, its maker)."""
PEERS_MIN = 3
USUAL_MIN = SLOTS_HOUR
"""Slots of an hour of day, an hour in all, that make it usual for a device to be on then."""
SHARES_MAX = 2
"""Slots with an opened share in the quiet hours, in all its history, beyond which it opens shares by itself."""


class Habit(NamedTuple):
    """What a device does alone."""

    threshold: float
    """More distinct addresses in a slot are a person's."""
    most: float
    """The most that its quiet hours ever had."""
    alone: bool
    """It has been on in its quiet hours, and so was seen alone."""
    shares: bool
    """A share that it opens is a person's."""
    usual: frozenset[int]
    """Hours of day in which it is usually on."""


def habit_of(presence: Presence, device: int, peers: float) -> Habit | None:
    """Return what a device does alone, None where it has no row.

    Args:
        presence: Where its slots are kept.
        device: Its number.
        peers: The 95 % point of its site's other devices, for one that is off in its quiet hours.
    """
    row = presence.row(device)
    if row < 0:
        return None
    counts = presence.table.columns["counts"][row].astype(np.float64)
    quiet = np.argsort(counts @ BIN_TOP, kind="stable")[:QUIET_HOURS]
    usual = frozenset(np.nonzero(counts.sum(axis=1) >= USUAL_MIN)[0].tolist())
    slots = counts[quiet].sum(axis=0)
    shares = int(presence.table.columns["shares"][row][quiet].sum()) <= SHARES_MAX
    if slots.sum() < ALONE_MIN:
        point = max(peers, FLOOR)
        return Habit(FACTOR * point, FACTOR * FACTOR * point, False, shares, usual)
    point = float(BIN_TOP[np.searchsorted(np.cumsum(slots), QUANTILE * slots.sum())])
    return Habit(FACTOR * point, float(BIN_TOP[np.nonzero(slots)[0][-1]]), True, shares, usual)


def point_of_peers(presence: Presence, devices: list[int]) -> float:
    """Return the 95 % point in quiet hours that nine of ten devices stay below; 0 where too few were seen alone."""
    points = []
    for device in devices:
        habit = habit_of(presence, device, 0.0)
        if habit is not None and habit.alone:
            points.append(habit.threshold / FACTOR)
    return float(np.quantile(points, 0.9)) if len(points) >= PEERS_MIN else 0.0


def by_person(habit: Habit, slots: list[Seen]) -> list[int]:
    """Return the slots of half an hour that a person's traffic fills, none where it may be the device's own.

    Args:
        habit: What the device does alone.
        slots: What was seen of it in that half hour.
    """
    sure = [one.slot for one in slots if one.flags & LOGON or (one.flags & SHARE and habit.shares)]
    if not habit.alone:
        slots = [one for one in slots if (one.slot // SLOTS_HOUR) % 24 in habit.usual]
    busy = [one for one in slots if one.names > habit.threshold]
    if len(busy) >= 2 or any(one.names > max(habit.most, habit.threshold) for one in busy):
        sure += [one.slot for one in busy]
    return sorted(set(sure))
