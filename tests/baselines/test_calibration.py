"""Pooled p-values: calibrated on the pool's own law, and never below the floor."""

import numpy as np

from baselines import calibration


def test_p_is_calibrated_on_exchangeable_scores():
    """Scores of the pool's own law fall below p = .01 about one time in a hundred."""
    rng = np.random.default_rng(0)
    pool = calibration.Pool(1)
    pool.add(0, np.abs(rng.normal(size=100_000)))

    ratio = (pool.p(0, np.abs(rng.normal(size=100_000))) < 0.01).mean() / 0.01

    assert 0.5 < ratio < 1.1


def test_no_p_below_the_floor():
    """The largest score ever seen gets the floor of its pool's size, not less."""
    for n, expected in ((100, 1 / 101), (1_500, 1e-3), (5_000, 1 / 5_001), (200_000, 1 / 200_001)):
        pool = calibration.Pool(1)
        pool.add(0, np.ones(n))

        assert expected == pool.p(0, np.array([1e9]))[0]
    assert [1e-3, 1e-4, 1e-6] == [calibration.p_floor(n) for n in (1_999, 9_999, 100_000)]


def test_an_empty_pool_and_nan_give_nan():
    """Without anything to compare with there is no p."""
    pool = calibration.Pool(2)
    pool.add(1, np.array([1.0, np.nan]))

    assert np.isnan(pool.p(0, np.array([1.0]))[0])
    assert np.isnan(pool.p(1, np.array([np.nan]))[0])
    assert 1 == pool.size(1)
    assert 1.0 == calibration.p_floor(0)


def test_save_and_load_is_identity():
    """A loaded pool gives the same p."""
    pool, other = calibration.Pool(1), calibration.Pool(1)
    pool.add(0, np.linspace(0, 5, 5000))

    other.load(pool.save())

    assert pool.p(0, np.array([4.0])).tolist() == other.p(0, np.array([4.0])).tolist()
