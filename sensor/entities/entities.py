"""Everything known about who is who, and the step that turns a tick's records into columns with device rows.

Messages come first (a lease, a hostname, a name for an address), then ARP, then flows. Which local address sent
something makes a device; one that only was sent to does not.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.distinct import values_of
from baselines.parts import part_of
from sensor.entities.activity import Activity
from sensor.entities.contacts import REPORTED_DELAY_NS
from sensor.entities.devices import DEVICES_MAX, Devices
from sensor.entities.fleet_prior import FleetPrior
from sensor.entities.flow_states import sides_of
from sensor.entities.identity import Identity
from sensor.entities.names import AddressNames
from sensor.entities.networks import PRIVATE, Networks, no_host, words_of
from sensor.entities.places import Places
from sensor.entities.portrait import role_of
from sensor.entities.processes import Processes
from sensor.entities.reported import Reported
from sensor.entities.reported_signs import finding_of, take
from sensor.entities.sightings import Sightings
from sensor.model import addresses
from sensor.model.event import Event
from sensor.model.evidence import Finding
from sensor.model.fleet_part import FleetPool, FleetUse
from sensor.model.protocols import AnyMessage
from sensor.model.report import AnyReport, Sighting, Told
from sensor.model.result import ClockSkew
from sensor.model.tick import Sides, Tick
from sensor.model.times import DAY_NS, SECOND_NS

Flags = NDArray[np.bool_]


class Entities:
    """Devices, accounts and names of all sites. Implements `sensor.model.tick.Names`.

    Attributes:
        sites: Names by site number; it grows.
        inputs: Paths by input number, of the present run.
    """

    def __init__(
        self,
        local_networks: Mapping[str, Sequence[str]],
        secret: int,
        egress: Mapping[str, Sequence[str]] | None = None,
        tenants: Mapping[str, Sequence[str]] | None = None,
        timezone: str = "UTC",
    ) -> None:
        """Take each site's local networks and public addresses, each tenant's domains, and the sites' time zone.

        A site that is not named has the private ranges.
        """
        self._timezone = UTC if timezone == "UTC" else ZoneInfo(timezone)
        self.sites: list[str] = []
        self.inputs: list[str] = []
        self.devices = Devices(secret)
        self._tenants = {domain.lower(): name for name, domains in (tenants or {}).items() for domain in domains}
        self.identity = Identity(egress or {}, secret, self._tenants)
        self.address_names = AddressNames()
        self.places = Places()
        self.sightings = Sightings(self.devices, self.places)
        self.reported = Reported(self.devices, self.sightings)
        self._configured = {site for site, prefixes in local_networks.items() if tuple(prefixes) != PRIVATE}
        self._prefixes = {site: Networks(prefixes) for site, prefixes in local_networks.items()}
        self._private = Networks(PRIVATE)
        self.activity = Activity(DEVICES_MAX)
        self.processes = Processes(secret)
        self._roles: dict[int, str | None] = {}
        self.prior = FleetPrior()
        self._aged_day = -1
        self.now_ns = 0

    def site_number(self, name: str) -> int:
        """Return a site's number, giving it one at first."""
        if name not in self.sites:
            self.sites.append(name)
        return self.sites.index(name)

    def expect(self, site: str, local_networks: Sequence[str], egress: Sequence[str]) -> None:
        """Take the networks of a site that is configured from now on."""
        if tuple(local_networks) != PRIVATE:
            self._configured.add(site)
            self._prefixes[site] = Networks(local_networks)
        self.identity.expect(site, egress)

    def resolve(
        self, end_ns: int, flows: NDArray[np.void], site: NDArray[np.int32], arp: NDArray[np.void],
        arp_site: NDArray[np.int32], arp_input: NDArray[np.int32], messages: list[AnyMessage], message_site: list[int],
        *, fresh: Flags, learn: bool, events: Sequence[Event] = (), event_site: Sequence[int] = (),
        reports: Sequence[AnyReport] = (),
    ) -> Tick:  # fmt: skip
        """Take a tick's records in and return them with device rows. All columns in order of event time."""
        self._advance(end_ns)
        reports = self.prior.take_from(reports)
        self.address_names.observe(messages, message_site, self.sightings.through_proxy)
        rows, learned = self.sightings.before(messages, message_site, events, event_site, self.sites)
        self._learn_networks(learned)
        self._sight_arp(arp, arp_site)
        seen = sides_of(flows)
        orig_local, resp_local = self._locality(flows, site, seen)
        self._sight_flows(flows, site, orig_local, resp_local, seen)
        said = self._tell(messages, message_site)
        report_site = self._sight_reported(reports)
        self.sightings.recognition.settle(self.now_ns, len(self.sites))
        merged = self._merged()
        orig, resp = (self._ends(flows, site, *end) for end in (("orig", orig_local), ("resp", resp_local)))
        self.devices.add_flows(orig[fresh])
        self.devices.add_flows(resp[fresh & (resp != orig)])
        self.activity.take(flows, orig, resp, seen.sent & seen.replied, len(self.devices))
        self.devices.touched.mark_rows(orig)
        self.devices.touched.mark_rows(resp)
        self.processes.tell(events, event_site)
        arp_device = self.devices.find(arp_site, np.zeros(len(arp), np.uint64), _v4(arp["sender_ip"]))
        tick = Tick(
            end_ns=end_ns, flows=flows, site=site, orig_device=orig, resp_device=resp, orig_local=orig_local,
            resp_local=resp_local, fresh=fresh, arp=arp, arp_site=arp_site, arp_device=arp_device, arp_input=arp_input,
            messages=messages, message_device=self._kept(said), message_site=list(message_site), learn=learn,
            events=list(events), event_site=list(event_site), event_device=self._about(events, event_site, rows),
            merged=merged, destinations=self.sightings.proxies.destinations(flows["uid"]),
            processes=self.processes.explain(flows, site), sides=seen,
        )  # fmt: skip
        take(self, reports, report_site)
        self.identity.take(tick, self, self.sites, message_site)
        return tick

    def findings(self, reports: Sequence[AnyReport]) -> list[Finding]:
        """Return what sites found, of a tick's reports, with the rows and ids of this process."""
        return [finding_of(self, one, self.site_number(one.site)) for one in reports if isinstance(one, Told)]

    def locate(self, site: int, address: str) -> int:
        """Return the device that has an address now, −1 where none has."""
        hi, lo = words_of(address)
        return self.devices.kept(self.devices.raw(site, hi, lo)) if hi or lo else -1

    def stands_for_many(self, device: int) -> bool:
        """Tell whether many devices or people stand behind it."""
        return self.is_router(device) or self.sightings.shared(device) is not None

    def count(self) -> int:
        """Return how many device rows there are; several may be one device."""
        return len(self.devices)

    def device_id(self, device: int) -> str:
        """Return the stable id of a device row."""
        return self.devices.ids[device]

    def device_name(self, device: int) -> str:
        """Return its hostname as seen, else its address."""
        name = self.devices.naming.best(self.devices.members(device))
        return name or self.device_address(device)

    def device_address(self, device: int) -> str:
        """Return the address it was first seen with; its id where it has none of a site's."""
        columns = self.devices.table.columns
        words = columns["hi"][device], columns["lo"][device]
        return addresses.text(*words) if words[0] or words[1] else self.device_id(device)

    def device_site(self, device: int) -> str:
        """Return the site it was first seen at."""
        return self.sites[int(self.devices.table.columns["site"][device])]

    def device_sites(self, device: int) -> tuple[str, ...]:
        """Return every site it was seen at."""
        return tuple(self.sites[site] for site in self.devices.sites_of(device))

    def address_name(self, hi: int, lo: int) -> str | None:
        """Return the name any site's DNS, TLS or HTTP gave an address, the first site's first."""
        for site in range(len(self.sites)):
            if name := self.address_names.get(site, hi, lo):
                return name
        return None

    def is_router(self, device: int) -> bool:
        """Tell whether many addresses stand behind its MAC."""
        return bool(self.devices.table.columns["router"][device])

    def history_ns(self, device: int) -> int:
        """Return for how long it has been known, event time."""
        return int(self.now_ns - self.devices.table.columns["first"][device])

    def site_name(self, site: int) -> str:
        """Return a site number's name."""
        return self.sites[site]

    def site_devices(self, site: int) -> int:
        """Return how many devices a site has."""
        return self.devices.count(site)

    def utc_offset_s(self, ts: int) -> int:
        """Return how far local time is ahead of UTC at a time (ns), s, summer time included."""
        ahead = datetime.fromtimestamp(ts // SECOND_NS, self._timezone).utcoffset()
        return int(ahead.total_seconds()) if ahead is not None else 0

    def clocks(self) -> tuple[ClockSkew, ...]:
        """Return how far each log's clock was found to be from the network's."""
        told = [
            ClockSkew(source=source, site=self.sites[site] if site >= 0 else None, ahead_s=ahead_s, measured_on=count)
            for (source, site), (ahead_s, count) in self.identity.contacts.skews().items()
        ]
        return *told, *(
            ClockSkew(source=source, site=None, ahead_s=ahead_s, measured_on=count)
            for source, (ahead_s, count) in self.processes.skews().items()
        )

    def input_path(self, number: int) -> str:
        """Return an input number's path; empty where the records come from no input."""
        return self.inputs[number] if 0 <= number < len(self.inputs) else ""

    def account_count(self) -> int:
        """Return how many account rows there are."""
        return len(self.identity.accounts)

    def account_name(self, account: int) -> str:
        """Return an account's name, which is its id."""
        return self.identity.accounts.rows[account].name

    def account_kind(self, account: int) -> str:
        """Return user, machine or service."""
        return self.identity.accounts.rows[account].kind

    def account_row(self, name: str) -> int:
        """Return the row of a folded name, −1 where it is not known."""
        return self.identity.accounts.find(name)

    def account_tenant(self, account: int) -> str:
        """Return the configured tenant whose domains the account's is of, else its domain, else the empty text."""
        domain = self.account_name(account).partition("@")[2]
        return self._tenants.get(domain, domain)

    def devices_of(self, account: int) -> list[tuple[int, str]]:
        """Return (device row, strength) of the links an account has now, the strongest first."""
        return self.identity.devices_of(account, self.now_ns)

    def accounts_of(self, device: int) -> list[tuple[int, str]]:
        """Return (account row, strength) of the links a device has now, the strongest first."""
        return self.identity.accounts_of(device, self.now_ns)

    def fleet_use(self, kind: int, hi: int, lo: int, own: int) -> FleetUse | None:
        """Return how common a thing is at the fleet's other sites; None where it is not, or nobody knows."""
        return self.prior.use(kind, hi, lo, own=own)

    def fleet_pool(self, statistic: str) -> FleetPool | None:
        """Return how a statistic's scores are distributed in the fleet; None where nobody knows."""
        return self.prior.pool(statistic)

    def role(self, device: int) -> str | None:
        """Return what a device is, as the inventory says it; kept until the next step, whoever asks."""
        if device not in self._roles:
            users = sum(self.account_kind(account) == "user" for account, _ in self.accounts_of(device))
            self._roles[device] = self.reported.role(device) or role_of(self, device, users)[0]
        return self._roles[device]

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the whole state as named arrays."""
        parts = {
            "devices": self.devices.save(), "identity": self.identity.save(), "names": self.address_names.save(),
            "recognition": self.sightings.recognition.save(),
            "sightings": {"held": np.frombuffer(msgspec.json.encode(self.sightings.save()), np.uint8)},
            "activity": self.activity.table.save(), "processes": self.processes.save(),
            "reported": {"held": np.frombuffer(msgspec.json.encode(self.reported.save()), np.uint8)},
        }  # fmt: skip
        parts["prior"] = self.prior.save()
        state = {f"{part}/{name}": column for part, held in parts.items() for name, column in held.items()}
        state["sites"] = np.frombuffer("\n".join(self.sites).encode(), np.uint8)
        state["now_ns"] = np.array([self.now_ns], np.int64)
        state["aged_day"] = np.array([self._aged_day], np.int64)
        return state

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        for part, held in (("devices", self.devices), ("identity", self.identity), ("names", self.address_names)):
            cut = len(part) + 1
            if part == "identity" and "identity/accounts" not in state:
                continue  # the first release kept accounts without what links them
            held.load({name[cut:]: column for name, column in state.items() if name.startswith(part + "/")})
        self.sightings.recognition.load(
            {name[12:]: column for name, column in state.items() if name.startswith("recognition/")}
        )
        if "sightings/held" in state:
            self.sightings.load(msgspec.json.decode(state["sightings/held"].tobytes()))
            self.activity.table.load(
                {name[9:]: column for name, column in state.items() if name.startswith("activity/")}
            )
            self._learn_networks(set(self.places.learned))
        if "processes/names" in state:
            self.processes.load({name[10:]: column for name, column in state.items() if name.startswith("processes/")})
        self.prior.load(part_of(state, "prior"))
        if "reported/held" in state:
            self.reported.load(msgspec.json.decode(state["reported/held"].tobytes()))
            if self.reported.any:
                self.identity.contacts.delay_ns = REPORTED_DELAY_NS
                self.identity.resume(int(state["now_ns"][0]))
        text = state["sites"].tobytes().decode()
        self.sites = text.split("\n") if text else []
        self.now_ns = int(state["now_ns"][0])
        if "aged_day" in state:
            self._aged_day = int(state["aged_day"][0])

    def _ends(self, flows: NDArray[np.void], site: NDArray[np.int32], end: str, local: Flags) -> NDArray[np.int32]:
        """Return the device of one end of each flow, −1 where it is none of the site's, shape (n,)."""
        if not len(flows):
            return np.empty(0, np.int32)
        found = self.devices.find(site, flows[f"{end}_hi"].copy(), flows[f"{end}_lo"].copy())
        return np.where(local, found, -1).astype(np.int32)

    def _advance(self, end_ns: int) -> None:
        """Let time go on, and once a day let go of what is too old."""
        self._roles.clear()
        self.now_ns = max(self.now_ns, end_ns)
        if self.now_ns // DAY_NS != self._aged_day:
            self._aged_day = self.now_ns // DAY_NS
            self.devices.age(self.now_ns)

    def _sight_reported(self, reports: Sequence[AnyReport]) -> list[int]:
        """Take in the devices that sites report; return each report's site number."""
        if reports:
            self.identity.contacts.delay_ns = REPORTED_DELAY_NS
        numbers = [self.site_number(one.site) for one in reports]
        for one, site in zip(reports, numbers, strict=True):
            if isinstance(one, Sighting):
                self.reported.sight(one, site)
        return numbers

    def _merged(self) -> list[tuple[int, int]]:
        """Return the rows that another stands for since the last tick; their activity is its from now on."""
        merged = self.devices.joins.drain(self.devices.table.columns["kept"])
        for gone, kept in merged:
            self.activity.merge(gone, kept)
        return merged

    def _about(self, events: Sequence[Event], sites: Sequence[int], rows: Sequence[int]) -> NDArray[np.int32]:
        """Return the device that each event is about, shape (n,); `rows` holds those that events name."""
        if not events:
            return np.empty(0, np.int32)
        words = np.array([words_of(event.ip) for event in events], np.uint64)
        at = self.devices.find(np.array(sites, np.int32), words[:, 0].copy(), words[:, 1].copy())
        at[(words == 0).all(axis=1)] = -1
        found = [self.sightings.device_of(*about) for about in zip(events, sites, rows, at.tolist(), strict=True)]
        return np.array(found, np.int32)

    def _learn_networks(self, sites: set[str]) -> None:
        """Make what routers advertise local, where the site's networks are not configured."""
        for site in sites - self._configured:
            self._prefixes[site] = self.places.networks(site)

    def _kept(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the row that stands for the device of each row, shape (n,)."""
        return np.where(rows >= 0, self.devices.table.columns["kept"][rows], -1).astype(np.int32)

    def _locality(self, flows: NDArray[np.void], site: NDArray[np.int32], seen: Sides) -> tuple[Flags, Flags]:
        """Tell which ends are the site's own: by its networks, and by what the log says of itself."""
        if not len(flows):
            return np.empty(0, np.bool_), np.empty(0, np.bool_)
        ends = []
        for end, single in (("orig", seen.orig_single), ("resp", seen.resp_single)):
            inside = self._inside(site, flows[f"{end}_hi"], flows[f"{end}_lo"])
            ends.append((inside | (flows[f"local_{end}"] == 1)) & single)
        return ends[0], ends[1]

    def _inside(self, site: NDArray[np.int32], hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> Flags:
        if len(site) and (site == site[0]).all():
            return self._prefixes.get(self.sites[site[0]], self._private).contain(hi, lo)
        inside = np.zeros(len(hi), np.bool_)
        for number in values_of(site).tolist():
            of = site == number
            inside[of] = self._prefixes.get(self.sites[number], self._private).contain(hi[of], lo[of])
        return inside

    def _sight_flows(
        self, flows: NDArray[np.void], site: NDArray[np.int32], orig_local: Flags, resp_local: Flags, seen: Sides
    ) -> None:
        """Sight the local ends that sent; an outside end shows a router's MAC."""
        if not len(flows):
            return
        both = seen.sent & seen.replied
        for end, local, single in (("orig", orig_local, seen.orig_single), ("resp", resp_local, seen.resp_single)):
            mac = flows[f"{end}_l2"]
            if not mac.any():  # as in most logs
                continue
            outside = np.nonzero(~local & single & (mac != 0))[0]
            if len(outside):
                hi, lo = flows[f"{end}_hi"][outside], flows[f"{end}_lo"][outside]
                self.devices.mark_routers(site[outside], hi, lo, mac[outside])
        parts = [(orig_local & seen.sent, "orig"), (resp_local & seen.replied, "resp")]
        ends = [(np.nonzero(which)[0], end) for which, end in parts]
        at = np.concatenate([rows for rows, _ in ends])
        order = np.argsort(at, kind="stable")
        pick = {
            name: np.concatenate([flows[f"{end}_{name}"][rows] for rows, end in ends])[order]
            for name in ("hi", "lo", "l2")
        }
        at = at[order]
        ts = (flows["ts"] + np.maximum(flows["duration"], 0))[at]
        self.devices.sight(site[at], pick["hi"], pick["lo"], pick["l2"], ts, confirmed=both[at])

    def _sight_arp(self, arp: NDArray[np.void], site: NDArray[np.int32]) -> None:
        """Sight the senders of ARP messages; a probe (RFC 5227 §1.1) has no address yet."""
        if not len(arp):
            return
        hi, lo = np.zeros(len(arp), np.uint64), _v4(arp["sender_ip"])
        inside, single = self._inside(site, hi, lo), ~no_host(hi, lo) & (arp["sender_mac"] != 0)
        on = inside & single
        self.devices.sight(
            site[on], hi[on], lo[on], arp["sender_mac"][on], arp["ts"][on], confirmed=np.ones(int(on.sum()), np.bool_),
            linked=True,
        )  # fmt: skip
        if (single & ~inside).any():
            self.places.speak(site[single & ~inside], arp["sender_ip"][single & ~inside])

    def _tell(self, messages: Sequence[AnyMessage], sites: Sequence[int]) -> NDArray[np.int32]:
        """Return each message's client device; hostnames are taken from it on the way."""
        if not messages:
            return np.empty(0, np.int32)
        words = np.array([words_of(message.orig_h) for message in messages], np.uint64)
        found = self.devices.find(np.array(sites, np.int32), words[:, 0].copy(), words[:, 1].copy())
        self.sightings.after(messages, sites, found.tolist())
        return found


def _v4(address: NDArray[np.uint32]) -> NDArray[np.uint64]:
    return np.asarray(address.astype(np.uint64) | np.uint64(addresses.V4_PREFIX), np.uint64)
