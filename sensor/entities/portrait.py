"""A device's portrait: vendor, role and what speaks for it, gathered from all its rows."""

from typing import Protocol

from sensor.entities.activity import Activity
from sensor.entities.devices import ON_SITE, REMOTE, Devices
from sensor.entities.hostnames import whole
from sensor.entities.oui import vendor
from sensor.entities.roles import Marks, role
from sensor.entities.sightings import Sightings

_LOCATION = {0: "on_prem", ON_SITE: "on_prem", REMOTE: "remote", ON_SITE | REMOTE: "both"}


class Known(Protocol):
    """What a portrait is gathered from."""

    devices: Devices
    sightings: Sightings
    activity: Activity

    def is_router(self, device: int) -> bool:
        """Tell whether many addresses stand behind its MAC."""


def vendor_of(entities: Known, row: int) -> str | None:
    """Return the vendor of the first of a device's MACs that has one."""
    return next((name for mac in entities.devices.macs_of(row) if (name := vendor(mac))), None)


def location_of(entities: Known, row: int) -> str:
    """Return where a device was seen: on_prem, remote or both; one that only its agent knows is remote."""
    columns = entities.devices.table.columns
    place = 0
    for member in entities.devices.members(row):
        place |= int(columns["place"][member])
    if not place and not int(columns["hi"][row]) and not int(columns["lo"][row]):
        return "remote"
    return _LOCATION[place]


def role_of(entities: Known, row: int, users: int) -> tuple[str | None, tuple[str, ...]]:
    """Return a device's role and what speaks for it; `users` counts the people's accounts linked to it."""
    devices, sightings = entities.devices, entities.sightings
    here = [where for member in devices.members(row) for where in devices.spans.of(member) if where[0] >= 0]
    systems = tuple(dict.fromkeys(system for where in here for system in sightings.sharing.systems(where)))
    activity = entities.activity
    return role(
        Marks(
            answered=activity.answered(row), asked=activity.asked(row), clients=activity.clients(row),
            vendor=vendor_of(entities, row) or "",
            name=whole(devices.naming.best(devices.members(row))), systems=systems[:4], users=users,
            vendor_class=sightings.recognition.vendor_class(row), is_router=entities.is_router(row),
            is_proxy=any(sightings.proxies.is_proxy(where) for where in here),
            gives_leases=any(where in sightings.lease_servers for where in here), shared=sightings.shared(row),
        )
    )  # fmt: skip
