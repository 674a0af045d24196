"""Links between accounts, devices and addresses: each a kind of evidence, its span, how often, and when it expires.

A link is kept per (account, device, address, kind). Its weight is what its kind is worth, halved for each further
account beyond SHARED_ACCOUNTS that the same device or address carries strongly: a terminal server, a NAT or a proxy
links nobody for certain. What a link is worth as evidence about a sign-in is for `incidents` to judge.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.account import LINK_KINDS
from sensor.model.times import DAY_NS, HOUR_NS

LIMIT = 500_000
"""Links held (about 200 bytes each); beyond it those go that were seen longest ago, LIMIT // 16 at once, for to find
them is a look at all."""
PER_ACCOUNT = 64
"""Links of one account; beyond it its oldest goes: a service account that logs on everywhere is not worth more."""
SHARED_ACCOUNTS = 3
"""Accounts of persons that one device may have, as family and hand-over computers do, before it counts as shared."""
TTL_NS = {
    "vpn": 12 * HOUR_NS,  # a tunnel address is somebody else's after the session
    "radius": DAY_NS,
    "rdp_cookie": 7 * DAY_NS,
    "ldap_bind": 7 * DAY_NS,
}
"""How long a link holds after it was last seen; others 30 days, in which an account that is in use is seen again."""
_TTL_NS = 30 * DAY_NS
WEIGHTS = {"strong": 1.0, "medium": 0.5, "weak": 0.2}

Place = tuple[int, int, int]
"""(site number, address high, address low); NOWHERE where a link names no address."""
NOWHERE: Place = (-1, 0, 0)


class Held(msgspec.Struct):
    """One link."""

    account: int
    device: int
    place: Place
    kind: str
    first_ns: int
    last_ns: int
    count: int = 0
    days: int = 0
    last_day: int = -1
    input: str = ""
    record: str = ""


class Links:
    """All links, by account.

    Attributes:
        dropped: Links forgotten for room.
        told: Links that changed, for a hub, since they were taken; None where there is none.
        changed: Accounts and devices of links that changed since the inventory was written; −1 is no device.
        regrouped: Whether links came or went since.
    """

    told: dict[tuple[int, int, Place, str], None] | None = None

    def __init__(self) -> None:
        self._held: dict[tuple[int, int, Place, str], Held] = {}
        self._of: dict[int, list[tuple[int, int, Place, str]]] = {}
        self._through: dict[int, dict[tuple[int, int, Place, str], None]] = {}
        self.dropped = 0
        self.changed: tuple[set[int], set[int]] = set(), set()
        self.regrouped = False
        self._ends_ns = 0

    def __len__(self) -> int:
        """Count the links."""
        return len(self._held)

    def see(
        self, account: int, device: int, place: Place, kind: str, ts: int, evidence: tuple[str, str] = ("", "")
    ) -> None:
        """Take one sighting in.

        Args:
            account: Row of the account.
            device: Row of the device, −1 where none is known.
            place: Where, or NOWHERE.
            kind: One of LINK_KINDS.
            ts: ns.
            evidence: Path of the input, and which record of it.
        """
        key = (account, device, place, kind)
        link = self._held.get(key)
        if link is None:
            link = self._add(key, ts)
        link.last_ns, link.first_ns = max(link.last_ns, ts), min(link.first_ns, ts)
        link.count += 1
        day = ts // DAY_NS
        if day > link.last_day:
            link.days, link.last_day = link.days + 1, day
        link.input, link.record = evidence
        self._mark(link)
        if self.told is not None:
            self.told[key] = None

    def adopt(self, link: Held) -> None:
        """Take a link in as somebody else has counted it; of two counts the greater stays."""
        key = (link.account, link.device, link.place, link.kind)
        held = self._held.get(key)
        if held is None:
            held = self._add(key, link.first_ns)
        held.first_ns, held.last_ns = min(held.first_ns, link.first_ns), max(held.last_ns, link.last_ns)
        held.count, held.days = max(held.count, link.count), max(held.days, link.days)
        held.last_day = max(held.last_day, link.last_day)
        held.input, held.record = held.input or link.input, held.record or link.record
        self._mark(held)

    def get(self, key: tuple[int, int, Place, str]) -> Held | None:
        """Return a link by its account, device, place and kind."""
        return self._held.get(key)

    def of(self, account: int, now_ns: int) -> list[Held]:
        """Return an account's links that hold now, strongest and latest first."""
        keys = self._of.get(account)
        if not keys:
            return []
        held = [self._held[key] for key in keys]
        live = [link for link in held if expires_ns(link) >= now_ns]
        return sorted(live, key=lambda link: (-WEIGHTS[LINK_KINDS[link.kind]], -link.last_ns, link.kind, link.device))

    def through(self, device: int, now_ns: int) -> list[Held]:
        """Return the links of a device that hold now, strongest and latest first."""
        live = [self._held[key] for key in self._through.get(device, ()) if expires_ns(self._held[key]) >= now_ns]
        return sorted(live, key=lambda link: (-WEIGHTS[LINK_KINDS[link.kind]], -link.last_ns, link.kind, link.account))

    def all(self, now_ns: int) -> list[Held]:
        """Return every link that holds now."""
        return [link for account in sorted(self._of) for link in self.of(account, now_ns)]

    def expire(self, now_ns: int) -> None:
        """Forget what no longer holds."""
        for key in [key for key, link in self._held.items() if expires_ns(link) < now_ns]:
            self._drop(key)

    def merge_devices(self, kept: Mapping[int, int]) -> None:
        """Give the links of devices that turned out to be others to those. O(links)."""
        for key in [key for key in self._held if key[1] in kept]:
            link = self._held[key]
            into = (key[0], kept[key[1]], key[2], key[3])
            self._drop(key)
            link.device = into[1]
            other = self._held.get(into)
            if other is None:
                self._put(into, link)
            else:
                other.count += link.count
                other.days = max(other.days, link.days)
                other.first_ns, other.last_ns = min(other.first_ns, link.first_ns), max(other.last_ns, link.last_ns)
                self._mark(other)

    def lapse(self, before_ns: int, now_ns: int) -> None:
        """Mark the links that held at a time and hold no more; O(links) where one may have ended."""
        if self._ends_ns >= now_ns:
            return
        soonest_ns = now_ns + _TTL_NS
        for link in self._held.values():
            ends_ns = expires_ns(link)
            if before_ns <= ends_ns < now_ns:
                self._regroup(link)
            elif now_ns <= ends_ns < soonest_ns:
                soonest_ns = ends_ns
        self._ends_ns = soonest_ns

    def crowds(self, now_ns: int, is_person: list[bool]) -> dict[tuple[str, object], int]:
        """Return the devices and places that carry more persons' accounts than weigh in full (`sharing`). O(links)."""
        live = [link for link in self._held.values() if expires_ns(link) >= now_ns]
        return {key: count for key, count in sharing(live, is_person).items() if count > SHARED_ACCOUNTS}

    def carried(self, keys: set[tuple[str, object]]) -> set[int]:
        """Return the accounts with a link through one of these devices or places. O(links)."""
        return {link.account for link in self._held.values() if not keys.isdisjoint(_carriers(link))}

    def of_row(self, row: int) -> set[int]:
        """Return the accounts that a device row has links to, whether they hold or not."""
        return {key[0] for key in self._through.get(row, ())}

    def to_rows(self, account: int) -> set[int]:
        """Return the device rows that an account has links to, whether they hold or not."""
        return {key[1] for key in self._of.get(account, ())}

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the links as one JSON array of bytes."""
        blob = msgspec.json.encode({"links": list(self._held.values()), "dropped": self.dropped})
        return {"links": np.frombuffer(blob, np.uint8)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned."""
        held = msgspec.json.decode(state["links"].tobytes(), type=_Saved)
        self._held, self._of, self._through, self.dropped = {}, {}, {}, held.dropped
        for link in held.links:
            self._put((link.account, link.device, link.place, link.kind), link)

    def _add(self, key: tuple[int, int, Place, str], ts: int) -> Held:
        mine = self._of.setdefault(key[0], [])
        if len(mine) >= PER_ACCOUNT:
            self._drop(min(mine, key=lambda one: (self._held[one].last_ns, one)))
            self.dropped += 1
        elif len(self._held) >= LIMIT:
            oldest = sorted(self._held, key=lambda one: (self._held[one].last_ns, one))[: max(1, LIMIT // 16)]
            for one in oldest:
                self._drop(one)
            self.dropped += len(oldest)
        link = Held(key[0], key[1], key[2], key[3], ts, ts)
        self._put(key, link)
        return link

    def _mark(self, link: Held) -> None:
        self.changed[0].add(link.account)
        self.changed[1].add(link.device)
        self._ends_ns = min(self._ends_ns, expires_ns(link))

    def _regroup(self, link: Held) -> None:
        self._mark(link)
        self.regrouped = True

    def _put(self, key: tuple[int, int, Place, str], link: Held) -> None:
        self._held[key] = link
        self._regroup(link)
        self._of.setdefault(key[0], []).append(key)
        if key[1] >= 0:
            self._through.setdefault(key[1], {})[key] = None

    def _drop(self, key: tuple[int, int, Place, str]) -> None:
        self._regroup(self._held.pop(key))
        through = self._through.get(key[1])
        if through is not None:
            del through[key]
            if not through:
                del self._through[key[1]]
        self._of[key[0]].remove(key)
        if not self._of[key[0]]:
            del self._of[key[0]]


class _Saved(msgspec.Struct):
    links: list[Held]
    dropped: int


def expires_ns(link: Held) -> int:
    """Return until when a link holds, ns."""
    return link.last_ns + TTL_NS.get(link.kind, _TTL_NS)


def _carriers(link: Held) -> tuple[tuple[str, object], tuple[str, object]]:
    return ("device", link.device), ("place", link.place)


def sharing(links: list[Held], is_person: list[bool]) -> dict[tuple[str, object], int]:
    """Count how many persons' accounts each device and each place carries strongly.

    Args:
        links: Those that hold now.
        is_person: By account row: it is a user's, not a machine's or a service's.

    Returns:
        Accounts by ("device", row) and ("place", place).
    """
    accounts: dict[tuple[str, object], set[int]] = {}
    for link in links:
        if LINK_KINDS[link.kind] != "strong" or not is_person[link.account]:
            continue
        if link.device >= 0:
            accounts.setdefault(("device", link.device), set()).add(link.account)
        if link.place != NOWHERE:
            accounts.setdefault(("place", link.place), set()).add(link.account)
    return {key: len(found) for key, found in accounts.items()}


def weigh(link: Held, shared_by: dict[tuple[str, object], int]) -> tuple[float, bool]:
    """Return a link's weight, 0 to 1, and whether it goes through something shared."""
    worth = WEIGHTS[LINK_KINDS[link.kind]]
    most = max(shared_by.get(("device", link.device), 0), shared_by.get(("place", link.place), 0))
    extra = max(0, most - SHARED_ACCOUNTS)
    return worth * 0.5**extra, extra > 0
