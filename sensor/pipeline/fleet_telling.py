"""What a site tells its hub of what its devices use, as digests under the fleet's key, and of how its scores lie.

Told once in TELL_NS: what is new, and what twice as many devices have as when it was told of last. Addresses of private
networks are left out: the same one is something else at each site. Where no fleet key is configured nothing is told.
Not here: what is used (`detectors.popularity`), and what the hub makes of it (`fleet_giving`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.calibration import BINS, TOP, WAITING
from baselines.keyed import KeyedTable
from baselines.parts import part_of
from sensor.config import Config, Secret
from sensor.detectors.usage import DESTINATION as OF_DESTINATIONS
from sensor.entities.networks import Networks
from sensor.model.fleet_part import DESTINATION, FINGERPRINT, FleetPool, digest_of, key_of
from sensor.model.report import AnyReport, Calibrated, Popular
from sensor.model.times import DAY_NS, HOUR_NS
from sensor.pipeline.core import Core

TELL_NS = 6 * HOUR_NS
"""As often as health: it is counted after a week (`fleet_giving.SETTLED_NS`)."""
THINGS_MAX = 1 << 20
"""Things that are known to be told: as many as a site knows."""
AT_ONCE = 1 << 16
"""Told at once; the rest the next time."""
OF_REPORT = 1 << 14
"""160 KiB."""
USERS_MAX = (1 << 16) - 1
PRIVATE = ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
           "192.168.0.0/16", "224.0.0.0/3", "::1/128", "fe80::/10")  # fmt: skip
"""RFC 6890. Unique local IPv6 (fc00::/7) is told: the words of 1 name in 128 look like one, and theirs are unique."""
_POOLED = ("new_peer",)
"""Detectors whose first statistic's scores are told once a day, 3 KB: of one that opens nothing by itself."""
_FROM = (("new_peer", DESTINATION), ("fingerprint", FINGERPRINT))


def fleet_key(config: Config) -> bytes | None:
    """Return the fleet's key; None where none is configured. Raises ConfigError."""
    for one in config.sinks.values():
        place = one.options.get("fleet_key") if one.type == "site" else None
        if isinstance(place, Mapping):
            return key_of(Secret(**place).read())
    return None


class FleetTelling:
    """One site's."""

    def __init__(self, core: Core, site: str, key: bytes, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where the state ends."""
        self._core, self._key, self._site = core, key, core.entities.site_number(site)
        self._told = KeyedTable({"users": (np.int32, (), 0)}, THINGS_MAX, 0)
        self._private = Networks(PRIVATE)
        self._next_ns, self._day = 0, -1
        if "head" in state:
            self._next_ns, self._day = (int(value) for value in state["head"])
            self._told.load(part_of(state, "told"))

    def due(self, now_ns: int) -> list[AnyReport]:
        """Return what is to be told now."""
        if now_ns < self._next_ns:
            return []
        self._next_ns = (now_ns // TELL_NS + 1) * TELL_NS
        found: list[tuple[int, int]] = []
        for name, kind in _FROM:
            found += self._news(name, kind, AT_ONCE - len(found), now_ns)
        devices = self._core.entities.site_devices(self._site)
        calibrated: list[AnyReport] = []
        if now_ns // DAY_NS > self._day:
            self._day = now_ns // DAY_NS
            calibrated += [Calibrated(ts=now_ns, pool=one) for one in map(self._pool, _POOLED) if one is not None]
        return calibrated + [
            _report(now_ns, devices, found[at : at + OF_REPORT]) for at in range(0, len(found), OF_REPORT)
        ]  # fmt: skip

    def save(self) -> dict[str, NDArray[Any]]:
        """Return what was told, as named arrays."""
        told = {f"told/{name}": column for name, column in self._told.save().items()}
        return {"head": np.array([self._next_ns, self._day], np.int64), **told}

    def _news(self, name: str, kind: int, room: int, now_ns: int) -> list[tuple[int, int]]:
        """Return digest and devices of what is new of a detector's things, `room` at most; they are told then."""
        detector = next((one for one in self._core.detectors if one.name == name), None)
        popular = part_of(detector.save(), "popular") if detector is not None else {}
        if not popular:
            return []
        keys, users = popular["keys"], popular["users"].astype(np.int64)
        mine = keys[:, 0] == (self._site * 4 + OF_DESTINATIONS if kind == DESTINATION else self._site)
        if kind == DESTINATION:
            mine &= ~self._private.contain(keys[:, 1], keys[:, 2])
        keys, users = keys[mine], np.minimum(users[mine], USERS_MAX)
        hi, lo = keys[:, 1].copy(), keys[:, 2].copy()
        first = np.full(len(hi), kind, np.uint64)
        rows = self._told.find(first, hi, lo)
        before = np.where(rows >= 0, self._told.columns["users"][rows], 0)
        news = np.nonzero((users > 0) & (users >= 2 * before))[0][:room]
        for at in range(0, len(news), OF_REPORT):
            some = news[at : at + OF_REPORT]
            rows = self._told.insert(first[some], hi[some], lo[some])
            self._told.columns["users"][rows], self._told.columns["last"][rows] = users[some], now_ns
        return [
            (digest_of(self._key, kind, a, b), n)
            for a, b, n in zip(hi[news].tolist(), lo[news].tolist(), users[news].tolist(), strict=True)
        ]

    def _pool(self, name: str) -> FleetPool | None:
        """Return how a detector's scores are distributed; None where it has none that are a day old."""
        detector = next((one for one in self._core.detectors if one.name == name), None)
        state = part_of(detector.save(), "pools") if detector is not None else {}
        if not state:
            return None
        shape = tuple(state["head"][3:].tolist())
        statistic, slot, _, bins = np.unravel_index(state["at"], shape)
        of_days = (statistic == 0) & (slot >= WAITING)
        counts = np.bincount(bins[of_days], weights=state["counts"][of_days], minlength=BINS).astype(np.int64)
        statistic, slot, _, _ = np.unravel_index(state["top_at"], (*shape[:3], TOP))
        top = np.sort(state["top"][(statistic == 0) & (slot >= WAITING)])[-TOP:]
        at = np.nonzero(counts)[0]
        if not len(at):
            return None
        return FleetPool(
            name, 1, at.astype("<u2").tobytes(), counts[at].astype("<u4").tobytes(), top.astype("<f8").tobytes()
        )


def _report(now_ns: int, devices: int, found: list[tuple[int, int]]) -> Popular:
    digests, users = np.array(found, np.uint64).reshape(-1, 2).T
    return Popular(
        ts=now_ns, devices=devices, things=digests.astype("<u8").tobytes(), users=users.astype("<u2").tobytes()
    )


def telling_of(core: Core, config: Config, state: Mapping[str, NDArray[Any]]) -> FleetTelling | None:
    """Return what tells a hub of what is used; None where no key is configured. Raises ConfigError."""
    key = fleet_key(config)
    return None if key is None else FleetTelling(core, config.site, key, state)
