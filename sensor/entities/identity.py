"""Accounts, their links and their sign-ins: what a tick's messages and events say about who is where.

Runs after the devices of the tick are known. Links through devices that stand for many (routers, shared addresses) keep
the address and drop the device. Sign-ins are told apart from the rest by their kind; what the network says to each is
found elsewhere (`corroboration`), of what is gathered here and in `witness`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sensor.entities.accounts import Accounts
from sensor.entities.authentications import Sighting, cookie_of, fits_cookie, of_event, of_message
from sensor.entities.contacts import PROVIDERS, Contacts, Waiting
from sensor.entities.corroboration import Corroboration
from sensor.entities.links import NOWHERE, Links, Place
from sensor.entities.networks import Networks, words_of
from sensor.entities.signins import SignIns
from sensor.entities.witness import Witness
from sensor.model.account import LINK_KINDS
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.model.tick import Tick
from sensor.model.times import DAY_NS

_WITHOUT_PERSON = frozenset({"non_interactive", "service_principal", "managed_identity"})
_LINKED_MAX = 8
"""Devices of an account that are asked whether an address is their site's egress."""
_EGRESS_KEPT = 65_536
"""Addresses whose site is remembered."""


class Where(Protocol):
    """What is asked of the devices."""

    inputs: list[str]

    def locate(self, site: int, address: str) -> int:
        """Return the device that has an address now, −1 where none has."""

    def stands_for_many(self, device: int) -> bool:
        """Tell whether many devices or people stand behind it."""

    def device_id(self, device: int) -> str:
        """Return its stable id."""

    def device_name(self, device: int) -> str:
        """Return its hostname as seen, else its address."""

    def role(self, device: int) -> str | None:
        """Return what it is, None where that is unclear."""

    def account_kind(self, account: int) -> str:
        """Return user, machine or service."""


class Identity:
    """Who is where.

    Attributes:
        accounts: All accounts.
        links: What holds accounts, devices and addresses together.
        contacts: Contacts with identity providers, and what coincides.
        signins: Sign-ins of the last minutes.
        corroboration: What the network says to sign-ins.
        witness: Where records go that tell of sign-ins.
    """

    def __init__(
        self, egress: Mapping[str, Sequence[str]], secret: int = 0, tenants: Mapping[str, str] | None = None
    ) -> None:
        """Take each site's configured public addresses, the key of hashes, and whose tenant's each domain is."""
        self.accounts, self.links = Accounts(tenants), Links()
        self.contacts, self.signins = Contacts(), SignIns()
        self.corroboration = Corroboration(secret, self.contacts, self.links, self.signins)
        self.witness = Witness(self.contacts, self.corroboration)
        self._site_of: dict[str, int] = {}
        self._site_count = 0
        self._now_ns = 0
        self._egress = {site: Networks(prefixes) for site, prefixes in egress.items() if prefixes}
        self._expired_day = -1

    def take(self, tick: Tick, where: Where, site_names: Sequence[str], message_site: Sequence[int]) -> None:
        """Take a tick in; its devices are resolved."""
        self._now_ns = max(self._now_ns, tick.end_ns)
        if tick.merged:
            kept = dict(tick.merged)
            self.links.merge_devices(kept)
            self.contacts.follow(kept)
            self.corroboration.follow(kept)
        for message, device, site in zip(tick.messages, tick.message_device.tolist(), message_site, strict=True):
            self._take_message(message, device, site, where)
        acting = [
            self._take_event(event, device, site, where, site_names)
            for event, device, site in zip(tick.events, tick.event_device.tolist(), tick.event_site, strict=True)
        ]
        tick.event_account = np.array(acting, np.int32)
        for account, device, ts in self.contacts.judge(self._now_ns):
            self.links.see(account, device, NOWHERE, "co_occurrence", ts)
        self.witness.take(tick, self._now_ns)
        self.corroboration.judge(self._now_ns, where, site_names, self.egress_site)
        tick.signins = self.signins.drain()
        if self._now_ns // DAY_NS != self._expired_day:
            self._expired_day = self._now_ns // DAY_NS
            self.links.expire(self._now_ns)
            self.corroboration.presence.expire(self._expired_day)

    def expect(self, site: str, egress: Sequence[str]) -> None:
        """Take the public addresses of a site that is configured from now on."""
        if egress:
            self._egress[site] = Networks(egress)
            self._site_of.clear()

    def site_of_egress(self, address: str | None, site_names: Sequence[str]) -> str | None:
        """Return the site whose configured egress an address is."""
        site = self._configured(address, site_names)
        return site_names[site] if site >= 0 else None

    def egress_site(self, address: str | None, site_names: Sequence[str]) -> int:
        """Return the number of the site whose egress an address is, configured or learned; −1 none."""
        site = self._configured(address, site_names)
        if site >= 0 or not address:
            return site
        return self.contacts.egress_of(address, lambda number: site_names[number] in self._egress)

    def devices_of(self, account: int, now_ns: int) -> list[tuple[int, str]]:
        """Return (device row, strength) of an account's links that hold now, the strongest first."""
        strength: dict[int, str] = {}
        for held in self.links.of(account, now_ns):
            if held.device >= 0:
                strength.setdefault(held.device, LINK_KINDS[held.kind])
        return list(strength.items())

    def accounts_of(self, device: int, now_ns: int) -> list[tuple[int, str]]:
        """Return (account row, strength) of a device's links that hold now, the strongest first."""
        strength: dict[int, str] = {}
        for held in self.links.through(device, now_ns):
            strength.setdefault(held.account, LINK_KINDS[held.kind])
        return list(strength.items())

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the state as named arrays."""
        return {**self.accounts.save(), **self.links.save(), **self.contacts.save(), **self.corroboration.save()}

    def resume(self, now_ns: int) -> None:
        """Go on at an event time, ns: what is reported of before is late, and changes verdicts that were given."""
        self._now_ns = now_ns

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        for part in (self.accounts, self.links, self.contacts, self.corroboration):
            part.load(dict(state))

    def _take_message(self, message: AnyMessage, device: int, site: int, where: Where) -> None:
        if self.witness.hear(message, device, site, where):
            return
        cookie = cookie_of(message)
        if cookie is not None:
            self._link_cookie(cookie, message, device, site, where)
            return
        sighting = of_message(message)
        if sighting is None:
            return
        if sighting.link == "radius":
            device = where.locate(site, sighting.address) if sighting.address else -1
        self._see(sighting, message.ts, device, site, where, (message.input, message.uid or str(message.offset)))

    def _take_event(self, event: Event, device: int, site: int, where: Where, site_names: Sequence[str]) -> int:
        """Take an event in; return the row of the account that acted."""
        sighting = of_event(event)
        row = -1
        if sighting is not None:
            row = self._see(sighting, event.ts, device, site, where, (event.input, str(event.row)))
        if row < 0 and event.account:
            row = self.accounts.find(event.account)
        if event.kind != "signin":
            self.witness.note(event, device, site, row)
            return row
        name = self.accounts.rows[row].name if row >= 0 else event.account or "unknown"
        own = where.device_id(device) if device >= 0 else event.device_id
        number = self.egress_site(event.ip, site_names)
        egress = site_names[number] if number >= 0 else None
        held, begins = self.signins.take(event, name, own, egress, account_row=row, device_row=device, site_number=site)
        self.corroboration.consider(event, held, number, self._now_ns, where, begins=begins, place=egress)
        provider = PROVIDERS.get(event.source)
        if row >= 0 and provider and event.detail.get("event_category") not in _WITHOUT_PERSON:
            sites = (number,) if number >= 0 else None
            linked = [held.device for held in self.links.of(row, event.ts) if LINK_KINDS[held.kind] == "strong"]
            devices = tuple(dict.fromkeys(one for one in linked if one >= 0))[:_LINKED_MAX]
            self.contacts.await_judgement(Waiting(event.ts, row, provider, event.ip, sites, devices, event.source))
        return row

    def _configured(self, address: str | None, site_names: Sequence[str]) -> int:
        """Return the number of the site whose configured egress an address is, −1 none; kept, for few are asked for."""
        if not self._egress or not address:
            return -1
        if len(site_names) != self._site_count or len(self._site_of) >= _EGRESS_KEPT:
            self._site_of, self._site_count = {}, len(site_names)
        if address not in self._site_of:
            hi, lo = words_of(address)
            high, low = np.array([hi], np.uint64), np.array([lo], np.uint64)
            found = (
                number for number, name in enumerate(site_names)
                if (hi or lo) and name in self._egress and self._egress[name].contain(high, low)[0]
            )  # fmt: skip
            self._site_of[address] = next(found, -1)
        return self._site_of[address]

    def _see(self, sighting: Sighting, ts: int, device: int, site: int, where: Where, evidence: tuple[int, str]) -> int:
        row = self.accounts.sight(
            sighting.account, ts, site, sighting.source, sighting.identity, is_service=sighting.is_service,
            is_proven=sighting.is_proven,
        )  # fmt: skip
        if row >= 0 and sighting.link is not None:
            place = _place(site, sighting.address)
            if device < 0 and sighting.address:
                device = where.locate(site, sighting.address)
            own = -1 if device >= 0 and where.stands_for_many(device) else device
            if own >= 0 or place != NOWHERE:
                self.links.see(row, own, place, sighting.link, ts, (_path(where, evidence[0]), evidence[1]))
        return row

    def _link_cookie(self, cookie: str, message: AnyMessage, device: int, site: int, where: Where) -> None:
        """Link an account that is known already, if exactly one fits."""
        fitting = [row for row in self.accounts.alike(cookie) if fits_cookie(self.accounts.rows[row].name, cookie)]
        if len(fitting) == 1 and device >= 0:
            evidence = (_path(where, message.input), message.uid)
            self.links.see(fitting[0], device, _place(site, message.orig_h), "rdp_cookie", message.ts, evidence)


def _place(site: int, address: str | None) -> Place:
    hi, lo = words_of(address)
    return (site, hi, lo) if hi or lo else NOWHERE


def _path(where: Where, number: int) -> str:
    """Return an input's path; empty where the records come from no input."""
    return where.inputs[number] if number < len(where.inputs) else ""
