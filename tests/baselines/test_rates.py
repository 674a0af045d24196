"""Rates shrunk to what is assumed, and Poisson tails."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.rates import is_own, poisson_tail, shrunk


def test_a_rate_is_the_assumed_one_until_there_is_exposure():
    """Without exposure it is what is assumed; with much of it, what was counted."""
    assert 1 / 500 == shrunk(0, 0, 1 / 500)
    assert np.isclose(0.01, shrunk(1000, 100_000, 1 / 500), rtol=0.01)
    assert (False, True) == (is_own(499, 1 / 500), is_own(500, 1 / 500))


@given(st.integers(0, 60), st.floats(0.01, 40.0))
def test_a_tail_is_the_sum_of_the_probabilities(count, mean):
    """1 less the probabilities of all smaller counts, where that can be told from 1."""
    below = sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count))
    assert poisson_tail(count, mean) == pytest.approx(1 - below, abs=1e-9)


def test_a_tail_stays_exact_where_it_is_small():
    """Three accounts at a mean of .1: 1.5e-4; and no count is no surprise."""
    assert poisson_tail(3, 0.1) == pytest.approx(1.5465e-4, rel=1e-3)
    assert poisson_tail(10, 0.1) == pytest.approx(2.5e-17, rel=0.02)
    assert (1.0, 0.0) == (poisson_tail(0, 0.1), poisson_tail(2, 0.0))
