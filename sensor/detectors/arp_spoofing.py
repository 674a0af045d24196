"""ARP spoofing: a host that says, unasked and again and again, that another's address is its own.

A host announces a new address twice (RFC 5227 §2.3); else an ARP reply answers a request. A spoofer sends replies that
nobody asked for, for as long as it wants the traffic, while the true holder of the address lives on. Told of is a MAC
with REPLIES_MIN unasked replies within WINDOW_NS for an address that another MAC claimed within the window, too; worse
if it does so for two addresses, as who stands between two hosts must. Virtual addresses that routers hand to each other
(VRRP, HSRP) and a host's own two addresses contest nothing; a takeover moves once, and is none.

No rate of it was ever measured above zero, so the rates are assumed and named so. The same in IPv6 is
`neighbor_claims`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.parts import packed, unpack
from sensor.detectors import neighbor_claims
from sensor.entities.macs import identifies
from sensor.model import addresses
from sensor.model.archive import Archive
from sensor.model.evidence import RECORDS_MAX, Entity, Evidence, Finding, Peer, Record
from sensor.model.ids import identify
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, MINUTE_NS, SECOND_NS, rfc3339

REPLIES_MIN = 4
"""Twice what an announcement is."""
WINDOW_NS = 10 * MINUTE_NS
"""Tools repeat every second or two; caches hold for minutes (RFC 1122 §2.3.2.1), so who repeats less gains nothing."""
ASKED_NS = 3 * SECOND_NS
"""A reply this long after a request answers it."""
RATES = {1: 1e-3, 2: 1e-4}
"""Assumed: device-days that show it for one address, and for two or more."""
CLAIMS_MAX = 1 << 18
STEP_MAX = CLAIMS_MAX // 8
"""ARP messages of a step that are judged; further ones are only counted."""
_REQUEST, _REPLY = 1, 2
_V4 = np.uint64(0xFFFF_0000_0000)
_MS = 1_000_000


def detector(names: Names, secret: int) -> "ArpSpoofing":
    """Make the detector of this module."""
    return ArpSpoofing(names, secret)


class ArpSpoofing:
    """Unasked replies by (address, MAC), and who claims each address."""

    name = "arp_spoofing"
    family = "arp"
    techniques: tuple[str, ...] = ("T1557.002",)
    needs = "nothing"
    unit = "ARP replies that nobody asked for in 10 minutes"
    citation = "RFC 826; RFC 5227 §2.3"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._claims = KeyedTable({"unasked": (np.int64, (), 0), "since": (np.int64, (), 0)}, CLAIMS_MAX, secret)
        self._holders = KeyedTable(
            {"mac": (np.uint64, (2,), 0), "seen": (np.int64, (2,), 0), "asked": (np.int64, (), 0)}, CLAIMS_MAX, secret
        )
        self._own = KeyedTable({"ip": (np.uint32, (), 0), "taken": (np.uint64, (), 0)}, CLAIMS_MAX, secret)
        self._neighbors = neighbor_claims.NeighborClaims(names, secret)
        self._seen = 0
        self.uncounted = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use."""
        return {"arp_claims": self._claims.saturation, "neighbor_claims": self._neighbors.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Count the tick's claims and judge those that were repeated unasked."""
        return [*(self._score_arp(tick) if len(tick.arp) else ()), *self._neighbors.score(tick)]

    def _score_arp(self, tick: Tick) -> list[Finding]:
        arp = tick.arp
        on = np.nonzero((arp["sender_ip"] != 0) & (arp["sender_mac"] != 0) & _identify(arp["sender_mac"]))[0]
        self.uncounted += max(0, len(on) - STEP_MAX)
        on = on[:STEP_MAX]
        self._seen += len(on)
        if len(on) == 0:
            return []
        unasked = self._unasked(tick, on)
        place = _place(tick.arp_site[on], arp["sender_ip"][on])
        nothing = np.zeros(len(on), np.uint64)
        rows = self._claims.insert(place, arp["sender_mac"][on].copy(), nothing)
        self._hold(tick, on, place)
        claims, ts = self._claims.columns, arp["ts"][on]
        stale = np.unique(rows[ts - claims["last"][rows] > WINDOW_NS])
        claims["unasked"][stale] = 0
        for row, when in zip(rows[unasked].tolist(), ts[unasked].tolist(), strict=True):
            claims["since"][row] = claims["since"][row] if claims["unasked"][row] else when
            claims["unasked"][row] += 1
        claims["last"][rows] = ts
        loud = np.unique(rows[unasked])
        loud = loud[claims["unasked"][loud] >= REPLIES_MIN]
        return [finding for row in loud.tolist() if (finding := self._judge(tick, on, rows, row)) is not None]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Do nothing: there is no habit."""

    def coverage(self) -> Coverage:
        """Say whether ARP was seen."""
        if not self._seen and not self._neighbors.seen:
            return Coverage(detector=self.name, state="no_input", why="no ARP message, no neighbour discovery")
        more = f", {self._neighbors.seen:,} of neighbour discovery" if self._neighbors.seen else ""
        more += f"; {self.uncounted:,} over {STEP_MAX:,} at once only counted" if self.uncounted else ""
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} ARP messages{more}")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        parts = {"claims": self._claims, "holders": self._holders, "own": self._own}
        state = packed(parts.items())
        state |= {f"neighbors/{name}": column for name, column in self._neighbors.save().items()}
        return state | {"seen": np.array([self._seen, self.uncounted, self._neighbors.seen], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        unpack(state, (("claims", self._claims), ("holders", self._holders), ("own", self._own)))
        self._neighbors.load({name[10:]: one for name, one in state.items() if name.startswith("neighbors/")})
        self._seen, self.uncounted = (int(value) for value in state["seen"][:2])
        self._neighbors.seen = int(state["seen"][2]) if len(state["seen"]) > 2 else 0

    def _unasked(self, tick: Tick, on: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which of the messages are replies that no request of the last ASKED_NS called for."""
        arp = tick.arp
        start = int(arp["ts"].min()) - ASKED_NS
        asking = arp["op"] == _REQUEST
        # A request for an address by its own holder is an announcement, which asks for nothing.
        asking &= arp["sender_ip"] != arp["target_ip"]
        asked = np.sort(_moment(tick.arp_site[asking], arp["target_ip"][asking], arp["ts"][asking], start))
        known = self._holders.insert(
            _place(tick.arp_site[asking], arp["target_ip"][asking]), *(np.zeros(int(asking.sum()), np.uint64),) * 2
        )
        replies = np.nonzero(arp["op"][on] == _REPLY)[0]
        site, ip, ts = tick.arp_site[on][replies], arp["sender_ip"][on][replies], arp["ts"][on][replies]
        before = np.searchsorted(asked, _moment(site, ip, ts - ASKED_NS, start), "left")
        until = np.searchsorted(asked, _moment(site, ip, ts, start), "right")
        place = self._holders.find(_place(site, ip), *(np.zeros(len(replies), np.uint64),) * 2)
        earlier = np.where(place >= 0, self._holders.columns["asked"][place], 0)
        answered = (until > before) | (ts - earlier <= ASKED_NS)
        columns = self._holders.columns
        np.maximum.at(columns["asked"], known, arp["ts"][asking])
        np.maximum.at(columns["last"], known, arp["ts"][asking])
        return np.asarray(replies[~answered], np.int64)

    def _hold(self, tick: Tick, on: NDArray[np.int64], place: NDArray[np.uint64]) -> None:
        """Remember the two MACs that claimed each address last, and the first address each MAC claimed."""
        arp, nothing = tick.arp[on], np.zeros(len(on), np.uint64)
        macs, ts = arp["sender_mac"], arp["ts"]
        rows = self._holders.insert(place, nothing, nothing)
        held = self._holders.columns
        held["last"][rows] = ts
        for k in (0, 1):
            same = held["mac"][rows, k] == macs
            np.maximum.at(held["seen"], (rows[same], np.full(int(same.sum()), k)), ts[same])
        new = ~(held["mac"][rows] == macs[:, None]).any(axis=1)
        for i in np.nonzero(new)[0].tolist():
            row = int(rows[i])
            if macs[i] in held["mac"][row]:
                continue
            k = int(np.argmin(held["seen"][row]))
            held["mac"][row, k], held["seen"][row, k] = macs[i], ts[i]
        before = len(self._own)
        own = self._own.insert(tick.arp_site[on].astype(np.uint64), macs.copy(), nothing)
        columns = self._own.columns
        columns["last"][own] = ts
        fresh, first = np.unique(own, return_index=True)
        fresh, first = fresh[fresh >= before], first[fresh >= before]
        columns["ip"][fresh] = arp["sender_ip"][first]

    def _judge(self, tick: Tick, on: NDArray[np.int64], rows: NDArray[np.int32], row: int) -> Finding | None:
        place, mac = (int(word) for word in self._claims.columns["keys"][row, :2])
        site, ip = place >> 32, place & 0xFFFF_FFFF
        of = on[rows == row]
        now_ns = int(tick.arp["ts"][of[-1]])
        nothing = np.zeros(1, np.uint64)
        holder = int(self._holders.find(np.array([place], np.uint64), nothing, nothing)[0])
        held = self._holders.columns
        others = [
            int(other)
            for other, seen in zip(held["mac"][holder].tolist(), held["seen"][holder].tolist(), strict=True)
            if other not in {0, mac} and now_ns - seen <= WINDOW_NS
        ]
        if not others:
            return None
        own = int(self._own.find(np.array([site], np.uint64), np.array([mac], np.uint64), nothing)[0])
        columns = self._own.columns
        columns["taken"][own] |= np.uint64(1) << np.uint64(hash_of(ip))
        taken = int(columns["taken"][own]).bit_count()
        return self._finding(tick, of, row, (site, ip, mac, others[0], int(columns["ip"][own])), min(taken, 2))

    def _finding(
        self, tick: Tick, of: NDArray[np.int64], row: int, who: tuple[int, int, int, int, int], taken: int
    ) -> Finding:
        names, claims = self._names, self._claims.columns
        site, ip, mac, other, own_ip = who
        where, address, own = names.site_name(site), _text(ip), _text(own_ip)
        device = names.locate(site, own if own_ip != ip else address)
        count, day = int(claims["unasked"][row]), (tick.end_ns - 1) // DAY_NS
        name = names.device_name(device) if device >= 0 and own_ip != ip else addresses.mac(mac)
        p = RATES[taken]
        also = " It does so for more than one address: it stands between two hosts." if taken > 1 else ""
        text = (
            f"{name} ({addresses.mac(mac)}) said {count} times, unasked, that {address} is its own, while "
            f"{addresses.mac(other)} holds it. A host announces a new address twice.{also} Assumed, not measured: "
            f"one in {1 / p:,.0f} device-days."
        )
        records = tuple(
            Record(input=names.input_path(int(tick.arp_input[k])), offset=int(tick.arp["offset"][k]))
            for k in of[-RECORDS_MAX:].tolist()
        )
        entity = (
            Entity(kind="device", id=names.device_id(device)) if device >= 0 else Entity(kind="address", id=address)
        )
        evidence = Evidence(
            id=identify("EV", where, self.name, mac, ip, day), ts=rfc3339(tick.end_ns), site=where, entity=entity,
            detector=self.name, family=self.family, source="network", observed=float(count), expected=0.0,
            range=(0.0, 2.0), reference="analytic", reference_n=0, p=p, db=decibans(p), text=text, records=records,
            model="arp_spoofing.unasked/1", keys=(f"address:{address}",),
            basis={
                "count": float(count), "taken": float(taken), "since_s": float(int(claims["since"][row]) // SECOND_NS),
                "mac": float(mac), "ip": float(ip), "until_s": float(tick.end_ns // SECOND_NS),
            },
        )  # fmt: skip
        peer = Peer(kind="address", id=address, name=address, site=where)
        return Finding(
            evidence=evidence, device=device, name=name, techniques=self.techniques, peers=(peer,), opens=True,
            digest=True,
            check=f"Which port of the switch has {addresses.mac(mac)}? Compare {address} in a neighbour's ARP cache.",
        )  # fmt: skip


def hash_of(ip: int) -> int:
    """Return a bit from 0 to 63 that stands for an address, to tell whether there were several."""
    return (ip * 0x9E3779B1 & 0xFFFF_FFFF) >> 26


def _identify(macs: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Tell which MACs are one host's: not group, not handed from router to router; bool, shape (n,)."""
    different, where = np.unique(macs, return_inverse=True)
    return np.array([identifies(int(mac)) for mac in different], np.bool_)[where]


def _place(site: NDArray[np.int32], ip: NDArray[np.uint32]) -> NDArray[np.uint64]:
    return (site.astype(np.uint64) << np.uint64(32)) | ip.astype(np.uint64)


def _moment(
    site: NDArray[np.int32], ip: NDArray[np.uint32], ts: NDArray[np.int64], start: int
) -> NDArray[np.uint64]:  # fmt: skip
    """Order messages by address, then by milliseconds; steps are far shorter than the 2^24 ms that have room."""
    ms = np.clip((ts - start) // _MS, 0, (1 << 24) - 1).astype(np.uint64)
    return (site.astype(np.uint64) << np.uint64(56)) | (ip.astype(np.uint64) << np.uint64(24)) | ms


def _text(ip: int) -> str:
    return addresses.text(0, int(_V4) | ip)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Count the replies for that address by that MAC again that no request preceded."""
    if evidence.model == "arp_spoofing.neighbor/1":
        return neighbor_claims.recount(evidence, archive)
    basis = evidence.basis
    since, until = int(basis["since_s"]) * SECOND_NS, int(basis["until_s"]) * SECOND_NS
    if archive.since_ns > since:
        return None
    sql = (
        "SELECT count(*) FROM arp a WHERE site = ? AND op = 2 AND sender_mac = ? AND sender_ip = ? "
        "AND ts >= ? AND ts < ? AND NOT EXISTS (SELECT 1 FROM arp b WHERE b.site = a.site AND b.op = 1 "
        "AND b.target_ip = a.sender_ip AND b.sender_ip <> b.target_ip AND b.ts <= a.ts AND b.ts >= a.ts - ?)"
    )
    who = (evidence.site, addresses.mac(int(basis["mac"])), _text(int(basis["ip"])))
    return float(archive.rows(sql, (*who, since, until, ASKED_NS))[0][0])


def again(evidence: Evidence) -> float | None:
    """Return the assumed rate again."""
    if evidence.model == "arp_spoofing.neighbor/1":
        return neighbor_claims.again(evidence)
    return RATES.get(int(evidence.basis["taken"]))
