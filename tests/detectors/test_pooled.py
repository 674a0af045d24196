"""A p from the numbers that an evidence keeps of its pool."""

import math

import numpy as np
import pytest

from baselines.calibration import SLICE_NS, Pools
from sensor.detectors.pooled import law_numbers, p_of_law, same


@pytest.mark.parametrize("n", [50, 3_000, 30_000])
def test_a_p_follows_from_the_numbers_of_its_law(n):
    """By rank, in the tail, and beyond the end of one: as the pool gave it."""
    pools = Pools(1)
    pools.advance(0)
    pools.add(0, np.zeros(n, np.int32), np.random.default_rng(0).random(n))
    pools.advance(5 * SLICE_NS)
    law = pools.law(0, 0)
    for score in (0.0, 0.5, 0.9, 0.99, 0.9999, 1.2, 50.0):
        _, raw = pools.p(0, np.zeros(1, np.int32), np.array([score]))

        assert math.isclose(raw[0], p_of_law(law_numbers(law, score, "law"), "law", score), rel_tol=1e-9)
    assert math.isnan(p_of_law(law_numbers(law, 0.5, "law"), "law", 0.6))


def test_numbers_are_the_same_within_rounding():
    """The stored one where it is what was computed, else NaN."""
    assert 2.0 == same(2.0000001, 2.0)
    assert math.isnan(same(2.1, 2.0))
    assert math.isnan(same(math.nan, 2.0))
