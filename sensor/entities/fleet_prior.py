"""How common a thing is in the fleet: what the hub gave of it, asked by digest. Bounded by what a hub gives.

Without a hub, or before it gave anything, nothing is known, and whoever asks goes on as without a fleet. The key is
never part of what is saved. Not here: what is made of it.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.fleet_part import FleetPart, FleetPool, FleetUse, digest_of
from sensor.model.report import AnyReport, Prior

ASKED_MAX = 1 << 16
"""Digests remembered, for a thing that devices come to use is asked for often."""


class FleetPrior:
    """The fleet's things."""

    def __init__(self) -> None:
        self._key = b""
        self._parts: dict[int, FleetPart] = {}
        self._things = np.empty(0, np.uint64)
        self._sites, self._devices = np.empty(0, np.int64), np.empty(0, np.int64)
        self._of_sites = 0
        self._pools: dict[str, FleetPool] = {}
        self._digest = functools.lru_cache(maxsize=ASKED_MAX)(digest_of)

    @property
    def is_known(self) -> bool:
        """Tell whether anything can be asked for."""
        return bool(self._key) and len(self._things) > 0

    def take_from(self, reports: Sequence[AnyReport]) -> Sequence[AnyReport]:
        """Take in what the hub gave, which came among reports; return the others."""
        if not any(isinstance(one, Prior) for one in reports):
            return reports
        for one in reports:
            if isinstance(one, Prior):
                self.take(one)
        return [one for one in reports if not isinstance(one, Prior)]

    def take(self, prior: Prior) -> None:
        """Take in what the hub gave, or the key alone."""
        self._key = prior.key or self._key
        if prior.pool is not None:
            self._pools[prior.pool.statistic] = prior.pool
        if prior.part is not None:
            self._parts[prior.part.part] = prior.part
            self._join()

    def use(self, kind: int, hi: int, lo: int, *, own: int) -> FleetUse | None:
        """Return how common a thing is at the other sites; None where fewer than two have it, or nothing is known.

        Args:
            kind: DESTINATION or FINGERPRINT.
            hi: The thing's two words, with `lo`.
            own: Devices of this site that have it: the fleet's numbers hold these as well.
        """
        if not self.is_known:
            return None
        digest = np.uint64(self._digest(self._key, kind, hi, lo))
        at = int(np.searchsorted(self._things, digest))
        if at == len(self._things) or self._things[at] != digest:
            return None
        sites = int(self._sites[at]) - (own > 0)
        if sites < 2:
            return None
        return FleetUse(sites, max(self._of_sites - 1, sites), max(int(self._devices[at]) - own, sites))

    def pool(self, statistic: str) -> FleetPool | None:
        """Return how a statistic's scores are distributed in the fleet; None where the hub gave nothing of it."""
        return self._pools.get(statistic)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays; empty where the hub gave nothing."""
        held: dict[str, Any] = {"parts": list(self._parts.values()), "pools": list(self._pools.values())}
        return {name: np.frombuffer(msgspec.msgpack.encode(one), np.uint8) for name, one in held.items() if one}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `save` returned."""
        if "pools" in state:
            pools = msgspec.msgpack.decode(state["pools"].tobytes(), type=list[FleetPool])
            self._pools = {one.statistic: one for one in pools}
        if "parts" in state:
            held = msgspec.msgpack.decode(state["parts"].tobytes(), type=list[FleetPart])
            self._parts = {one.part: one for one in held}
            self._join()

    def _join(self) -> None:
        """Make one table of the parts, which follow each other in the order of their digests."""
        parts = [self._parts[part] for part in sorted(self._parts)]
        self._things = np.concatenate([np.frombuffer(one.things, "<u8") for one in parts]).astype(np.uint64)
        self._sites = np.concatenate([np.frombuffer(one.sites, "<u2") for one in parts]).astype(np.int64)
        self._devices = np.concatenate([np.frombuffer(one.devices, "<u4") for one in parts]).astype(np.int64)
        self._of_sites = max(one.of_sites for one in parts)
