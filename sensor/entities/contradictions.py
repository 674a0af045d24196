"""Whether an account's own device was in use by a person at a place too far from where a sign-in came from.

Both the half hour before the sign-in and the one after must have traffic that a person causes (`person`), all of it at
one site, with no sign that the person is not there (a remote desktop on the device, a VPN lease) or that the sign-in
may be the device's own (a VPN's port, one outside peer with most of the bytes: a tunnel may leave anywhere).
"""

from typing import NamedTuple

from sensor.entities.coverage import Coverage
from sensor.entities.distance import Spot, is_too_far, km_between
from sensor.entities.person import HISTORY_DAYS, Habit, by_person, habit_of, point_of_peers
from sensor.entities.presence import (
    DESKTOP,
    LEASED,
    LOGON,
    RING,
    SHARE,
    SLOT_NS,
    SLOTS_DAY,
    VPN,
    Presence,
    Seen,
    largest,
)
from sensor.model.times import HOUR_NS, SECOND_NS, rfc3339

HALF = 5
"""Slots that lie wholly within half an hour before or after a sign-in; the one it lies in is of neither."""
TUNNEL_SHARE = 0.6
"""`largest` of one peer with over 80 % of the bytes is at least .8 − .2."""
PEERS_MAX = 500
"""Other devices that are asked what they do alone: a quantile needs no more."""
LATE_NS = 30 * SECOND_NS
"""A slot is looked at so long after its end: short flows are reported by then."""


class Elsewhere(NamedTuple):
    """The device was in use elsewhere."""

    site: int
    first: str
    last: str
    how: str
    km: float | None


class Absent(NamedTuple):
    """What is missing for a contradiction, and when to look again (0: nothing more will come)."""

    why: str
    again_ns: int = 0


class Windows:
    """The slots around sign-ins, and what each device does alone."""

    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        self._peers_day, self._peers = -1, 0.0

    def around(self, device: int, ts: int) -> tuple[list[Seen], list[Seen], list[Seen]]:
        """Return the slots before, after, and all of a device's around a time."""
        slot = ts // SLOT_NS
        every = self._presence.slots(device, slot - HALF, slot + HALF)
        return [one for one in every if one.slot < slot], [one for one in every if one.slot > slot], every

    def site_of(self, device: int, ts: int) -> int:
        """Return the site a device was at around a time, −1 where it was at none or at two."""
        sites = {one.site for one in self.around(device, ts)[2]}
        return sites.pop() if len(sites) == 1 else -1

    def was_used_from_afar(self, device: int, ts: int) -> bool:
        """Tell whether a remote desktop was open on a device, or opened in the hours before: its end is not seen."""
        slot = ts // SLOT_NS
        return any(one.flags & DESKTOP for one in self._presence.slots(device, slot - RING + HALF + 1, slot + HALF))

    def history_days(self, device: int, ts: int) -> float:
        """Return for how many days a device was known at a time."""
        return self._presence.history_days(device, ts // SLOT_NS)

    def habit(self, device: int, ts: int) -> Habit | None:
        """Return what a device does alone; what others do is looked at once a day."""
        day = ts // SLOT_NS // SLOTS_DAY
        if day > self._peers_day:
            self._peers_day = day
            self._peers = point_of_peers(self._presence, self._presence.devices()[:PEERS_MAX])
        return habit_of(self._presence, device, self._peers)


def contradict(
    windows: Windows, device: int, ts: int, now_ns: int, spot: Spot, coverage: Coverage
) -> Elsewhere | Absent:
    """Judge one device.

    Args:
        windows: Where its slots are.
        device: Its row.
        ts: Time of the sign-in by the site's clock, ns.
        now_ns: Event time.
        spot: Where the sign-in's address is.
        coverage: Where the sites' addresses are.
    """
    before, after, every = windows.around(device, ts)
    if not before:
        return Absent("was not in use in the half hour before")
    if windows.history_days(device, ts) < HISTORY_DAYS:
        return Absent("has been known for less than 3 days: what a person causes on it is not known")
    sites = {one.site for one in every}
    if len(sites) != 1 or min(sites) < 0:
        return Absent("was at two places")
    flags = 0
    for one in every:
        flags |= one.flags
    if windows.was_used_from_afar(device, ts):
        return Absent("was used from afar")
    if flags & LEASED:
        return Absent("was in a VPN: it was not at the site itself")
    if flags & VPN or largest(every) > TUNNEL_SHARE:
        return Absent("carried a tunnel, and the sign-in may be its own", _again(ts, now_ns))
    (site,) = sites
    places = coverage.spots(site)
    if not places:
        return Absent("was at a site of which no sign-in says where it is")
    habit = windows.habit(device, ts)
    first = by_person(habit, before) if habit is not None else []
    if habit is None or not first:
        return Absent("showed no traffic that a person causes in the half hour before")
    last = by_person(habit, after)
    hours = max(ts - first[-1] * SLOT_NS, (last[0] + 1) * SLOT_NS - ts if last else 0) / HOUR_NS
    if not all(is_too_far(place, spot, hours) for place in places):
        return Absent("is not too far from there")
    if not last:
        return Absent("showed no traffic that a person causes in the half hour after", _again(ts, now_ns))
    return Elsewhere(
        site, rfc3339(first[0] * SLOT_NS), rfc3339((last[-1] + 1) * SLOT_NS), _how(habit, [*before, *after]),
        km_between(places[0], spot),
    )  # fmt: skip


def _again(ts: int, now_ns: int) -> int:
    """Return when the next slot of the half hour after is whole, 0 when none is left."""
    slot = ts // SLOT_NS
    for after in range(1, HALF + 1):
        due = (slot + after + 1) * SLOT_NS + LATE_NS
        if due > now_ns:
            return due
    return 0


def _how(habit: Habit, slots: list[Seen]) -> str:
    if any(one.flags & LOGON for one in slots):
        return "somebody logged on at it"
    if habit.shares and any(one.flags & SHARE for one in slots):
        return "it opened file shares"
    most = max(one.names for one in slots)
    return f"up to {most:.0f} distinct outside addresses in five minutes, alone at most {habit.threshold / 2:.0f}"
