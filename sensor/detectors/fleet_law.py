"""The law of a statistic's scores in the fleet, for a site that has too few of its own. No detector.

It is other sites' experience, and no reference: no p from it is below 1e-3, and whoever uses it says so.
"""

import functools

import numpy as np

from baselines.calibration import BINS, RANKED_MIN, TOP, Law, law_of
from sensor.model.fleet_part import FleetPool
from sensor.model.tick import Names


def fleet_law(names: Names, statistic: str) -> tuple[Law, int] | None:
    """Return the fleet's law and of how many sites it is; None where the hub gave none, or of too few scores."""
    pool = names.fleet_pool(statistic)
    if pool is None:
        return None
    law = _law(pool)
    return (law, pool.sites) if law.n >= RANKED_MIN else None


@functools.lru_cache(maxsize=16)
def _law(pool: FleetPool) -> Law:
    counts = np.zeros((1, BINS), np.int32)
    told = np.frombuffer(pool.counts, "<u4")
    counts[0, np.frombuffer(pool.bins, "<u2")] = np.minimum(told, np.iinfo(np.int32).max // BINS)
    top, largest = np.full((1, TOP), -1.0), np.frombuffer(pool.top, "<f8")
    top[0, TOP - len(largest) :] = largest
    return law_of(counts, top, demoted=True)
