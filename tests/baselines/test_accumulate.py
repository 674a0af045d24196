"""Cumulative sums: the definition, and what they find that single periods do not."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import accumulate
from tests.naive import accumulate as naive


def summed(xs):
    total = np.zeros(1, np.float32)
    for x in xs:
        accumulate.accumulate(np.array([x]), total)
    return float(total[0])


@settings(deadline=None)
@given(st.lists(st.floats(0, 50) | st.just(math.nan), max_size=40))
def test_the_sum_is_that_of_the_best_run_that_ends_now(xs):
    """Periods without a p leave it as it is."""
    expected = naive.accumulate(xs, accumulate.REFERENCE, accumulate.X_MAX)

    assert math.isclose(expected, summed(xs), rel_tol=1e-4, abs_tol=1e-4)


def test_sums_of_p_that_hold_stay_low():
    """Of 20,000 days of independent p fewer than one in 30 reaches 8, and one in 1,000 reaches 14."""
    rng = np.random.default_rng(0)
    total, largest = np.zeros(20_000, np.float32), np.zeros(20_000)
    for _ in range(24):
        accumulate.accumulate(rng.exponential(size=20_000), total)
        largest = np.maximum(largest, total)

    assert [True, True] == [(largest > 8).mean() < 1 / 30, (largest > 14).mean() < 1e-3]


def test_twelve_hours_of_a_little_add_up():
    """p = .01 twelve times in a row: a sum that one period cannot have."""
    assert summed([-math.log(0.01)] * 12) > accumulate.X_MAX
