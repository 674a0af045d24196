"""What a site gathers for its hub while it steps, and cuts into packets for the spool.

Signals (devices, links, contacts, presence, coverage) are told every INTERVAL_NS of event time where there is a
contact among them, else every QUIET_NS; findings with the commit that follows them, their growth with the signals. A
slot of presence is told when it is over, and again where it changed later. What is gathered and not told yet is part of
the state, so that a restart tells it. Where no hub is configured nothing of this is there, and nothing is gathered.

Not here: the spool, and how it is sent.
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.parts import part_of
from sensor.config import Config
from sensor.entities import site_reports
from sensor.entities.coverage import MINUTES
from sensor.entities.links import Held, Place
from sensor.entities.presence import RING, SLOT_NS
from sensor.entities.remote import Span
from sensor.entities.reported_signs import ELSEWHERE
from sensor.model.evidence import Finding
from sensor.model.fleet import SourceHealth
from sensor.model.order import Wanted
from sensor.model.report import KIND_OF, AnyReport, Became, Health, Ordered, Told, Verdict
from sensor.model.site_packet import KINDS, PACKET_MAX, Kind, Packet
from sensor.model.times import DAY_NS, HOUR_NS, MINUTE_NS
from sensor.pipeline.core import Core
from sensor.pipeline.fleet_telling import FleetTelling, telling_of
from sensor.pipeline.site_health import health_of
from sensor.pipeline.uplink import limit_spool

INTERVAL_NS = 5 * MINUTE_NS
"""A slot of presence; and the lack of a contact is judged after ten minutes (`corroboration.ABSENT_NS`), by when
a contact must have been told of."""
QUIET_NS = 10 * MINUTE_NS
"""Where nobody signs in and nothing is found, two slots at once: of a site with a dozen devices the envelopes are
a third of all bytes. A site that is not heard of for 15 minutes is silent (`model.fleet`)."""
HEALTH_NS = 6 * HOUR_NS
"""Unless a source goes up or down, or an incident opens or ends: that is told at once."""
SIGHTING_DAYS = 7
"""A device that does not change is told of again so often; when it was last there, its presence says."""
LINK_NS = 6 * HOUR_NS
"""A link that is in use is told again so often: of others on a device 12 hours count (`ties.OTHERS_NS`)."""
BEHIND_NS = 10 * MINUTE_NS
"""Flows are reported when they end: a device may have been seen before the last look and be known only now."""
KNOWN_MAX = 65_536
"""Findings remembered as told; of one that was forgotten the growth is told at once."""
HEAD_MAX = 16
"""Bytes that begin a body: the length of its list."""
Key = tuple[int, int, Place, str]
_LOG = logging.getLogger(__name__)


def forward(core: Core, config: Config, disguise: Callable[[AnyReport], AnyReport] | None = None) -> None:
    """Have a core gather for a hub where its configuration names one, and not where it does not."""
    limit_spool(config, core.state.spool)
    wanted, held = any(one.type == "site" for one in config.sinks.values()), core.forwarder
    if wanted and held is None:
        popular = telling_of(core, config, part_of(core.unsent, "popular"))
        core.forwarder = Forwarding(core, config.site, disguise, popular)
    elif not wanted and isinstance(held, Forwarding):
        held.end()
        core.forwarder = None


class _Held(msgspec.Struct):
    """What a restart needs."""

    next_ns: int = 0
    quiet_ns: int = 0
    health_ns: int = 0
    since_ns: int = 0
    state: str = ""
    """Of sources and incidents, as the health was last told."""
    sightings: dict[str, tuple[int, int]] = {}
    """Digest and week of what was last said of a device, by its id."""
    links: list[tuple[Key, tuple[int, int]]] = []
    """When each link was last told, ns, and its days then."""
    known: list[str] = []
    contacts: list[tuple[str, int, int, int]] = []
    slots: list[int] = []
    leases: list[tuple[tuple[int, int], Span]] = []
    minutes: list[int] = []
    due: list[Key] = []


class Forwarding:
    """A site's gathering; made after the core's state is restored.

    Attributes:
        sources: Tells how the sources are, for the site's health.
        disguise: What is done to a report before it leaves; None: nothing.
        told: Reports by their type's name.
        too_long: Of them, those that no packet holds.
    """

    def __init__(
        self, core: Core, site: str, disguise: Callable[[AnyReport], AnyReport] | None = None,
        popular: FleetTelling | None = None,
    ) -> None:  # fmt: skip
        """Begin to gather, or go on where the state ends."""
        self.sources: Callable[[], Iterable[SourceHealth]] = tuple
        self.disguise, self._popular = disguise, popular
        self.told: dict[str, int] = {}
        self.too_long = 0
        self._core, self._site_name = core, site
        self._site = core.entities.site_number(site)
        self._packets: list[Packet] = []
        self._is_ending = False
        self._now_ns = core.entities.now_ns
        identity = core.entities.identity
        held = core.unsent.get("held")
        if held is None:
            self._held = _Held(due=[self._key(link) for link in identity.links.all(self._now_ns)])
            slots = self._all_slots()
        else:
            self._held = msgspec.msgpack.decode(held.tobytes(), type=_Held)
            slots = np.array(self._held.slots, np.int64)
        core.unsent = {}
        self._sightings = self._held.sightings
        self._links = dict(self._held.links)
        self._known = OrderedDict.fromkeys(self._held.known)
        self._minutes = np.array(self._held.minutes or [-1] * MINUTES, np.int64)
        self._slots = slots
        identity.contacts.told = list(self._held.contacts)
        identity.links.told = dict.fromkeys(self._held.due)
        identity.corroboration.presence.told = []
        identity.corroboration.remote.told = list(self._held.leases)
        core.incidents.tell()
        self._findings: dict[str, Finding] = {}

    def after(self, end_ns: int) -> None:
        """Look at what a step changed; tell of it where it is time."""
        self._now_ns = max(self._now_ns, end_ns)
        if self._now_ns < self._held.next_ns:
            return
        self._held.next_ns = (self._now_ns // INTERVAL_NS + 1) * INTERVAL_NS
        if self._is_ending or self._now_ns >= self._held.quiet_ns or self._has_news():
            self._held.quiet_ns = (self._now_ns // INTERVAL_NS) * INTERVAL_NS + QUIET_NS
            used = self._popular.due(self._now_ns) if self._popular is not None else ()
            self._pack([*self._signals(), *self._incidents(every=True), *self._health(), *used])

    def packets(self) -> list[Packet]:
        """Return what goes into the spool with this commit."""
        self._pack([*self._incidents(every=False), *self._orders()])
        packets, self._packets = self._packets, []
        return packets

    def finish(self) -> list[Packet]:
        """Return everything that is gathered, the slot that goes on too, for a replay that ends here."""
        self._is_ending, self._held.next_ns = True, 0
        self.after(self._now_ns)
        self._is_ending = False
        return self.packets()

    def save(self) -> dict[str, NDArray[Any]]:
        """Return what is gathered and not told, and what was told, as named arrays."""
        identity = self._core.entities.identity
        self._gather_slots()
        held = msgspec.structs.replace(
            self._held, sightings=self._sightings, links=list(self._links.items()), known=list(self._known),
            contacts=identity.contacts.told or [], slots=self._slots.tolist(), due=list(identity.links.told or ()),
            leases=identity.corroboration.remote.told or [], minutes=self._minutes.tolist(),
        )  # fmt: skip
        told = {} if self._popular is None else {f"popular/{name}": one for name, one in self._popular.save().items()}
        return {"held": np.frombuffer(msgspec.msgpack.encode(held), np.uint8), **told}

    def end(self) -> None:
        """Gather no more."""
        identity = self._core.entities.identity
        identity.contacts.told = identity.links.told = None
        identity.corroboration.presence.told = identity.corroboration.remote.told = None
        self._core.incidents.tell_no_more()

    def _has_news(self) -> bool:
        """Tell whether something is gathered for which a verdict may wait."""
        identity = self._core.entities.identity
        return bool(identity.contacts.told or identity.corroboration.remote.told or self._findings)

    def _signals(self) -> list[AnyReport]:
        entities, ts, site = self._core.entities, self._now_ns, self._site
        identity = entities.identity
        contacts, identity.contacts.told = identity.contacts.told or [], []
        spans, identity.corroboration.remote.told = identity.corroboration.remote.told or [], []
        covered, self._minutes = site_reports.covered(identity.corroboration.coverage, self._minutes, ts, site)
        self._gather_slots()
        over = ((self._slots & 0xFFFF_FFFF) < ts // SLOT_NS) | self._is_ending
        slots, self._slots = self._slots[over], self._slots[~over]
        return [
            *self._seen(), *self._linked(), *site_reports.leases(entities, spans, ts),
            *site_reports.contacts(entities, contacts, ts, site, ELSEWHERE),
            *(site_reports.present(entities, slots, ts, site) if len(slots) else ()), *covered,
        ]  # fmt: skip

    def _seen(self) -> list[AnyReport]:
        """Tell of devices that are new, changed, or were not told of for a week."""
        found: list[AnyReport] = []
        day, entities = self._now_ns // DAY_NS, self._core.entities
        for row in site_reports.rows_since(entities, self._site, self._held.since_ns):
            progress = self._core.volumes.progress(row)
            seen = site_reports.sighting(entities, row, self._now_ns, self._site, progress)
            said = (site_reports.digest_of(seen), day // SIGHTING_DAYS)
            if self._sightings.get(seen.device) != said:
                self._sightings[seen.device] = said
                for alias in seen.aliases:
                    self._sightings.pop(alias, None)
                found.append(seen)
        self._held.since_ns = self._now_ns - BEHIND_NS
        return found

    def _linked(self) -> list[AnyReport]:
        """Tell of links that are new, have a day more, or were not told of for a while."""
        links = self._core.entities.identity.links
        changed, links.told = links.told or {}, {}
        found: list[AnyReport] = []
        for key in changed:
            link = links.get(key)
            told_ns, days = self._links.get(key, (0, 0))
            if link is None or (link.days == days and self._now_ns < told_ns + LINK_NS):
                if link is not None:
                    links.told[key] = None
                continue
            report = site_reports.linked(self._core.entities, link, self._now_ns, self._site)
            if report is not None:
                self._links[key] = (self._now_ns, link.days)
                found.append(report)
        if len(self._links) > 2 * len(links) + KNOWN_MAX:
            self._links = {key: told for key, told in self._links.items() if links.get(key) is not None}
        return found

    def _incidents(self, *, every: bool) -> list[AnyReport]:
        """Tell of findings; of those that were told of before only where `every`."""
        changed, closed = self._core.incidents.tell()
        self._findings |= changed
        ready = [key for key in self._findings if every or key not in self._known]
        found: list[AnyReport] = []
        for key in ready:
            finding = self._findings.pop(key)
            self._known[key] = None
            if finding.evidence.site == self._site_name and self._is_ours(finding):
                found.append(self._told(finding))
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return found + [
            Verdict(
                ts=self._now_ns, incident=one.incident, evidence=one.evidence, verdict=one.verdict, reason=one.reason
            )
            for one in closed
        ]

    def _orders(self) -> list[AnyReport]:
        """Hand over what is ordered at the hub, and what became of the hub's orders."""
        return [
            Ordered(ts=self._now_ns, wanted=one) if isinstance(one, Wanted) else Became(ts=self._now_ns, outcome=one)
            for one in self._core.state.orders.upwards()
        ]

    @staticmethod
    def _is_ours(finding: Finding) -> bool:
        """Tell whether the hub does not make it itself: orders of steps, and surges."""
        return finding.evidence.family != "sequence" and finding.evidence.entity.kind != "site"

    def _told(self, finding: Finding) -> Told:
        entities, entity = self._core.entities, finding.evidence.entity
        device = entities.devices.ids[entities.devices.kept(finding.device)] if finding.device >= 0 else ""
        account = entities.account_name(finding.account) if finding.account >= 0 else ""
        return Told(
            ts=self._now_ns, finding=msgspec.structs.replace(finding, device=-1, account=-1),
            device=device or (entity.id if entity.kind == "device" else ""),
            account=account or (entity.id if entity.kind == "account" else ""),
        )  # fmt: skip

    def _health(self) -> list[AnyReport]:
        sources = list(self.sources())
        tiers = Counter(case.tier for case in self._core.incidents.cases.values() if case.is_open and case.is_incident)
        state = repr((sorted((one.source, one.up) for one in sources), sorted(tiers.items())))
        if self._now_ns < self._held.health_ns and state == self._held.state:
            return []
        self._held.health_ns, self._held.state = (self._now_ns // HEALTH_NS + 1) * HEALTH_NS, state
        return [Health(ts=self._now_ns, health=health_of(self._core, self._site_name, sources))]

    def _pack(self, reports: Sequence[AnyReport]) -> None:
        """Cut reports into packets, a kind each, in the order of KINDS."""
        by_kind: dict[Kind, list[msgspec.Raw]] = {}
        for one in reports:
            self.told[type(one).__name__] = self.told.get(type(one).__name__, 0) + 1
            written = msgspec.Raw(msgspec.msgpack.encode(self.disguise(one) if self.disguise else one))
            if len(bytes(written)) > PACKET_MAX - HEAD_MAX:
                self.too_long += 1
                _LOG.warning(
                    "report left out type=%s bytes=%d: no packet holds it", type(one).__name__, len(bytes(written))
                )
                continue
            by_kind.setdefault(KIND_OF[type(one)], []).append(written)
        for kind in KINDS:
            for body in _bodies(by_kind.get(kind, ())):
                self._packets.append(Packet(kind, self._now_ns, self._now_ns, body))

    def _gather_slots(self) -> None:
        presence = self._core.entities.identity.corroboration.presence
        if presence.told:
            self._slots = np.unique(np.concatenate([self._slots, *presence.told]))
            presence.told = []

    def _all_slots(self) -> NDArray[np.int64]:
        """Return every slot that presence holds in detail: a hub that is new begins with them."""
        presence = self._core.entities.identity.corroboration.presence
        found = [np.empty(0, np.int64)]
        for device in presence.devices():
            slots = presence.table.columns["cells"][presence.row(device)]["slot"].astype(np.int64)
            found.append(np.sort(slots[slots > slots.max() - RING]) | device << 32)
        every = np.concatenate(found)
        return every[(every & 0xFFFF_FFFF) > 0]

    @staticmethod
    def _key(link: Held) -> Key:
        return (link.account, link.device, link.place, link.kind)


def _bodies(written: Sequence[msgspec.Raw]) -> Iterable[bytes]:
    """Join written reports into bodies of at most PACKET_MAX; none is longer by itself."""
    some: list[msgspec.Raw] = []
    size = 0
    for one in written:
        length = len(bytes(one))
        if size + length > PACKET_MAX - HEAD_MAX:
            yield msgspec.msgpack.encode(some)
            some, size = [], 0
        some.append(one)
        size += length
    if some:
        yield msgspec.msgpack.encode(some)
