"""Beacons: a device and an outside place that talk at a period, where the place is news or nobody's by name.

The gate (baselines/periodicity.py) only tells that a pair is periodic; telemetry is more regular than command and
control, so regularity is never ranked. Outbound, a periodic place is evidence where its registered name (an address
that nothing named: the address) came up at the site after its first day of learning, and at most one device, or 2 % of
them, has had to do with it. Without that history only a place without a name is: where the device's own DNS and both
directions of its traffic are seen, and it does not hide its names. Inbound, a new source is evidence where it is
periodic and few of the sources of that local service are.

p is the rate of such news a device-day, by the method in force and then by the site's own count. Port 123 and resolvers
are listed, p = 1; so is what is periodic and known. Pairs of one device at one period (±10 %) are one evidence.

Departure: encrypted ClientHello hides a name only where the outer name is the one that all such sites share, because
browsers send the extension in every hello (RFC 9849 §6.2, GREASE). Whether names are visible is asked of the traffic
too: at least half of the other outside places that the device uses must have a name.

Not here: pairs inside the site; what a strobe (a median gap under 2 s) is.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.parts import packed, unpack
from baselines.table import Table
from baselines.walk import TWO_WAY_SHARE
from sensor.detectors.beacon_pairs import Look, Pairs
from sensor.detectors.beacon_text import INBOUND, KNOWN, NEW, UNNAMED, UNTOLD, Told, again, finding, recount
from sensor.detectors.first_contacts import contacts
from sensor.detectors.places import Place, shared
from sensor.detectors.registered import registered
from sensor.detectors.resolvers import DOT_PORT, is_resolver
from sensor.model.evidence import Finding
from sensor.model.ids import identify
from sensor.model.metadata import Dns, Tls
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, span

PEERS_SHARE = 0.02
"""At most one device, or this share of the site's, may use a place: the method in force."""
SAME_PERIOD = 1.1
"""Pairs of one device whose periods differ by less are one: the method in force."""
FOUND_MAX = 4096
"""Findings remembered, the oldest go first."""
SOURCES_MIN = 8
"""Sources of a local service below which the share of periodic ones says nothing."""
LISTED_PORTS = frozenset({53, 123, DOT_PORT, 5353})
"""DNS, NTP, DNS over TLS, multicast DNS."""
OUTER_NAMES = frozenset({"cloudflare-ech.com"})
"""Names that stand in the clear where the true one is encrypted."""
_NAMED_SHARE = 0.5
_ASKED_MAX = 64

_DEVICE: dict[str, Any] = {
    "flows": (np.int64, (), 0), "two_way": (np.int64, (), 0), "dns": (np.int64, (), 0), "hidden": (np.int64, (), 0),
    "day": (np.int64, (), -1),
}  # fmt: skip
_SITE: dict[str, Any] = {"days": (np.int64, (), 0), "found": (np.int64, (5,), 0)}


class _Found(msgspec.Struct, array_like=True):
    device: int
    place: str
    verdict: int
    p_basis: dict[str, float]
    period_s: float
    id: str


def detector(names: Names, secret: int) -> "Beacon":
    """Make the detector of this module."""
    return Beacon(names, secret)


class Beacon:
    """Periodic pairs, and how new they are."""

    name = "beacon"
    family = "beacon"
    techniques: tuple[str, ...] = ("T1071", "T1573")
    needs = "nothing"
    unit = "runs of connections at one period"
    citation = "METHOD in force, Beacons; gate: baselines/periodicity.py"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._pairs = Pairs(names, secret)
        self._places = shared(names, secret)
        self._devices = Table(_DEVICE, 1_000_000)
        self._sites = Table(_SITE, 1 << 16)
        self._found: dict[tuple[int, str], _Found] = {}
        self._now_ns = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"beacon_pairs": self._pairs.saturation, "beacon_places": self._places.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Time the tick's flows and judge the pairs that passed the gate."""
        self._now_ns = tick.end_ns
        self._devices.cover(self._names.count())
        self._follow(tick)
        self._see(tick)
        return [self._judge(tick, look) for look in self._pairs.take(tick)]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Learn the site's places, and count its device-days."""
        self._places.learn(tick, flagged)
        if not len(tick.site):
            return
        day = (tick.end_ns - 1) // DAY_NS
        self._sites.cover(int(tick.site.max()) + 1)
        days, own = self._sites.columns["days"], self._devices.columns
        for ends in (tick.orig_device, tick.resp_device):
            at = np.nonzero((ends >= 0) & (own["day"][ends] != day))[0]
            for row, where in zip(ends[at].tolist(), tick.site[at].tolist(), strict=True):
                if own["day"][row] != day:
                    own["day"][row] = day
                    days[where] += self._places.learned_ns(where, tick.end_ns) >= DAY_NS

    def coverage(self) -> Coverage:
        """Say whether anything could be timed, and what a period is held against."""
        if not self._pairs.seen:
            return Coverage(detector=self.name, state="no_input", why="no TCP or UDP flow of a device with the outside")
        learned = max((self._places.learned_ns(site, self._now_ns) for site in range(self._sites.rows)), default=0)
        if learned >= DAY_NS:
            return Coverage(detector=self.name, state="judged", why=f"new places are told after {span(learned)}")
        why = f"no history ({span(learned)}): only places without a name are judged, others listed"
        return Coverage(detector=self.name, state="judged" if self._visible() else "learning", why=why)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = packed(self._parts())
        state["found"] = np.frombuffer(msgspec.json.encode(list(self._found.values())), np.uint8)
        return state

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        unpack(state, self._parts())
        found = msgspec.json.decode(state["found"].tobytes(), type=list[_Found])
        self._found = {(one.device, one.place): one for one in found}

    def _parts(self) -> list[tuple[str, Any]]:
        return [
            ("timed", self._pairs), ("known", self._places), ("devices", self._devices), ("sites", self._sites),
        ]  # fmt: skip

    def _visible(self) -> bool:
        return bool((self._devices.columns["dns"] > 0).any())

    def _follow(self, tick: Tick) -> None:
        """Give what is known of rows that turned out to be another device to the row that stands for it."""
        own = self._devices.columns
        for gone, kept in tick.merged:
            for name in ("flows", "two_way"):
                own[name][kept] += own[name][gone]
            for name in ("dns", "hidden", "day"):
                own[name][kept] = max(own[name][kept], own[name][gone])
            self._devices.clear(gone)
            for key in [key for key in self._found if key[0] == gone]:
                one = self._found.pop(key)
                self._found[kept, one.place] = msgspec.structs.replace(one, device=kept)

    def _see(self, tick: Tick) -> None:
        """Note whose traffic is seen both ways, whose DNS is, and who hides it."""
        flows, own = tick.flows, self._devices.columns
        on = (tick.orig_device >= 0) & ~tick.resp_local & tick.fresh
        np.add.at(own["flows"], tick.orig_device[on], 1)
        both = on & (contacts(tick).two_way == 1)
        np.add.at(own["two_way"], tick.orig_device[both], 1)
        dot = on & (flows["resp_p"] == DOT_PORT)
        own["hidden"][tick.orig_device[dot]] = tick.end_ns
        for message, device in zip(tick.messages, tick.message_device.tolist(), strict=True):
            if device < 0:
                continue
            if isinstance(message, Dns) and message.addresses:
                own["dns"][device] = tick.end_ns
            elif isinstance(message, Tls) and hides(message):
                own["hidden"][device] = tick.end_ns

    def _judge(self, tick: Tick, look: Look) -> Finding:
        host = tick.destinations.get(look.flow)
        name = host or self._names.address_name(look.hi, look.lo)
        told = registered(name)
        site = int(tick.site[look.flow])
        place = self._place(site, look, told)
        verdict, basis = self._verdict(tick, site, look, told, place)
        key = (look.device, f"{told or ''}|{look.hi:x}|{look.lo:x}|{look.port}|{look.inbound:d}")
        known = self._found.get(key)
        if known is not None:
            verdict, basis = known.verdict, known.p_basis
        identity = known.id if known is not None else self._identity(look, key[1], verdict)
        if known is None and verdict not in {KNOWN, UNTOLD}:
            self._keep(key, _Found(look.device, key[1], verdict, basis, look.period_s, identity))
            if tick.learn and self._learned(site, tick) >= DAY_NS:
                self._sites.cover(site + 1)
                self._sites.columns["found"][site, verdict] += 1
        told_of = Told(verdict, basis, name, place.users, self._learned(site, tick), self._names.site_devices(site))
        return finding(self._names, tick, look, told_of, identity)

    def _place(self, site: int, look: Look, name: str | None) -> Place:
        if name is not None and not look.inbound:
            return self._places.of_name(site, name)
        return self._places.of_address(site, look.hi, look.lo)

    def _verdict(
        self, tick: Tick, site: int, look: Look, name: str | None, place: Place
    ) -> tuple[int, dict[str, float]]:
        """Return what kind of news a periodic pair is, and the numbers that its p follows from."""
        devices = self._names.site_devices(site)
        if look.port in LISTED_PORTS or is_resolver(name) or place.users > max(1.0, PEERS_SHARE * devices):
            return KNOWN, {}
        self._sites.cover(site + 1)
        new = self._places.is_new(site, place, look.first_ns)
        if look.inbound:
            sources, periodic = self._pairs.sources(look.device, look.port, look.proto)
            counts = {"sources": float(sources), "periodic": float(periodic)} if sources >= SOURCES_MIN else {}
            return (INBOUND, self._rate(site, INBOUND) | counts) if new else (KNOWN, {})
        if (
            not new
            and self._places.since_first_day(site, place)
            and name is None
            and self._sees_names(look, tick.end_ns)
        ):
            return UNNAMED, self._rate(site, UNNAMED)
        if self._learned(site, tick) < DAY_NS:
            return UNTOLD, self._rate(site, UNTOLD)
        return (NEW, self._rate(site, NEW)) if new else (KNOWN, {})

    def _rate(self, site: int, verdict: int) -> dict[str, float]:
        own = self._sites.columns
        return {"found": float(own["found"][site, verdict]), "device_days": float(own["days"][site])}

    def _learned(self, site: int, tick: Tick) -> int:
        return self._places.learned_ns(site, tick.end_ns)

    def _sees_names(self, look: Look, now_ns: int) -> bool:
        """Tell whether a place without a name means something: names and both directions of the device are seen."""
        own = self._devices.columns
        if own["two_way"][look.device] < TWO_WAY_SHARE * own["flows"][look.device] or not own["two_way"][look.device]:
            return False
        if not own["dns"][look.device] or now_ns - own["dns"][look.device] > DAY_NS:
            return False
        if own["hidden"][look.device] and now_ns - own["hidden"][look.device] <= DAY_NS:
            return False
        others = {
            (hi, lo)
            for port, hi, lo in self._pairs.outside(look.device, _ASKED_MAX)
            if port not in LISTED_PORTS and (hi, lo) != (look.hi, look.lo)
        }
        named = sum(self._names.address_name(hi, lo) is not None for hi, lo in others)
        return named >= _NAMED_SHARE * len(others)

    def _identity(self, look: Look, place: str, verdict: int) -> str:
        """Return the id of the evidence a pair belongs to: of another of its device at that period, or its own."""
        site, device = self._names.device_site(look.device), self._names.device_id(look.device)
        if verdict not in {KNOWN, UNTOLD}:
            for one in self._found.values():
                ratio = one.period_s / look.period_s
                if one.device == look.device and 1 / SAME_PERIOD <= ratio <= SAME_PERIOD:
                    return one.id
        return identify("EV", site, device, self.name, place)

    def _keep(self, key: tuple[int, str], found: _Found) -> None:
        if len(self._found) >= FOUND_MAX:
            del self._found[next(iter(self._found))]
        self._found[key] = found


def hides(message: Tls) -> bool:
    """Tell whether a ClientHello shows that its sender's names are hidden: DNS over HTTPS, or an outer name."""
    return is_resolver(message.server_name) or (
        message.encrypted_client_hello and message.server_name in (OUTER_NAMES | {None})
    )


__all__ = ["Beacon", "again", "detector", "recount"]
