"""Which rows are one device, by what leases, agents, identity providers and machine accounts say.

Strong: an agent's or provider's device id, and the burned-in MACs that an agent reports; a client identifier that is no
address (RFC 4361 §6.1); a machine account that Kerberos believed. Weak, and watched (`joins`): a hostname of one device
of the site alone, while that device is silent; a random MAC needs the same DHCP fingerprint besides. An id never joins
two devices that another agent of the same kind tells apart, unless they have one name: a dock's MAC is many laptops'.
Not here: accounts.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.entities.devices import REMOTE, Devices
from sensor.entities.hostnames import fold, same
from sensor.entities.macs import LOCAL_BIT, identifies, key_of, mac_of
from sensor.entities.spans import ELSEWHERE
from sensor.model import addresses
from sensor.model.event import SIGNIN_SOURCES, Event
from sensor.model.metadata import Dhcp
from sensor.model.times import MINUTE_NS

QUIET_NS = MINUTE_NS
"""A device must have been silent for so long before another MAC may take its hostname: changing a dock takes longer."""
IDS_MAX = 1_000_000
PRINTS_MAX = 1_000_000
_ACK, _RELEASE = 5, 7
"""RFC 2132 §9.6."""
_SHORT_ID = 12
"""Characters under which an id is no more than its source's own number."""
_PLACEHOLDERS = frozenset({
    "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009", "12345678-1234-5678-90ab-cddeefaabbcc",
})  # fmt: skip
"""Hardware ids that many mainboards have; osquery's documentation warns of them."""


class Recognition:
    """Keys of devices beside MAC and address.

    Attributes:
        by_id: Row by an agent's or provider's id.
    """

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self.by_id: dict[str, int] = {}
        self._agents: dict[int, dict[str, str]] = {}
        self._listed: dict[int, list[int]] = {}
        self._prints: dict[tuple[int, int], str] = {}
        self._late: list[int] = []

    def dhcp(self, site: int, message: Dhcp) -> None:
        """Take a DHCP message in: hostname, fingerprint, lease."""
        mac = addresses.parse_mac(message.mac or "")
        key = key_of(site, mac)
        if len(self._prints) < PRINTS_MAX and (message.vendor_class or message.param_list):
            self._prints[key] = f"{message.vendor_class or ''}|{message.param_list or ''}"
            self._devices.touched.mark_mac(mac)
        if name := message.host_name or message.client_fqdn:
            self._wear(site, mac, name)
            self._devices.claim(site, mac, name)
        row = self._devices.by_mac.get(key, -1)
        if message.msg_type == _RELEASE and message.client_addr:
            self._devices.release(site, message.client_addr, message.ts)
        elif message.assigned_addr and message.msg_type in {None, _ACK}:
            row = self._devices.lease(site, message.assigned_addr, mac, message.ts)
        if row >= 0 and message.client_id and message.client_id.startswith("ff"):
            self._same_client(site, row, message.client_id)
        if row >= 0 and name:
            self._devices.fresh.append(row)

    def event(self, site: int, event: Event, sites: int) -> int:
        """Take an event in that names a device; return its row, −1 where it names none that is known."""
        if event.kind == "lease":
            return self._lease(site, event, sites)
        row = self._report(site, event, sites)
        if row >= 0:
            self._located(site, row, event)
        return row

    def machine(self, row: int, site: int, name: str, ts: int, where: tuple[int, int, int], *, shared: bool) -> None:
        """Take in that Kerberos believed a machine account from an address: its name is one machine's of its realm."""
        devices = self._devices
        others = {devices.kept(one) for one in devices.naming.rows(site, name)} - {devices.kept(row)}
        known = devices.naming.rank(row) and not devices.naming.bears(row, name)
        if known and not shared and not int(devices.table.columns["mac"][row]):
            # The address has changed hands: another machine has it now.
            other = others.pop() if len(others) == 1 else devices.new(where, 0, ts, confirmed=True)
            if other >= 0:
                devices.bind(where, other, ts)
                devices.naming.put(other, site, name, "kerberos", ts)
            return
        devices.naming.put(row, site, name, "kerberos", ts)
        if len(others) == 1 and not shared and not known:
            devices.join(row, others.pop(), "machine account", watch=True)

    def settle(self, ts: int, sites: int) -> None:
        """Look whether rows that were given a MAC or a name since are a device that is known."""
        for row in dict.fromkeys(self._devices.fresh):
            self._by_name(row, ts, sites)
        self._devices.fresh.clear()
        for row in dict.fromkeys(self._late):
            self._named_late(row, sites)
        self._late.clear()

    def agents_of(self, row: int) -> dict[str, str]:
        """Return a device's ids by the source that gave them."""
        found: dict[str, str] = {}
        for member in self._devices.members(row):
            found |= self._agents.get(member, {})
        return found

    def row_of(self, source: str, given: str) -> int:
        """Return the row that has an id of a source's, −1 where none has."""
        key = _key_of(source, given)
        return -1 if key is None else self.by_id.get(key, -1)

    def know(self, row: int, source: str, given: str) -> None:
        """Take in that a row has an id of a source's; whoever has it too is the same device."""
        key = _key_of(source, given)
        if key is None or len(self.by_id) >= IDS_MAX:
            return
        other = self.by_id.setdefault(key, row)
        self._agents.setdefault(row, {})[source] = given
        self._devices.touched.mark(row)
        if self._devices.kept(other) != self._devices.kept(row):
            self._devices.join(row, other, "agent")

    def differ(self, row: int, other: int) -> bool:
        """Tell whether an agent of one kind tells two devices apart."""
        return self._agents_differ(row, other)

    def vendor_class(self, row: int) -> str:
        """Return the DHCP vendor class of the first of a device's MACs that gave one."""
        site = int(self._devices.table.columns["site"][row])
        prints = (self._prints.get(key_of(site, mac), "") for mac in self._devices.macs_of(row))
        return next((text.partition("|")[0] for text in prints if text), "")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the state as one JSON array of bytes."""
        held = {
            "by_id": self.by_id, "agents": list(self._agents.items()), "listed": list(self._listed.items()),
            "prints": [[*key, text] for key, text in self._prints.items()],
        }  # fmt: skip
        return {"held": np.frombuffer(msgspec.json.encode(held), np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned; the release before had none of it."""
        if "held" not in state:
            return
        held = msgspec.json.decode(state["held"].tobytes())
        self.by_id = held["by_id"]
        self._agents = {row: dict(ids) for row, ids in held["agents"]}
        self._listed = {row: list(macs) for row, macs in held["listed"]}
        self._prints = {(site, mac): text for site, mac, text in held["prints"]}

    def _by_name(self, row: int, ts: int, sites: int) -> None:
        devices = self._devices
        name = devices.naming.names.get(row)
        site, mac = int(devices.table.columns["site"][row]), int(devices.table.columns["mac"][row])
        if name is None or not mac:
            return
        mine = devices.kept(row)
        others = {devices.kept(one) for one in devices.naming.rows(site, name)} - {mine}
        if not others:
            # At other sites only a device with an id of its own: hostnames are the site's.
            rows = devices.naming.everywhere(name, sites)
            others = {devices.kept(one) for one in rows if self.agents_of(one)} - {mine}
        if len(others) != 1:
            return
        other = others.pop()
        told = [one for member in devices.members(other) for one in self._listed.get(member, ())]
        if told and mac not in told and not mac & LOCAL_BIT:
            return
        if self._agents_differ(mine, other) or not self._may_be(row, other, site, ts):
            return
        devices.join(row, other, "hostname", watch=True)

    def _named_late(self, row: int, sites: int) -> None:
        """Join a row that an id or a tunnel started to the one device of its name, as if it had had the name at once.

        A row that has no address can never be seen in use beside the other: there is nothing to watch. What a site
        tells of without a MAC is none of these: it has no more than a name, and hostnames are the site's.
        """
        columns, name = self._devices.table.columns, self._devices.naming.names.get(row)
        if name is None or columns["mac"][row]:
            return
        site = int(columns["site"][row])
        told = [mac for member in self._devices.members(row) for mac in self._listed.get(member, ())]
        other = self._bearer(site, name, sites, told, but=row)
        if other >= 0 and not self._agents_differ(row, other):
            self._devices.join(row, other, "hostname", watch=bool(int(columns["hi"][row] | columns["lo"][row])))

    def _may_be(self, row: int, other: int, site: int, ts: int) -> bool:
        """Tell whether a row may be a device of the same name: random MACs need more than a name, the rest silence."""
        columns = self._devices.table.columns
        macs = self._devices.macs_of(other)
        if not macs and (self.agents_of(other) or not int(columns["hi"][other] | columns["lo"][other])):
            return True
        mine = int(columns["mac"][row])
        prints = {self._prints.get(key_of(site, mac), "") for mac in [mine, *macs]}
        known = prints - {""}
        random = any(mac & LOCAL_BIT for mac in [mine, *macs])
        if len(known) > 1 or (random and (not known or "" in prints)):
            return False
        return self._devices.last(other) < ts - QUIET_NS

    def _wear(self, site: int, mac: int, name: str) -> None:
        """See that a MAC is a dock's: the name of another known device comes from it."""
        devices = self._devices
        row = devices.by_mac.get(key_of(site, mac), -1)
        if row < 0 or devices.naming.bears(row, name) or not devices.naming.rank(row):
            return
        others = {devices.kept(one) for one in devices.naming.rows(site, name)} - {devices.kept(row)}
        if len(others) == 1:
            devices.by_mac[key_of(site, mac)] = others.pop()

    def _same_client(self, site: int, row: int, client: str) -> None:
        key = f"client {site} {client}"
        other = self.by_id.setdefault(key, row)
        if other != row:
            self._devices.join(row, other, "DHCP client identifier")

    def _report(self, site: int, event: Event, sites: int) -> int:
        """Find or start the device of an agent's or provider's record."""
        devices, name = self._devices, event.device_name or ""
        key = _id_key(event)
        macs = [mac for mac in _macs(event) if identifies(mac)]
        row = self.by_id.get(key, -1) if key else -1
        if row < 0:
            row = next((one for mac in macs if (one := self._owner(site, mac)) >= 0 and self._fits(one, event)), -1)
        if row < 0 and fold(name):
            row = self._named(site, name, sites, event, macs)
        own = event.kind in {"process", "connection", "logon", "other"} and event.source not in SIGNIN_SOURCES
        if row < 0 and (key or (own and fold(name))):
            start = key or f"host {site} {fold(name)}"
            row = devices.new((site, 0, 0), 0, event.ts, confirmed=True, key=start)
        if row < 0:
            return -1
        if key and len(self.by_id) < IDS_MAX:
            self.by_id.setdefault(key, row)
            self._agents.setdefault(row, {})[event.source] = event.device_id or ""
            devices.touched.mark(row)
        if fold(name):
            self._call(row, name, "agent", event.ts)
        self._take_macs(site, row, macs, event)
        devices.touch(np.array([row]), np.array([event.ts]), np.array([True]))
        return row

    def _take_macs(self, site: int, row: int, macs: list[int], event: Event) -> None:
        for mac in macs:
            owner = self._owner(site, mac)
            if owner < 0 and not mac & LOCAL_BIT:
                self._devices.give_mac(row, site, mac)
            elif owner >= 0 and (self._fits(owner, event) or self._devices.kept(owner) == self._devices.kept(row)):
                self._devices.join(row, owner, "agent")
        if macs:
            self._listed[row] = sorted({*self._listed.get(row, ()), *macs})[-16:]

    def _owner(self, site: int, mac: int) -> int:
        if (site, mac) in self._devices.macs.routers:
            return -1
        return self._devices.by_mac.get(key_of(site, mac), -1)

    def _named(self, site: int, name: str, sites: int, event: Event, macs: list[int]) -> int:
        """Return the one device of a name that may have an event's id; −1 where there is none."""
        row = self._bearer(site, name, sites, macs)
        return row if row >= 0 and self._fits(row, event) else -1

    def _bearer(self, site: int, name: str, sites: int, macs: list[int], *, but: int = -1) -> int:
        """Return the one device of a name, at the site, else anywhere; −1 where none or several.

        Args:
            site: Where to look first.
            name: As somebody wrote it.
            sites: How many sites there are.
            macs: What an agent listed: a device that has only others is not it.
            but: A row whose device does not count.
        """
        devices, mine = self._devices, self._devices.kept(but)
        for rows in (devices.naming.rows(site, name), devices.naming.everywhere(name, sites)):
            found = {devices.kept(row) for row in rows} - {mine}
            if len(found) > 1 and but >= 0:
                found = {row for row in found if devices.macs_of(row)} or found  # not other ids that wait for it too
            if len(found) > 1:
                return -1
            if found:
                row = found.pop()
                burned = [mac for mac in devices.macs_of(row) if not mac & LOCAL_BIT]
                return -1 if macs and burned and not set(burned) & set(macs) else row
        return -1

    def _call(self, row: int, name: str, source: str, ts: int) -> None:
        """Give a row a name, and have `settle` look who else bears it."""
        devices, site, mine = self._devices, int(self._devices.table.columns["site"][row]), self._devices.kept(row)
        is_open = not devices.macs_of(mine) and (
            not devices.naming.bears(row, name)
            or any(devices.kept(one) != mine for one in devices.naming.rows(site, name))
        )
        devices.naming.put(row, site, name, source, ts)
        if is_open:
            self._late.append(row)

    def _fits(self, row: int, event: Event) -> bool:
        """Tell whether a device may have an event's id: it has none of that source, or was enrolled anew."""
        before = self.agents_of(row).get(event.source)
        if not event.device_id or before in {None, event.device_id}:
            return True
        best = self._devices.naming.best(self._devices.members(row))
        macs = set(_macs(event)) & set(self._devices.macs_of(row))
        return bool(macs and event.device_name and best and same(fold(best), fold(event.device_name)))

    def _agents_differ(self, row: int, other: int) -> bool:
        mine, theirs = self.agents_of(row), self.agents_of(other)
        return any(mine[source] != theirs[source] for source in mine.keys() & theirs.keys())

    def _lease(self, site: int, event: Event, sites: int) -> int:
        """Take a lease of a log in: DHCP's by MAC; a VPN's by device id, hostname or account."""
        detail, devices = event.detail, self._devices
        address, name = _address(detail.get("assigned_addr") or event.ip), event.device_name or detail.get("host_name")
        mac = mac_of(detail.get("mac"))
        if address is None or event.outcome == "failure":
            return -1
        if detail.get("ended"):
            row = devices.kept(devices.raw(site, *addresses.parse(address)))
            devices.release(site, address, event.ts)
            return row
        if identifies(mac) and not detail.get("public_addr"):
            if name:
                self._wear(site, mac, str(name))
                devices.claim(site, mac, str(name))
            return devices.kept(devices.lease(site, address, mac, event.ts))
        return self._tunnel(site, event, sites, address, str(name or ""))

    def _tunnel(self, site: int, event: Event, sites: int, address: str, name: str) -> int:
        devices, key = self._devices, _id_key(event)
        row = self.by_id.get(key, -1) if key else -1
        if row < 0 and fold(name):
            row = self._named(site, name, sites, event, [])
        if row < 0 and (key or event.account):
            key = key or f"vpn {site} {event.account} {fold(name)}"
            row = self.by_id.get(key, -1)
        where = (site, *addresses.parse(address))
        if row < 0:
            row = devices.new(where, 0, event.ts, confirmed=True, key=f"{key} {event.ts}" if key else "")
        if row < 0:
            return -1
        if key and len(self.by_id) < IDS_MAX:
            self.by_id.setdefault(key, row)
        devices.bind(where, row, event.ts, tunnel=True)
        devices.table.columns["place"][row] |= REMOTE
        if fold(name):
            self._call(row, name, "lease", event.ts)
        if public := _address(event.detail.get("public_addr")):
            devices.spans.see(row, (ELSEWHERE, *addresses.parse(public)), event.ts)
        return devices.kept(row)

    def _located(self, site: int, row: int, event: Event) -> None:
        """Keep where an agent says that its device is: on site where the address is its own there, else away."""
        devices = self._devices
        if event.kind not in {"process", "connection", "logon", "other"}:
            return
        listed = event.detail.get("addresses")
        told = list(listed[:8]) if isinstance(listed, list | tuple) else []
        told += (
            [event.detail.get("orig_h") or ""] if event.kind == "connection" and event.detail.get("initiated") else []
        )
        for text in told:
            address = _address(text)
            if address is None or address.startswith(("127.", "fe80", "::1", "169.254.")):
                continue
            where = (site, *addresses.parse(address))
            if devices.kept(devices.raw(*where)) == devices.kept(row):
                devices.spans.see(row, where, event.ts)
                continue
            devices.spans.see(row, (ELSEWHERE, *where[1:]), event.ts)
            devices.table.columns["place"][row] |= REMOTE


def _id_key(event: Event) -> str | None:
    """Return what identifies the device that an event names."""
    return _key_of(event.source, event.device_id or "")


def _key_of(source: str, given: str) -> str | None:
    """Return what identifies a device in any source: a long id as it is, a short one with its source."""
    text = given.strip().lower()
    if not text or text in _PLACEHOLDERS:
        return None
    return f"id {text}" if len(text) >= _SHORT_ID else f"id {source} {text}"


def _macs(event: Event) -> list[int]:
    told = event.detail.get("macs")
    return [mac for one in told[:16] if (mac := mac_of(one))] if isinstance(told, list | tuple) else []


def _address(text: object) -> str | None:
    try:
        addresses.parse(text if isinstance(text, str) else "")
    except ValueError:
        return None
    return str(text)
