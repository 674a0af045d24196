"""When each device was there and how busy it was: five-minute slots, 45 days of them as bits, 8 hours in detail.

Of the last hours a slot holds: a sketch of the distinct outside addresses (behind a proxy: hosts) that the device
contacted, its site, the bytes that went to its largest outside peer (Misra and Gries 1982, one counter: the weight kept
is at least what that peer has above all others together), and whether a share was opened, somebody logged on at it, a
VPN or a remote desktop was in use. When a slot leaves those hours its count goes into the histogram of its hour of day,
from which `person` learns how quiet the device can be.

A flow counts where it begins. Only devices that opened a flow have a row. Not here: what of it a person causes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows
from baselines.distinct import values_of
from baselines.table import Table
from sensor.entities.flow_states import sides
from sensor.model.flow import TCP, UDP
from sensor.model.records import joined, picked
from sensor.model.tick import Tick
from sensor.model.times import DAY_NS, HOUR_NS, MINUTE_NS

SLOT_NS = 5 * MINUTE_NS
SLOTS_HOUR, SLOTS_DAY = HOUR_NS // SLOT_NS, DAY_NS // SLOT_NS
DAYS = 45
"""METHOD in force, state."""
RING = 96
"""Slots in detail, 8 hours: the sign-in logs of a tenant are late by minutes, after an outage by hours."""
ROWS_MAX = 50_000
"""Devices with presence, 7.1 kB each; of one that was silent for DAYS the row is given to another."""
BINS = 16
HISTORY_MAX = 2 * DAYS * SLOTS_HOUR
"""Slots of one hour of day before its histogram is halved: what is older than the days weighs less and less."""
BIN_TOP = np.array([0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 28, 40, 64, 300], np.float64)
"""Largest count of each bin of the histogram."""

VPN, DESKTOP, SHARE, LOGON, LEASED, CONTACT = 1, 2, 4, 8, 16, 32
"""Bits of `flags`: it used a VPN's port; somebody was on its desktop from afar; it opened a share; somebody logged on
at it; it spoke through a VPN lease; it contacted an identity provider."""
MIXED = -1
"""`site` of a slot in which the device spoke at two; else number + 1, 0 none."""

CELL = np.dtype(
    [("names", np.uint64), ("total", np.float32), ("weight", np.float32), ("peer", np.uint32), ("slot", np.int32),
     ("flows", np.uint32), ("site", np.int16), ("flags", np.uint16)], align=True,
)  # fmt: skip
MARK = np.dtype(
    [("hash", np.uint64), ("size", np.float64), ("row", np.int32), ("slot", np.int32), ("site", np.int16),
     ("flags", np.uint16), ("late", np.uint32)], align=True,
)  # fmt: skip
HEAD = np.dtype([("first", np.int32), ("day", np.int32), ("device", np.int32), ("days", np.int32)], align=True)
SPEC: dict[str, Any] = {
    "cells": (CELL, (RING,), 0),
    "on": (np.uint8, (DAYS * SLOTS_DAY // 8,), 0),
    "contacts": (np.uint8, (DAYS * SLOTS_DAY // 8,), 0),
    "counts": (np.uint16, (24, BINS), 0),
    "shares": (np.uint16, (24,), 0),
    "head": (HEAD, (), 0),
}
_VPN_TCP = (1194, 1701, 1723)
_VPN_UDP = (500, 4500, 1194, 1701, 51820, 41641)
"""IKE and its NAT traversal (RFC 7296 §2), OpenVPN, L2TP, PPTP, WireGuard, and Tailscale's default."""
_DESKTOPS = (3389, 5900)
"""RDP and VNC (IANA)."""


def _table(ports: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which of all ports are among some."""
    table = np.zeros(1 << 16, np.bool_)
    table[list(ports)] = True
    return table


_IS_VPN_TCP, _IS_VPN_UDP, _IS_DESKTOP = _table(_VPN_TCP), _table(_VPN_UDP), _table(_DESKTOPS)
_IS_HELD_OPEN = _IS_VPN_TCP | _IS_VPN_UDP | _IS_DESKTOP
_GRE, _ESP = 47, 50
_LONG_NS = MINUTE_NS
"""A shorter connection to a desktop's port is a scan or a refused logon."""
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))
"""2^64 over the golden ratio, and splitmix64's first factor: odd, so that multiplication loses nothing."""


def _bins() -> NDArray[np.uint8]:
    """Return the bin of each number of bits set in a sketch: by linear counting (Whang et al. 1990)."""
    return np.searchsorted(BIN_TOP, [round(counted(bits)) for bits in range(65)]).astype(np.uint8)


def counted(bits: int) -> float:
    """Return about how many different things set so many of 64 bits."""
    return float(-64 * np.log(max(64 - bits, 0.5) / 64))


_BIN = _bins()


@kernel(
    rows(MARK), rows(CELL, 2), rows(np.uint8, 2), rows(np.uint8, 2), rows(np.uint16, 3), rows(np.uint16, 2), rows(HEAD)
)
def mark(
    marks: NDArray[np.void],
    cells: NDArray[np.void],
    on: NDArray[np.uint8],
    contacts: NDArray[np.uint8],
    counts: NDArray[np.uint16],
    shares: NDArray[np.uint16],
    head: NDArray[np.void],
) -> None:
    """Take marks in, in order.

    Args:
        marks: What was seen of which row and slot, dtype MARK, shape (n,); `hash` 0: nothing outside was contacted.
        cells: Slots in detail, dtype CELL, shape (rows, RING).
        on: A bit a slot in which the device was there, uint8, shape (rows, bytes); `contacts` likewise.
        counts: Slots by hour of day and bin, uint16, shape (rows, 24, BINS).
        shares: Slots with an opened share by hour of day, uint16, shape (rows, 24).
        head: dtype HEAD, shape (rows,).
    """
    for i in range(len(marks)):
        row, slot, flags = marks[i]["row"], marks[i]["slot"], marks[i]["flags"]
        day = slot // SLOTS_DAY
        if head[row]["first"] == 0 or slot < head[row]["first"]:
            head[row]["first"] = slot
        if day > head[row]["day"]:
            for past in range(max(head[row]["day"] + 1, day - DAYS + 1), day + 1):
                at = (past % DAYS) * (SLOTS_DAY // 8)
                on[row, at : at + SLOTS_DAY // 8] = 0
                contacts[row, at : at + SLOTS_DAY // 8] = 0
            head[row]["day"] = day
            head[row]["days"] += 1
        if day <= head[row]["day"] - DAYS:
            continue
        bit = slot % (DAYS * SLOTS_DAY)
        on[row, bit >> 3] |= np.uint8(1 << (bit & 7))
        if flags & CONTACT:
            contacts[row, bit >> 3] |= np.uint8(1 << (bit & 7))
        cell = cells[row, slot % RING]
        if cell["slot"] > slot:
            continue
        if cell["slot"] != slot:
            if cell["slot"] != 0:
                hour = (cell["slot"] // SLOTS_HOUR) % 24
                seen, left = 0, cell["names"]
                while left:
                    left &= left - np.uint64(1)
                    seen += 1
                counts[row, hour, _BIN[seen]] += np.uint16(1)
                shares[row, hour] += np.uint16((cell["flags"] & SHARE) != 0)
                held = 0
                for k in range(BINS):
                    held += counts[row, hour, k]
                if held > HISTORY_MAX:
                    for k in range(BINS):
                        counts[row, hour, k] >>= np.uint16(1)
                    shares[row, hour] >>= np.uint16(1)
            cell["slot"], cell["names"], cell["peer"], cell["flows"] = slot, 0, 0, 0
            cell["total"], cell["weight"], cell["flags"], cell["site"] = 0.0, 0.0, 0, 0
        cell["flags"] |= flags
        if cell["site"] == 0:
            cell["site"] = marks[i]["site"]
        elif marks[i]["site"] != 0 and cell["site"] != marks[i]["site"]:
            cell["site"] = MIXED
        if marks[i]["hash"] != 0:
            cell["names"] |= np.uint64(1) << (marks[i]["hash"] >> np.uint64(58))
            cell["flows"] += np.uint32(1)
            peer, size = np.uint32(marks[i]["hash"] & np.uint64(0xFFFFFFFF)), np.float32(marks[i]["size"])
            cell["total"] += size
            if cell["peer"] == peer:
                cell["weight"] += size
            elif size <= cell["weight"]:
                cell["weight"] -= size
            else:
                cell["peer"], cell["weight"] = peer, size - cell["weight"]


class Seen(NamedTuple):
    """One slot of a device."""

    slot: int
    names: float
    """Distinct outside addresses or hosts, about."""
    site: int
    """Its number, −1 none, −2 where it spoke at two."""
    flags: int
    peer: int
    weight: float
    total: float
    """Bytes to and from the outside; `weight` of them at least went to `peer` beyond all others together."""


class Presence:
    """Slots of all devices that opened a flow.

    Attributes:
        table: Columns of SPEC, one row a device that is looked at.
        refused: Devices that got no row.
        told: Device row << 32 | slot of slots that changed, for a hub, since they were taken; None where there is none.
    """

    told: list[NDArray[np.int64]] | None = None

    def __init__(self, secret: int) -> None:
        self.table = Table(SPEC, ROWS_MAX)
        self.refused = 0
        self._secret = np.uint64(secret)
        self._row_of = np.full(64, -1, np.int32)
        self._noted: list[tuple[int, int, int, int]] = []
        self._reported: list[NDArray[np.void]] = []

    def note(self, device: int, ts: int, site: int, flags: int) -> None:
        """Note, until the next `take`, that something was seen of a device."""
        if device >= 0:
            self._noted.append((device, ts, site, flags))

    @property
    def has_notes(self) -> bool:
        """Whether anything was noted since the last `take`."""
        return bool(self._noted or self._reported)

    def report(self, marks: NDArray[np.void]) -> None:
        """Take in, with the next `take`, what another sensor says of slots: it replaces what that said of them before.

        Args:
            marks: dtype MARK with device rows, shape (n,).
        """
        if len(marks):
            self._reported.append(marks)

    def take(self, tick: Tick, hosts: dict[int, int], leased: NDArray[np.bool_], now_ns: int) -> NDArray[np.int32]:
        """Take a tick's flows in, and what was noted.

        Args:
            tick: The tick.
            hosts: Digest of the host that a proxy was asked for, by flow.
            leased: The originator's address is a VPN lease, bool, shape (flows,).
            now_ns: Event time.

        Returns:
            Devices of which slots changed that were over before, int32.
        """
        parts = [self._marks_of_notes()] if self._noted else []
        if len(tick.flows):
            parts += [self._opened(tick, hosts, leased), *self._held_open(tick)]
        self._noted.clear()
        if self._reported:
            parts += self._replacing()
        if not parts:
            return np.empty(0, np.int32)
        marks = joined(parts)
        if not len(marks):
            return np.empty(0, np.int32)
        devices = marks["row"].copy()
        marks["row"] = self._rows(devices)
        known = marks["row"] >= 0
        marks, devices = picked(marks, known), devices[known]
        columns = self.table.columns
        mark(marks, *(columns[name] for name in ("cells", "on", "contacts", "counts", "shares", "head")))
        if self.told is not None:
            self.told.append(np.unique(devices.astype(np.int64) << 32 | marks["slot"]))
        over = devices[marks["slot"] < now_ns // SLOT_NS - 1]
        return values_of(over) if len(over) else over

    def slots(self, device: int, first: int, last: int) -> list[Seen]:
        """Return what is known in detail of a device's slots from `first` to `last`, those where it was there."""
        row = self.row(device)
        if row < 0:
            return []
        cells = self.table.columns["cells"][row]
        found = []
        for slot in range(first, last + 1):
            cell = cells[slot % RING]
            if int(cell["slot"]) == slot:
                site = int(cell["site"])
                found.append(
                    Seen(
                        slot, counted(int(cell["names"]).bit_count()), site - 1, int(cell["flags"]), int(cell["peer"]),
                        float(cell["weight"]), float(cell["total"]),
                    )
                )  # fmt: skip
        return found

    def contacted(self, device: int, first: int, last: int) -> bool:
        """Tell whether a device contacted an identity provider in one of the slots; 45 days back."""
        row = self.row(device)
        if row < 0:
            return False
        held, day = self.table.columns["contacts"][row], int(self.table.columns["head"]["day"][row])
        for slot in range(first, last + 1):
            bit = slot % (DAYS * SLOTS_DAY)
            if day - DAYS < slot // SLOTS_DAY <= day and int(held[bit >> 3]) >> (bit & 7) & 1:
                return True
        return False

    def last_site(self, device: int) -> int:
        """Return the site of a device's latest slot, −1 where it had none."""
        row = self.row(device)
        if row < 0:
            return -1
        cells = self.table.columns["cells"][row]
        return int(cells["site"][int(np.argmax(cells["slot"]))]) - 1

    def history_days(self, device: int, slot: int) -> float:
        """Return for how many days a device has been looked at, up to a slot."""
        row = self.row(device)
        return 0.0 if row < 0 else (slot - int(self.table.columns["head"]["first"][row])) / SLOTS_DAY

    def devices(self) -> list[int]:
        """Return the devices that have a row."""
        found: list[int] = np.nonzero(self._row_of >= 0)[0].tolist()
        return found

    def row(self, device: int) -> int:
        """Return a device's row, −1 where it has none."""
        return int(self._row_of[device]) if 0 <= device < len(self._row_of) else -1

    def merge(self, gone: int, kept: int) -> None:
        """Give the row of a device that turned out to be another to it; of two the one with the longer history stays.

        What the other had is not added up: both are the same device's, seen from two sides.
        """
        one, other = self.row(gone), self.row(kept)
        if one < 0:
            return
        head = self.table.columns["head"]
        self._row_of[gone] = -1
        if other < 0 or head["first"][one] < head["first"][other]:
            self._cover(kept)
            self._row_of[kept], one = one, other
            head["device"][self._row_of[kept]] = kept
        if one >= 0:
            self.table.recycle(one)

    def expire(self, day: int) -> None:
        """Give back the rows of devices that were silent for DAYS."""
        head = self.table.columns["head"][: self.table.rows]
        held = np.zeros(len(head), np.bool_)
        held[self._row_of[self._row_of >= 0]] = True
        for row in np.nonzero(held & (head["day"] < day - DAYS))[0].tolist():
            self._row_of[head["device"][row]] = -1
            self.table.recycle(row)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the state as named arrays."""
        state = {f"presence/{name}": column for name, column in self.table.save().items()}
        return state | {"presence/row_of": self._row_of.copy(), "presence/refused": np.array([self.refused])}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned; a state of before has none of it."""
        if "presence/row_of" not in state:
            return
        self._row_of, self.refused = state["presence/row_of"].copy(), int(state["presence/refused"][0])
        self.table.load({name[9:]: column for name, column in state.items() if name.startswith("presence/")})

    def _rows(self, devices: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the row of each device, a new one where it has none; −1 where there is no room."""
        self._cover(int(devices.max()))
        rows = self._row_of[devices]
        if (rows >= 0).all():
            return rows
        for device in values_of(devices[rows < 0]).tolist():
            row = self.table.add()
            if row < 0:
                self.refused += 1
                continue
            self._row_of[device] = row
            self.table.columns["head"]["device"][row] = device
        return self._row_of[devices]

    def _cover(self, device: int) -> None:
        if device >= len(self._row_of):
            grown = np.full(max(2 * len(self._row_of), device + 1), -1, np.int32)
            grown[: len(self._row_of)] = self._row_of
            self._row_of = grown

    def _opened(self, tick: Tick, hosts: dict[int, int], leased: NDArray[np.bool_]) -> NDArray[np.void]:
        """Return the marks of flows that devices opened."""
        flows, seen = tick.flows, sides(tick)
        at = np.nonzero((tick.orig_device >= 0) & seen.sent)[0]
        marks = np.zeros(len(at), MARK)
        if not len(at):
            return marks
        hi, lo = flows["resp_hi"], flows["resp_lo"]
        outside = (~tick.resp_local & seen.resp_single & seen.replied)[at]
        marks["row"], marks["slot"] = tick.orig_device[at], flows["ts"][at] // SLOT_NS
        marks["site"] = tick.site[at] + 1
        hashed = ((hi[at] ^ self._secret) * _MIX[0] ^ lo[at]) * _MIX[1]
        hashed ^= hashed >> np.uint64(32)
        marks["hash"] = np.where(outside, hashed * _MIX[0] | np.uint64(1), np.uint64(0))
        if hosts:
            by_flow = np.zeros(len(flows), np.uint64)
            by_flow[list(hosts)] = list(hosts.values())
            marks["hash"] = np.where(by_flow[at] != 0, by_flow[at], marks["hash"])
        marks["size"] = np.maximum(flows["orig_bytes"][at], 0) + np.maximum(flows["resp_bytes"][at], 0)
        marks["flags"] = np.where(leased[at], LEASED, 0)
        return marks

    @staticmethod
    def _held_open(tick: Tick) -> list[NDArray[np.void]]:
        """Return the marks of VPNs and of remote desktops, one for each slot that they last."""
        flows, replied = tick.flows, sides(tick).replied
        port, proto = flows["resp_p"], flows["proto"]
        if not (_IS_HELD_OPEN[port] | (proto == _GRE) | (proto == _ESP)).any():
            return []  # as mostly
        vpn = ((proto == TCP) & _IS_VPN_TCP[port]) | ((proto == UDP) & _IS_VPN_UDP[port])
        vpn |= (proto == _GRE) | (proto == _ESP)
        vpn &= (tick.orig_device >= 0) & ~tick.resp_local & replied
        desktop = _IS_DESKTOP[port] & (tick.resp_device >= 0) & replied & (flows["duration"] >= _LONG_NS)
        parts = []
        for which, device, flag in ((vpn, tick.orig_device, VPN), (desktop, tick.resp_device, DESKTOP)):
            at = np.nonzero(which)[0]
            if not len(at):
                continue
            first = flows["ts"][at] // SLOT_NS
            last = (flows["ts"][at] + np.maximum(flows["duration"][at], 0)) // SLOT_NS
            times = np.minimum(last - first + 1, RING)
            marks = np.zeros(int(times.sum()), MARK)
            starts = np.repeat(np.cumsum(times) - times, times)
            marks["slot"] = np.repeat(first, times) + np.arange(len(marks)) - starts
            marks["row"], marks["site"] = np.repeat(device[at], times), np.repeat(tick.site[at] + 1, times)
            marks["flags"] = flag
            parts.append(marks)
        return parts

    def _replacing(self) -> list[NDArray[np.void]]:
        """Return what was reported; slots that the same site told of before begin anew."""
        parts, self._reported = self._reported, []
        for marks in parts:
            rows = self._rows(marks["row"])
            at = np.nonzero(rows >= 0)[0]
            row, slot = rows[at], marks["slot"][at]
            cells = self.table.columns["cells"]
            held = cells[row, slot % RING]
            same = (held["slot"] == slot) & (held["site"] == marks["site"][at])
            for name in ("names", "total", "weight", "peer"):
                cells[name][row[same], slot[same] % RING] = 0
        return parts

    def _marks_of_notes(self) -> NDArray[np.void]:
        marks = np.zeros(len(self._noted), MARK)
        if self._noted:
            device, ts, site, flags = zip(*self._noted, strict=True)
            marks["row"], marks["slot"] = device, np.array(ts, np.int64) // SLOT_NS
            marks["site"], marks["flags"] = np.array(site, np.int16) + 1, flags
        return marks


def largest(slots: Sequence[Seen]) -> float:
    """Return at least which share of some slots' bytes went to one outside peer beyond all others together.

    Summaries of one counter are merged by adding what is of one peer and subtracting the rest (Agarwal et al. 2012).
    """
    peer, weight, total = 0, 0.0, 0.0
    for one in slots:
        total += one.total
        if one.peer == peer:
            weight += one.weight
        elif one.weight <= weight:
            weight -= one.weight
        else:
            peer, weight = one.peer, one.weight - weight
    return weight / total if total > 0 else 0.0
