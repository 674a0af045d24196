"""The fleet's law at a site that has too few scores of its own."""

import numpy as np

from baselines.calibration import Pools, p_of
from sensor.detectors.fleet_law import fleet_law
from sensor.model.fleet_part import FleetPool


class Names:
    """Of an entity that knows one pool."""

    def __init__(self, pool):
        self._pool = pool

    def fleet_pool(self, statistic):
        return self._pool if statistic == "new_peer" else None


def pool_of(scores, sites=3):
    """Return scores as a site's pool has them, and the pool itself."""
    pools = Pools(1)
    pools.advance(0)
    pools.add(0, np.zeros(len(scores), np.int32), np.array(scores, np.float64))
    pools.advance(3 * 86_400 * 10**9)
    counts = pools.counts[0].sum(axis=(0, 1))
    top = np.sort(pools.top[pools.top >= 0])
    bins = np.nonzero(counts)[0]
    return pools, FleetPool(
        "new_peer", sites, bins.astype("<u2").tobytes(), counts[bins].astype("<u4").tobytes(),
        top.astype("<f8").tobytes(),
    )  # fmt: skip


def test_the_fleets_law_is_that_of_its_scores_with_a_floor():
    """The same p as of a pool that had seen them, none below 1e-3."""
    pools, pool = pool_of(np.random.default_rng(3).exponential(1.0, 5000))
    law, sites = fleet_law(Names(pool), "new_peer")

    assert (3, 5000, 1e-3) == (sites, law.n, law.floor)
    for score in (0.1, 1.0, 4.0, 6.0):
        assert np.isclose(p_of(law, score), pools.p(0, np.zeros(1, np.int32), np.array([score]))[0][0])
    assert 1e-3 == p_of(law, 50.0)


def test_too_few_scores_are_no_law():
    """Nor is what the hub did not give."""
    _, pool = pool_of([1.0] * 99)

    assert fleet_law(Names(pool), "new_peer") is None
    assert fleet_law(Names(None), "new_peer") is None
