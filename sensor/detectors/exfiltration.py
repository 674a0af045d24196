"""Exfiltration: bytes out to a place on the day it is new to the device, against all such first days.

A place is a registered name, or an address that nothing named; behind a proxy, the host it was asked for. What goes to
devices of the site (a backup server) and what a device only receives (updates) is none. p is the share of first days
that send as much (sensor/detectors/first_days.py), over the places new to the device that day. It opens from
OPENS_BYTES, or from OWN_DAYS of the device's own usual days; less is shown, or joins an incident. Needs 24 h of the
device's history: without, everything is a first day, and it is only listed.

Not here: the device's own day total (sensor/detectors/volumes.py); what outside clients fetch from a local server.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.distinct import values_of
from baselines.keyed import KeyedTable
from baselines.parts import packed, unpack
from baselines.table import Table
from sensor.detectors.exfiltration_text import ADDRESSES_MAX, TUNNELS, Sent, again, finding, recount
from sensor.detectors.first_days import BINS, bin_of, p_day, pool_of
from sensor.detectors.places import words
from sensor.detectors.registered import registered
from sensor.entities.flow_states import sides
from sensor.model import addresses
from sensor.model.evidence import Finding
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, HOUR_NS, span

PAIRS_MAX = 1 << 18
"""(device, address) and (device, place); the half unused longest goes."""
HISTORY_NS = DAY_NS
OPENS_BYTES = 20e6
"""Twice the largest first day of the reference."""
OWN_DAYS, OWN_BYTES = 100.0, 346e3
"""As many of the device's usual days, and more than 99 % of first days send: the method's loud upload."""
P_SHOWN, P_DIGEST = 0.05, 0.01
GROWS = 1.1
"""Told again where it grew by as much."""
HALF_LIFE_DAYS = 3.0
"""Of a device's usual day: the method in force, as for levels."""
CONTINUES_DAYS = 3
"""What opened is not learned for as long, and goes on as the same evidence: the life of an incident."""
_PIECE = 1 << 16

_ADDRESS: dict[str, Any] = {"a": (np.uint64, (), 0), "b": (np.uint64, (), 0)}
_PLACE: dict[str, Any] = {
    "first": (np.int64, (), -1), "day": (np.int64, (), -1), "sent": (np.float64, (), 0.0),
    "received": (np.float64, (), 0.0), "since": (np.int64, (), 0), "hour": (np.int64, (), -1),
    "hourly": (np.float64, (), 0.0), "most": (np.float64, (), 0.0), "flows": (np.int64, (), 0),
    "told": (np.float64, (), 0.0), "opened": (np.uint8, (), 0), "site": (np.int32, (), 0),
}  # fmt: skip
_DEVICE: dict[str, Any] = {
    "day": (np.int64, (), -1), "fresh": (np.int64, (), 0), "today": (np.float64, (), 0.0),
    "usual": (np.float64, (), 0.0), "days": (np.int64, (), 0),
}  # fmt: skip


def detector(names: Names, secret: int) -> "Exfiltration":
    """Make the detector of this module."""
    return Exfiltration(names, secret)


class Exfiltration:
    """Bytes by (device, place) on its first day, and the pool of first days of each site."""

    name = "exfiltration"
    family = "exfiltration"
    techniques: tuple[str, ...] = ("T1048", "T1567")
    needs = "history"
    unit = "payload bytes sent to a new place in a day"
    citation = "METHOD in force, Exfiltration"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._addresses = KeyedTable(_ADDRESS, PAIRS_MAX, secret)
        self._places = KeyedTable(_PLACE, PAIRS_MAX, secret)
        self._devices = Table(_DEVICE, 1_000_000)
        self._pools = Table({"counts": (np.int64, (BINS,), 0)}, 1 << 16)
        self._day = -1
        self._flagged = np.empty(0, np.int64)

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"exfiltration_places": self._places.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Count what the tick's flows sent out, and judge the places that are new."""
        self._devices.cover(self._names.count())
        self._follow(tick)
        if (day := (tick.end_ns - 1) // DAY_NS) > self._day:
            self._close(day)
        if not (tick.orig_device >= 0).any():
            return []
        out = (tick.orig_device >= 0) & ~tick.resp_local & sides(tick).resp_single
        out[list(tick.destinations)] = tick.orig_device[list(tick.destinations)] >= 0
        on = np.nonzero(out)[0]
        return [
            found for start in range(0, len(on), _PIECE) for found in self._take(tick, on[start : start + _PIECE])
        ]  # fmt: skip

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Remember who is flagged: what those sent is not learned from when the day is over."""
        del tick
        self._flagged = np.nonzero(flagged)[0].astype(np.int64)

    def coverage(self) -> Coverage:
        """Say how many devices have 24 h of history."""
        rows = self._devices.rows
        active = [row for row in range(rows) if self._devices.columns["day"][row] >= 0]
        if not active:
            return Coverage(detector=self.name, state="no_input", why="no flow of a local device to the outside")
        history = [self._names.history_ns(row) for row in active]
        ready = sum(known >= HISTORY_NS for known in history)
        if ready:
            why = f"{ready} of {len(active)} devices have 24 h of history"
            return Coverage(detector=self.name, state="judged", why=why)
        why = f"needs 24 h of history; the longest is {span(max(history))}"
        return Coverage(detector=self.name, state="learning", why=why)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = packed(self._parts())
        return state | {"day": np.array([self._day], np.int64), "flagged": self._flagged.copy()}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        unpack(state, self._parts())
        self._day, self._flagged = int(state["day"][0]), state["flagged"].astype(np.int64)

    def _parts(self) -> list[tuple[str, Table | KeyedTable]]:
        return [
            ("addresses", self._addresses), ("places", self._places), ("devices", self._devices),
            ("pools", self._pools),
        ]  # fmt: skip

    def _follow(self, tick: Tick) -> None:
        """Give places and days of rows that turned out to be another device to the row that stands for it."""
        own = self._devices.columns
        for gone, kept in tick.merged:
            for name in ("today", "usual"):
                own[name][kept] = max(own[name][kept], own[name][gone])
            own["days"][kept] = max(own["days"][kept], own["days"][gone])
            self._devices.clear(gone)
        if tick.merged:
            self._addresses.rename(dict(tick.merged))
            self._places.rename(dict(tick.merged))

    def _close(self, day: int) -> None:
        """Add the first days that are over to the sites' pools, and the devices' totals to their usual days."""
        self._day = day
        columns, n = self._places.columns, len(self._places)
        device = columns["keys"][:n, 0].astype(np.int64)
        done = (columns["day"][:n] < day) & (columns["first"][:n] == columns["day"][:n]) & (columns["opened"][:n] == 0)
        done &= ~np.isin(device, self._flagged) & (columns["sent"][:n] > 0)
        if done.any():
            self._pools.cover(int(columns["site"][:n][done].max()) + 1)
            bins = bin_of(columns["sent"][:n][done])
            np.add.at(self._pools.columns["counts"], (columns["site"][:n][done], bins), 1)
            columns["sent"][:n][done] = 0.0
        own = {name: column[: self._devices.rows] for name, column in self._devices.columns.items()}
        over = (own["day"] < day) & (own["today"] > 0)
        taught = over & ~np.isin(np.arange(self._devices.rows), self._flagged)
        weight = np.where(own["days"][taught] == 0, 1.0, 1 - 0.5 ** (1 / HALF_LIFE_DAYS))
        own["usual"][taught] += weight * (own["today"][taught] - own["usual"][taught])
        own["days"][taught] += 1
        own["today"][over] = 0.0

    def _take(self, tick: Tick, on: NDArray[np.int64]) -> list[Finding]:
        flows, device = tick.flows, tick.orig_device[on].astype(np.uint64)
        a, b = self._place_of(tick, on, device)
        rows = self._places.insert(device, a, b).astype(np.int64)
        columns, today = self._places.columns, (tick.end_ns - 1) // DAY_NS
        columns["last"][rows] = tick.end_ns
        columns["site"][rows] = tick.site[on]
        touched, first = np.unique(rows[::-1], return_index=True)
        self._begin(touched, today, tick.end_ns)
        sent = np.maximum(flows["orig_bytes"][on], 0).astype(np.float64)
        np.add.at(columns["sent"], rows, sent)
        np.add.at(columns["received"], rows, np.maximum(flows["resp_bytes"][on], 0).astype(np.float64))
        np.add.at(columns["hourly"], rows, sent)
        np.add.at(columns["flows"], rows, 1)
        columns["most"][rows] = np.maximum(columns["most"][rows], columns["hourly"][rows])
        np.add.at(self._devices.columns["today"], device.astype(np.int64), sent)
        new = (columns["first"][touched] == today) | (columns["opened"][touched] > 0)
        loud = new & (columns["sent"][touched] > GROWS * columns["told"][touched]) & (columns["sent"][touched] >= 14e3)
        last = on[len(on) - 1 - first]
        judged = [self._judge(tick, int(row), int(i)) for row, i in zip(touched[loud], last[loud], strict=True)]
        return [found for found in judged if found is not None]

    def _place_of(
        self, tick: Tick, on: NDArray[np.int64], device: NDArray[np.uint64]
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Return the two words of each flow's place; an address is asked for its name when a device first uses it."""
        hi, lo = tick.flows["resp_hi"][on].copy(), tick.flows["resp_lo"][on].copy()
        before = len(self._addresses)
        evicted = self._addresses.evicted
        rows = self._addresses.insert(device, hi, lo)
        columns = self._addresses.columns
        fresh = values_of(rows if self._addresses.evicted != evicted else rows[rows >= before])
        for row in fresh[(columns["a"][fresh] == 0) & (columns["b"][fresh] == 0)].tolist():
            high, low = (int(word) for word in columns["keys"][row, 1:])
            name = registered(self._names.address_name(high, low))
            columns["a"][row], columns["b"][row] = words(name) if name else (high, low)
        columns["last"][rows] = tick.end_ns
        a, b = columns["a"][rows], columns["b"][rows]
        for k, i in enumerate(on.tolist()) if tick.destinations else ():
            if host := tick.destinations.get(i):
                a[k], b[k] = words(registered(host) or host)
        return a, b

    def _begin(self, rows: NDArray[np.int64], today: int, end_ns: int) -> None:
        """Start the day, and the hour, of places where they are over."""
        columns, own = self._places.columns, self._devices.columns
        device = columns["keys"][rows, 0].astype(np.int64)
        own["fresh"][device[own["day"][device] != today]] = 0
        own["day"][device] = today
        fresh = columns["first"][rows] < 0
        if fresh.any():
            columns["first"][rows[fresh]] = today
            columns["since"][rows[fresh]] = end_ns
            np.add.at(own["fresh"], device[fresh], 1)
        columns["opened"][rows[today - columns["first"][rows] >= CONTINUES_DAYS]] = 0
        over = rows[(columns["day"][rows] != today) & (columns["opened"][rows] == 0)]
        columns["day"][rows] = today
        for name in ("sent", "received", "flows", "most", "told") if len(over) else ():
            columns[name][over] = 0
        hour = end_ns // HOUR_NS
        columns["hourly"][rows[columns["hour"][rows] != hour]] = 0.0
        columns["hour"][rows] = hour

    def _judge(self, tick: Tick, row: int, i: int) -> Finding | None:
        columns, own = self._places.columns, self._devices.columns
        device, site = int(columns["keys"][row, 0]), int(tick.site[i])
        self._pools.cover(site + 1)
        total = float(columns["sent"][row])
        pool, chances = pool_of(self._pools.columns["counts"][site], total), max(1, int(own["fresh"][device]))
        p = p_day(total, pool, chances)
        if p > P_SHOWN:
            return None
        columns["told"][row] = total
        usual, days = float(own["usual"][device]), int(own["days"][device])
        loud = total >= OPENS_BYTES or (days > 0 and total >= max(OWN_BYTES, OWN_DAYS * usual))
        loud = loud and not _is_gateway(tick.flows[i], total, float(columns["received"][row]))
        ready = self._names.history_ns(device) >= HISTORY_NS
        columns["opened"][row] |= ready and loud
        sent = Sent(
            device, total, float(columns["received"][row]), float(columns["most"][row]), int(columns["flows"][row]),
            int(columns["first"][row]), int(columns["since"][row]), usual if days else None, pool, chances, p,
            self._reached(row),
        )  # fmt: skip
        return finding(self._names, tick, i, sent, opens=ready and loud, digest=ready and p <= P_DIGEST)

    def _reached(self, row: int) -> tuple[str, ...]:
        """Return the addresses by which a device reached a place, one more than evidence may name at most."""
        device, a, b = self._places.columns["keys"][row]
        n, columns = len(self._addresses), self._addresses.columns
        own = (columns["keys"][:n, 0] == device) & (columns["a"][:n] == a) & (columns["b"][:n] == b)
        return tuple(addresses.text(*pair) for pair in columns["keys"][:n][own][: ADDRESSES_MAX + 1, 1:].tolist())


def _is_gateway(flow: np.void, sent: float, received: float) -> bool:
    """Tell whether a new place looks like a VPN's gateway: on a tunnel's port, and more comes back than goes.

    All that a device does goes to it, so that many bytes on its first day say little; who sends away what it has sends
    more than it gets. Such a place opens nothing by itself: it is a row of the digest, with what speaks for it.
    """
    return (int(flow["proto"]), int(flow["resp_p"])) in TUNNELS and received > sent


__all__ = ["Exfiltration", "again", "detector", "recount"]
