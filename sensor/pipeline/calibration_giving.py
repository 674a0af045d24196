"""How scores are distributed in the whole fleet: the sum of what each site last told of itself, given back to all.

A site's own law needs a hundred device-days; until it has them, those of the fleet are a better guess than none. It is
a guess: p from it are never below 1e-3, and say where they are from. The newest that a site told takes the place of
what it told before, so that what comes twice is counted once; the sum does not depend on the order.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.fleet_part import BINS_MAX, TOP_MAX, FleetPool
from sensor.model.given import FleetCalibrated
from sensor.model.report import AnyReport, Calibrated
from sensor.model.times import DAY_NS
from sensor.store.returns import Given

POOLS_MAX = 16_384
"""(statistic, site): 50 MB; further ones are left out."""


class _Held(msgspec.Struct):
    """What a restart needs."""

    day: int = -1
    """The last of which anything was given."""
    pools: dict[str, dict[str, FleetPool]] = {}
    """By statistic and site."""
    given: dict[str, tuple[int, FleetPool]] = {}
    """By statistic, each since when."""


class CalibrationGiving:
    """One hub's.

    Attributes:
        refused: Pools left out for want of room.
    """

    def __init__(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where the state ends."""
        self._held, self.refused, self._fresh = _Held(), 0, False
        if "pools" in state:
            self._held = msgspec.msgpack.decode(state["pools"].tobytes(), type=_Held)

    def hear(self, reports: Iterable[AnyReport]) -> None:
        """Take in what sites tell."""
        for one in reports:
            if isinstance(one, Calibrated):
                self._take(one)

    def due(self, now_ns: int) -> list[Given]:
        """Return what sites are given with this commit: once a day what changed, and all of it to a new site."""
        held, day = self._held, now_ns // DAY_NS
        if not held.pools or (day <= held.day and not self._fresh):
            return []
        for statistic, pools in sorted(held.pools.items()):
            pool = merged(statistic, [pools[site] for site in sorted(pools)])
            if statistic not in held.given or (day > held.day and pool != held.given[statistic][1]):
                held.given[statistic] = (now_ns, pool)
        held.day, self._fresh = day, False
        sites = sorted({site for pools in held.pools.values() for site in pools})
        return [
            Given(site, f"calibration:{statistic}", FleetCalibrated(ts=since_ns, pool=pool))
            for site in sites
            for statistic, (since_ns, pool) in sorted(held.given.items())
        ]

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        return {"pools": np.frombuffer(msgspec.msgpack.encode(self._held), np.uint8)}

    def _take(self, one: Calibrated) -> None:
        pools = self._held.pools.setdefault(one.pool.statistic, {})
        if one.site not in pools and sum(map(len, self._held.pools.values())) >= POOLS_MAX:
            self.refused += 1
            return
        self._fresh |= one.site not in pools
        pools[one.site] = msgspec.structs.replace(one.pool, sites=1)


def merged(statistic: str, pools: Iterable[FleetPool]) -> FleetPool:
    """Return the scores of several pools as one: counts are added, of the largest the largest stay.

    Associative and commutative.
    """
    counts, top, sites = np.zeros(BINS_MAX, np.int64), np.empty(0), 0
    for one in pools:
        counts[np.frombuffer(one.bins, "<u2")] += np.frombuffer(one.counts, "<u4")
        top = np.sort(np.concatenate([top, np.frombuffer(one.top, "<f8")]))[-TOP_MAX:]
        sites += one.sites
    bins = np.nonzero(counts)[0]
    return FleetPool(
        statistic, min(sites, 65_535), bins.astype("<u2").tobytes(),
        np.minimum(counts[bins], (1 << 32) - 1).astype("<u4").tobytes(), top.astype("<f8").tobytes(),
    )  # fmt: skip
