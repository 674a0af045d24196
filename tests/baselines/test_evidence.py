"""p, e-values and decibans; Benjamini–Hochberg."""

import math

import numpy as np

from baselines import evidence


def test_the_calibrator_is_an_e_value():
    """The mean of e over uniform p is 1 (checked by integration on a fine logarithmic grid)."""
    p = np.logspace(-12, 0, 200_001)
    e = np.array([evidence.KAPPA * x ** (evidence.KAPPA - 1) for x in p])
    mean = np.sum((e[1:] + e[:-1]) / 2 * np.diff(p))

    assert math.isclose(1.0, mean, rel_tol=1e-3)


def test_decibans_rise_as_p_falls_and_are_capped():
    """P = 1 speaks against, p = 1e-5 weighs 29.8 dB, and no p weighs more than 60 dB."""
    assert [-5.2, 29.8, 60.0] == [round(evidence.decibans(p), 1) for p in (1.0, 1e-5, 1e-200)]


def test_no_data_stays_no_data():
    """NaN in, NaN out."""
    assert math.isnan(evidence.decibans(math.nan))


def test_p_of_decibans_inverts():
    """Going there and back keeps p."""
    for p in (1e-7, 1e-3, 0.2):
        assert math.isclose(p, evidence.p_of_decibans(evidence.decibans(p)), rel_tol=1e-9)


def test_bh_accepts_what_the_definition_accepts():
    """The largest k with p_(k) ≤ q k / n, and everything up to it."""
    p = np.array([0.001, 0.5, 0.04, 0.9, 0.03])

    assert [True, False, False, False, False] == evidence.accept_bh(p, 0.05).tolist()
    assert [True, False, True, False, True] == evidence.accept_bh(p, 0.1).tolist()
    assert [] == evidence.accept_bh(np.zeros(0), 0.1).tolist()
