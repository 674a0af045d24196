"""What the network and the endpoints say to each sign-in: supported, unsupported, contradicted or unknown, and why.

A sign-in from a monitored place (a site's egress, a VPN lease, an agent's address) is supported where a device linked
to the account contacted the provider from there at that time, and unsupported where no device there did although the
site was covered. One from elsewhere is contradicted where the account's own device was in use by a person at a place
from which nobody gets there (`contradictions`). All else is unknown, with the first thing that was missing.

A verdict is given when its records should be in (DELAY_NS for a contact, ABSENT_NS for the lack of one, after each slot
of the following half hour for a contradiction) and held for HELD_NS: late records that bear on it are looked at again,
and change it visibly. What can be neither supported nor contradicted is judged at once. Only what a sign-in proved, and
nothing contradicts, is learned.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.entities.agents import agent_of
from sensor.entities.clocks import REACH_NS
from sensor.entities.contacts import DELAY_NS, KEPT_NS, PROVIDERS, WINDOW_NS, Contacts
from sensor.entities.contradictions import HALF, Elsewhere, Windows, contradict
from sensor.entities.coverage import Coverage
from sensor.entities.distance import spot_of
from sensor.entities.links import Links
from sensor.entities.networks import NO_ADDRESS, words_of
from sensor.entities.presence import SLOT_NS, Presence
from sensor.entities.remote import Remote
from sensor.entities.signins import Held, SignIns
from sensor.entities.ties import Who, own, tied
from sensor.entities.used import Used, network_of
from sensor.entities.waitlist import HELD_MAX, HELD_NS, Pending, Waitlist
from sensor.model.event import Event
from sensor.model.times import DAY_NS, MINUTE_NS, SECOND_NS

ABSENT_NS = 10 * MINUTE_NS
"""A site's sensor and its log may be so late; what is not there by then was not there."""
WIDE_NS = 5 * MINUTE_NS
"""So far around a sign-in no device of the site may have contacted the provider for it to be unsupported: connections
are used again for minutes, and clocks are off."""
TAINT_NS = 14 * DAY_NS
"""As long as an account's incident stays open: what a sign-in used that was wholly new is not learned from it before,
contradicted or not; an intruder who came first by night would be no stranger by day."""
TAINTED_MAX = 65_536
RELAYS = frozenset({13335, 36183, 54113})
"""AS numbers of Cloudflare, Akamai and Fastly, through which Apple's Private Relay and Cloudflare's WARP leave: where
they say that their user is, is not where the user is (https://mask-api.icloud.com/egress-ip-ranges.csv)."""
_IMPERSONAL = frozenset({"service_principal", "managed_identity"})


class Names(Who, Protocol):
    """What is asked besides."""

    def device_name(self, device: int) -> str:
        """Return its hostname as seen, else its address."""


class Judgement(NamedTuple):
    """A verdict; `again_ns` is when to look again, 0 when only late records can change it."""

    verdict: str
    because: str
    again_ns: int = 0


class Corroboration:
    """Sign-ins that wait for a verdict, and all that verdicts come from.

    Attributes:
        presence: When devices were there, and how busy.
        coverage: When sites could be seen.
        remote: Who was at which public address.
        used: What accounts used before.
        counts: Sign-ins by (source, result, verdict), as `take_counts` has not yet given them.
    """

    def __init__(self, secret: int, contacts: Contacts, links: Links, signins: SignIns) -> None:
        """Take the key of hashes, and what else is known of accounts."""
        self.presence, self.coverage, self.remote, self.used = Presence(secret), Coverage(), Remote(), Used(secret)
        self.counts: dict[tuple[str, str, str], int] = {}
        self._contacts, self._links, self._signins = contacts, links, signins
        self._windows = Windows(self.presence)
        self._waiting = Waitlist()
        self._tainted: OrderedDict[tuple[int, str, str], int] = OrderedDict()

    def consider(
        self, event: Event, held: Held, site: int, now_ns: int, who: Names, *, begins: bool, place: str | None = None
    ) -> None:  # fmt: skip
        """Take a sign-in, or a further row of one.

        Args:
            event: Its record.
            held: The sign-in.
            site: Number of the site whose egress its address is, −1 none.
            now_ns: Event time.
            who: Whom to ask.
            begins: It was not seen before.
            place: The site's name.
        """
        known = self._waiting.get(held.row.id)
        if known is not None:
            self._complete(known, event)
            return
        if not begins and (held.row.corroboration != "unknown" or held.account < 0):
            self._count(held)
            return
        one = self._begin(event, held, now_ns)
        if one is None:
            why = _why_unseen(event, held)
            self._settle_at_once(held, why, now_ns)
            return
        if site < 0:
            one.why_not = self._why_never(one, who)
            if one.why_not is not None and not self.remote.is_known(event.ip):
                self._settle_at_once(held, one.why_not, now_ns)
                self._learn(one)
                return
            if one.why_not is None:
                self._taint(one)
        else:
            if event.outcome == "success":
                self.coverage.place(site, one.spot)
            if not self.coverage.has_sensor(site):
                self._settle_at_once(held, f"it claims {event.ip}, an address of {place}, which has no sensor", now_ns)
                self._learn(one)
                return
        self._waiting.hold(one)

    def late(self, times: Sequence[int], devices: NDArray[np.int32], now_ns: int) -> None:
        """Take in that records came late: of contacts or coverage at these times, ns, and of these devices."""
        watched = np.array(self._waiting.watched(), np.int32) if len(devices) else devices
        self._waiting.look_again(times, devices[np.isin(devices, watched)].tolist(), now_ns)

    def judge(self, now_ns: int, who: Names, names: Sequence[str], site_of: "SiteOf") -> None:
        """Judge what is due."""
        for one in self._waiting.due(now_ns):
            self._judge(one, now_ns, who, names, site_of)
        for one in self._waiting.over(now_ns):
            self._settle(one)
            self._count(one.held)

    def follow(self, kept: dict[int, int]) -> None:
        """Let what is known of devices that turned out to be others be theirs."""
        for gone, other in kept.items():
            self.presence.merge(gone, other)
        self._waiting.follow(kept)
        self.remote.follow(kept)

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"presence": self.presence.table.saturation, "signins_waiting": len(self._waiting) / HELD_MAX}

    def take_counts(self, *, every: bool) -> dict[tuple[str, str, str], int]:
        """Return how many sign-ins came to which verdict since the last time; `every`: those that wait too."""
        if every:
            for one in self._waiting.every():
                self._count(one.held)
        counts, self.counts = self.counts, {}
        return {key: count for key, count in counts.items() if count > 0}

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the state as named arrays."""
        open_ = self._signins.open()
        held = _Saved(self._waiting.every(), open_, list(self._tainted.items()), self._waiting.dropped)
        parts = (self.presence.save(), self.coverage.save(), self.remote.save(), self.used.save())
        blob = {"pending": np.frombuffer(msgspec.json.encode(held), np.uint8)}
        return {name: column for part in (*parts, blob) for name, column in part.items()}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned; a state of before has none of it."""
        for part in (self.presence, self.coverage, self.remote, self.used):
            part.load(state)
        if "pending" not in state:
            return
        saved = msgspec.json.decode(state["pending"].tobytes(), type=_Saved)
        same = {one.row.id: one for one in saved.open}
        self._signins.reopen(same.values())
        self._tainted, self._waiting.dropped = OrderedDict(saved.tainted), saved.dropped
        for one in saved.pending:
            one.held = same.get(one.held.row.id, one.held)
            self._waiting.hold(one)

    def _begin(self, event: Event, held: Held, now_ns: int) -> Pending | None:
        provider = PROVIDERS.get(event.source)
        category = event.detail.get("event_category")
        if provider is None or held.account < 0 or category in _IMPERSONAL or words_of(event.ip) == NO_ADDRESS:
            return None
        detail, row = event.detail, held.row
        client = detail.get("client_app")
        agent, handheld = agent_of(row.user_agent, event.os, client if isinstance(client, str) else None)
        given = event.device_id or event.device_name or detail.get("device_token")
        return Pending(
            held=held, provider=provider, network=network_of(row.ip, row.asn, row.country), agent=agent,
            handheld=handheld, given=str(given) if given else None,
            spot=spot_of(row.country, row.city, detail.get("latitude"), detail.get("longitude")),
            until=max(held.ts, now_ns) + HELD_NS, due=held.ts + DELAY_NS,
        )  # fmt: skip

    @staticmethod
    def _complete(one: Pending, event: Event) -> None:
        """Add what a further row says and the first did not."""
        row, detail = one.held.row, event.detail
        if one.agent is None:
            one.agent, one.handheld = agent_of(row.user_agent, event.os, None)
        one.given = one.given or event.device_id or event.device_name
        if one.spot.latitude is None:
            one.spot = spot_of(row.country, row.city, detail.get("latitude"), detail.get("longitude"))
        one.network = network_of(row.ip, row.asn, row.country)

    def _why_never(self, one: Pending, who: Names) -> str | None:
        """Say why a sign-in from no monitored place cannot be contradicted; None where it may be."""
        account, row = one.held.account, one.held.row
        if not tied(self._links, account, one.held.ts, who):
            return f"no monitored device is linked to {row.account}"
        if not one.spot.is_placed:
            return f"{row.ip} is no monitored place, and its record does not say where it is"
        if row.asn in RELAYS:
            return f"{row.ip} is a relay's: where it is placed says nothing of who is behind it"
        if one.handheld:
            return f"{row.ip} is no monitored place, and a handheld device may be anywhere"
        if one.agent is None or one.network is None:
            return f"{row.ip} is no monitored place, and its record names no agent"
        for kind, value in _values(one):
            if self.used.knows(account, kind, value):
                return f"{row.ip} is no monitored place; its {kind} is known of {row.account}"
        if not self.used.knows_any(account):
            return f"{row.ip} is no monitored place, and no earlier sign-in of {row.account} is known"
        return None

    def _settle_at_once(self, held: Held, because: str, now_ns: int) -> None:
        self._signins.judge(held, "unknown", because, now_ns)
        self._count(held)

    def _judge(self, one: Pending, now_ns: int, who: Names, names: Sequence[str], site_of: "SiteOf") -> None:
        found = self._remote(one, who)
        if found is None:
            site = site_of(one.held.row.ip, names)
            found = self._from_site(one, site, now_ns, who, names) if site >= 0 else self._away(one, now_ns, who, names)
            if site >= 0 and found.verdict == "supported" and not one.settled and one.held.row.result == "success":
                self.coverage.count(site, seen=True)
        if found.because:
            self._signins.judge(one.held, found.verdict, found.because, now_ns)
        if found.again_ns:
            self._waiting.put_off(one, max(found.again_ns, now_ns + SECOND_NS))
        else:
            self._settle(one)
        if one.settled:
            self._count(one.held)

    def _remote(self, one: Pending, who: Names) -> Judgement | None:
        """Look for the account's device at the sign-in's public address, by VPN lease or agent."""
        row, ts = one.held.row, one.held.ts
        spans = self.remote.at(row.ip, ts)
        devices = tied(self._links, one.held.account, ts, who) if spans else []
        for span in spans:
            name = who.device_name(span.device) if span.device >= 0 else "its device"
            theirs = span.account == one.held.account or span.device in devices
            if span.kind == "vpn" and theirs and self._may_be(one, span.device, who):
                return Judgement("supported", f"{name} held a VPN lease from {row.ip} at that time")
            if span.kind == "agent" and span.device in devices:
                when = ts + self._contacts.offset(row.source, ELSEWHERE)
                apart = self._contacts.nearest(one.provider, ELSEWHERE, span.device, when)
                if apart is not None and abs(apart) <= WINDOW_NS:
                    return Judgement(
                        "supported", f"{name}, whose agent is at {row.ip}, contacted {one.provider} {_apart(apart)}"
                    )
        return None

    @staticmethod
    def _may_be(one: Pending, device: int, who: Names) -> bool:
        """Tell whether a sign-in may be a device's: others at home, a phone above all, have the same address."""
        if one.held.device not in {-1, device}:
            return False
        return not one.handheld or (device >= 0 and who.role(device) == "phone")

    def _from_site(self, one: Pending, site: int, now_ns: int, who: Names, names: Sequence[str]) -> Judgement:
        """Judge a sign-in from a site's egress."""
        row, place = one.held.row, names[site]
        when = one.held.ts + self._contacts.offset(row.source, site)
        devices = tied(self._links, one.held.account, one.held.ts, who)
        for device in devices:
            apart = self._contacts.nearest(one.provider, site, device, when)
            if apart is not None and abs(apart) <= WINDOW_NS:
                because = f"{who.device_name(device)} contacted {one.provider} from {place} {_apart(apart)}"
                return Judgement("supported", because)
            first, last = (when - WINDOW_NS) // SLOT_NS, (when + WINDOW_NS) // SLOT_NS
            if when < now_ns - KEPT_NS and self.presence.contacted(device, first, last):
                because = f"{who.device_name(device)} contacted {one.provider} from {place} in those minutes"
                return Judgement("supported", because)
        due = max(when, one.held.ts) + ABSENT_NS
        if now_ns < due:
            return Judgement("unknown", "", due)
        return self._unseen(one, site, when, devices, place)

    def _unseen(self, one: Pending, site: int, when: int, devices: list[int], place: str) -> Judgement:
        """Judge a sign-in from a site's egress that no device of the account was seen to make."""
        row = one.held.row
        said = f"it claims {row.ip}, an address of {place}"
        gap = self.coverage.gap(site, when)
        if gap is not None:
            return Judgement("unknown", f"{said}, but {gap}")
        wide = WIDE_NS if self._contacts.clock(row.source, site).is_known else REACH_NS
        near = self._contacts.near(one.provider, site, when, wide)
        shortfall = self.coverage.shortfall(site)
        if not one.settled and row.result == "success":
            self.coverage.count(site, seen=bool(near))
        if near:
            who_else = "none of them is linked to the account" if not devices else "none of its own"
            return Judgement("unknown", f"{said}; {_devices(len(near))} there contacted {one.provider}, {who_else}")
        if shortfall is not None:
            return Judgement("unknown", f"{said}, and no device there contacted {one.provider}, but {shortfall}")
        return Judgement("unsupported", f"{said}, but no device there contacted {one.provider} around that time")

    def _away(self, one: Pending, now_ns: int, who: Names, names: Sequence[str]) -> Judgement:
        """Judge a sign-in from no monitored place."""
        row, account = one.held.row, one.held.account
        if one.why_not is not None:
            return Judgement("unknown", one.why_not)
        if self.used.is_shared(account, one.network or "", row.ip, one.held.ts):
            return Judgement(
                "unknown", f"{row.ip} is no monitored place; several other accounts came to its network too"
            )
        devices = own(self._links, account, one.held.ts, who)
        devices = [device for device in devices if self.presence.row(device) >= 0]
        if one.held.device in devices:
            return Judgement(
                "unknown", f"the sign-in's own device is {who.device_name(one.held.device)}, which is away"
            )
        missing = f"{row.ip} is no monitored place, and no device is {row.account}'s alone"
        again = 0
        for device in devices:
            self._waiting.watch(one, device)
            site = self._windows.site_of(device, one.held.ts)
            when = one.held.ts + (self._contacts.offset(row.source, site) if site >= 0 else 0)
            found = contradict(self._windows, device, when, now_ns, one.spot, self.coverage)
            if isinstance(found, Elsewhere):
                return Judgement("contradicted", _contradiction(one, found, who.device_name(device), names))
            why = self._silence(device, one.held.ts, names) or found.why
            missing = f"{row.ip} is no monitored place; {who.device_name(device)} {why}"
            again = max(again, found.again_ns)
        return Judgement("unknown", missing, again)

    def _silence(self, device: int, ts: int, names: Sequence[str]) -> str | None:
        """Say that the site where a device was last may know more, and has not been heard of; None where it has."""
        site = self.presence.last_site(device)
        silence = self.coverage.silence(site, ts + HALF * SLOT_NS) if site >= 0 else None
        return None if silence is None else f"was last at {names[site]}, and {silence}"

    def _settle(self, one: Pending) -> None:
        if one.settled:
            return
        one.settled = True
        self._clock(one)
        if one.held.row.corroboration == "supported":
            for key in _values(one):
                self._tainted.pop((one.held.account, *key), None)
        self._learn(one)

    def _clock(self, one: Pending) -> None:
        """Learn how far the log's clock is off, from devices that are the account's."""
        row = one.held.row
        if row.result != "success" or row.corroboration == "contradicted":
            return
        devices = dict.fromkeys(
            link.device for link in self._links.of(one.held.account, one.held.ts) if link.device >= 0
        )
        for site in self._contacts.sites_of(one.provider):
            offsets = (self._contacts.nearest(one.provider, site, device, one.held.ts) for device in devices)
            found = [offset for offset in offsets if offset is not None]
            if found:
                self._contacts.clock(row.source, site).add(min(found, key=abs))

    def _learn(self, one: Pending) -> None:
        """Take in what a success used, unless a sign-in that was, or might have been, contradicted used some of it."""
        account, row = one.held.account, one.held.row
        values = _values(one)
        if row.result != "success" or any(self._tainted.get((account, *key), 0) > one.held.ts for key in values):
            return
        for kind, value in values:
            self.used.add(account, kind, value, one.held.ts)
        if row.ip is not None:
            self.used.add_address(account, row.ip)

    def _taint(self, one: Pending) -> None:
        for key in _values(one):
            self._tainted[one.held.account, *key] = one.held.ts + TAINT_NS
            self._tainted.move_to_end((one.held.account, *key))
        while len(self._tainted) > TAINTED_MAX:
            self._tainted.popitem(last=False)

    def _count(self, held: Held) -> None:
        """Count a sign-in by its verdict; what was given already stays, and what it has become counts beside it.

        A counter never falls, and a contradiction that came as a revision must not be missing.
        """
        row = held.row
        key = (row.source, row.result, row.corroboration)
        if held.counted == key:
            return
        if held.counted is not None and self.counts.get(held.counted, 0) > 0:
            self.counts[held.counted] -= 1
        self.counts[key] = self.counts.get(key, 0) + 1
        held.counted = key


ELSEWHERE = -1
"""Site number of contacts that an endpoint's agent tells of."""


class SiteOf(Protocol):
    """Tells which site's egress an address is."""

    def __call__(self, address: str | None, site_names: Sequence[str]) -> int:
        """Return the site's number, −1 none."""


class _Saved(msgspec.Struct):
    pending: list[Pending]
    open: list[Held]
    tainted: list[tuple[tuple[int, str, str], int]]
    dropped: int


def _values(one: Pending) -> list[tuple[str, str]]:
    """Return what a sign-in used, as (kind, value)."""
    values = (("network", one.network), ("agent", one.agent), ("device", one.given))
    return [(kind, value) for kind, value in values if value is not None]


def _why_unseen(event: Event, held: Held) -> str:
    if event.source not in PROVIDERS:
        return f"contacts with {event.source} are not recognised on the network"
    if held.account < 0:
        return "its account is not known"
    if event.detail.get("event_category") in _IMPERSONAL:
        return "no person signs in this way"
    return "its record has no address"


def _apart(apart_ns: int) -> str:
    seconds = round(abs(apart_ns) / SECOND_NS)
    return "at that moment" if seconds == 0 else f"{seconds} s {'after' if apart_ns > 0 else 'before'} it"


def _devices(count: int) -> str:
    return "one device" if count == 1 else f"{count} devices"


def _contradiction(one: Pending, found: Elsewhere, name: str, names: Sequence[str]) -> str:
    row = one.held.row
    far = f", {found.km:,.0f} km away" if found.km is not None else ""
    return (
        f"{name} was in use at {names[found.site]} from {found.first[11:16]} to {found.last[11:16]}Z ({found.how}), "
        f"while the sign-in came from {row.ip} in {one.spot.said()}{far}, with a network ({one.network}), an agent and "
        f"a device new to {row.account}"
    )
