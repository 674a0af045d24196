"""Accounts, their links and their sign-ins: what a tick's messages and events say about who is where.

Runs after the devices of the tick are known. Links through devices that stand for many (routers, shared addresses) keep
the address and drop the device. Sign-ins are told apart from the rest by their kind; whether the network supports one
is not judged here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sensor.entities.accounts import Accounts
from sensor.entities.authentications import Sighting, cookie_of, fits_cookie, of_event, of_message
from sensor.entities.contacts import PROVIDERS, Contacts, Waiting, provider_of
from sensor.entities.links import NOWHERE, Links, Place
from sensor.entities.networks import Networks, words_of
from sensor.entities.signins import SignIns
from sensor.model.account import LINK_KINDS
from sensor.model.event import Event
from sensor.model.metadata import Dns, Tls
from sensor.model.protocols import AnyMessage, Quic
from sensor.model.tick import Tick
from sensor.model.times import DAY_NS

_WITHOUT_PERSON = frozenset({"non_interactive", "service_principal", "managed_identity"})
_LINKED_MAX = 8
"""Devices of an account that are asked whether an address is their site's egress."""


class Where(Protocol):
    """What is asked of the devices."""

    inputs: list[str]

    def locate(self, site: int, address: str) -> int:
        """Return the device that has an address now, −1 where none has."""

    def stands_for_many(self, device: int) -> bool:
        """Tell whether many devices or people stand behind it."""

    def device_id(self, device: int) -> str:
        """Return its stable id."""


class Identity:
    """Who is where.

    Attributes:
        accounts: All accounts.
        links: What holds accounts, devices and addresses together.
        contacts: Contacts with identity providers, and what coincides.
        signins: Sign-ins of the last minutes.
    """

    def __init__(self, egress: Mapping[str, Sequence[str]]) -> None:
        """Take each site's configured public addresses."""
        self.accounts, self.links = Accounts(), Links()
        self.contacts, self.signins = Contacts(), SignIns()
        self._egress = {site: Networks(prefixes) for site, prefixes in egress.items() if prefixes}
        self._expired_day = -1

    def take(self, tick: Tick, where: Where, site_names: Sequence[str], message_site: Sequence[int]) -> None:
        """Take a tick in; its devices are resolved."""
        if tick.merged:
            self.links.merge_devices(dict(tick.merged))
        for message, device, site in zip(tick.messages, tick.message_device.tolist(), message_site, strict=True):
            self._take_message(message, device, site, where)
        acting = [
            self._take_event(event, device, site, where, site_names)
            for event, device, site in zip(tick.events, tick.event_device.tolist(), tick.event_site, strict=True)
        ]
        tick.event_account = np.array(acting, np.int32)
        tick.signins = self.signins.drain()
        for account, device, ts in self.contacts.judge(tick.end_ns):
            self.links.see(account, device, NOWHERE, "co_occurrence", ts)
        if tick.end_ns // DAY_NS != self._expired_day:
            self._expired_day = tick.end_ns // DAY_NS
            self.links.expire(tick.end_ns)

    def site_of_egress(self, address: str | None, site_names: Sequence[str]) -> str | None:
        """Return the site whose configured egress an address is."""
        hi, lo = words_of(address)
        if not (hi or lo):
            return None
        high, low = np.array([hi], np.uint64), np.array([lo], np.uint64)
        return next(
            (name for name in site_names if name in self._egress and self._egress[name].contain(high, low)[0]), None
        )

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
        """Return the state as named arrays; sign-ins that later rows may join are final after a restart."""
        return {**self.accounts.save(), **self.links.save(), **self.contacts.save()}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        for part in (self.accounts, self.links, self.contacts):
            part.load(dict(state))

    def _take_message(self, message: AnyMessage, device: int, site: int, where: Where) -> None:
        if isinstance(message, Dns | Tls | Quic):
            name = message.query if isinstance(message, Dns) else message.server_name
            provider = provider_of(name)
            if provider is not None and device >= 0 and not (isinstance(message, Dns) and message.is_response):
                self.contacts.touch(provider, site, device, message.ts)
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
            return row
        name = self.accounts.rows[row].name if row >= 0 else event.account or "unknown"
        own = where.device_id(device) if device >= 0 else event.device_id
        egress = self.site_of_egress(event.ip, site_names)
        self.signins.take(event, name, own, egress, account_row=row, device_row=device, site_number=site)
        provider = PROVIDERS.get(event.source)
        if row >= 0 and provider and event.detail.get("event_category") not in _WITHOUT_PERSON:
            sites = self._sites_of(egress, site_names)
            linked = [held.device for held in self.links.of(row, event.ts) if LINK_KINDS[held.kind] == "strong"]
            devices = tuple(dict.fromkeys(one for one in linked if one >= 0))[:_LINKED_MAX]
            self.contacts.await_judgement(Waiting(event.ts, row, provider, event.ip, sites, devices))
        return row

    def _sites_of(self, egress: str | None, site_names: Sequence[str]) -> tuple[int, ...] | None:
        """Return the sites a sign-in may be from: its egress's, else those whose egress is not configured."""
        if egress is not None:
            return (site_names.index(egress),)
        if not self._egress:
            return None
        return tuple(number for number, name in enumerate(site_names) if name not in self._egress)

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
