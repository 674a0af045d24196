"""How often network and account look so strange together by coincidence: the same days, shifted against each other.

An account's day is held against its own device's day 7 to 21 whole days away, where one cannot have caused the other.
The share of such pairs that weigh as much as an incident is the price of the coincidence in it. There is a null from 21
days of data on; before that none is made up, and whoever reads the incident is told.

Holds only days outside incidents, the strongest entities of each; the rest weigh nothing, which is what most do.
"""

from collections.abc import Mapping

import msgspec

from sensor.model.tick import Names

DAYS_MIN = 21
SHIFTS = range(7, 22)
"""Whole days, so that weekdays and hours stay as they are; the method in force."""
WINDOW = 42
"""Days kept: as many as give each of the last 21 every shift."""
ENTITIES_MAX = 1_024
"""Entities a day and kind, the strongest."""


class NullsHeld(msgspec.Struct, kw_only=True):
    """What is kept: decibans by entity, by day."""

    accounts: dict[int, dict[str, float]] = {}
    devices: dict[int, dict[str, float]] = {}
    first_day: int = -1
    last_day: int = -1
    linked: int = 0
    """Accounts of people with a device of their own, at the end of the last day."""
    links: dict[str, list[str]] = {}
    """Those of them that weighed anything, or whose device did, with their devices."""


class Nulls:
    """Decibans of accounts' and devices' days.

    Attributes:
        held: All of its state.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self.held = NullsHeld()

    @property
    def days(self) -> int:
        """Return how many days there are data of."""
        return 0 if self.held.first_day < 0 else self.held.last_day - self.held.first_day + 1

    def end_day(self, day: int, accounts: Mapping[str, float], devices: Mapping[str, float]) -> None:
        """Take in a day that ended: decibans of each entity that had any, by id."""
        held = self.held
        held.first_day = day if held.first_day < 0 else held.first_day
        held.last_day = day
        for kept, found in ((held.accounts, accounts), (held.devices, devices)):
            ordered = sorted((-db, key) for key, db in found.items() if db > 0.0)[:ENTITIES_MAX]
            kept[day] = {key: -db for db, key in ordered}
            for old in [one for one in kept if one <= day - WINDOW]:
                del kept[old]
        weighed = {key for one in held.accounts.values() for key in one}
        moved = {key for one in held.devices.values() for key in one}
        held.linked, held.links = 0, {}
        for row in range(self._names.account_count()):
            account, own = self._names.account_name(row), self._devices_of(row)
            held.linked += bool(own)
            if own and (account in weighed or moved.intersection(own)):
                held.links[account] = own

    def p(self, score_db: float) -> tuple[float, int] | None:
        """Return the share of shifted pairs that weigh at least so much, and their number; None before 21 days.

        Args:
            score_db: Decibans of network and account together, above 0.
        """
        held = self.held
        if self.days < DAYS_MIN:
            return None
        since = max(held.first_day, held.last_day - WINDOW + 1)
        pairs = held.linked * sum(max(0, held.last_day - since + 1 - shift) for shift in SHIFTS)
        above = 0
        for day, accounts in held.accounts.items():
            for account, db in accounts.items():
                for shift in SHIFTS if account in held.links else ():
                    theirs = held.devices.get(day + shift, {}) if day + shift <= held.last_day else None
                    if theirs is not None and db + self._worst(account, theirs) >= score_db:
                        above += 1
        above += self._alone(score_db, since)
        return ((1 + above) / (1 + pairs), pairs) if pairs else None

    def _alone(self, score_db: float, since: int) -> int:
        """Return how many pairs a device's day makes by itself, with days on which its account did nothing."""
        found = 0
        for day, devices in self.held.devices.items():
            loud = {key for key, db in devices.items() if db >= score_db}
            for account, own in self.held.links.items() if loud else ():
                if loud.intersection(own):
                    days = [day - shift for shift in SHIFTS if day - shift >= since]
                    found += sum(account not in self.held.accounts.get(one, {}) for one in days)
        return found

    def _worst(self, account: str, devices: Mapping[str, float]) -> float:
        return max((devices.get(one, 0.0) for one in self.held.links.get(account, ())), default=0.0)

    def _devices_of(self, row: int) -> list[str]:
        if self._names.account_kind(row) != "user":
            return []
        return [self._names.device_id(device) for device, how in self._names.devices_of(row) if how == "strong"]
