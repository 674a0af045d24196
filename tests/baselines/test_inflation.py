"""Inflation: shares by the definition, and who is judged more mildly."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import inflation
from tests.naive import inflation as naive


def watched(scores, point=3.0):
    share, tries = np.zeros((1, 1), np.float32), np.zeros(1, np.int32)
    for score in scores:
        inflation.watch(np.array([[score]]), np.array([[point]]), np.ones(1, np.bool_), share, tries)
    return share, tries


@settings(deadline=None)
@given(st.lists(st.floats(0, 6) | st.just(math.nan), max_size=60))
def test_the_share_equals_the_definition(scores):
    """NaN says nothing."""
    expected, n = naive.watch(scores, [3.0] * len(scores))
    share, tries = watched(scores)

    assert math.isclose(expected, share[0, 0], abs_tol=1e-5)
    assert n == tries[0]
    assert 0 == watched(scores, math.nan)[1][0]


def test_only_after_seven_days_and_only_over_three_times():
    """5 % beyond the 1 % point divide by five; 2 % do not, nor do six days."""
    often = np.where(np.arange(2_000) % 20 == 0, 9.0, 0.0)
    rarely = np.where(np.arange(2_000) % 50 == 0, 9.0, 0.0)

    assert 3.5 < inflation.inflation(*watched(often))[0, 0] < 6.5
    assert 1.0 == inflation.inflation(*watched(rarely))[0, 0]
    assert 1.0 == inflation.inflation(*watched(often[:900]))[0, 0]


def test_who_is_not_to_count_does_not():
    """A row that is left out keeps its share."""
    share, tries = watched([9.0] * 5)
    inflation.watch(np.zeros((1, 1)), np.full((1, 1), 3.0), np.zeros(1, np.bool_), share, tries)

    assert (1.0, 5) == (share[0, 0], tries[0])
