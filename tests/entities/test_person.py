"""Which traffic a person causes."""

import numpy as np
import pytest

from sensor.entities.person import by_person, habit_of, point_of_peers
from sensor.entities.presence import LOGON, MARK, SHARE, Presence, Seen, mark
from tests.scenes import SECRET, START

SLOT = START // 300_000_000_000


def device(presence, row, *, alone, work, days=4, off=(), shares=()):
    """Let a device have so many addresses a slot at night and from 9 to 17; off in some hours."""
    rng, marks = np.random.default_rng(row), []
    for slot in range(days * 288):
        hour = slot // 12 % 24
        if hour in off:
            continue
        count = rng.poisson(work if 9 <= hour < 17 else alone)
        at = np.zeros(count + 1, MARK)
        at["row"], at["slot"] = row, SLOT + slot
        at["hash"][1:] = rng.integers(1, 1 << 62, count).astype(np.uint64) << np.uint64(2)
        at["flags"] = SHARE if hour in shares else 0
        marks.append(at)
    both = np.concatenate(marks)
    presence.table.cover(row + 1)
    presence._cover(row)
    presence._row_of[row] = row
    columns = presence.table.columns
    mark(both, *(columns[name] for name in ("cells", "on", "contacts", "counts", "shares", "head")))


def slots(*names, flags=0, hour=12):
    return [Seen(SLOT + 288 + hour * 12 + k, name, 0, flags, 0, 0.0, 0.0) for k, name in enumerate(names)]


@pytest.fixture(scope="module")
def presence():
    held = Presence(SECRET)
    device(held, 0, alone=2, work=12)
    device(held, 1, alone=0, work=12, off=(*range(9), *range(17, 24)))
    device(held, 2, alone=2, work=12, shares=range(24))
    device(held, 3, alone=3, work=12)
    device(held, 4, alone=3, work=12)
    return held


def test_more_than_twice_what_it_does_alone_is_a_persons(presence):
    """Two such slots, or one beyond anything: one burst may be an update."""
    habit = habit_of(presence, 0, 0.0)

    assert 8 <= habit.threshold <= 12
    assert habit.alone
    assert [] == by_person(habit, slots(3, 4, habit.threshold))
    assert [] == by_person(habit, slots(habit.threshold + 0.1, 1)) or habit.most <= habit.threshold
    assert 2 == len(by_person(habit, slots(1, habit.threshold + 1, habit.threshold + 1)))
    assert 1 == len(by_person(habit, slots(habit.most + habit.threshold, 1)))


def test_a_device_that_was_never_seen_alone_is_held_to_others(presence):
    """And in the hours in which it is usually on."""
    peers = point_of_peers(presence, [0, 2, 3, 4])
    habit = habit_of(presence, 1, peers)

    assert not habit.alone
    assert 2 * peers == habit.threshold
    assert 2 == len(by_person(habit, slots(40, 40)))
    assert [] == by_person(habit, slots(40, 40, hour=3))
    assert 0.0 == point_of_peers(presence, [0, 2])
    assert 4.0 == habit_of(presence, 1, 0.0).threshold


def test_somebody_who_logs_on_or_opens_a_share_is_a_person(presence):
    """Not where the device opens shares by itself."""
    person, alone = habit_of(presence, 0, 0.0), habit_of(presence, 2, 0.0)

    assert [1, 1] == [len(by_person(person, slots(0, flags=flag))) for flag in (LOGON, SHARE)]
    assert [1, 0] == [len(by_person(alone, slots(0, flags=flag))) for flag in (LOGON, SHARE)]


def test_of_what_is_not_known_nothing_is_said(presence):
    """A device without a row has no habit."""
    assert habit_of(presence, 99, 0.0) is None
