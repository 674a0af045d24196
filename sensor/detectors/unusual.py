"""Most unusual here: what stands out among the devices and accounts of this run, whether or not it is an incident.

Ranks, not judgements. A device's number is held against the other devices' of the same run, so p is never below 1/n
for n devices; with one device there is nothing to compare with and p is 1. Nothing of it is kept in the state.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.distinct import values_of
from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.table import Table
from sensor.detectors.first_contacts import WALK_NONE, contacts
from sensor.detectors.unusual_accounts import AccountTotals
from sensor.entities.flow_states import sides
from sensor.model import addresses
from sensor.model.evidence import Entity, Evidence, Finding
from sensor.model.flow import PROTOS, TCP, UDP
from sensor.model.ids import identify
from sensor.model.metadata import Dns
from sensor.model.records import picked
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import rfc3339, span

STATISTICS = ("bytes_out", "bytes_in", "opened", "failed", "peers", "no_such_name")
_TEXT = {
    "bytes_out": "sent {v:,.0f} payload bytes",
    "bytes_in": "received {v:,.0f} payload bytes",
    "opened": "opened {v:,.0f} flows",
    "failed": "had {v:,.0f} first contacts that failed",
    "peers": "contacted {v:,.0f} distinct addresses",
    "no_such_name": "asked {v:,.0f} times for names that do not exist",
}
_PAIRS_MAX = 1 << 20
_PORTS_MAX = 1 << 18
_OF_EACH = 2
"""Rows a statistic; the list as a whole is cut by its reader."""
_PIECE = 1 << 17
_NXDOMAIN = 3
"""RFC 1035 §4.1.1."""
_WELL_KNOWN = 1024
"""Above it a responder's port is unusual only where it is not the common one; RFC 6335 §6."""


def detector(names: Names, secret: int) -> "Unusual":
    """Make the detector of this module."""
    return Unusual(names, secret)


def again(evidence: Evidence) -> float | None:
    """Return p again: a rank is its own p; the run that it was one of is not told apart in the archive."""
    return evidence.basis.get("p_rank")


class Unusual:
    """Totals of one run by device, by (device, outside peer) and by (device, port)."""

    name = "unusual"
    family = "listing"
    techniques: tuple[str, ...] = ()
    needs = "peers"
    unit = "rank among the devices of this run"
    citation = "none: ranks"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._totals = Table(dict.fromkeys(STATISTICS, (np.float64, (), 0.0)), 1_000_000)
        self._pairs = KeyedTable({"bytes": (np.float64, (), 0.0)}, _PAIRS_MAX, secret)
        self._ports = KeyedTable({"flows": (np.int64, (), 0)}, _PORTS_MAX, secret)
        self._first_ns, self._last_ns = 0, 0
        self._peers = 0
        self._accounts = AccountTotals(names)

    def score(self, tick: Tick) -> list[Finding]:
        """Return nothing: the list is made at the end."""
        del tick
        return []

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Add the tick to the totals; what is flagged counts as well, for here it is only listed."""
        del flagged
        self._totals.cover(self._names.count())
        self._accounts.take(tick)
        self._follow(tick)
        self._first_ns = self._first_ns or tick.end_ns
        self._last_ns = max(self._last_ns, tick.end_ns)
        columns, flows = self._totals.columns, tick.flows
        for message, device in zip(tick.messages, tick.message_device.tolist(), strict=True):
            if device >= 0 and isinstance(message, Dns) and message.rcode == _NXDOMAIN:
                columns["no_such_name"][device] += 1
        if not len(flows):
            return
        sent, got = (np.maximum(flows[f"{end}_bytes"], 0).astype(np.float64) for end in ("orig", "resp"))
        for device, out, into in (
            (tick.orig_device, "bytes_out", "bytes_in"),
            (tick.resp_device, "bytes_in", "bytes_out"),
        ):
            on = device >= 0
            np.add.at(columns[out], device[on], sent[on])
            np.add.at(columns[into], device[on], got[on])
        mine = (tick.orig_device >= 0) & (contacts(tick).walk != WALK_NONE)
        np.add.at(columns["opened"], tick.orig_device[mine & tick.fresh], 1)
        failed = mine & (contacts(tick).outcome == 1)
        np.add.at(columns["failed"], tick.orig_device[failed], 1)
        opened = mine.nonzero()[0]
        for start in range(0, len(flows), _PIECE):
            self._pair(tick, opened[start : start + _PIECE])

    def coverage(self) -> Coverage:
        """Say among how many devices it ranks."""
        rows = self._totals.rows
        if not rows:
            return Coverage(detector=self.name, state="no_input", why="no local device was seen")
        return Coverage(detector=self.name, state="judged", why=f"ranks among {rows} devices")

    def listed(self, limit: int) -> list[Evidence]:
        """Return the most unusual, the rarest first."""
        rows = self._totals.rows
        found: list[tuple[float, float, Evidence]] = []
        for what in STATISTICS:
            values = self._totals.columns[what][:rows]
            active = np.nonzero(values > 0)[0]
            first = active[np.argsort(-values[active], kind="stable")][:_OF_EACH].tolist()
            found += [self._rank(what, int(device), values) for device in first]
        found += self._talkers() + self._rare_ports() + self._accounts.listed()
        found.sort(key=lambda item: (item[0], -item[1], item[2].id))
        return [evidence for _, _, evidence in found[:limit]]

    def save(self) -> dict[str, NDArray[Any]]:
        """Return nothing: the totals are of one run."""
        return {}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore nothing."""

    def _follow(self, tick: Tick) -> None:
        """Give the totals of rows that turned out to be another device to the row that stands for it."""
        if not tick.merged:
            return
        columns = self._totals.columns
        for gone, kept in tick.merged:
            for what in STATISTICS:
                columns[what][kept] += columns[what][gone] if what != "peers" else 0
            self._totals.clear(gone)
        moved = self._pairs.rename(dict(tick.merged))
        np.add.at(columns["peers"], self._pairs.columns["keys"][moved, 0].astype(np.int64), 1)
        self._ports.rename(dict(tick.merged))

    def _pair(self, tick: Tick, on: NDArray[np.int64]) -> None:
        """Add to the totals by outside peer, by port and of distinct peers."""
        on = on[sides(tick).resp_single[on]]
        flows = picked(tick.flows, on)
        device, hi, lo = tick.orig_device[on], flows["resp_hi"].copy(), flows["resp_lo"].copy()
        if len(on) == 0:
            return
        self._pairs.reserve(len(on))
        before = len(self._pairs)
        rows = self._pairs.insert(device.astype(np.uint64), hi, lo)
        self._pairs.columns["last"][rows] = tick.end_ns
        outside = ~tick.resp_local[on]
        np.add.at(self._pairs.columns["bytes"], rows[outside], np.maximum(flows["orig_bytes"][outside], 0))
        fresh = values_of(rows[rows >= before])
        np.add.at(self._totals.columns["peers"], self._pairs.columns["keys"][fresh, 0].astype(np.int64), 1)
        two_way = (contacts(tick).outcome[on] == 0) & ((flows["proto"] == TCP) | (flows["proto"] == UDP))
        port = (flows["proto"][two_way].astype(np.uint64) << np.uint64(16)) | flows["resp_p"][two_way]
        where = self._ports.insert(device[two_way].astype(np.uint64), port, np.zeros(len(port), np.uint64))
        self._ports.columns["last"][where] = tick.end_ns
        np.add.at(self._ports.columns["flows"], where, 1)

    def _rank(self, what: str, device: int, values: NDArray[np.float64]) -> tuple[float, float, Evidence]:
        value, n = float(values[device]), len(values)
        p = float((values >= value).sum()) / n if n > 1 else 1.0
        others = np.delete(values, device)
        usual = float(np.median(others)) if n > 1 else value
        spread = (float(others.min()), float(np.quantile(others, 0.95))) if n > 1 else None
        text = f"{self._names.device_name(device)} {_TEXT[what].format(v=value)}"
        text += f"; the other {n - 1} devices: {usual:,.0f} in the middle, {spread[1]:,.0f} at 95 %" if spread else ""
        return self._row(device, what, value, usual, spread, p, n, text, value / (usual + 1.0))

    def _talkers(self) -> list[tuple[float, float, Evidence]]:
        """List who sent most to one outside address."""
        n = len(self._pairs)
        sent = self._pairs.columns["bytes"][:n]
        total = float(sent.sum())
        keys = self._pairs.columns["keys"]
        found = []
        for row in np.argsort(-sent, kind="stable")[:_OF_EACH].tolist():
            if sent[row] <= 0:
                break
            device, hi, lo = (int(word) for word in keys[row])
            address, named = addresses.text(hi, lo), self._names.address_name(hi, lo)
            p = float((sent >= sent[row]).sum()) / max(1, int((sent > 0).sum()))
            text = (
                f"{self._names.device_name(device)} sent {sent[row]:,.0f} payload bytes to "
                f"{f'{named} ({address})' if named else address}: {sent[row] / total:.0%} of all that left"
            )
            usual = float(np.median(sent[sent > 0]))
            found.append(
                self._row(device, f"to {address}", float(sent[row]), usual, None, p, n, text, sent[row] / (usual + 1.0))
            )
        return found

    def _rare_ports(self) -> list[tuple[float, float, Evidence]]:
        """List answered ports that one device alone used."""
        n, devices = len(self._ports), self._totals.rows
        keys, flows = self._ports.columns["keys"][:n], self._ports.columns["flows"][:n]
        ports, where, users = np.unique(keys[:, 1], return_inverse=True, return_counts=True)
        alone = np.nonzero((users[where] == 1) & (ports[where] & np.uint64(0xFFFF) > 0))[0]
        order = alone[np.lexsort((keys[alone, 1], -flows[alone]))]
        found = []
        for row in order[:_OF_EACH].tolist():
            device, port = int(keys[row, 0]), int(keys[row, 1])
            label = f"{port & 0xFFFF}/{PROTOS.get(port >> 16, port >> 16)}"
            text = (
                f"{self._names.device_name(device)} alone of {devices} devices used port {label} "
                f"({int(flows[row])} answered flows)"
            )
            p = 1.0 / devices if devices > 1 else 1.0
            rarity = 1.0 if (port & 0xFFFF) < _WELL_KNOWN else 0.5
            found.append(self._row(device, f"port {label}", float(flows[row]), 0.0, None, p, devices, text, rarity))
        return found

    def _row(
        self, device: int, what: str, observed: float, expected: float, spread: tuple[float, float] | None, p: float,
        n: int, text: str, ratio: float,
    ) -> tuple[float, float, Evidence]:  # fmt: skip
        site, identity = self._names.device_site(device), self._names.device_id(device)
        seen = span(self._last_ns - self._first_ns)
        history = self._names.history_ns(device)
        known = f"no history: seen for {seen}" if history < 86_400 * 10**9 else f"known for {span(history)}"
        return (
            p,
            float(ratio),
            Evidence(
                id=identify("EV", site, identity, "unusual", what), ts=rfc3339(self._last_ns), site=site,
                entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
                observed=observed, expected=expected, range=spread, reference="peers", reference_n=n, p=p,
                db=decibans(p), text=f"{text} ({known}).", model="unusual.rank/1",
                basis={"value": observed, "p_rank": p},
            ),
        )  # fmt: skip
