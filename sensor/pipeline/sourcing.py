"""The sources of a running sensor that go on: opened, opened again after a failure, added and removed as it runs.

Each has a number, its place among the inputs, for as long as the process runs; one that is removed keeps its number,
for records of it may still be held. What a source gave since the last commit is counted here, and how far the next
commit may say that it was read.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from sensor.config import Component, Config
from sensor.errors import ConfigError
from sensor.model.fleet import SiteLink
from sensor.model.source import Account
from sensor.pipeline.claims import Claims
from sensor.pipeline.feeds import ONCE_ONLY, open_feed
from sensor.pipeline.readers import Reader, Taken
from sensor.wire.clock import Clock

RETRY_S = 30.0
"""Between two attempts to open a source that failed."""
_LOG = logging.getLogger(__name__)


class Slot(msgspec.Struct):
    """One source's place."""

    name: str
    site: str
    type: str
    account: Account
    """What it gave since the last commit."""
    component: Component | None = None
    """Its table; None of a source that is configured no more."""
    reader: Reader | None = None
    position: str | None = None
    """Behind what was taken from it."""
    retry_s: float = 0.0
    problem: str = ""
    """Why it could not be opened."""

    @property
    def is_up(self) -> bool:
        """Tell whether it can give records."""
        return self.reader is not None and not self.reader.problem


class Sources:
    """All of them, by number.

    Attributes:
        slots: Their places, those of removed ones too.
        arrived: Set when any of them gave something.
        claimed: Records that were claimed by what was taken since the last commit.
    """

    def __init__(self, claims: Claims, clock: Clock, folder: Path, position_of: Callable[[str], str | None]) -> None:
        """Begin with none.

        Args:
            claims: Which records are known.
            clock: Time of day, for APIs.
            folder: Where APIs' checkpoints are.
            position_of: Gives the committed position of a source.
        """
        self._claims, self._clock, self._folder, self._position_of = claims, clock, folder, position_of
        self.slots: list[Slot] = []
        self.arrived = threading.Event()
        self.claimed: list[bytes] = []

    def open(self, config: Config) -> None:
        """Open every configured source. Raises ConfigError where one cannot be opened as it is configured."""
        for one in config.sources.values():
            if one.type not in ONCE_ONLY:
                self._open(self._slot(one.name, site_of(one, config), one))

    def change(self, config: Config) -> list[int]:
        """Close what is configured no more or otherwise, and open what is new; its number where one cannot be opened.

        What was taken of them is committed before.
        """
        wanted = {one.name: one for one in config.sources.values() if one.type not in ONCE_ONLY}
        closed = []
        for number, slot in enumerate(self.slots):
            if slot.component is not None and wanted.get(slot.name) != slot.component:
                self._close(slot)
                closed.append(number)
        there = {slot.name for slot in self.slots if slot.component is not None}
        for name in sorted(wanted.keys() - there):
            slot = self._slot(name, site_of(wanted[name], config), wanted[name])
            try:
                self._open(slot)
            except ConfigError as error:
                slot.problem = str(error)
                _LOG.error("source not opened source=%s: %s", name, error)
        return closed

    def names(self) -> dict[int, str]:
        """Return a name for each number, for `number_of` of the next process."""
        return {number: f"{one.site}/{one.name}" for number, one in enumerate(self.slots)}

    def number_of(self, name: str) -> int:
        """Return the number of a source by what `names` called it; one that is configured no more is given one."""
        found = next((number for number, one in self.names().items() if one == name), None)
        if found is None:
            site, _, table = name.partition("/")
            self._slot(table, site, None)
            found = len(self.slots) - 1
        return found

    def retry(self, now_s: float) -> None:
        """Open those again that failed a while ago, behind what was taken of them."""
        for slot in self.slots:
            reader = slot.reader
            if reader is None or not reader.is_dead or now_s < slot.retry_s:
                continue
            if not slot.retry_s:
                slot.retry_s = now_s + RETRY_S
                continue
            reader.close()
            self._claims.release(reader.abandon())
            slot.retry_s = now_s + RETRY_S
            try:
                self._open(slot)
                slot.retry_s = 0.0
            except (ConfigError, ValueError, OSError) as error:
                _LOG.warning("source not opened again source=%s: %s", slot.name, error)

    def has_looked(self, number: int) -> bool:
        """Tell whether a source has been read to its end once, or gives nothing."""
        reader = self.slots[number].reader
        return reader is None or reader.has_looked

    def take(self, number: int) -> list[Taken]:
        """Return what a source gave since the last time, counted."""
        slot = self.slots[number]
        taken = slot.reader.take() if slot.reader is not None else []
        for one in taken:
            _count(slot.account, one.account)
            slot.position = one.position
            self.claimed += one.claimed
        return taken

    def pause(self) -> list[Reader]:
        """Keep all from polling; return those that do not poll now."""
        return [one.reader for one in self.slots if one.reader is not None and one.reader.pause()]

    def finish(self) -> None:
        """Have those give what they still hold that hold something: a live port's flows."""
        for slot in self.slots:
            if slot.reader is not None:
                slot.reader.finish()

    def positions(self) -> dict[str, str]:
        """Return how far each was read, behind what was taken."""
        return {one.name: one.position for one in self.slots if one.position is not None and one.component is not None}

    def links(self) -> dict[str, SiteLink]:
        """Return how each site is heard whose reports come from a site's sink."""
        return {site: link for one in self.slots if one.reader is not None for site, link in one.reader.links().items()}

    def begin(self) -> None:
        """Count from nothing again: what was counted is committed."""
        for slot in self.slots:
            slot.account = _empty(slot.account)
        self._claims.release(self.claimed)
        self.claimed = []

    def commit(self) -> None:
        """Hand what was claimed to the ledger, just before a commit."""
        self._claims.commit(self.claimed)

    def close(self) -> None:
        """Close all."""
        for slot in self.slots:
            self._close(slot)

    def _slot(self, name: str, site: str, one: Component | None) -> Slot:
        path = "" if one is None else str(one.options.get("path", name))
        of = "" if one is None else one.type
        slot = Slot(name, site, of, Account(path=path, site=site, format=of), one)
        held = next((k for k, it in enumerate(self.slots) if it.name == name and it.site == site), None)
        if held is None:
            self.slots.append(slot)
        else:
            slot.account = self.slots[held].account
            self.slots[held] = slot
        return slot

    def _open(self, slot: Slot) -> None:
        if slot.component is None:
            return
        number = next(k for k, one in enumerate(self.slots) if one is slot)
        ledger = self._claims.of_feed()
        position = self._position_of(slot.name) if slot.position is None else slot.position
        feed = open_feed(slot.component, slot.site, number, ledger, position, self._clock, self._folder)
        slot.account = msgspec.structs.replace(_empty(slot.account), path=feed.account.path, format=feed.account.format)
        slot.reader, slot.problem = Reader(slot.name, feed, ledger, self.arrived), ""

    def _close(self, slot: Slot) -> None:
        if slot.reader is not None:
            slot.reader.close()
            self._claims.release(slot.reader.abandon())
        slot.reader = slot.component = None


def site_of(one: Component, config: Config) -> str:
    """Return whose records a source gives."""
    return str(one.options.get("site", config.site))


def _empty(account: Account) -> Account:
    return Account(path=account.path, site=account.site, format=account.format)


def _count(total: Account, more: Account) -> None:
    """Add what a poll counted."""
    total.format = more.format
    total.records += more.records
    total.bytes += more.bytes
    total.accepted += more.accepted
    total.late += more.late
    total.duplicates += more.duplicates
    for reason, count in more.rejected.items():
        total.reject(reason, count)
