"""Clocks of logs that are off."""

import numpy as np
import pytest

from sensor.entities.clocks import FORGET, REACH_NS, Clock
from sensor.model.times import MINUTE_NS, SECOND_NS


@pytest.mark.parametrize(("error_min", "expected"), [(0, 0), (3, 3), (-6, -6), (0.5, 0)])
def test_an_error_is_found_among_contacts_by_chance(error_min, expected):
    """A third of the offsets has nothing to do with the sign-in; half a minute is no error."""
    clock, rng = Clock(), np.random.default_rng(0)
    for k in range(60):
        near = int(error_min * MINUTE_NS) + int(rng.integers(-30, 30)) * SECOND_NS
        clock.add(near if k % 3 else int(rng.integers(-REACH_NS, REACH_NS)))

    assert abs(clock.offset() - expected * MINUTE_NS) < 45 * SECOND_NS
    assert (clock.offset() == 0) == (expected == 0)


def test_offsets_anywhere_are_no_error():
    """Nor are few of them, nor those out of reach."""
    for seed in range(20):
        clock, rng = Clock(), np.random.default_rng(seed)
        for _ in range(100):
            clock.add(int(rng.integers(-REACH_NS, REACH_NS)))
        assert 0 == clock.offset()
    few = Clock()
    for _ in range(11):
        few.add(3 * MINUTE_NS)
    few.add(2 * REACH_NS)
    assert 0 == few.offset()


def test_what_is_old_weighs_less():
    """A clock that is set right is found so."""
    clock = Clock()
    for _ in range(FORGET):
        clock.add(4 * MINUTE_NS)
    for _ in range(2 * FORGET):
        clock.add(0)

    assert 0 == clock.offset()
    assert sum(clock.counts) < FORGET
