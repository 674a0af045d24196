"""What a hub makes of what its sites use: how many sites have a thing, and how many devices; given back to all of them.

A row is (thing, site), with the largest number of devices that was told: merging is a maximum, whatever comes twice or
late. Counted are rows that were told SETTLED_NS ago: what spread within days is a campaign, no habit of the fleet, and
must not make itself common. Things of two sites and more are given, in parts, each where it changed. The hub knows
digests alone. Not here: what a site makes of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.keyed import KeyedTable
from baselines.parts import part_of
from sensor.model.fleet_part import PARTS, THINGS_MAX, FleetPart
from sensor.model.given import FleetPopular
from sensor.model.ids import identify
from sensor.model.report import AnyReport, Popular
from sensor.model.times import DAY_NS, HOUR_NS
from sensor.store.returns import Given

ROWS_MAX = 1 << 20
"""(thing, site): 48 MB; the half that was not told of for longest goes."""
SETTLED_NS = 7 * DAY_NS
"""Longer than an intrusion's spread over a fleet goes unnoticed, and a week has every kind of day."""
GIVE_NS = 6 * HOUR_NS
_BATCH = 1 << 16


class _Head(msgspec.Struct):
    """What a restart needs beside the rows."""

    next_ns: int = 0
    devices: dict[str, int] = {}
    """Of each site that told."""
    since: dict[str, int] = {}
    """When each first did, ns."""
    parts: dict[int, tuple[int, FleetPart]] = {}
    """As they were given the last time, each since when."""


class FleetGiving:
    """One hub's; made after its core's state is restored."""

    def __init__(self, state: Mapping[str, NDArray[Any]], secret: int) -> None:
        """Go on where the state ends."""
        self.table = KeyedTable({"users": (np.int32, (), 0), "first": (np.int64, (), 0)}, ROWS_MAX, secret)
        self._head, self._fresh = _Head(), False
        if "head" in state:
            self._head = msgspec.msgpack.decode(state["head"].tobytes(), type=_Head)
            self.table.load(part_of(state, "things"))

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use."""
        return {"fleet_things": self.table.saturation}

    def hear(self, reports: Iterable[AnyReport]) -> None:
        """Take in what sites use."""
        for one in reports:
            if isinstance(one, Popular):
                self._take(one)

    def due(self, now_ns: int) -> list[Given]:
        """Return what sites are given with this commit: what changed, and all of it to a site that is new."""
        if not self._head.since or (now_ns < self._head.next_ns and not self._fresh):
            return []
        if now_ns >= self._head.next_ns:
            self._head.next_ns = (now_ns // GIVE_NS + 1) * GIVE_NS
            for part in self._parts(now_ns):
                _, before = self._head.parts.get(part.part, (0, None))
                if part != before and (part.things or before is not None):
                    self._head.parts[part.part] = (now_ns, part)
        self._fresh = False
        return [
            Given(site, f"popular:{number:02}", FleetPopular(ts=since_ns, part=part))
            for site in sorted(self._head.since)
            for number, (since_ns, part) in sorted(self._head.parts.items())
        ]

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        things = {f"things/{name}": column for name, column in self.table.save().items()}
        return {"head": np.frombuffer(msgspec.msgpack.encode(self._head), np.uint8), **things}

    def _take(self, report: Popular) -> None:
        head = self._head
        self._fresh |= report.site not in head.since
        head.since.setdefault(report.site, report.ts)
        head.devices[report.site] = report.devices
        things = np.frombuffer(report.things, "<u8").astype(np.uint64)
        users = np.frombuffer(report.users, "<u2").astype(np.int32)
        site = np.full(len(things), int(identify("F", report.site).partition("-")[2], 16), np.uint64)
        for at in range(0, len(things), _BATCH):
            some = slice(at, at + _BATCH)
            rows = self.table.insert(things[some], site[some], np.zeros(len(things[some]), np.uint64))
            cells = self.table.columns
            np.maximum.at(cells["users"], rows, users[some])
            first = cells["first"][rows]
            cells["first"][rows] = np.where(first == 0, report.ts, np.minimum(first, report.ts))
            cells["last"][rows] = np.maximum(cells["last"][rows], report.ts)

    def _parts(self, now_ns: int) -> list[FleetPart]:
        """Return what there is to be given, as it stands."""
        count, before_ns = len(self.table), now_ns - SETTLED_NS
        cells = {name: column[:count] for name, column in self.table.columns.items()}
        settled = cells["first"] <= before_ns
        sites = [site for site, since_ns in self._head.since.items() if since_ns <= before_ns]
        of_devices = sum(self._head.devices[site] for site in sites)
        things, which = np.unique(cells["keys"][settled, 0], return_inverse=True)
        by_sites = np.bincount(which, minlength=len(things))
        by_devices = np.bincount(which, weights=cells["users"][settled], minlength=len(things))
        many = by_sites >= 2
        things, by_sites, by_devices = things[many], by_sites[many], by_devices[many]
        part_of_thing = (things >> np.uint64(60)).astype(np.int64)
        found = []
        for number in range(PARTS):
            at = np.nonzero(part_of_thing == number)[0]
            if len(at) > THINGS_MAX:
                at = np.sort(at[np.lexsort((at, -by_devices[at], -by_sites[at]))[:THINGS_MAX]])
            found.append(
                FleetPart(
                    number, len(sites), of_devices, things[at].astype("<u8").tobytes(),
                    np.minimum(by_sites[at], 65_535).astype("<u2").tobytes(),
                    np.minimum(by_devices[at], (1 << 32) - 1).astype("<u4").tobytes(),
                )
            )  # fmt: skip
        return found
