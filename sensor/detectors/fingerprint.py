"""Rare TLS and SSH fingerprints: a program that this device never used, and few others do.

A fingerprint is a ClientHello's JA4, over TCP or QUIC, or an SSH client's identification string (RFC 4253 §4.2) with
its version numbers left out, which every update changes. p = P(new for the device) × (mass of the site's fingerprints
that at most as many devices use), Pitman–Yor on both levels, in active days. Programs are updated, so a new
fingerprint alone opens nothing: it joins, or is listed. JA4 has the order of a hello's extensions out of the way, which
browsers shuffle.

Needs 24 h of the device's history. Not here: lists of bad fingerprints.
"""

import hashlib
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.novelty import p_hierarchical
from baselines.parts import Part, packed, unpack
from baselines.table import Table
from sensor.detectors.new_peer_text import fleet_numbers
from sensor.detectors.new_peer_verify import share_of
from sensor.detectors.parties import keys_of, message_record, party, seen_as
from sensor.detectors.popularity import Popularity
from sensor.entities.networks import words_of
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding
from sensor.model.fleet_part import FINGERPRINT
from sensor.model.ids import identify
from sensor.model.metadata import Ssh, Tls
from sensor.model.protocols import AnyMessage, Quic
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339, span

HISTORY_NS = DAY_NS
PAIRS_MAX = 1 << 20
"""(device, fingerprint) pairs; the half unused longest goes."""
DEVICES_MAX = 1_000_000
STEP_MAX = 16_384
"""Different uses of a step that are judged; further ones are only counted."""
P_SHOWN = 0.02
"""A device shows one in fifty days by its own model: what is commoner is an update."""
_SPEC: dict[str, Any] = {
    "draws": (np.int64, (), 0), "kinds": (np.int64, (), 0), "first": (np.int64, (), 0), "today": (np.int64, (), -1),
    "worst": (np.float64, (), 1.0),
}  # fmt: skip
_VERSION = re.compile(r"\d+(\.\d+)*[a-z]?\d*")


def fingerprint_of(message: AnyMessage) -> tuple[str, str] | None:
    """Return (protocol, fingerprint) of the client that a message shows; None where it shows none."""
    if isinstance(message, Tls):
        return ("TLS", message.ja4) if message.ja4 and message.is_client else None
    if isinstance(message, Quic):
        return ("QUIC", message.ja4) if message.ja4 else None
    if isinstance(message, Ssh) and message.client:
        return "SSH", _VERSION.sub("#", message.client)[:128]
    return None


def detector(names: Names, secret: int) -> "Fingerprint":
    """Make the detector of this module."""
    return Fingerprint(names, secret)


class Fingerprint:
    """Client fingerprints by device, and how many devices of the site have each."""

    name = "fingerprint"
    family = "fingerprint"
    techniques: tuple[str, ...] = ("T1071.001", "T1573")
    needs = "peers"
    unit = "devices of the site that use it"
    citation = "Pitman and Yor 1997, section 3; JA4: FoxIO 2023"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._devices = Table(_SPEC, DEVICES_MAX)
        self._pairs = KeyedTable({"day": (np.int64, (), -1)}, PAIRS_MAX, secret)
        self._popular = Popularity(secret)
        self._seen = 0
        self.uncounted = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the caps in use."""
        return {"fingerprints": self._pairs.saturation, "fingerprints_site": self._popular.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Judge fingerprints that are new to their device; the rarest of each device and day."""
        if tick.merged:
            self._pairs.rename(dict(tick.merged))
        found = []
        day = (tick.end_ns - 1) // DAY_NS
        for device, site, protocol, text, message in self._used(tick):
            if device >= self._devices.rows:
                continue
            columns = self._devices.columns
            first = int(columns["first"][device])
            if not first or tick.end_ns - first < HISTORY_NS or self._known(device, protocol, text):
                continue
            hi, lo = _words(protocol, text)
            group = np.array([site], np.int64)
            users = int(self._popular.users(group, hi, lo)[0])
            mass = self._popular.mass(site, users)
            draws, kinds = columns["draws"][[device]], columns["kinds"][[device]]
            use = self._names.fleet_use(FINGERPRINT, int(hi[0]), int(lo[0]), users)
            use = use if use is not None and use.share > mass else None
            p = float(p_hierarchical(draws, kinds, np.array([mass if use is None else use.share]))[0])
            worst = float(columns["worst"][device]) if int(columns["today"][device]) == day else 1.0
            if p <= P_SHOWN and p < worst:
                columns["worst"][device], columns["today"][device] = p, day
                basis = {"draws": float(draws[0]), "kinds": float(kinds[0]), "mass": mass, "users": float(users)}
                basis |= {name: float(value) for name, value in fleet_numbers(use).items()}
                found.append(self._finding(tick, device, (protocol, text), message, p, basis))
        return found

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count the uses of today, but of devices that are flagged."""
        day = (tick.end_ns - 1) // DAY_NS
        for device, site, protocol, text, _ in self._used(tick):
            self._seen += 1
            if flagged[device]:
                continue
            self._devices.cover(device + 1)
            columns = self._devices.columns
            columns["first"][device] = columns["first"][device] or tick.end_ns
            hi, lo = _words(protocol, text)
            self._pairs.reserve(1)
            before = len(self._pairs)
            row = int(self._pairs.insert(np.array([device], np.uint64), hi, lo)[0])
            held = self._pairs.columns
            held["last"][row] = tick.end_ns
            if len(self._pairs) > before:
                columns["kinds"][device] += 1
                self._popular.add(np.array([site], np.int64), hi, lo, tick.end_ns)
            if held["day"][row] != day:
                held["day"][row] = day
                columns["draws"][device] += 1

    def coverage(self) -> Coverage:
        """Say how many devices have 24 h of history."""
        first = self._devices.columns["first"][: self._devices.rows]
        there = int((first > 0).sum())
        if not there:
            return Coverage(detector=self.name, state="no_input", why="no TLS or SSH client was seen to begin")
        held = self._pairs.columns["last"][: len(self._pairs)]
        longest = int(held.max(initial=0) - first[first > 0].min())
        if longest >= HISTORY_NS:
            more = f"; {self.uncounted:,} over {STEP_MAX:,} at once only counted" if self.uncounted else ""
            return Coverage(
                detector=self.name, state="judged", why=f"{len(self._pairs):,} fingerprints of {there} devices{more}"
            )
        return Coverage(
            detector=self.name, state="learning", why=f"needs 24 h of history; the longest is {span(max(longest, 0))}"
        )

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        return packed(self._parts()) | {"seen": np.array([self._seen, self.uncounted], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        unpack(state, self._parts())
        self._seen, self.uncounted = (int(value) for value in state["seen"])

    def _parts(self) -> list[tuple[str, Part]]:
        return [("devices", self._devices), ("pairs", self._pairs), ("popular", self._popular)]

    def _used(self, tick: Tick) -> list[tuple[int, int, str, str, AnyMessage]]:
        """Return (device, site, protocol, fingerprint, message) of a tick, each once."""
        found: dict[tuple[int, str, str], tuple[int, int, str, str, AnyMessage]] = {}
        for message, device, site in zip(tick.messages, tick.message_device.tolist(), tick.message_site, strict=True):
            shown = fingerprint_of(message) if device >= 0 else None
            if shown is None or (device, *shown) in found:
                continue
            if len(found) >= STEP_MAX:
                self.uncounted += 1
                continue
            found[device, *shown] = (device, site, *shown, message)
        return list(found.values())

    def _known(self, device: int, protocol: str, text: str) -> bool:
        hi, lo = _words(protocol, text)
        return bool(self._pairs.find(np.array([device], np.uint64), hi, lo)[0] >= 0)

    def _finding(
        self, tick: Tick, device: int, shown: tuple[str, str], message: AnyMessage, p: float, basis: dict[str, float]
    ) -> Finding:
        names, (protocol, text) = self._names, shown
        site, identity, day = names.device_site(device), names.device_id(device), (tick.end_ns - 1) // DAY_NS
        whom = party(names, -1, *words_of(message.resp_h))
        users = int(basis["users"])
        others = (
            f"{users} other device{'s' if users != 1 else ''} of the site" if users else "no other device of the site"
        )
        if "fleet_of" in basis:
            others += (
                f" and {basis['fleet_sites']:,.0f} of the fleet's {basis['fleet_of']:,.0f} other sites, on "
                f"{basis['fleet_devices']:,.0f} devices,"
            )
        said = (
            f"{seen_as(names, device, message.orig_h)} spoke {protocol} to {whom.name} with a fingerprint it never had "
            f"({text}); {others} had it. In {basis['draws']:.0f} device-days of fingerprints it had "
            f"{basis['kinds']:.0f}; p = {p:.2g}."
        )
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, day), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=basis["users"], expected=None, range=None, reference="peers", reference_n=int(basis["draws"]), p=p,
            db=decibans(p), text=said, records=(message_record(names, message),), model="fingerprint.pitman_yor/1",
            basis=basis, keys=(f"fingerprint:{text}", *keys_of([whom])),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=names.device_name(device), techniques=self.techniques, peers=(whom,),
            opens=False, digest=False,
            check=f"Which program on {names.device_name(device)} was installed or updated that day?",
        )  # fmt: skip


def _words(protocol: str, text: str) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    digest = hashlib.blake2b(f"{protocol}\0{text}".encode("utf-8", "replace"), digest_size=16).digest()
    return tuple(np.array([int.from_bytes(half, "little")], np.uint64) for half in (digest[:8], digest[8:]))  # type: ignore[return-value]


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return how many devices had it, where its record is still there: uses before are as old as the learning."""
    record = evidence.records[0]
    rows = archive.rows(
        "SELECT count(*) FROM messages WHERE input = ? AND record = ? AND kind IN ('ssl', 'quic', 'ssh')",
        (record.input, record.offset),
    )
    return evidence.basis["users"] if rows and rows[0][0] else None


def again(evidence: Evidence) -> float | None:
    """Return (1 + .25 K) / (1 + N) times the mass of what is at most as common, again."""
    basis = evidence.basis
    mass = max(basis["mass"], share_of(basis))
    return (1.0 + 0.25 * basis["kinds"]) / (1.0 + basis["draws"]) * min(1.0, max(0.0, mass))
