"""What is usual for a device or an account, as counted from the archive and said to a person."""

import msgspec


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One of the things it does: how often, and on how many days of its own."""

    name: str
    count: int
    days: int


class DayOf(msgspec.Struct, frozen=True, kw_only=True):
    """One day of local time: what it opened (an account: its sign-ins), and bytes each way."""

    day: str
    count: int
    bytes_out: int = 0
    bytes_in: int = 0


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """What an entity does on its days. Local time is that of `timezone`, in which the sensor compares seasons."""

    timezone: str
    whole: bool
    """False where the archive has left out something of these days."""
    days: tuple[DayOf, ...]
    """Days with records, oldest first; at most those of the window."""
    hours: tuple[int, ...]
    """24 counts by local hour."""
    weekdays: tuple[int, ...]
    """7 counts, Monday first."""
    groups: dict[str, tuple[Share, ...]]
    """What it uses, most days first: a device's services, names, peers and clients; an account's countries, apps …"""
    said: tuple[str, ...]
    """The same as a person would say it."""


TITLES = {
    "services": "Services it uses", "names": "Names it visits", "peers": "Devices it opens flows to",
    "clients": "Devices that open flows to it", "countries": "Countries", "networks": "Networks",
    "apps": "Applications", "agents": "Agents", "devices": "Devices", "failures": "Why sign-ins failed",
    "acts": "What else it does",
}  # fmt: skip
"""What a person calls each group."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an account's timeline. `why`: the reason of a failure, or the network's verdict on a success."""

    ts: str
    kind: str
    what: str
    outcome: str
    why: str
    where: str
    source: str
