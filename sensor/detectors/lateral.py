"""Lateral movement by connections: a device that reaches, by protocols of administration, hosts it never reached.

SSH, RDP, SMB, RPC, WinRM, VNC and Telnet between devices of a site, answered. One evidence a (device, day) that grows
with each new target. A target that several others reach already is a server and says nothing. p is the tail of a
geometric count, (λ / (1 + λ))^m for m new targets, heavier than Poisson's, as new targets come together: λ is the
site's new targets a device-day, shrunk to an assumed .05, and of a device that makes new ones more often its own.

Needs 24 h of the device's history. Not here: what is done there (sensor/detectors/remote_control.py); whose credentials
are used (sensor/detectors/credential_hops.py).
"""

import functools
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.distinct import distinct, values_of
from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.parts import packed, unpack
from baselines.table import Table
from sensor.detectors.archived import device_flows
from sensor.detectors.device_days import COLUMNS, P_OPENS, SITES_MAX, count_days, shrunk
from sensor.detectors.parties import flow_records, keys_of, last_records, party
from sensor.detectors.spoken import spoken
from sensor.model import addresses
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Record
from sensor.model.flow import CONN_STATES, TCP
from sensor.model.ids import identify
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339, span

PORTS = {
    22: ("SSH", "T1021.004"), 23: ("Telnet", "T1021"), 135: ("RPC", "T1021"), 139: ("SMB", "T1021.002"),
    445: ("SMB", "T1021.002"), 3389: ("remote desktop", "T1021.001"), 5900: ("VNC", "T1021.005"),
    5985: ("WinRM", "T1021.006"), 5986: ("WinRM", "T1021.006"),
}  # fmt: skip
"""Protocols of administration by their usual port."""
SERVICES = {b"ssh": 22, b"rdp": 3389, b"smb": 445}
"""The same by Zeek's `service`, on any port."""
RATE = 0.05
"""Assumed: new targets a device-day."""
OWN_WEIGHT = 14
"""Days that the site's rate weighs against a device's own: two weeks of habit."""
SHOWN, OPENS = 2, 3
"""New targets a day from where it is told, and from where it opens: by the assumed rate one in 440 and one in 9,300."""
POPULAR = 3
"""Sources of a target, or 2 % of the site's devices if that is more, from which on it is a server."""
HISTORY_NS = DAY_NS
EDGES_MAX = 1 << 20
NEW_MAX, TARGETS_MAX, KEYS_MAX = 4096, 64, 16
SERVICES_KEPT = 4096
"""Texts of services remembered with the service of administration in them."""
_MADE = np.isin(CONN_STATES, ("SF", "S1", "S2", "S3", "RSTO", "RSTR"))
_IS_ADMINISTRATION = np.isin(np.arange(1 << 16), list(PORTS))
_DEVICE: dict[str, Any] = {
    "new": (np.int64, (), 0), "days": (np.int64, (), 0), "day": (np.int64, (), -1), "sources": (np.int64, (), 0),
}  # fmt: skip


class Reached(msgspec.Struct):
    """New targets of one device on one day."""

    day: int
    site: int
    first_ns: int
    last_ns: int = 0
    targets: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    """Address → (device row, usual port of the protocol)."""
    records: tuple[Record, ...] = ()


def detector(names: Names, secret: int) -> "Lateral":
    """Make the detector of this module."""
    return Lateral(names, secret)


class Lateral:
    """New targets of administration by device and day."""

    name = "lateral"
    family = "lateral"
    techniques: tuple[str, ...] = ("T1021",)
    needs = "history"
    unit = "new targets a day"
    citation = "METHOD in force, Lateral movement"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._sites = Table({**COLUMNS, "new": (np.int64, (), 0)}, SITES_MAX)
        self._devices = Table(_DEVICE, 1 << 20)
        self._edges = KeyedTable({"day": (np.int64, (), -1)}, EDGES_MAX, secret)
        self._today: dict[int, Reached] = {}
        self._read: tuple[Tick, tuple[NDArray[np.int64], NDArray[np.int64]]] | None = None
        self.uncounted = 0
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the caps in use, by table."""
        return {"lateral_edges": self._edges.saturation, "lateral_new": len(self._today) / NEW_MAX}

    def score(self, tick: Tick) -> list[Finding]:
        """Judge the devices that reached a new target in this tick."""
        self._follow(tick)
        at, port = self._administration(tick)
        self._seen += len(at)
        grown: dict[int, None] = {}
        for i in self._new(tick, at).tolist():
            if self._reach(tick, int(at[i]), int(port[i])):
                grown[int(tick.orig_device[at[i]])] = None
        return [found for device in grown if (found := self._judge(tick, device, self._today[device])) is not None]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Remember who reached whom, but of flagged devices."""
        count_days(self._sites, self._names, tick)
        self._devices.cover(self._names.count())
        today, own = (tick.end_ns - 1) // DAY_NS, self._devices.columns
        present = values_of(tick.orig_device[tick.orig_device >= 0])
        begun = present[(own["day"][present] != today) & ~flagged[present]]
        own["days"][begun] += 1
        own["day"][begun] = today
        at, _ = self._administration(tick)
        self._read = None
        at = at[~flagged[tick.orig_device[at]]]
        if len(at) == 0:
            return
        pairs = np.stack(distinct(tick.orig_device[at], tick.resp_device[at], tick.site[at]), axis=1)
        before = len(self._edges)
        words = pairs.astype(np.uint64)
        rows = self._edges.insert(words[:, 0].copy(), words[:, 1].copy(), np.zeros(len(pairs), np.uint64))
        columns = self._edges.columns
        columns["last"][rows] = tick.end_ns
        fresh = columns["day"][rows] < 0
        columns["day"][rows[fresh]] = today
        if len(self._edges) == before:
            return
        np.add.at(own["sources"], pairs[fresh, 1], 1)
        np.add.at(own["new"], pairs[fresh, 0], 1)
        np.add.at(self._sites.columns["new"], pairs[fresh, 2], 1)

    def coverage(self) -> Coverage:
        """Say how long the devices are known."""
        if not self._seen:
            return Coverage(
                detector=self.name, state="no_input", why="no answered administration between local devices"
            )
        history = max((self._names.history_ns(row) for row in range(self._names.count())), default=0)
        more = f"; {self.uncounted:,} devices over {NEW_MAX:,} only counted" if self.uncounted else ""
        if history >= HISTORY_NS:
            return Coverage(
                detector=self.name, state="judged", why=f"{self._seen:,} connections of administration{more}"
            )
        return Coverage(
            detector=self.name, state="learning", why=f"needs 24 h of history; the longest is {span(history)}"
        )

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = packed(self._parts())
        state["today"] = np.frombuffer(msgspec.json.encode(list(self._today.items())), np.uint8)
        return state | {"counters": np.array([self.uncounted, self._seen], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        unpack(state, self._parts())
        self._today = dict(msgspec.json.decode(state["today"].tobytes(), type=list[tuple[int, Reached]]))
        self.uncounted, self._seen = (int(value) for value in state["counters"])

    def _parts(self) -> list[tuple[str, Table | KeyedTable]]:
        return [("sites", self._sites), ("devices", self._devices), ("edges", self._edges)]

    def _follow(self, tick: Tick) -> None:
        """Forget earlier days; give rows that turned out to be another device to it."""
        today = (tick.end_ns - 1) // DAY_NS
        self._today = {device: one for device, one in self._today.items() if one.day == today}
        self._devices.cover(self._names.count())
        moved = dict(tick.merged)
        if not moved:
            return
        columns = self._devices.columns
        for gone, kept in moved.items():
            for name in ("new", "sources"):
                columns[name][kept] += columns[name][gone]
            columns["days"][kept] = max(columns["days"][kept], columns["days"][gone])
            self._devices.clear(gone)
            if gone in self._today:
                self._today.setdefault(kept, self._today.pop(gone))
        self._edges.rename(moved)

    def _administration(self, tick: Tick) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return `_administration` of a tick, which is asked for scoring and for learning."""
        if self._read is None or self._read[0] is not tick:
            self._read = tick, _administration(tick)
        return self._read[1]

    def _new(self, tick: Tick, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return places in `at` whose device never reached the target on an earlier day, and few others did."""
        if len(at) == 0:
            return np.empty(0, np.int64)
        device, target = tick.orig_device[at], tick.resp_device[at]
        rows = self._edges.find(device.astype(np.uint64), target.astype(np.uint64), np.zeros(len(at), np.uint64))
        today = (tick.end_ns - 1) // DAY_NS
        known = (rows >= 0) & (self._edges.columns["day"][rows] < today)
        sites = values_of(tick.site[at]).tolist()
        least = {site: max(POPULAR, self._names.site_devices(site) // 50) for site in sites}
        enough = np.array([least[site] for site in tick.site[at].tolist()])
        popular = self._devices.columns["sources"][target] - (rows >= 0) >= enough
        new = np.nonzero(~known & ~popular)[0]
        old = [one for one in values_of(device[new]).tolist() if self._names.history_ns(one) >= HISTORY_NS]
        return new[np.isin(device[new], old)]

    def _reach(self, tick: Tick, i: int, port: int) -> bool:
        """Add a target to its device's day; tell whether it is new to it."""
        device, flow = int(tick.orig_device[i]), tick.flows[i]
        target = addresses.text(flow["resp_hi"], flow["resp_lo"])
        one = self._today.get(device)
        if one is None:
            if len(self._today) >= NEW_MAX:
                self.uncounted += 1
                return False
            one = self._today[device] = Reached((tick.end_ns - 1) // DAY_NS, int(tick.site[i]), int(flow["ts"]))
        same = any(row == int(tick.resp_device[i]) for row, _ in one.targets.values())
        if same or len(one.targets) >= TARGETS_MAX:
            return False
        one.targets[target] = (int(tick.resp_device[i]), port)
        one.last_ns = int(flow["ts"])
        one.records = last_records([*one.records, *flow_records(self._names, tick.flows[i : i + 1])])
        return True

    def _judge(self, tick: Tick, device: int, one: Reached) -> Finding | None:
        if len(one.targets) < SHOWN or self._names.history_ns(device) < HISTORY_NS or self._names.is_router(device):
            return None
        return self._finding(tick, device, one)

    def _rate(self, device: int, one: Reached) -> tuple[float, dict[str, float]]:
        """Return λ and the numbers it follows from: what was learned today is not held against today."""
        self._sites.cover(one.site + 1)
        rows = self._edges.find(
            np.full(len(one.targets), device, np.uint64),
            np.array([row for row, _ in one.targets.values()], np.uint64), np.zeros(len(one.targets), np.uint64),
        )  # fmt: skip
        learned = int((rows >= 0).sum())
        own, site = self._devices.columns, self._sites.columns
        basis = {
            "site_new": float(site["new"][one.site] - learned), "device_days": float(site["device_days"][one.site]),
            "own_new": float(own["new"][device] - learned), "own_days": float(max(0, own["days"][device] - 1)),
            "rate": RATE,
        }  # fmt: skip
        return _rate(basis), basis

    def _finding(self, tick: Tick, device: int, one: Reached) -> Finding:
        names, count = self._names, len(one.targets)
        rate, basis = self._rate(device, one)
        p = (rate / (1 + rate)) ** count
        peers = tuple(party(names, row, *addresses.parse(target)) for target, (row, _) in one.targets.items())
        name, site, identity = names.device_name(device), names.device_site(device), names.device_id(device)
        by = sorted({PORTS[port] for _, port in one.targets.values()})
        shown = ", ".join(peer.name for peer in peers[:6]) + (" and others" if count > 6 else "")
        text = (
            f"{name} reached {count} devices that it never had, by {', '.join(sorted({title for title, _ in by}))}, in "
            f"{span(one.last_ns - one.first_ns)}: {shown}. Usual for it: {rate:.2g} new ones a day, by "
            f"{basis['device_days']:,.0f} device-days of the site and {basis['own_days']:.0f} of its own. About one in "
            f"{1 / p:,.0f} device-days."
        )
        basis |= {"targets": float(count), "day": float(one.day), "since": float(one.first_ns)}
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, one.day), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=float(count), expected=rate, range=(0.0, 1.0), reference="own", reference_n=int(basis["own_days"]),
            p=p, db=decibans(p), text=text, records=one.records, model="lateral.targets/1", basis=basis,
            keys=keys_of(peers[:KEYS_MAX]),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, peers=peers,
            techniques=tuple(sorted({code for _, code in by})),
            opens=count >= OPENS and p <= P_OPENS, digest=count < OPENS or p > P_OPENS,
            check=f"Who works on {name} now, and does that person administer {peers[0].name}?",
        )  # fmt: skip


def _rate(basis: dict[str, float]) -> float:
    """Return new targets a day: the site's shrunk to the assumed, and the device's own shrunk to that."""
    whole = shrunk(basis["rate"], int(basis["site_new"]), int(basis["device_days"]))
    return max(whole, (whole * OWN_WEIGHT + basis["own_new"]) / (OWN_WEIGHT + basis["own_days"]))


@functools.lru_cache(maxsize=SERVICES_KEPT)
def _service_of(services: bytes) -> int:
    """Return the usual port of the first service of administration among those that a flow spoke; 0 for none."""
    return next((SERVICES[one] for one in services.split(b",") if one in SERVICES), 0)


def _administration(tick: Tick) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the answered flows of administration between two devices, and the usual port of what each speaks."""
    flows = tick.flows
    on = (flows["proto"] == TCP) & _MADE[flows["conn_state"]] & tick.fresh
    on &= (tick.orig_device >= 0) & (tick.resp_device >= 0) & (tick.orig_device != tick.resp_device)
    at = np.nonzero(on)[0]
    if len(at) == 0:
        return at, np.empty(0, np.int64)
    said = spoken(tick)
    named = np.array([_service_of(text) for text in said.texts])
    port = flows["resp_p"][at].astype(np.int64)
    usual = np.where(_IS_ADMINISTRATION[port], port, named[said.number[at]])
    return at[usual > 0], usual[usual > 0]


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Count the named targets that the device reached on that day, and on no day before in the archive."""
    day, who = int(evidence.basis["day"]), evidence.entity.id
    rows = device_flows(archive, evidence, day * DAY_NS, (day + 1) * DAY_NS)
    if rows is None:
        return None
    reached = set()
    for row in rows:
        usual = (
            row.port
            if row.port in PORTS
            else max((SERVICES.get(one.encode(), 0) for one in (row.service or "").split(",")), default=0)
        )
        made = row.state in {"SF", "S1", "S2", "S3", "RSTO", "RSTR"} and row.proto == "tcp"
        if row.orig_device == who and row.resp_device and usual and made:
            reached.add(row.resp_device)
    named = {key.partition(":")[2] for key in evidence.keys if key.startswith("device:")}
    return float(len(reached & named)) if evidence.observed <= len(named) else None


def again(evidence: Evidence) -> float | None:
    """Return p again from the basis: λ by its definition, then the geometric tail."""
    basis = evidence.basis
    whole = (basis["rate"] * 200 + basis["site_new"]) / (200 + basis["device_days"])
    own = (whole * 14 + basis["own_new"]) / (14 + basis["own_days"])
    return float((max(whole, own) / (1 + max(whole, own))) ** basis["targets"])
