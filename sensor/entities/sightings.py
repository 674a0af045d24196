"""What a tick's messages and events say of devices, taken to whom it concerns: leases, neighbours, hostnames, sharing.

Leases, neighbours and agents come before the tick's flows, because they say whose the addresses are; what is said from
an address comes after, when it is known whose it is.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sensor.entities.devices import Devices
from sensor.entities.macs import key_of, mac_of
from sensor.entities.networks import NO_ADDRESS, words_of
from sensor.entities.places import Places
from sensor.entities.proxies import Proxies, is_asked
from sensor.entities.recognition import Recognition
from sensor.entities.sharing import ACCOUNTS, HOSTNAMES, SYSTEMS, Sharing, system_of
from sensor.model.accounts import fold, is_machine
from sensor.model.event import Event
from sensor.model.metadata import Dhcp, Http, Kerberos, Ntlm
from sensor.model.protocols import AnyMessage, Name, Neighbor

LEASE_SERVERS_MAX = 4096
"""DHCP servers remembered; a rogue one may change its address for ever."""


class Sightings:
    """Where messages and events go."""

    def __init__(self, devices: Devices, places: Places) -> None:
        """Take the devices to tell, and where learned networks are kept."""
        self.devices, self.places = devices, places
        self.recognition = Recognition(devices)
        self.sharing, self.proxies = Sharing(devices.touched), Proxies(devices.touched)
        self.lease_servers: dict[tuple[int, int, int], None] = {}
        self.told_shared: dict[int, str] = {}

    def before(
        self, messages: Sequence[AnyMessage], sites: Sequence[int], events: Sequence[Event],
        event_sites: Sequence[int], names: Sequence[str],
    ) -> tuple[list[int], set[str]]:  # fmt: skip
        """Take leases, neighbours and agents' records; return each event's row or −1, and sites with new networks."""
        learned: set[str] = set()
        said: list[tuple[Neighbor, int]] = []
        for message, site in zip(messages, sites, strict=True):
            if isinstance(message, Dhcp) and message.mac:
                self._dhcp(site, message)
            elif isinstance(message, Neighbor):
                said.append((message, site))
        self._neighbors(said)
        for message, site in said:
            if message.kind == "ra" and self._advertised(message, site, names[site]):
                learned.add(names[site])
        rows = [
            self.recognition.event(site, event, len(names)) for event, site in zip(events, event_sites, strict=True)
        ]
        return rows, learned

    def through_proxy(self, message: AnyMessage, site: int) -> bool:
        """Tell whether a TLS or HTTP message goes to a host behind the address it was sent to."""
        where = (site, *words_of(message.resp_h))
        if isinstance(message, Http) and is_asked(message) and where[1:] != NO_ADDRESS:
            if self.proxies.hear(where, message):
                self.sharing.mark(where, "an explicit proxy")
            return True
        return self.proxies.is_proxy(where)

    def save(self) -> dict[str, Any]:
        """Return the state as plain values; recognition saves itself."""
        return {
            "sharing": self.sharing.save(), "proxies": self.proxies.save(), "places": self.places.save(),
            "lease_servers": list(self.lease_servers), "told_shared": list(self.told_shared.items()),
        }  # fmt: skip

    def load(self, held: dict[str, Any]) -> None:
        """Restore what `save` returned."""
        self.sharing.load(held["sharing"])
        self.proxies.load(held["proxies"])
        self.places.load(held["places"])
        self.lease_servers = dict.fromkeys((site, hi, lo) for site, hi, lo in held["lease_servers"])
        self.told_shared = {int(row): str(why) for row, why in held.get("told_shared", ())}

    def _dhcp(self, site: int, message: Dhcp) -> None:
        server = words_of(message.server_addr)
        if message.assigned_addr and server != NO_ADDRESS and len(self.lease_servers) < LEASE_SERVERS_MAX:
            if (site, *server) not in self.lease_servers:
                self.devices.touched.mark_place((site, *server))
            self.lease_servers[(site, *server)] = None
        try:
            self.recognition.dhcp(site, message)
        except ValueError:
            return

    def after(self, messages: Sequence[AnyMessage], sites: Sequence[int], found: Sequence[int]) -> None:
        """Take what was said from addresses; `found` holds the device row of each message's `orig_h`."""
        for message, site, row in zip(messages, sites, found, strict=True):
            if isinstance(message, Kerberos | Ntlm):
                self._said(message, site, row)
            elif isinstance(message, Http) and (system := system_of(message.user_agent)):
                self._hear(site, message.orig_h, SYSTEMS, system, message.ts)
            elif isinstance(message, Name) and message.name and row >= 0:
                self.devices.naming.put(row, site, message.name, "announced", message.ts)

    def device_of(self, event: Event, site: int, row: int, device: int) -> int:
        """Return the device an event is about: the one it names, else `device`, at its address; −1 for none."""
        if row >= 0:
            return self.devices.kept(row)
        hi, lo = words_of(event.ip)
        if (hi or lo) and event.account and event.kind in {"signin", "logon"} and event.outcome == "success":
            self._account(site, (hi, lo), event.account, event.ts)
        workstation = event.detail.get("workstation")
        if device >= 0 and event.kind == "logon" and isinstance(workstation, str) and workstation:
            self.devices.name(device, workstation, "ntlm")
        return device

    def report_shared(self, row: int, why: str | None) -> None:
        """Take in what a site says of one of its devices: why it stands for many, or that it does not."""
        self.devices.touched.mark(row)
        if why:
            self.told_shared[row] = why
        else:
            self.told_shared.pop(row, None)

    def shared(self, row: int) -> str | None:
        """Return why a device stands for many, None where it stands for itself."""
        for member in self.devices.members(row):
            if member in self.told_shared:
                return self.told_shared[member]
            for where in self.devices.spans.of(member):
                if where[0] >= 0 and self.devices.raw(*where) == member and (why := self.sharing.why(where)):
                    return why
        return None

    def _neighbors(self, said: Sequence[tuple[Neighbor, int]]) -> None:
        """Bind addresses to MACs as their owners say."""
        found = []
        for message, site in said:
            mac = mac_of(message.mac)
            hi, lo = words_of(message.target if message.kind == "na" else message.orig_h)
            if message.kind in {"ns", "na", "rs", "ra"} and mac and (hi or lo) and hi >> 56 != 0xFF:
                found.append((site, hi, lo, mac, message.ts))
        if found:
            sites, high, low, macs, times = zip(*found, strict=True)
            self.devices.sight(
                np.array(sites, np.int32), np.array(high, np.uint64), np.array(low, np.uint64),
                np.array(macs, np.uint64), np.array(times, np.int64), confirmed=np.ones(len(found), np.bool_),
                linked=True,
            )  # fmt: skip

    def _advertised(self, message: Neighbor, site: int, name: str) -> bool:
        """Take a router's advertisement; tell whether it shows a new network."""
        mac = mac_of(message.mac)
        if mac and (site, mac) not in self.devices.macs.routers and key_of(site, mac) in self.devices.by_mac:
            self.devices.make_router(site, mac)
        return self.places.advertise(name, message.prefixes)

    def _said(self, message: Kerberos | Ntlm, site: int, row: int) -> None:
        where = (site, *words_of(message.orig_h))
        if isinstance(message, Ntlm):
            name, account = message.hostname, fold(message.username, message.domainname)
            if name:
                self._hear(site, message.orig_h, HOSTNAMES, name.lower(), message.ts)
                if row >= 0:
                    self.devices.name(row, name, "ntlm")
        else:
            client, _, realm = (message.client or "").partition("/")
            name, account = client[:-1] if client.endswith("$") else "", fold(client, realm)
            if name and row >= 0:
                self._hear(site, message.orig_h, HOSTNAMES, name.lower(), message.ts)
                shared = self.sharing.why(where) is not None
                if message.success:
                    self.recognition.machine(self.devices.raw(*where), site, name, message.ts, where, shared=shared)
                else:
                    self.devices.name(row, name, "kerberos")
        if account and message.success is not False:
            self._account(site, where[1:], account, message.ts)

    def _account(self, site: int, words: tuple[int, int], account: str, ts: int) -> None:
        if not is_machine(account) and words != NO_ADDRESS:
            self.sharing.hear((site, *words), ACCOUNTS, account.partition("@")[0], ts)

    def _hear(self, site: int, address: str, kind: str, value: str, ts: int) -> None:
        words = words_of(address)
        if words != NO_ADDRESS:
            self.sharing.hear((site, *words), kind, value, ts)
