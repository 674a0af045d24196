"""How much an incident weighs, which tier it is in, and what may open one.

Network families are dependent views of the same packets, so only the strongest counts; independent sources add. Below
1,000 device-days of history, evidence opens an incident where its rate a device-day (its p) times the site's devices
stays within the ceiling of N incidents a day per 1,000 devices, never under one a day for a site.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import accept_bh
from sensor.model.evidence import Evidence
from sensor.model.times import DAY_NS

PAGE_P = 1e-4
PAGE_Q = 0.1
PAGE_HISTORY_NS = 7 * DAY_NS
"""History a site needs before it pages."""


def score_db(evidence: Iterable[Evidence]) -> float:
    """Return the decibans of evidence: the largest within each source, summed over sources."""
    strongest: dict[str, float] = {}
    for one in evidence:
        strongest[one.source] = max(strongest.get(one.source, one.db), one.db)
    return sum(strongest.values())


def ceiling(devices: int, per_day_per_1000: float) -> float:
    """Return how many incidents a day a site of that size may have."""
    return max(1.0, per_day_per_1000 * devices / 1000.0)


def may_open(p: float, devices: int, per_day_per_1000: float) -> bool:
    """Tell whether evidence of this rate a device-day may open an incident at a site of that size."""
    return p * max(1, devices) <= ceiling(devices, per_day_per_1000)


def pages(worst: NDArray[np.float64], history_ns: int) -> NDArray[np.bool_]:
    """Tell whose worst p so far today pages.

    Args:
        worst: Worst p of each entity-day of the fleet, 1 where nothing was seen, float64, shape (n,).
        history_ns: How long the site has been learned, ns.

    Returns:
        bool, shape (n,): p ≤ 1e-4 and accepted by Benjamini–Hochberg at q = .1 over the fleet, never in the first week.
    """
    if history_ns < PAGE_HISTORY_NS:
        return np.zeros(len(worst), np.bool_)
    return np.asarray((worst <= PAGE_P) & accept_bh(worst, PAGE_Q), np.bool_)
