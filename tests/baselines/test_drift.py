"""Slow drift: the definition, ramps, and rows with too little to compare."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import drift
from tests.naive import drift as naive


def compared(values, day):
    ring = np.full((1, 1, drift.RING), np.nan, np.float32)
    for d in range(max(0, day - drift.RING + 1), day + 1):
        ring[0, 0, d % drift.RING] = values[d]
    return [float(column[0, 0]) for column in drift.drift(ring, day, np.zeros(1, np.int32))[:3]]


@settings(deadline=None)
@given(st.lists(st.floats(0, 20, width=32) | st.just(math.nan), min_size=28, max_size=40))
def test_distance_and_unrest_equal_the_definition(values):
    """For whatever days are missing."""
    day = len(values) - 1
    expected = naive.drift(lambda d: values[d] if day - 27 <= d else math.nan, day)
    found = compared(values, day)

    assert np.allclose(expected[:2], found[:2], rtol=1e-4, atol=1e-5, equal_nan=True)


def test_a_steady_ramp_does_not_hide_itself():
    """×16 over 20 days, 15 % a day, is many times the unrest; unrest alone is not."""
    rng = np.random.default_rng(0)
    quiet = rng.normal(10, 0.3, 60)
    ramp = quiet + np.clip(np.arange(60) - 35, 0, 20) / 20 * math.log(16)
    distance, unrest, before = compared(ramp, 57)
    calm = compared(quiet, 57)

    assert distance / unrest > 6
    assert abs(calm[0] / calm[1]) < 3
    assert abs(before - 10) < 1


def test_days_without_a_value_are_passed_over():
    """A weekend and a holiday three weeks ago: all days that can be compared, and which they are."""
    ring = np.zeros((1, 1, drift.RING), np.float32)
    day = 40
    for k, value in {0: math.nan, 1: math.nan, 2: 3.0, 3: 6.0, 4: 9.0, 24: math.nan, 5: 12.0, 26: 3.0}.items():
        ring[0, 0, (day - k) % drift.RING] = value
    found = drift.drift(ring, day, np.zeros(1, np.int32))

    assert 1 << 2 | 1 << 4 | 1 << 5 | 1 << 6 == int(found.days[0, 0])
    assert (0.75, 5.25) == (float(found.before[0, 0]), float(found.distance[0, 0]))


def test_a_holiday_three_weeks_ago_is_left_out():
    """One day of seven that was another then moves nothing; of the rest the largest goes too."""
    values = np.full(60, 10.0)
    values[37] = 2.0
    distance, _, before = compared(values, 59)
    assert (0.0, 10.0) == (distance, before)


def test_a_row_that_seems_steady_by_chance_has_its_peers_unrest_too():
    """Twenty differences weigh 21 of 49; a group of one keeps its own, another group's does not count."""
    rng = np.random.default_rng(1)
    values = rng.normal(10, 1.0, (5, 60))
    values[0] = 10.0
    ring = np.zeros((5, 1, drift.RING), np.float32)
    for d in range(33, 60):
        ring[:, 0, d % drift.RING] = values[:, d]
    ring[:, 0, 32 % drift.RING] = np.nan
    groups = np.array([0, 0, 0, 0, 1], np.int32)
    found = drift.drift(ring, 59, groups)
    scales = [naive.scale(lambda d, k=k: float(values[k, d]) if 32 < d else math.nan, 59)[0] for k in range(5)]
    expected = [
        naive.drift(lambda d, k=k: float(values[k, d]) if 32 < d else math.nan, 59, scales[:4] if k < 4 else scales[4:])
        for k in range(5)
    ]

    assert np.allclose([one[1] for one in expected], found.unrest[:, 0], rtol=1e-4)
    assert found.unrest[0, 0] > 2 * 0.2 / math.sqrt(6)


def test_too_little_history_says_nothing():
    """Fewer than 24 days give NaN."""
    assert math.isnan(compared(np.ones(40), 22)[0])
    assert 0.0 == compared(np.ones(40), 23)[0]


def ring_of(values, day):
    """Return a ring of one row and feature with the values of days, by day."""
    ring = np.full((1, 1, drift.RING), np.nan, np.float32)
    for d, value in values.items():
        if day - drift.RING < d <= day:
            ring[0, 0, d % drift.RING] = value
    return ring, day


SEEN = st.dictionaries(st.integers(0, 60), st.floats(0, 20, width=32), min_size=1, max_size=40)


@settings(deadline=None)
@given(SEEN, SEEN, SEEN)
def test_merging_is_associative_and_commutative(one, two, three):
    """And twice the same is once: to the byte."""
    a, b, c = (ring_of(seen, max(seen)) for seen in (one, two, three))

    def merged(x, y):
        return drift.merge(*x, *y)

    for left, right in ((merged(merged(a, b), c), merged(a, merged(b, c))), (merged(a, b), merged(b, a)),
                        (merged(a, a), a)):  # fmt: skip
        assert (left[0].tobytes(), left[1]) == (right[0].tobytes(), right[1])


@settings(deadline=None)
@given(SEEN, st.sets(st.integers(0, 60)))
def test_days_that_two_saw_are_those_that_one_would_have_seen(seen, mine):
    """Each day by either of them."""
    parts = [{d: v for d, v in seen.items() if (d in mine) == which} for which in (True, False)]
    day = max(seen)
    expected, _ = ring_of(seen, day)
    found, last = drift.merge(*(one for part in parts for one in ring_of(part, max(part, default=day))))

    assert (expected.tobytes(), day) == (found.tobytes(), last)
