"""Pairs of a device and an outside place, timed by the gate of `baselines/periodicity.py`. No detector.

A pair is a device, a port of the responder, TCP or UDP, a direction, and the outside end: an address, or the host a
proxy was asked for. Every pair is timed from its first flow, in one table. A pair that comes near its first look is a
candidate; a device has at most CANDIDATES_MAX, of which one that was looked at twice in vain makes room for the next at
once, one that fell silent within an hour. Under pressure pairs of few gaps go first, and a device may bring in
FRESH_MAX pairs an hour: whoever contacts random addresses pushes out its own.

Flows of long-lived connections are one event each, at their begin. Reports of a flow that goes on are none.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines import periodicity
from baselines.distinct import values_of
from baselines.keyed import KeyedTable
from baselines.table import Table
from sensor.detectors.first_contacts import contacts
from sensor.detectors.places import words
from sensor.entities.flow_states import sides
from sensor.model.flow import TCP, UDP
from sensor.model.records import picked
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, HOUR_NS, MINUTE_NS

PAIRS_MAX = 1 << 16
"""About 400 bytes each; the half that was silent longest goes."""
CANDIDATES_MAX = 24
"""A device: the method in force."""
CANDIDATE_GAPS = 20
"""The first look comes at 24. An office's host has over 24 outside places of 4 gaps a day (M57), few of 20."""
STEADY_GAPS = 4
"""Pairs of fewer are one page's or one program's start: they go first where room is needed."""
FRESH_MAX = 1024
"""New pairs a device may bring in an hour: four times the busiest hour of the real host-days at hand (about 250)."""
FIRST_AGE_NS = 10 * MINUTE_NS
"""The method in force."""
AGAIN_NS = 6 * HOUR_NS
"""How often what goes on is told again: within the three days after which an incident expires."""
RING = 4
"""Flows kept of each pair, to name as records."""
_PIECE = 1 << 13
_PROBATION, _CANDIDATE, _REFUSED = 0, 1, 2
_DULL_GAPS = 48
"""Gaps by which the gate has looked twice."""

_PAIR: dict[str, Any] = {
    "state": (np.uint8, (), _PROBATION), "first": (np.int64, (), 0), "latest": (np.int64, (2,), 0),
    "began": (np.int64, (2,), 0), "count": (np.int64, (2,), 0), "gaps": (np.uint16, (2, periodicity.KEPT), 0),
    "told": (np.int64, (), 0), "passed": (np.int64, (2,), 0), "seen": (np.int64, (), 0),
    "input": (np.int32, (RING,), -1), "offset": (np.int64, (RING,), 0), "uid": ("S24", (RING,), b""),
}  # fmt: skip
_DEVICE: dict[str, Any] = {"candidates": (np.int32, (), 0), "hour": (np.int64, (), -1), "fresh": (np.int32, (), 0)}


class Look(NamedTuple):
    """A look that passed the gate."""

    flow: int
    """The last one, its place in the tick."""
    device: int
    port: int
    proto: int
    inbound: bool
    hi: int
    lo: int
    scale: int
    gaps: int
    first_ns: int
    half_width: float
    share: float
    correlation: float
    period_s: float
    records: tuple[tuple[int, int, bytes], ...]
    """(input, offset, uid) of its last flows."""


class Pairs:
    """All pairs that are timed.

    Attributes:
        refused: Pairs that were not timed because their device has enough of them, or brought in too many.
        seen: Flows that were timed.
    """

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._table = KeyedTable(_PAIR, PAIRS_MAX, secret)
        self._devices = Table(_DEVICE, 1_000_000)
        self._scratch = np.zeros(periodicity.BINS)
        self._swept = 0
        self.refused = self.seen = 0

    @property
    def saturation(self) -> float:
        """Share of the cap in use."""
        return self._table.saturation

    def take(self, tick: Tick) -> list[Look]:
        """Time the tick's flows, in order of their begin; return the looks that passed."""
        self._devices.cover(self._names.count())
        self._follow(tick)
        if tick.end_ns // HOUR_NS != self._swept:
            self._swept = tick.end_ns // HOUR_NS
            self._sweep(tick.end_ns)
        ours = ((tick.orig_device >= 0) & ~tick.resp_local) | ((tick.resp_device >= 0) & ~tick.orig_local)
        if not ours.any() and not tick.destinations:
            return []
        on, word, hi, lo = self._select(tick)
        self.seen += len(on)
        found: list[Look] = []
        for start in range(0, len(on), _PIECE):
            piece = slice(start, start + _PIECE)
            found += self._time(tick, on[piece], word[piece], hi[piece], lo[piece])
        return found

    def sources(self, device: int, port: int, proto: int) -> tuple[int, int]:
        """Return how many two-way outside sources a local service has, and how many of them are periodic."""
        rows = self._table.columns["keys"][: len(self._table), 0] == _word(device, port, proto, inbound=True)
        return int(rows.sum()), int((self._table.columns["passed"][: len(rows)][rows].sum(axis=1) > 0).sum())

    def outside(self, device: int, limit: int) -> list[tuple[int, int, int]]:
        """Return (port, high word, low word) of outside places a device opened flows to, at most `limit`."""
        keys = self._table.columns["keys"][: len(self._table)]
        mine = (keys[:, 0] >> np.uint64(32) == device) & (keys[:, 0] & np.uint64(1) == 0)
        return [(word >> 16 & 0xFFFF, hi, lo) for word, hi, lo in keys[mine][:limit].tolist()]

    def save(self) -> dict[str, NDArray[Any]]:
        """Return everything as named arrays."""
        parts = {"pairs": self._table.save(), "devices": self._devices.save()}
        state = {f"{part}/{name}": column for part, held in parts.items() for name, column in held.items()}
        return state | {"counters": np.array([self._swept, self.refused, self.seen], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        self._table.load({name[6:]: column for name, column in state.items() if name.startswith("pairs/")})
        self._devices.load({name[8:]: column for name, column in state.items() if name.startswith("devices/")})
        self._swept, self.refused, self.seen = (int(value) for value in state["counters"])

    def _select(
        self, tick: Tick
    ) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]:
        """Return the flows to time, with their pairs' keys, in order of their begin."""
        flows = tick.flows
        seen = sides(tick)
        timed = seen.resp_single & seen.orig_single & tick.fresh & ((flows["proto"] == TCP) | (flows["proto"] == UDP))
        asked = np.zeros(len(flows), np.bool_)
        asked[list(tick.destinations)] = True
        out = timed & (tick.orig_device >= 0) & (~tick.resp_local | asked)
        into = timed & ~out & (tick.resp_device >= 0) & ~tick.orig_local & (contacts(tick).two_way == 1)
        on = np.nonzero(out | into)[0]
        on = on[np.argsort(flows["ts"][on], kind="stable")]
        inbound = into[on]
        device = np.where(inbound, tick.resp_device[on], tick.orig_device[on]).astype(np.uint64)
        word = device << np.uint64(32) | flows["resp_p"][on].astype(np.uint64) << np.uint64(16)
        word |= flows["proto"][on].astype(np.uint64) << np.uint64(8) | inbound.astype(np.uint64)
        hi = np.where(inbound, flows["orig_hi"][on], flows["resp_hi"][on])
        lo = np.where(inbound, flows["orig_lo"][on], flows["resp_lo"][on])
        if tick.destinations:
            for k, i in enumerate(on.tolist()):
                if host := tick.destinations.get(i):
                    hi[k], lo[k] = words(host)
        return on, word, hi, lo

    def _time(
        self, tick: Tick, on: NDArray[np.int64], word: NDArray[np.uint64], hi: NDArray[np.uint64],
        lo: NDArray[np.uint64],
    ) -> list[Look]:  # fmt: skip
        admitted = self._admit(tick.end_ns // HOUR_NS, word, hi, lo)
        on, word, hi, lo = on[admitted], word[admitted], hi[admitted], lo[admitted]
        rows = self._table.insert(word, hi, lo).astype(np.int64)
        columns = self._table.columns
        timed = columns["state"][rows] != _REFUSED
        on, rows = on[timed], rows[timed]
        if len(on) == 0:
            return []
        flows = picked(tick.flows, on)
        touched = self._remember(rows, flows)
        events, measures = np.zeros((2 * len(on), 4), np.int64), np.zeros((2 * len(on) + 1, 4))
        count = periodicity.observe(
            rows, flows["ts"].copy(), columns["first"], columns["latest"], columns["began"], columns["count"],
            columns["gaps"], columns["told"], columns["passed"], FIRST_AGE_NS, AGAIN_NS, self._scratch, events,
            measures,
        )  # fmt: skip
        self._promote(touched)
        passed: dict[int, tuple[list[int], list[float]]] = {}
        for event, numbers in zip(events[:count].tolist(), measures[:count].tolist(), strict=True):
            passed.setdefault(event[1], (event, numbers))  # the finer scale of two that pass at once
        return [self._look(int(on[event[0]]), event, numbers) for event, numbers in passed.values()]

    def _admit(
        self, hour: int, word: NDArray[np.uint64], hi: NDArray[np.uint64], lo: NDArray[np.uint64]
    ) -> NDArray[np.bool_]:
        """Tell which flows may be timed: of known pairs, and of as many new ones as their device may bring in."""
        admitted = self._table.find(word, hi, lo) >= 0
        new = np.nonzero(~admitted)[0]
        if len(new) == 0:
            return admitted
        device = (word[new] >> np.uint64(32)).astype(np.int64)
        own = self._devices.columns
        late = values_of(device)
        own["fresh"][late[own["hour"][late] != hour]] = 0
        own["hour"][late] = hour
        order = np.argsort(device, kind="stable")
        sorted_device = device[order]
        rank = np.empty(len(new), np.int64)
        rank[order] = np.arange(len(new)) - np.searchsorted(sorted_device, sorted_device)
        fine = own["fresh"][device] + rank < FRESH_MAX
        np.add.at(own["fresh"], device[fine], 1)
        admitted[new[fine]] = True
        self.refused += int((~fine).sum())
        return admitted

    def _remember(self, rows: NDArray[np.int64], flows: NDArray[np.void]) -> NDArray[np.int64]:
        """Keep the last flow of each pair in the tick; return the rows of the pairs, each once, ascending."""
        columns = self._table.columns
        last, first = np.unique(rows[::-1], return_index=True)
        at = len(rows) - 1 - first
        place = columns["seen"][last] % RING
        for name in ("input", "offset", "uid"):
            columns[name][last, place] = flows[name][at]
        columns["seen"][last] += 1
        return last

    def _promote(self, rows: NDArray[np.int64]) -> None:
        """Make candidates of pairs with enough gaps, where their device has room; note when each was last alive."""
        columns, own = self._table.columns, self._devices.columns
        ready = rows[(columns["state"][rows] == _PROBATION) & (columns["count"][rows, 0] >= CANDIDATE_GAPS)]
        for row in ready.tolist():
            device = int(columns["keys"][row, 0]) >> 32
            full = own["candidates"][device] >= CANDIDATES_MAX
            if full and not self._make_room(device):
                columns["state"][row] = _REFUSED
                self.refused += 1
            else:
                own["candidates"][device] += 1
                columns["state"][row] = _CANDIDATE
        bonus = np.where(columns["count"][rows, 0] >= STEADY_GAPS, DAY_NS, 0)
        columns["last"][rows] = columns["latest"][rows, 0] + bonus

    def _make_room(self, device: int) -> bool:
        """Drop the candidate of a device that was looked at most often in vain; tell whether there was one."""
        n = len(self._table)
        columns = self._table.columns
        own = (columns["state"][:n] == _CANDIDATE) & (columns["keys"][:n, 0] >> np.uint64(32) == device)
        dull = np.nonzero(own & (columns["passed"][:n].sum(axis=1) == 0) & (columns["count"][:n, 0] >= _DULL_GAPS))[0]
        if len(dull):
            columns["state"][dull[np.argmax(columns["count"][dull, 0])]] = _REFUSED
            self._devices.columns["candidates"][device] -= 1
        return len(dull) > 0

    def _sweep(self, now_ns: int) -> None:
        """Let candidates go that fell silent, and give the refused a new chance; their gaps are kept."""
        n = len(self._table)
        columns = {name: column[:n] for name, column in self._table.columns.items()}
        state, latest = columns["state"], columns["latest"][:, 0]
        usual = (latest - columns["first"]) // np.maximum(columns["count"][:, 0], 1)
        silent = (state == _CANDIDATE) & (now_ns - latest > np.maximum(HOUR_NS, 8 * usual))
        state[silent | (state == _REFUSED)] = _PROBATION
        self._devices.columns["candidates"][:] = 0
        device = (columns["keys"][:, 0] >> np.uint64(32)).astype(np.int64)
        np.add.at(self._devices.columns["candidates"], device[state == _CANDIDATE], 1)

    def _follow(self, tick: Tick) -> None:
        """Give pairs of rows that turned out to be another device to the row that stands for it."""
        if not tick.merged:
            return
        kept = dict(tick.merged)
        every = np.unique(self._table.columns["keys"][: len(self._table), 0]).tolist()
        moved = {word: kept[word >> 32] << 32 | word & 0xFFFF_FFFF for word in every if word >> 32 in kept}
        if moved:
            self._table.rename(moved)

    def _look(self, flow: int, event: list[int], measures: list[float]) -> Look:
        columns = self._table.columns
        row = event[1]
        word, hi, lo = (int(value) for value in columns["keys"][row])
        kept = [int(columns["seen"][row] - k - 1) % RING for k in range(min(RING, int(columns["seen"][row])))]
        records = tuple(
            (int(columns["input"][row, at]), int(columns["offset"][row, at]), bytes(columns["uid"][row, at]))
            for at in kept[::-1]
        )
        return Look(
            flow, word >> 32, word >> 16 & 0xFFFF, word >> 8 & 0xFF, bool(word & 1), hi, lo, event[2], event[3],
            int(columns["first"][row]), measures[0], measures[1], measures[2], measures[3], records,
        )  # fmt: skip


def _word(device: int, port: int, proto: int, *, inbound: bool) -> int:
    return device << 32 | port << 16 | proto << 8 | inbound
