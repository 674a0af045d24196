"""How much is sent to a place on its first day: the reference's points, the site's own, and the floors."""

import numpy as np
import pytest

from sensor.detectors.first_days import BINS, Pool, bin_of, p_day, p_first_day, pool_of, reference

NONE = Pool(0, 0, 40e3)


@pytest.mark.parametrize(
    ("sent", "expected"), [(0.0, 1.0), (1.0, 1.0), (14e3, 0.1), (346e3, 0.01), (9e6, 1 / 605), (69.6e3, 10**-1.5)]
)
def test_the_reference_goes_through_its_points(sent, expected):
    """And as a power of the bytes between them."""
    assert pytest.approx(expected, rel=1e-2) == reference(sent)


def test_beyond_the_largest_it_goes_on_falling():
    """A hundred times the largest is rarer, by the last slope."""
    assert 1e-4 < reference(900e6) < reference(9e6) / 10


def test_no_p_below_the_floor_of_its_pool():
    """1e-3 without a pool, 1e-4 from 2,000 on, 1 / (10 n) from 10,000 on."""
    floors = [p_first_day(1e12, Pool(n, 0, 40e3)) for n in (0, 1_999, 2_000, 20_000)]

    assert [1e-3, 1e-3, 1e-4, 5e-6] == pytest.approx(floors)


def test_a_site_that_sends_more_is_held_against_itself():
    """Its own ranks are never beaten, and its own 95 % point scales the reference."""
    counts = np.zeros(BINS, np.int64)
    np.add.at(counts, bin_of(np.full(500, 5e6)), 1)
    pool = pool_of(counts, 5e6)

    assert (500, 500) == (pool.n, pool.above)
    assert pool.q95 == pytest.approx(5e6, rel=0.2)
    assert p_first_day(5e6, pool) > 0.9
    assert p_first_day(20e6, pool_of(counts, 20e6)) > reference(20e6)


def test_the_rate_of_a_day_counts_its_chances():
    """Twenty new places are twenty draws."""
    assert pytest.approx(1 - (1 - 1e-3) ** 20) == p_day(1e12, NONE, 20)
