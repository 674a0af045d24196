"""New peers: a device that keeps to its habits contacts something it, and its site, never had.

p = P(new for the device) × P(new for the site, where it is new there too), both Pitman–Yor (baselines/novelty.py),
times the contacts the device made that day: a union over its chances. Needs 24 h of the device's history. It opens no
incident: it goes to the digest below P_DIGEST, or joins one.

A peer is an address; behind an explicit proxy it is the host that the client asked the proxy for.

Not here yet: popularity among peers as base measure; names instead of addresses; services and fingerprints.
"""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.novelty import p_new
from baselines.table import Table
from sensor.entities.flow_states import answered, opened
from sensor.entities.networks import no_host
from sensor.model import addresses
from sensor.model.evidence import Entity, Evidence, Finding, Peer, Record
from sensor.model.ids import identify
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339, span

PEERS_MAX = 1 << 21
"""(device, peer) pairs; the half unused longest goes first."""
HISTORY_NS = DAY_NS
P_SHOWN = 0.05
P_DIGEST = 1e-3
_PIECE = 1 << 18

_SPEC: dict[str, Any] = {
    "draws": (np.int64, (), 0),
    "kinds": (np.int64, (), 0),
    "day": (np.int64, (), -1),
    "today": (np.int64, (), 0),
}


def detector(names: Names, secret: int) -> "NewPeer":
    """Make the detector of this module."""
    return NewPeer(names, secret)


class NewPeer:
    """Responders that answered, by device and by site."""

    name = "new_peer"
    family = "novelty"
    techniques: tuple[str, ...] = ("T1071",)
    needs = "history"
    unit = "−log10 of the probability of a new peer"
    citation = "Pitman and Yor 1997, section 3"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._devices = Table(_SPEC, 1_000_000)
        self._sites = Table(_SPEC, 1 << 16)
        self._peers = KeyedTable({}, PEERS_MAX, secret)
        self._site_peers = KeyedTable({}, PEERS_MAX, secret)

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"peers": self._peers.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Judge the first contacts of devices with 24 h of history; the rarest of each device."""
        self._follow(tick)
        best: dict[int, tuple[float, int, bool]] = {}
        for i, device, to_site in self._new(tick):
            if self._names.history_ns(device) < HISTORY_NS or device >= self._devices.rows:
                continue
            p = self._p(device, int(tick.site[i]) if to_site else -1, tick)
            if p <= P_SHOWN and (device not in best or p < best[device][0]):
                best[device] = (p, i, to_site)
        return [self._finding(tick, device, *found) for device, found in best.items()]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count the contacts and remember the peers, but of flagged devices."""
        on = self._contacts(tick)
        device = tick.orig_device[on]
        on = on[~flagged[device]] if len(on) else on
        if len(on) == 0:
            return
        device, site = tick.orig_device[on], tick.site[on]
        hi, lo = _peers(tick, on)
        self._devices.cover(self._names.count())
        self._sites.cover(int(site.max()) + 1)
        today = (tick.end_ns - 1) // DAY_NS
        for table, rows, peers in ((self._devices, device, self._peers), (self._sites, site, self._site_peers)):
            columns = table.columns
            touched = np.unique(rows)
            columns["today"][touched[columns["day"][touched] != today]] = 0
            columns["day"][touched] = today
            np.add.at(columns["draws"], rows, 1)
            np.add.at(columns["today"], rows, 1)
            for start in range(0, len(on), _PIECE):
                piece = slice(start, start + _PIECE)
                peers.reserve(len(rows[piece]))
                before = len(peers)
                where = peers.insert(rows[piece].astype(np.uint64), hi[piece].copy(), lo[piece].copy())
                peers.columns["last"][where] = tick.end_ns
                fresh = np.unique(where[where >= before])
                np.add.at(columns["kinds"], peers.columns["keys"][fresh, 0].astype(np.int64), 1)

    def coverage(self) -> Coverage:
        """Say how many devices have 24 h of history."""
        rows = self._devices.rows
        if not rows:
            return Coverage(detector=self.name, state="no_input", why="no answered flow of a local device")
        history = [self._names.history_ns(row) for row in range(rows)]
        ready = sum(known >= HISTORY_NS for known in history)
        if ready:
            return Coverage(detector=self.name, state="judged", why=f"{ready} of {rows} devices have 24 h of history")
        return Coverage(
            detector=self.name, state="learning", why=f"needs 24 h of history; the longest is {span(max(history))}"
        )

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        return {f"{part}/{name}": column for part, held in self._parts() for name, column in held.save().items()}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        for part, held in self._parts():
            cut = len(part) + 1
            held.load({name[cut:]: column for name, column in state.items() if name.startswith(part + "/")})

    def _parts(self) -> list[tuple[str, Table | KeyedTable]]:
        return [
            ("devices", self._devices), ("sites", self._sites), ("peers", self._peers),
            ("site_peers", self._site_peers),
        ]  # fmt: skip

    def _follow(self, tick: Tick) -> None:
        """Give contacts and peers of rows that turned out to be another device to the row that stands for it."""
        if not tick.merged:
            return
        self._devices.cover(self._names.count())
        own = self._devices.columns
        for gone, kept in tick.merged:
            own["draws"][kept] += own["draws"][gone]
            day = max(own["day"][gone], own["day"][kept])
            own["today"][kept] = sum(own["today"][row] for row in (gone, kept) if own["day"][row] == day)
            own["day"][kept] = day
            self._devices.clear(gone)
        moved = self._peers.rename(dict(tick.merged))
        np.add.at(own["kinds"], self._peers.columns["keys"][moved, 0].astype(np.int64), 1)

    @staticmethod
    def _contacts(tick: Tick) -> NDArray[np.int64]:
        """Return the flows that are contacts: fresh, opened by a device, answered by a single host."""
        flows = tick.flows
        on = (tick.orig_device >= 0) & tick.fresh & opened(flows) & answered(flows)
        return np.nonzero(on & ~no_host(flows["resp_hi"], flows["resp_lo"]))[0]

    def _new(self, tick: Tick) -> list[tuple[int, int, bool]]:
        """Return (flow, device, new to the site) of each first contact, in order, each pair once."""
        on = self._contacts(tick)
        if len(on) == 0:
            return []
        hi, lo = _peers(tick, on)
        device = tick.orig_device[on].astype(np.uint64)
        new = self._peers.find(device, hi, lo) < 0
        at_site = self._site_peers.find(tick.site[on].astype(np.uint64), hi, lo) < 0
        which = np.nonzero(new)[0]
        if len(which) == 0:
            return []
        _, first = np.unique(np.stack([device[which], hi[which], lo[which]], axis=1), axis=0, return_index=True)
        return [(int(on[i]), int(device[i]), bool(at_site[i])) for i in which[np.sort(first)].tolist()]

    def _p(self, device: int, site: int, tick: Tick) -> float:
        """Return the p of a new peer of a device, new to the site too unless `site` is −1."""
        own = self._devices.columns
        p = float(p_new(own["draws"][[device]], own["kinds"][[device]])[0])
        if 0 <= site < self._sites.rows:
            whole = self._sites.columns
            p *= float(p_new(whole["draws"][[site]], whole["kinds"][[site]])[0])
        return min(1.0, p * self._chances(device, tick))

    def _chances(self, device: int, tick: Tick) -> int:
        """Return how many contacts a device has made today, this one included."""
        own = self._devices.columns
        same_day = own["day"][device] == (tick.end_ns - 1) // DAY_NS
        return 1 + (int(own["today"][device]) if same_day else 0)

    def _finding(self, tick: Tick, device: int, p: float, i: int, to_site: bool) -> Finding:
        flow, own = tick.flows[i], self._devices.columns
        draws, kinds = int(own["draws"][device]), int(own["kinds"][device])
        party = _party(self._names, flow, tick.destinations.get(i))
        peer = party.name
        name, site, identity = (
            self._names.device_name(device),
            self._names.device_site(device),
            self._names.device_id(device),
        )
        everyone = ", and nobody at the site had either" if to_site else ""
        text = (
            f"{name} contacted {peer}, port {int(flow['resp_p'])}, for the first time{everyone}. In "
            f"{span(self._names.history_ns(device))} it made {draws:,} contacts with {kinds:,} peers; "
            f"p = {p:.2g} that day."
        )
        chances = self._chances(device, tick)
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, (tick.end_ns - 1) // DAY_NS), ts=rfc3339(tick.end_ns),
            site=site,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=1.0, expected=p, range=None, reference="own", reference_n=draws, p=p, db=decibans(p), text=text,
            records=_record(self._names, flow), model="new_peer.pitman_yor/1",
            basis={"draws": draws, "kinds": kinds, "new_to_site": float(to_site), "chances": chances, "p_day": p},
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, techniques=self.techniques, digest=p < P_DIGEST,
            peers=(party,),
            check=f"What is {peer} to {name}: a new service, an update, or unknown?",
        )  # fmt: skip


def _peers(tick: Tick, on: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return two words for the peer of each listed flow: its address, or a digest of the name a proxy was asked for."""
    hi, lo = tick.flows["resp_hi"][on], tick.flows["resp_lo"][on]
    for i, at in enumerate(on.tolist() if tick.destinations else ()):
        if host := tick.destinations.get(at):
            digest = hashlib.blake2b(host.encode("utf-8", "replace"), digest_size=16).digest()
            hi[i], lo[i] = int.from_bytes(digest[:8]), int.from_bytes(digest[8:])
    return hi, lo


def _party(names: Names, flow: np.void, host: str | None) -> Peer:
    address = addresses.text(flow["resp_hi"], flow["resp_lo"])
    if host:
        return Peer(kind="domain", id=host, name=f"{host} (through the proxy {address})")
    named = names.address_name(flow["resp_hi"], flow["resp_lo"])
    return Peer(kind="address", id=address, name=f"{named} ({address})" if named else address)


def _record(names: Names, flow: np.void) -> tuple[Record, ...]:
    place = {"row" if np.isnan(flow["size_sq"]) else "offset": int(flow["offset"])}
    uid = flow["uid"].decode("ascii", "replace") or None
    return (Record(input=names.input_path(int(flow["input"])), uid=uid, **place),)
