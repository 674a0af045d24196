"""Scans: many first contacts that fail, on many hosts or on many ports of one, a dead peer, and sweeps by ping or ARP.

The walk is Jung et al. 2004 (baselines/walk.py); p is its Ville bound and needs no history. An outside address is never
a subject: its failed contacts fold into one digest row a local service and day (sensor/detectors/inbound.py). Outcomes
count only where the subject's traffic is seen both ways; on a one-way capture this detector says so and is silent. A
capture of nothing but unanswered SYNs is no one-way capture: that shows in connections which go on without an answer
(`one_sided`), so as long as a site has shown none, its TCP outcomes count.

Departure, measured: a scan over hosts opens an incident at NET_OPENS = 8 net failures, twice Jung's verdict. On public
benign captures the largest walks were 4 (m57: a DHCP server whose answers come in flows of their own) and 7 (IoT
Sentinel: a phone over 140 days); below 8 they are only listed.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines import walk
from baselines._jit import bind
from baselines.keyed import KeyedTable
from baselines.parts import packed, unpack
from baselines.table import Table
from sensor.detectors.first_contacts import WALK_ECHO, WALK_TCP, contacts
from sensor.detectors.scan_text import (
    Ring,
    dead_finding,
    failed_contacts,
    hosts_finding,
    ports_finding,
    sweep_finding,
)
from sensor.detectors.scan_verify import again, numbers, recount
from sensor.model.evidence import Finding
from sensor.model.records import picked
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import MINUTE_NS

__all__ = ["Scan", "again", "detector", "numbers", "recount"]

CONTACTS_MAX = 1 << 21
"""Rows of each contact table: about 60 bytes each; the half unused longest goes first."""
SWEEP_TARGETS = 20
"""Distinct local addresses in 60 s that make a sweep."""
SWEEP_NS = MINUTE_NS
_PIECE = 1 << 18
"""Flows a call: bounds what the contact tables must make room for at once."""
_ARP_REQUEST = 1

_HOST = {"net": (np.int16, (), 0), "ports": (np.int32, (), 0), "fails": (np.int32, (), 0), "since": (np.int64, (), 0)}
_SERVICE = {"tries": (np.int32, (), 0), "answered": (np.uint8, (), 0), "since": (np.int64, (), 0)}
_SUBJECT: dict[str, Any] = {
    "window": (np.uint64, (4,), 0),
    "seen": (np.int64, (), 0),
    "net": (np.int32, (walk.PROTOS,), 0),
    "walks": (np.int32, (walk.PROTOS,), 0),
    "targets": (np.int32, (walk.PROTOS,), 0),
    "fails": (np.int32, (walk.PROTOS,), 0),
    "since": (np.int64, (walk.PROTOS,), 0),
    "day": (np.int64, (walk.PROTOS,), -1),
    "touches": (np.int64, (2, SWEEP_TARGETS), 0),
    "touched": (np.int64, (2,), 0),
    "touched_since": (np.int64, (2,), 0),
    "contributed": (np.int64, (), 0),
}
_PING, _ARP = 0, 1


def detector(names: Names, secret: int) -> "Scan":
    """Make the detector of this module."""
    return Scan(names, secret)


class Scan:
    """Vertical and horizontal scans, dead peers, ping and ARP sweeps. Subjects are device rows."""

    name = "scan"
    family = "scan"
    techniques: tuple[str, ...] = ("T1046", "T1018")
    needs = "nothing"
    unit = "net failed first contacts"
    citation = "Jung, Paxson, Berger, Balakrishnan 2004, section 4"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._subjects = Table(_SUBJECT, 1_000_000)
        self._hosts = KeyedTable(_HOST, CONTACTS_MAX, secret)
        self._services = KeyedTable(_SERVICE, CONTACTS_MAX, secret)
        self._touched = [KeyedTable({}, CONTACTS_MAX, secret), KeyedTable({}, CONTACTS_MAX, secret)]
        self._rings: dict[int, Ring] = {}
        self._judged = False
        self._flows = 0
        self._one_sided = np.zeros(0, np.int64)
        self._kernel = bind(walk.walk)

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"scan_hosts": self._hosts.saturation, "scan_services": self._services.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Walk over the tick's flows and ARP requests; one finding a subject and kind, with its last state."""
        self._subjects.cover(self._names.count())
        for gone, _ in tick.merged:  # whose first contacts are another row's from now on, which has its own walk
            self._subjects.clear(gone)
            self._rings.pop(gone, None)
        self._count_one_sided(tick)
        findings: list[Finding] = []
        for start in range(0, len(tick.flows), _PIECE):
            findings += self._walk(tick, slice(start, start + _PIECE))
        return findings + self._arp_sweep(tick)

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Do nothing more: the walk is a judgement, what it remembers is which contacts were first."""

    def coverage(self) -> Coverage:
        """Say whether anybody's traffic was seen both ways."""
        if not self._flows:
            return Coverage(detector=self.name, state="no_input", why="no flow of a local device")
        columns = self._subjects.columns
        rows = self._subjects.rows
        shares = walk.two_way_share(columns["window"][:rows], columns["seen"][:rows])
        visible = int((shares >= walk.TWO_WAY_SHARE).sum())
        of = int((columns["seen"][:rows] > 0).sum())
        if not visible and (self._one_sided.any() or not self._judged):
            return Coverage(
                detector=self.name,
                state="no_input",
                why=f"one-way capture: no local device is seen both ways (share below {walk.TWO_WAY_SHARE})",
            )
        if not visible:
            why = f"{of} local devices had no answer that was seen, and nothing tells of a one-way capture"
            return Coverage(detector=self.name, state="judged", why=why)
        return Coverage(detector=self.name, state="judged", why=f"{visible} of {of} local devices are seen both ways")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = packed(self._parts())
        state["rings"] = Ring.pack(self._rings)
        state["flows"] = np.array([self._flows, self._judged], np.int64)
        state["one_sided"] = self._one_sided.copy()
        return state

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        unpack(state, self._parts())
        self._rings = Ring.unpack(state["rings"])
        self._flows, self._judged = int(state["flows"][0]), bool(state["flows"][1])
        self._one_sided = state.get("one_sided", np.zeros(0, np.int64)).copy()

    def _parts(self) -> list[tuple[str, Table | KeyedTable]]:
        return [
            ("subjects", self._subjects), ("hosts", self._hosts), ("services", self._services),
            ("ping", self._touched[_PING]), ("arp", self._touched[_ARP]),
        ]  # fmt: skip

    def _count_one_sided(self, tick: Tick) -> None:
        """Count, by site, the connections that tell of a one-way capture."""
        if len(tick.site) == 0:
            return
        missing = int(tick.site.max()) + 1 - len(self._one_sided)
        if missing > 0:
            self._one_sided = np.concatenate([self._one_sided, np.zeros(missing, np.int64)])
        one_sided = contacts(tick).one_sided
        if one_sided.any():
            np.add.at(self._one_sided, tick.site[one_sided], 1)

    def _trusted(self, tick: Tick, piece: slice, proto: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Tell which flows count whatever their subject's two-way share is."""
        told = (proto == WALK_TCP) & (tick.flows["history"][piece] != b"")
        return np.asarray(told & (self._one_sided[tick.site[piece]] == 0)).astype(np.uint8)

    def _walk(self, tick: Tick, piece: slice) -> list[Finding]:
        flows, subject = tick.flows[piece], tick.orig_device[piece]
        self._flows += int(((subject >= 0) | (tick.resp_device[piece] >= 0)).sum())
        whole = contacts(tick)
        proto, outcome, two_way = whole.walk[piece], whole.outcome[piece], whole.two_way[piece]
        trusted = self._trusted(tick, piece, proto)
        self._hosts.reserve(len(flows))
        self._services.reserve(len(flows))
        events = np.zeros((2 * len(flows), 8), np.int64)
        hosts, services, columns = self._hosts, self._services, self._subjects.columns
        port = np.where(proto == WALK_ECHO, 0, flows["resp_p"]).astype(np.uint16)
        ts = flows["ts"] + np.maximum(flows["duration"], 0)
        hi, lo = flows["resp_hi"].copy(), flows["resp_lo"].copy()
        count = self._kernel(
            subject, tick.resp_device[piece], proto, outcome, two_way, trusted, hi, lo, port, ts,
            columns["window"], columns["seen"], columns["net"], columns["walks"], columns["targets"], columns["fails"],
            columns["since"], columns["day"],
            hosts.index, hosts.columns["keys"], hosts.used, hosts.columns["last"], hosts.columns["net"],
            hosts.columns["ports"], hosts.columns["fails"], hosts.columns["since"], hosts.secret,
            services.index, services.columns["keys"], services.used, services.columns["last"],
            services.columns["tries"], services.columns["answered"], services.columns["since"], events,
        )  # fmt: skip
        failing = np.nonzero((outcome == 1) & (subject >= 0))[0]
        if len(failing):
            self._remember(flows, failing, subject[failing], proto)
        if not self._judged:
            self._judged = bool(((outcome >= 0) & (subject >= 0) & ((two_way == 1) | (trusted == 1))).any())
        findings = [self._finding(tick, flows, event) for event in _last_of_each(events[:count], hi, lo, port)]
        return findings + self._ping_sweep(tick, piece, proto, outcome, ts)

    def _remember(
        self, flows: NDArray[np.void], failing: NDArray[np.int64], who: NDArray[np.int32], proto: NDArray[np.uint8]
    ) -> None:
        """Put each subject's failed contacts into its ring."""
        order = np.argsort(who, kind="stable")
        at, who = failing[order], who[order]
        failed = failed_contacts(picked(flows, at), proto[at])
        begins = np.nonzero(np.append(True, who[1:] != who[:-1]))[0].tolist()
        for begin, end in zip(begins, [*begins[1:], len(who)], strict=True):
            self._rings.setdefault(int(who[begin]), Ring()).push(failed[begin:end])

    def _finding(self, tick: Tick, flows: NDArray[np.void], event: NDArray[np.int64]) -> Finding:
        subject = int(event[2])
        walks = int(self._subjects.columns["walks"][subject, event[7]])
        make = (hosts_finding, ports_finding, dead_finding)[int(event[1])]
        return make(self._names, tick, flows[int(event[0])], event, walks, self._rings[subject])

    def _ping_sweep(
        self, tick: Tick, piece: slice, proto: NDArray[np.uint8], outcome: NDArray[np.int8], ts: NDArray[np.int64]
    ) -> list[Finding]:
        """Distinct local addresses pinged in 60 s, answered or not."""
        on = np.nonzero((proto == WALK_ECHO) & tick.resp_local[piece] & (outcome >= 0))[0]
        if not len(on):
            return []
        flows = picked(tick.flows[piece], on)
        return self._sweep(
            tick,
            _PING,
            tick.orig_device[piece][on],
            flows["resp_hi"].copy(),
            flows["resp_lo"].copy(),
            ts[on],
            flows,
            flows["input"].copy(),
        )

    def _arp_sweep(self, tick: Tick) -> list[Finding]:
        """Distinct addresses asked for in 60 s; routers ask for whoever is being called, so they are left out."""
        arp = tick.arp
        if not len(arp):
            return []
        asks = (arp["op"] == _ARP_REQUEST) & (arp["sender_ip"] != arp["target_ip"]) & (tick.arp_device >= 0)
        on = np.array(
            [i for i in np.nonzero(asks)[0].tolist() if not self._names.is_router(int(tick.arp_device[i]))], np.int64
        )
        target = arp["target_ip"][on].astype(np.uint64) | np.uint64(0xFFFF_0000_0000)
        return self._sweep(
            tick,
            _ARP,
            tick.arp_device[on],
            np.zeros(len(on), np.uint64),
            target,
            arp["ts"][on].copy(),
            arp[on],
            tick.arp_input[on],
        )

    def _sweep(
        self, tick: Tick, kind: int, subject: NDArray[np.int32], hi: NDArray[np.uint64], lo: NDArray[np.uint64],
        ts: NDArray[np.int64], rows: NDArray[np.void], inputs: NDArray[np.int32],
    ) -> list[Finding]:  # fmt: skip
        if len(subject) == 0:
            return []
        table, columns = self._touched[kind], self._subjects.columns
        table.reserve(len(subject))
        events = np.zeros((len(subject), 4), np.int64)
        touches = np.ascontiguousarray(columns["touches"][:, kind])
        touched = np.ascontiguousarray(columns["touched"][:, kind])
        since = np.ascontiguousarray(columns["touched_since"][:, kind])
        count = walk.sweep(
            subject, hi, lo, ts, touches, touched, since, SWEEP_NS,
            table.index, table.columns["keys"], table.used, table.columns["last"], table.secret, events,
        )  # fmt: skip
        columns["touches"][:, kind], columns["touched"][:, kind], columns["touched_since"][:, kind] = (
            touches, touched, since,
        )  # fmt: skip
        last = {int(event[1]): event for event in events[:count]}
        return [
            sweep_finding(self._names, tick, "ping" if kind == _PING else "ARP", rows, inputs, event)
            for event in last.values()
        ]


def _last_of_each(
    events: NDArray[np.int64], hi: NDArray[np.uint64], lo: NDArray[np.uint64], port: NDArray[np.uint16]
) -> list[NDArray[np.int64]]:
    """Keep the last event of each (subject, kind, protocol, and where it is about one: host, and port)."""
    last: dict[tuple[int, ...], NDArray[np.int64]] = {}
    for event in events:
        flow, kind = int(event[0]), int(event[1])
        host = (int(hi[flow]), int(lo[flow])) if kind != walk.HOSTS else (0, 0)
        key = (int(event[2]), kind, int(event[7]), *host, int(port[flow]) if kind == walk.DEAD else 0)
        last.pop(key, None)
        last[key] = event
    return list(last.values())
