"""Pitman–Yor probability of something new."""

import numpy as np

from baselines import novelty


def test_p_new_follows_the_formula():
    """(1 + K/4) / (1 + N): certain at first, rare for a subject of few habits."""
    p = novelty.p_new(np.array([0, 999, 999]), np.array([0, 4, 900]))

    assert [1.0, 0.002, 0.226] == p.tolist()
