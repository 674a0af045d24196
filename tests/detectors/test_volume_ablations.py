"""What p would be without pools, and by adding up."""

import numpy as np
import pytest

from sensor.detectors.volume_ablations import added_up, of_day, own


def test_a_score_in_nats_is_its_own_p():
    """NaN stays."""
    assert [np.exp(-2.0), 1.0] == own(np.array([[2.0, 0.0]]), nats=True)[0].tolist()
    assert np.isnan(own(np.array([[np.nan]]), nats=True)).all()


def test_a_deviation_is_taken_to_be_normal():
    """2.326 deviations are one in a hundred."""
    assert own(np.array([[2.3263478740408408]]), nats=False)[0, 0] == pytest.approx(0.01)


def test_a_days_tries_multiply():
    """At most to 1."""
    assert of_day(144, np.array([0.5, 4.0])).tolist() == pytest.approx([1.0, 144e-4])


def test_one_p_adds_up_to_itself_and_two_halves_to_fishers():
    """For two, p = q (1 − ln q) of their product q."""
    p = added_up(np.array([[0.3, np.nan], [0.5, 0.5], [np.nan, np.nan]]))
    assert p[:2].tolist() == pytest.approx([0.3, 0.25 * (1 - np.log(0.25))])
    assert np.isnan(p[2])


def test_independent_p_add_up_to_a_p_that_holds():
    """That they are not independent is why it is an ablation."""
    draws = np.random.default_rng(3).random((40_000, 12))
    assert (added_up(draws) <= 0.01).mean() == pytest.approx(0.01, abs=0.002)
