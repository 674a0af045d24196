"""Names and addresses that a site has had to do with: since when, and how many of its devices. No detector.

A name is what was registered; it is asked for, named to a server or a proxy. An address is an outside end of a flow.
What one device alone has done with a place is not here.
"""

import hashlib
import weakref
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.keyed import KeyedTable
from baselines.table import Table
from sensor.detectors.registered import registered
from sensor.entities.flow_states import sides
from sensor.entities.names import host_only
from sensor.model.metadata import Dns, Http, Tls
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS

PLACES_MAX = 1 << 18
"""Names and addresses; the half unused longest goes (about 60 bytes each)."""
LEARNED_NS = DAY_NS
"""A site must have been learned that long before a place can be new to it."""
_NAME = np.uint64(1 << 32)
"""Added to the site's number where the key is of a name."""
_SLOTS = 64
"""Of the sketch that counts devices (Whang et al. 1990): exact to a few, and saturating near 200."""
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Place(NamedTuple):
    """What a site knows of a place."""

    first_ns: int
    """When the site first had to do with it, 0 where it never had."""
    users: float
    """About how many of its devices had."""


def words(name: str) -> tuple[int, int]:
    """Return two words that stand for a name."""
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=16).digest()
    return int.from_bytes(digest[:8]), int.from_bytes(digest[8:])


_SHARED: "weakref.WeakKeyDictionary[Names, Places]" = weakref.WeakKeyDictionary()


def shared(names: Names, secret: int) -> "Places":
    """Return the one object of these entities: several detectors ask what a site has had to do with."""
    found = _SHARED.get(names)
    if found is None:
        found = _SHARED[names] = Places(secret)
    return found


class Places:
    """By (site, registered name or address)."""

    def __init__(self, secret: int) -> None:
        self._table = KeyedTable({"first": (np.int64, (), 0), "users": (np.uint64, (), 0)}, PLACES_MAX, secret)
        self._sites = Table({"began": (np.int64, (), 0)}, 1 << 16)
        self._learned: Tick | None = None

    @property
    def saturation(self) -> float:
        """Share of the cap in use."""
        return self._table.saturation

    def learned_ns(self, site: int, now_ns: int) -> int:
        """Return for how long a site has been learned."""
        began = int(self._sites.columns["began"][site]) if site < self._sites.rows else 0
        return now_ns - began if began else 0

    def of_name(self, site: int, name: str) -> Place:
        """Return what a site knows of a registered name."""
        return self._of(np.uint64(site) | _NAME, *words(name))

    def of_address(self, site: int, hi: int, lo: int) -> Place:
        """Return what a site knows of an address."""
        return self._of(np.uint64(site), hi, lo)

    def is_new(self, site: int, place: Place, since_ns: int) -> bool:
        """Tell whether a place came up at a site after its first day, and not over a day before `since_ns`."""
        began = int(self._sites.columns["began"][site]) if site < self._sites.rows else 0
        if not began or since_ns < began + LEARNED_NS:
            return False
        return place.first_ns == 0 or (place.first_ns >= began + LEARNED_NS and since_ns - place.first_ns <= LEARNED_NS)

    def since_first_day(self, site: int, place: Place) -> bool:
        """Tell whether a place came up in a site's first day of learning, so that nobody can say it was new."""
        began = int(self._sites.columns["began"][site]) if site < self._sites.rows else 0
        return not began or place.first_ns < began + LEARNED_NS

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Take a tick in, but for what flagged devices did; once, whoever asks."""
        if tick is self._learned:
            return
        self._learned = tick
        self._begin(tick)
        self._learn_flows(tick, flagged)
        self._learn_names(tick, flagged)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return everything as named arrays."""
        parts = {"places": self._table.save(), "sites": self._sites.save()}
        return {f"{part}/{name}": column for part, held in parts.items() for name, column in held.items()}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        self._table.load({name[7:]: column for name, column in state.items() if name.startswith("places/")})
        self._sites.load({name[6:]: column for name, column in state.items() if name.startswith("sites/")})

    def _begin(self, tick: Tick) -> None:
        if len(tick.site) == 0:
            return
        self._sites.cover(int(tick.site.max()) + 1)
        began = self._sites.columns["began"]
        began[tick.site[began[tick.site] == 0]] = tick.end_ns

    def _learn_flows(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Learn the outside ends of the devices' flows."""
        if not len(tick.flows):
            return
        seen, some = sides(tick), bool(flagged.any())
        outward = tick.orig_device, tick.resp_local, seen.resp_single, "resp"
        inward = tick.resp_device, tick.orig_local, seen.orig_single, "orig"
        for device, local, single, end in (outward, inward):
            at = np.nonzero((device >= 0) & ~local & single)[0]
            at = at[~flagged[device[at]]] if some else at
            if len(at):
                hi, lo = tick.flows[f"{end}_hi"][at], tick.flows[f"{end}_lo"][at]
                self._add(tick.site[at].astype(np.uint64), hi, lo, tick.flows["ts"][at], device[at])

    def _learn_names(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        found: dict[tuple[int, str, int], int] = {}
        for message, device, site in zip(tick.messages, tick.message_device.tolist(), tick.message_site, strict=True):
            if device >= 0 and flagged[device]:
                continue
            text = None
            if isinstance(message, Dns):
                text = message.query
            elif isinstance(message, Tls):
                text = message.server_name
            elif isinstance(message, Http):
                text = host_only(message.host)
            if name := registered(text):
                found.setdefault((site, name, device), message.ts)
        for i, host in tick.destinations.items():
            device = int(tick.orig_device[i])
            if (name := registered(host)) and not (device >= 0 and flagged[device]):
                found.setdefault((int(tick.site[i]), name, device), int(tick.flows["ts"][i]))
        if found:
            keys = np.array([words(name) for _, name, _ in found], np.uint64)
            where = np.array([site for site, _, _ in found], np.uint64) | _NAME
            device = np.array([device for _, _, device in found], np.int64)
            self._add(where, keys[:, 0].copy(), keys[:, 1].copy(), np.array(list(found.values()), np.int64), device)

    def _add(
        self, site: NDArray[np.uint64], hi: NDArray[np.uint64], lo: NDArray[np.uint64], ts: NDArray[np.int64],
        device: NDArray[Any],
    ) -> None:  # fmt: skip
        for start in range(0, len(hi), PLACES_MAX // 4):
            piece = slice(start, start + PLACES_MAX // 4)
            rows = self._table.insert(site[piece], hi[piece], lo[piece])
            columns = self._table.columns
            fresh = columns["first"][rows] == 0
            if fresh.any():
                columns["first"][rows[fresh]] = np.iinfo(np.int64).max
                np.minimum.at(columns["first"], rows[fresh], ts[piece][fresh])
            np.maximum.at(columns["last"], rows, ts[piece])
            own = device[piece] >= 0
            slot = (device[piece][own].astype(np.uint64) * _MIX) >> np.uint64(58)
            np.bitwise_or.at(columns["users"], rows[own], np.uint64(1) << slot)

    def _of(self, site: np.uint64, hi: int, lo: int) -> Place:
        row = int(self._table.find(*(np.array([word], np.uint64) for word in (site, hi, lo)))[0])
        if row < 0:
            return Place(0, 0.0)
        used = int(self._table.columns["users"][row]).bit_count()
        many = float(-_SLOTS * np.log(max(_SLOTS - used, 0.5) / _SLOTS))
        return Place(int(self._table.columns["first"][row]), float(used) if used < 2 else many)
