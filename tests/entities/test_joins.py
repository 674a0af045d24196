"""Rows that are one device."""

import numpy as np
import pytest

from sensor.entities import joins as module
from sensor.entities.joins import BOTH_NS, Joins

FIRST = np.array([30, 10, 20, 10, 50], np.int64)


@pytest.fixture
def kept():
    """Five rows, each by itself."""
    return np.arange(5, dtype=np.int32)


def rows(*numbers):
    return np.array(numbers, np.int32)


def test_the_row_known_longest_stands_for_the_device(kept):
    """Whatever the order of joining, also of groups; a tie goes to the lower row."""
    joins = Joins()

    assert 2 == joins.join(kept, FIRST, 0, 2, "agent")
    assert 1 == joins.join(kept, FIRST, 3, 1, "agent")
    assert 1 == joins.join(kept, FIRST, 0, 3, "agent")
    assert ([1, 1, 1, 1, 4], [0, 1, 2, 3]) == (kept.tolist(), sorted(joins.members(1)))
    assert [(0, 1), (3, 1), (2, 1)] == joins.drain(kept)
    assert [] == joins.drain(kept)


def test_a_part_stands_for_itself_again(kept):
    """The others stay; the row that stands for all cannot be taken out."""
    joins = Joins()
    for row in (0, 2):
        joins.join(kept, FIRST, 1, row, "hostname")

    assert (True, False) == (joins.part(kept, 0), joins.part(kept, 1))
    assert ([0, 1, 1, 3, 4], {2: "hostname"}) == (kept.tolist(), joins.reasons)
    assert [(2, 1)] == joins.drain(kept)
    joins.part(kept, 2)
    assert not joins.any


def test_both_sides_in_use_at_once_undo_a_watched_join(kept):
    """Turns within 5 minutes each; slow ones are a laptop that moves about; joins of an agent are not watched."""
    for gap, watch, wanted in ((BOTH_NS, True, [0]), (BOTH_NS + 1, True, []), (1, False, [])):
        kept[:] = np.arange(5)
        joins = Joins()
        joins.join(kept, FIRST, 0, 1, "hostname", watch=watch)
        parted = []
        for turn in range(module.TURNS_MAX + 1):
            parted += joins.watch(kept, rows(turn % 2), np.array([turn * gap]))

        assert wanted == parted


def test_many_flows_of_one_side_are_no_turns(kept):
    """Within a tick only changes of side count, in order of time whatever the order of rows."""
    joins = Joins()
    joins.join(kept, FIRST, 0, 1, "hostname", watch=True)

    assert [] == joins.watch(kept, rows(0, 1, 0, 1, 0, 1, 4), np.array([1, 5, 2, 6, 3, 7, 1]))
    assert [0] == joins.watch(kept, rows(0, 1, 0, 1), np.array([11, 12, 13, 14]))


def test_save_and_load_is_identity(kept):
    """Members, reasons and turns so far go on."""
    joins, other = Joins(), Joins()
    joins.join(kept, FIRST, 0, 1, "hostname", watch=True)
    joins.watch(kept, rows(0, 1, 0, 1), np.array([1, 2, 3, 4]))

    other.load(joins.save())

    assert [0] == other.watch(kept, rows(0), np.array([5]))
    assert ({0: "hostname"}, [1, 0], True, False) == (other.reasons, other.members(1), other.has_room, other.is_full)
