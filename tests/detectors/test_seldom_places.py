"""Files of places where an account seldom goes, by the law's definition."""

import math

import numpy as np
import pytest

from sensor.detectors.seldom_places import ASSUMED_MEAN, P_MIN, SHAPE, is_seldom, mean_of, p_of


@pytest.mark.parametrize(
    ("there", "days", "expected"), [(0, 4, False), (0, 5, True), (1, 5, False), (5, 30, True), (6, 30, False)]
)
def test_a_place_is_seldom_below_one_day_in_five(there, days, expected):
    """Nothing is, in an account's first days."""
    assert expected is is_seldom(there, days)


def test_the_tail_is_a_poissons_whose_rate_is_gamma_distributed():
    """By simulation; never below the floor, and one where nothing was opened."""
    rng = np.random.default_rng(0)
    drawn = rng.poisson(rng.gamma(SHAPE, 1.3 / SHAPE, 400_000))

    assert all(math.isclose((drawn >= k).mean(), p_of(k, 1.3), rel_tol=0.05) for k in range(1, 7))
    assert [1.0, P_MIN, P_MIN] == [p_of(0, 1.0), p_of(40, 0.5), p_of(10**9, 0.5)]


def test_the_mean_is_the_tenants_until_the_account_has_days():
    """And assumed until the tenant has."""
    assert ASSUMED_MEAN == mean_of(0, 0, 0, 0)
    assert mean_of(0, 0, 300, 100) == pytest.approx(1.75)
    assert mean_of(90, 90, 300, 100) == pytest.approx(1.075)
