"""The generalised Pareto fit: it finds the law it was given, and keeps to its limits."""

import numpy as np
import pytest

from baselines import pareto


@pytest.mark.parametrize(("shape", "scale"), [(0.0, 1.0), (0.3, 2.0), (0.6, 0.1), (-0.3, 5.0)])
def test_the_fit_finds_shape_and_scale(shape, scale):
    """From 50,000 excesses both come back within their error, whatever the unit."""
    u = (np.arange(50_000) + 0.5) / 50_000
    y = scale * ((1 - u) ** -shape - 1) / shape if shape else -scale * np.log1p(-u)

    found = pareto.fit(y)

    assert np.allclose((shape, scale), found, atol=0.03 * max(1, scale))


def test_shapes_are_kept_within_limits_and_the_mean_is_kept():
    """A tail without a mean gets .9, a constant the smallest shape; σ = mean · (1 − ξ)."""
    wild = 1.0 / ((np.arange(1000) + 0.5) / 1000) ** 3

    assert (pareto.SHAPE_MAX, pytest.approx(wild.mean() * 0.1)) == pareto.fit(wild)
    assert (0.0, 2.0) == pareto.fit(np.full(100, 2.0), 0.0)
    assert (pareto.SHAPE_MIN, pytest.approx(2.8)) == pareto.fit(np.full(100, 2.0))


def test_nothing_to_fit_says_so():
    """No excess, or only zeros: scale 0."""
    assert (0.0, 0.0) == pareto.fit(np.empty(0), 0.0) == pareto.fit(np.zeros(9), 0.0)
