"""From p to evidence: the power calibrator, decibans, and Benjamini–Hochberg over a fleet.

e = κ p^(κ−1) is an e-value for every κ in (0, 1) (Vovk and Wang 2021, "E-values: calibration, combination and
applications", section 2). Evidence is only ever the maximum of dependent numbers or the sum of independent ones,
never a sum of logs of dependent p-values.
"""

import math

import numpy as np
from numpy.typing import NDArray

KAPPA = 0.3
"""Of the calibrator; the method in force."""
DB_MAX = 60.0
"""No single evidence weighs more: an analytic null is itself only believed so far."""
P_MIN = 1e-300
"""Keeps the logarithm finite; far beyond where DB_MAX cuts."""


def decibans(p: float) -> float:
    """Return 10 log10 of the e-value of `p`, at most DB_MAX; NaN stays NaN."""
    if math.isnan(p):
        return math.nan
    p = min(1.0, max(p, P_MIN))
    return min(DB_MAX, 10.0 * (math.log10(KAPPA) + (KAPPA - 1.0) * math.log10(p)))


def p_of_decibans(db: float) -> float:
    """Return the p that weighs `db`, between P_MIN and 1."""
    return float(min(1.0, max(P_MIN, 10.0 ** ((db / 10.0 - math.log10(KAPPA)) / (KAPPA - 1.0)))))


def accept_bh(p: NDArray[np.float64], q: float) -> NDArray[np.bool_]:
    """Accept discoveries at false discovery rate `q` (Benjamini and Hochberg 1995).

    Args:
        p: One p-value a hypothesis, float64, shape (n,); 1 where nothing was seen.
        q: Rate, 0 to 1.

    Returns:
        bool, shape (n,).
    """
    n = len(p)
    if n == 0:
        return np.zeros(0, np.bool_)
    ordered = np.sort(p)
    passing = np.nonzero(ordered <= q * np.arange(1, n + 1) / n)[0]
    if len(passing) == 0:
        return np.zeros(n, np.bool_)
    return np.asarray(p <= ordered[passing[-1]], np.bool_)
