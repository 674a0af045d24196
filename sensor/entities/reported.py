"""Devices as sites report them: which of the hub's rows each is, and what only its site can know of it.

A site's device is known by the site and its id there. It is one device with another site's where both have a burned-in
MAC or an agent's or provider's id in common, or a hostname as `recognition` allows; an address, a hostname and a random
MAC are the site's, so two sites' 10.0.0.5 never meet. The id of a device with a burned-in MAC is the same at every site
and at the hub; any other is made of the site's name and the site's id, and stays. Not here: what devices do
(`reported_signs`).
"""

from typing import Any

import msgspec
import numpy as np

from sensor.entities.devices import DEVICES_MAX, ON_SITE, REMOTE, Devices
from sensor.entities.macs import LOCAL_BIT, identifies, key_of, mac_of
from sensor.entities.naming import NAME_RANKS
from sensor.entities.networks import NO_ADDRESS, words_of
from sensor.entities.sightings import Sightings
from sensor.model import addresses
from sensor.model.report import Sighting

_PLACES = {"on_prem": ON_SITE, "remote": REMOTE, "both": ON_SITE | REMOTE}
ADDRESSES_MAX = 16
"""Addresses and names of one sighting that are taken in."""


class _Facts(msgspec.Struct):
    """What a site last said of one of its devices."""

    row: int
    flows: int = 0
    role: str | None = None
    progress: float = 0.0


class Reported:
    """Rows of devices that sites report.

    Attributes:
        refused: Sightings that got no row.
    """

    def __init__(self, devices: Devices, sightings: Sightings) -> None:
        """Take the devices to tell, and what knows who they are."""
        self._devices, self._sightings = devices, sightings
        self._facts: dict[tuple[int, str], _Facts] = {}
        self._of: dict[int, list[tuple[int, str]]] = {}
        self.refused = 0

    def sight(self, report: Sighting, site: int) -> None:
        """Take a sighting in, of a site's number."""
        devices = self._devices
        macs = [mac for text in report.macs[:ADDRESSES_MAX] if identifies(mac := mac_of(text))]
        row = self._find(report, site, macs)
        if row < 0:
            row = self._begin(report, site, macs)
        if row < 0:
            self.refused += 1
            return
        facts = self._remember(site, report.device, row)
        for alias in report.aliases:
            other = self._facts.get((site, alias))
            if other is not None:
                devices.join(facts.row, other.row, "its site")
            else:
                self._remember(site, alias, row)
        self._know(report, site, row, macs)
        devices.table.columns["flows"][devices.kept(row)] += max(0, report.flows - facts.flows)
        facts.flows, facts.role, facts.progress = report.flows, report.role, report.progress
        devices.touched.mark(facts.row)

    def row(self, site: int, device: str) -> int:
        """Return the row that stands for a site's device, −1 where it is not known."""
        facts = self._facts.get((site, device))
        return -1 if facts is None else self._devices.kept(facts.row)

    def row_or_new(self, site: int, site_name: str, device: str, ts: int) -> int:
        """Return the same; a device of which nothing was told yet gets a row of its own."""
        row = self.row(site, device)
        if row < 0 and device:
            row = self._devices.new((site, 0, 0), 0, ts, confirmed=True, key=f"site {site_name} {device}")
            if row >= 0:
                self._remember(site, device, row)
        return row

    @property
    def any(self) -> bool:
        """Tell whether any site has reported a device."""
        return bool(self._facts)

    def sites(self) -> set[int]:
        """Return the numbers of the sites that reported a device."""
        return {site for site, _ in self._facts}

    def role(self, row: int) -> str | None:
        """Return what a site says that a device is; of several the first that says something."""
        return next((facts.role for facts in self._of_device(row) if facts.role), None)

    def progress(self, row: int) -> float:
        """Return how far a device's history is at the site that knows it best, 0 to 1."""
        return max((facts.progress for facts in self._of_device(row)), default=0.0)

    def save(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {"facts": [[*key, facts] for key, facts in self._facts.items()], "refused": self.refused}

    def load(self, held: dict[str, Any]) -> None:
        """Restore what `save` returned; a state of before has none of it."""
        for site, device, facts in held["facts"]:
            known = self._remember(site, device, int(facts["row"]))
            known.flows, known.role, known.progress = facts["flows"], facts["role"], facts["progress"]
        self.refused = held["refused"]

    def _of_device(self, row: int) -> list[_Facts]:
        if not self._facts:
            return []
        return [self._facts[key] for member in self._devices.members(row) for key in self._of.get(member, ())]

    def _remember(self, site: int, device: str, row: int) -> _Facts:
        key = (site, device)
        if key not in self._facts:
            self._facts[key] = _Facts(row)
            self._of.setdefault(row, []).append(key)
        return self._facts[key]

    def _find(self, report: Sighting, site: int, macs: list[int]) -> int:
        for device in (report.device, *report.aliases):
            if (site, device) in self._facts:
                return self._facts[site, device].row
        if report.is_router:
            return -1
        found = [self._owner(site, mac) for mac in macs]
        found += [self._sightings.recognition.row_of(source, given) for source, given in sorted(report.agents.items())]
        return next((row for row in found if row >= 0), -1)

    def _begin(self, report: Sighting, site: int, macs: list[int]) -> int:
        if len(self._facts) >= 2 * DEVICES_MAX:
            return -1
        mac = 0 if report.is_router else next((one for one in macs if not one & LOCAL_BIT), 0)
        words = next((words for text in report.addresses if (words := words_of(text)) != NO_ADDRESS), NO_ADDRESS)
        key = "" if mac else f"site {report.site} {report.device}"
        return self._devices.new((site, *words), mac, report.first_ns or report.ts, confirmed=report.confirmed, key=key)

    def _know(self, report: Sighting, site: int, row: int, macs: list[int]) -> None:
        devices, recognition = self._devices, self._sightings.recognition
        columns = devices.table.columns
        times = np.array([report.first_ns or report.ts, report.last_ns or report.ts], np.int64)
        devices.touch(np.array([row, row]), times, np.array([report.confirmed, report.confirmed]))
        columns["router"][row] |= report.is_router
        columns["place"][row] |= _PLACES.get(report.location, ON_SITE)
        for mac in macs if not report.is_router else ():
            owner = self._owner(site, mac)
            if owner < 0:
                devices.give_mac(row, site, mac)
            elif devices.kept(owner) != devices.kept(row) and not recognition.differ(owner, row):
                devices.join(row, owner, "MAC")
        for source, given in sorted(report.agents.items()):
            recognition.know(row, source, given)
        for name, source in reversed(report.names[:ADDRESSES_MAX]):
            if source in NAME_RANKS:
                devices.naming.put(row, site, name, source, report.ts)
        devices.fresh.append(row)
        self._place(report, site, row)
        self._sightings.report_shared(row, report.shared)

    def _place(self, report: Sighting, site: int, row: int) -> None:
        """Bind the addresses that it has now; those that it has no more are nobody's."""
        devices = self._devices
        told = [where for text in report.addresses[:ADDRESSES_MAX] if (where := words_of(text)) != NO_ADDRESS]
        mine = devices.members(row)
        for at, hi, lo, *_ in devices.places_of(row):
            if at == site and (hi, lo) not in told and devices.raw(at, hi, lo) in mine:
                devices.release(site, addresses.text(hi, lo), report.ts)
        for hi, lo in told:
            devices.bind((site, hi, lo), row, report.ts, tunnel=report.location == "remote")

    def _owner(self, site: int, mac: int) -> int:
        if (site, mac) in self._devices.macs.routers:
            return -1
        row = self._devices.by_mac.get(key_of(site, mac), -1)
        return -1 if row >= 0 and self._devices.table.columns["router"][row] else row
