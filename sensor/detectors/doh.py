"""Encrypted DNS of one device alone: names asked of a public resolver over HTTPS or TLS, where nobody else does.

Browsers and whole systems do so too, so it is only told where it is news: the site had nothing to do with that
resolver in a day of learning and more, and no other device uses it. Without history it is listed. p is assumed until
the site has counted its own.

Not here: resolvers that are on no list; what is asked.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.distinct import among
from baselines.evidence import decibans
from sensor.detectors.places import shared
from sensor.detectors.registered import registered
from sensor.detectors.resolvers import ADDRESSES, DOT_PORT, is_resolver
from sensor.model import addresses
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Peer, Record
from sensor.model.ids import identify
from sensor.model.metadata import Tls
from sensor.model.protocols import Quic
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339, span

RATE, RATE_DAYS = 0.05, 16.0
"""Assumed: one in twenty device-days begins to ask a resolver that nobody else does; weighed as 16 device-days."""
TOLD_MAX = 4096
_HTTPS = 443


def detector(names: Names, secret: int) -> "Doh":
    """Make the detector of this module."""
    return Doh(names, secret)


class Doh:
    """First use of a public resolver's encrypted service, by device."""

    name = "doh"
    family = "tunnel"
    techniques: tuple[str, ...] = ("T1071.004", "T1572")
    needs = "history"
    unit = "first contacts with a resolver's encrypted service"
    citation = "RFC 8484; RFC 7858"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._places = shared(names, secret)
        self._resolvers = {addresses.parse(text): text for text in ADDRESSES}
        self._low = np.array(sorted({lo for _, lo in self._resolvers}), np.uint64)
        self._told: dict[tuple[int, str], int] = {}
        self._days: dict[int, list[int]] = {}
        self._now_ns = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"doh_places": self._places.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Judge the first contact of each device with each resolver."""
        self._now_ns = tick.end_ns
        for gone, kept in tick.merged:
            for key in [key for key in self._told if key[0] == gone]:
                self._told.setdefault((kept, key[1]), self._told.pop(key))
        found = []
        for device, site, place, ts, record in self._contacts(tick):
            if (device, place) in self._told:
                continue
            if len(self._told) >= TOLD_MAX:
                del self._told[next(iter(self._told))]
            self._told[device, place] = ts
            found.append(self._finding(tick, device, site, place, ts, record))
        return found

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Learn the site's places, and count its device-days after the first."""
        self._places.learn(tick, flagged)
        day = (tick.end_ns - 1) // DAY_NS
        for site in set(tick.site.tolist()):
            held = self._days.setdefault(site, [day, 0, 0])
            if held[0] != day:
                held[0], held[1] = day, held[1] + self._names.site_devices(site)

    def coverage(self) -> Coverage:
        """Say how long the sites have been learned."""
        learned = max((self._places.learned_ns(site, self._now_ns) for site in self._days), default=0)
        if learned >= DAY_NS:
            return Coverage(detector=self.name, state="judged", why=f"resolvers are known from {span(learned)}")
        return Coverage(detector=self.name, state="learning", why=f"needs 24 h of history; there are {span(learned)}")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        held = msgspec.json.encode({
            "told": [(device, place, ts) for (device, place), ts in self._told.items()],
            "days": [(site, *counts) for site, counts in self._days.items()],
        })  # fmt: skip
        state = {f"places/{name}": column for name, column in self._places.save().items()}
        return state | {"held": np.frombuffer(held, np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        self._places.load({name[7:]: column for name, column in state.items() if name.startswith("places/")})
        held = msgspec.json.decode(state["held"].tobytes())
        self._told = {(device, place): ts for device, place, ts in held["told"]}
        self._days = {site: counts for site, *counts in held["days"]}

    def _contacts(self, tick: Tick) -> list[tuple[int, int, str, int, Record]]:
        """Return (device, site, resolver, ts, record) of each contact with an encrypted service, hellos first."""
        found = []
        for message, device, site in zip(tick.messages, tick.message_device.tolist(), tick.message_site, strict=True):
            if device >= 0 and isinstance(message, Tls | Quic) and is_resolver(message.server_name):
                record = Record(
                    input=self._names.input_path(message.input), uid=message.uid or None, row=message.offset
                )
                found.append((device, site, str(message.server_name).lower(), message.ts, record))
        flows = tick.flows
        on = (tick.orig_device >= 0) & ~tick.resp_local
        on &= (flows["resp_p"] == DOT_PORT) | (flows["resp_p"] == _HTTPS)
        if not on.any():
            return found
        at = np.nonzero(on)[0]
        at = at[(flows["resp_p"][at] == DOT_PORT) | among(flows["resp_lo"][at], self._low)]
        for i in at.tolist():
            flow = flows[i]
            words = int(flow["resp_hi"]), int(flow["resp_lo"])
            if self._names.address_name(*words) is not None or (
                flow["resp_p"] == _HTTPS and words not in self._resolvers
            ):
                continue
            place = {"row" if np.isnan(flow["size_sq"]) else "offset": int(flow["offset"])}
            uid = flow["uid"].decode("ascii", "replace") or None
            record = Record(input=self._names.input_path(int(flow["input"])), uid=uid, **place)
            found.append((int(tick.orig_device[i]), int(tick.site[i]), addresses.text(*words), int(flow["ts"]), record))
        return found

    def _finding(self, tick: Tick, device: int, site: int, place: str, ts: int, record: Record) -> Finding:
        domain = registered(place)
        known = self._places.of_name(site, domain) if domain else self._places.of_address(site, *addresses.parse(place))
        new = self._places.is_new(site, known, ts) and known.users <= 1
        counts = self._days.setdefault(site, [(tick.end_ns - 1) // DAY_NS, 0, 0])
        basis = {"found": float(counts[2]), "device_days": float(counts[1]), "new": float(new)}
        counts[2] += new and tick.learn
        p = again_of(basis)
        where, identity, name = (
            f(device) for f in (self._names.device_site, self._names.device_id, self._names.device_name)
        )
        learned = span(self._places.learned_ns(site, tick.end_ns))
        news = f"the site had nothing to do with it in {learned}, and no other device uses it" if new else (
            f"whether that is new cannot be told or it is not; learned for {learned}"
        )  # fmt: skip
        text = f"{name} asks {place}, a public resolver, by encrypted DNS, so that its names cannot be seen: {news}."
        evidence = Evidence(
            id=identify("EV", where, identity, self.name, place), ts=rfc3339(tick.end_ns), site=where,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=1.0, expected=None, range=None, reference="fleet", reference_n=counts[1], p=p, db=decibans(p),
            text=text, records=(record,), model="doh.first/1", basis=basis,
            keys=(f"destination:{place}", f"device:{identity}"),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, techniques=self.techniques, opens=new, digest=new,
            peers=(Peer(kind="domain" if domain else "address", id=place, name=place),),
            counter=("browsers and systems turn encrypted DNS on by themselves",),
            check=f"Did {name} get a new browser or a new setting for DNS?",
        )  # fmt: skip


def again_of(basis: dict[str, float]) -> float:
    """Return the rate of such news a device-day; 1 where it is none."""
    return min(1.0, (RATE * RATE_DAYS + basis["found"]) / (RATE_DAYS + basis["device_days"])) if basis["new"] else 1.0


def again(evidence: Evidence) -> float:
    """Return p from the site's counts."""
    basis = evidence.basis
    return min(1.0, (0.05 * 16 + basis["found"]) / (16 + basis["device_days"])) if basis["new"] else 1.0


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return 1 where the archive holds a contact of the device with that resolver, 0 where it does not."""
    if archive.since_ns:
        return None
    place = next(key.partition(":")[2] for key in evidence.keys if key.startswith("destination:"))
    rows = archive.rows(
        "SELECT (SELECT count(*) FROM messages WHERE device = ? AND lower(query) = ?) "
        "+ (SELECT count(*) FROM flows WHERE orig_device = ? AND resp_h = ? AND resp_p IN (443, 853))",
        (evidence.entity.id, place, evidence.entity.id, place),
    )
    return 1.0 if rows[0][0] else 0.0
