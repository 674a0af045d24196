"""Tor by behaviour: TLS under host names that Tor makes up, which nobody resolved.

Tor names a random host in its hello: `www.`, 4 to 25 characters of base32, `.com` or `.net` (tor's source, which calls
`crypto_random_hostname` in src/lib/tls/tortls.c). Such a name is a sign where its letters look random
and the site's DNS was never asked for it; connections to the relays' usual ports come beside it. Two made-up names, or
one and two relays, are evidence. A browser asks for the names it visits, so what is resolved is none.

Not here: lists of relays; bridges, which look like something else on purpose.
"""

import re
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from sensor.detectors.dga import is_random
from sensor.detectors.places import words
from sensor.entities.flow_states import sides
from sensor.model import addresses
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Peer, Record
from sensor.model.flow import TCP
from sensor.model.ids import identify
from sensor.model.metadata import Dns, Tls
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, parse, rfc3339

MADE_UP = re.compile(r"www\.([a-z2-7]{4,25})\.(?:com|net)\Z")
_INSIDE = re.compile(r"[a-z][2-7]+[a-z]|[2-7][a-z]+[2-7]")
RELAY_PORTS = (9001, 9030)
"""ORPort and DirPort of tor's manual."""
RATE = 0.017
"""None of about 30 benign device-days at hand had such names; counted as a half."""
NAMES_OPEN, RELAYS_OPEN = 2, 2
RESOLVED_MAX = 1 << 17
"""Names asked for; the half asked for longest ago goes."""
DEVICES_MAX = 4096
"""Devices with a sign today; further ones are only counted."""
SIGNS_MAX = 16


class _Signs(msgspec.Struct):
    """What a device showed today."""

    day: int
    names: dict[str, str] = msgspec.field(default_factory=dict)
    """Made-up name → address."""
    relays: list[str] = msgspec.field(default_factory=list)
    records: list[tuple[int, str, int]] = msgspec.field(default_factory=list)


def detector(names: Names, secret: int) -> "Tor":
    """Make the detector of this module."""
    return Tor(names, secret)


class Tor:
    """Made-up host names and relays, by device and day."""

    name = "tor"
    family = "tunnel"
    techniques: tuple[str, ...] = ("T1090.003",)
    needs = "nothing"
    unit = "made-up host names a day"
    citation = "tor's source, src/lib/tls/tortls.c"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._resolved = KeyedTable({}, RESOLVED_MAX, secret)
        self._signs: dict[int, _Signs] = {}
        self.uncounted = 0
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"tor_resolved": self._resolved.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Take the tick's hellos and connections; one finding a device that showed more."""
        for gone, kept in tick.merged:
            if gone in self._signs:
                self._signs.setdefault(kept, self._signs.pop(gone))
        self._resolve(tick)
        touched: dict[int, None] = {}
        for message, device, site in zip(tick.messages, tick.message_device.tolist(), tick.message_site, strict=True):
            if isinstance(message, Tls) and device >= 0 and message.is_client:
                self._seen += 1
                if self._is_made_up(message.server_name, site) and self._add_name(device, message):
                    touched[device] = None
        for device in self._relays(tick):
            touched[device] = None
        return [self._finding(tick, device) for device in touched if self._signs[device].names]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Do nothing: it only counts what a day shows."""

    def coverage(self) -> Coverage:
        """Say whether hellos were seen."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no TLS hello of a local device")
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} TLS hellos of local devices")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        held = msgspec.json.encode([(device, signs) for device, signs in self._signs.items()])
        counters = np.array([self.uncounted, self._seen], np.int64)
        state = {f"resolved/{name}": column for name, column in self._resolved.save().items()}
        return state | {"signs": np.frombuffer(held, np.uint8), "counters": counters}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        self._resolved.load({name[9:]: column for name, column in state.items() if name.startswith("resolved/")})
        self._signs = dict(msgspec.json.decode(state["signs"].tobytes(), type=list[tuple[int, _Signs]]))
        self.uncounted, self._seen = (int(value) for value in state["counters"])

    def _resolve(self, tick: Tick) -> None:
        """Remember made-up looking names that were asked for in DNS."""
        asked = [
            (site, message.query.rstrip(".").lower())
            for message, site in zip(tick.messages, tick.message_site, strict=True)
            if isinstance(message, Dns) and message.query and MADE_UP.match(message.query.rstrip(".").lower())
        ]
        if asked:
            keys = np.array([(site, *words(name)) for site, name in asked], np.uint64)
            rows = self._resolved.insert(*(keys[:, word].copy() for word in range(3)))
            self._resolved.columns["last"][rows] = tick.end_ns

    def _is_made_up(self, name: str | None, site: int) -> bool:
        text = (name or "").lower()
        found = MADE_UP.match(text)
        if not found or not looks_random(found[1]):
            return False
        key = [np.array([word], np.uint64) for word in (site, *words(text))]
        return int(self._resolved.find(*key)[0]) < 0

    def _of(self, device: int, day: int) -> _Signs | None:
        known = self._signs.get(device)
        if known is not None and known.day == day:
            return known
        if known is None and len(self._signs) >= DEVICES_MAX:
            self._signs = {row: one for row, one in self._signs.items() if one.day >= day}
            if len(self._signs) >= DEVICES_MAX:
                self.uncounted += 1
                return None
        self._signs[device] = _Signs(day)
        return self._signs[device]

    def _add_name(self, device: int, message: Tls) -> bool:
        signs, name = self._of(device, message.ts // DAY_NS), (message.server_name or "").lower()
        if signs is None or name in signs.names or len(signs.names) >= SIGNS_MAX:
            return False
        signs.names[name] = message.resp_h
        signs.records.append((message.input, message.uid, message.offset))
        return True

    def _relays(self, tick: Tick) -> list[int]:
        """Return the devices that reached a relay's port outside at an address new to their day."""
        flows = tick.flows
        port = flows["resp_p"]
        on = (tick.orig_device >= 0) & ~tick.resp_local & ((port == RELAY_PORTS[0]) | (port == RELAY_PORTS[1]))
        if not on.any():
            return []
        on &= (flows["proto"] == TCP) & sides(tick).resp_single
        found = []
        for i in np.nonzero(on)[0].tolist():
            address = addresses.text(flows["resp_hi"][i], flows["resp_lo"][i])
            device = int(tick.orig_device[i])
            signs = self._of(device, (tick.end_ns - 1) // DAY_NS)
            if signs is not None and address not in signs.relays and len(signs.relays) < SIGNS_MAX:
                signs.relays.append(address)
                found.append(device)
        return found

    def _finding(self, tick: Tick, device: int) -> Finding:
        signs = self._signs[device]
        made_up, relays = len(signs.names), len(signs.relays)
        site, identity, name = (
            f(device) for f in (self._names.device_site, self._names.device_id, self._names.device_name)
        )
        beside = f", and reached {relays} addresses on a Tor relay's usual port" if relays else ""
        text = (
            f"{name} opened TLS to {made_up} host names that look made up and that nobody resolved: "
            f"{', '.join(list(signs.names)[-3:])}{beside}. Tor names its relays so."
        )
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, signs.day), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="device", id=identity), detector=self.name, family=self.family, source="network",
            observed=float(made_up), expected=0.0, range=(0.0, 0.0), reference="reference tail", reference_n=30, p=RATE,
            db=decibans(RATE), text=text, model="tor.names/1",
            records=tuple(
                Record(input=self._names.input_path(source), uid=uid or None, row=row)
                for source, uid, row in signs.records
            ),
            basis={"names": float(made_up), "relays": float(relays), "rate": RATE, "day": float(signs.day)},
            keys=(f"device:{identity}", *(f"address:{address}" for address in list(signs.names.values())[:8])),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, techniques=self.techniques, digest=True,
            opens=made_up >= NAMES_OPEN or relays >= RELAYS_OPEN,
            peers=tuple(
                Peer(kind="address", id=one, name=f"{sni} ({one})") for sni, one in list(signs.names.items())[:8]
            ),
            counter=("a Tor browser may be a person's own wish for privacy",),
            check=f"Is Tor allowed on {name}? Which program opened these connections?",
        )  # fmt: skip


def again(evidence: Evidence) -> float:
    """Return the rate that p is."""
    return float(evidence.basis["rate"])


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return the made-up names again: hellos of that day under such names that no question was archived for."""
    day = int(evidence.basis["day"]) * DAY_NS
    if archive.since_ns:
        return None  # a question before then is not known
    rows = archive.rows(
        "SELECT DISTINCT lower(query) FROM messages WHERE kind = 'ssl' AND device = ? AND ts BETWEEN ? AND ? "
        "AND tick <= ? AND lower(query) NOT IN (SELECT lower(rtrim(query, '.')) FROM messages WHERE kind = 'dns' "
        "AND tick <= ? AND site = ? AND query IS NOT NULL)",
        (evidence.entity.id, day, day + DAY_NS - 1, parse(evidence.ts), parse(evidence.ts), evidence.site),
    )
    found = [MADE_UP.match(name) for (name,) in rows if name]
    return float(min(SIGNS_MAX, sum(looks_random(one[1]) for one in found if one)))


def looks_random(label: str) -> bool:
    """Tell whether the middle of a made-up name looks random: as a generated domain's does, or with a digit inside."""
    return is_random(f"{label}.com") or bool(_INSIDE.search(label))
