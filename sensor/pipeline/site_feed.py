"""What sites sent, out of the inbox into the core: a feed of reports, each exactly once, in the order of its site.

Sites take turns, so that one with days to tell keeps nobody waiting. How far each was handed on goes with the batch and
is committed with the state; only then does the inbox forget. What lies behind a gap that may still be filled waits
`gap_wait_s`; what comes after that is handed on late.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sensor.config import Component, Config
from sensor.errors import ConfigError, Transient
from sensor.model import report
from sensor.model.fleet import SiteLink
from sensor.model.shifted import shifted
from sensor.model.source import Account, Batch
from sensor.model.times import SECOND_NS
from sensor.sources.site import settings_of
from sensor.store.inbox import Inbox, Position, Waiting, read_position, write_position
from sensor.store.site_order import Order
from sensor.wire.clock import Clock
from sensor.wire.site_envelope import unpack

POLL_BYTES = 2 << 20
"""Of bodies unpacked, a poll: some 20,000 reports, a second's work."""
TURN_BYTES = 256 << 10
"""Of one site, in its turn: an envelope at least."""
LOOK = 256
"""Envelopes of a site that are looked at in one turn."""
_LOG = logging.getLogger(__name__)


class _Site:
    """How far one site was handed on."""

    def __init__(self, handed: int, order: Order) -> None:
        self.handed, self.order = handed, order
        self.after = 0
        """Number in the inbox up to which everything was handed on, or is known."""
        self.ahead: set[int] = set()
        """Numbers behind `after` that were, too."""
        self.done: list[int] = []
        """Numbers that are committed with what is handed on now."""
        self.waits = False
        """Something waits for a gap."""


class SiteFeed:
    """All sites of a hub. Implements pipeline.feeds.Feed.

    Attributes:
        account: What became of their reports, all sites together.
    """

    problem = ""

    def __init__(
        self, inbox: Inbox, name: str, site: str, position: str | None, clock: Clock, gap_wait_s: float
    ) -> None:  # fmt: skip
        """Go on behind a position.

        Args:
            inbox: Closed with this.
            name: What the account calls it.
            site: The hub's.
            position: As it was committed.
            clock: Time of day, for what waits.
            gap_wait_s: How long.
        """
        self._inbox, self._clock, self._gap_ns = inbox, clock, int(gap_wait_s * SECOND_NS)
        self.account = Account(path=name, site=site, format="site")
        before = read_position(position)
        self._sites = {key: _Site(handed, order) for key, (handed, order) in before.sites.items()}
        self._reports, self._turn = before.reports, ""

    def poll(self) -> Batch:
        """Hand out what came, site by site."""
        batch, left = Batch(), POLL_BYTES
        newest = self._inbox.newest()
        names = sorted(newest)
        begin = next((k for k, name in enumerate(names) if name > self._turn), 0)
        for name in names[begin:] + names[:begin]:
            site = self._sites.setdefault(name, _Site(0, Order()))
            if newest[name] > site.after or site.waits:
                left -= self._take_turn(name, site, batch)
                self._turn = name
            if left <= 0:
                break
        return batch

    def position(self) -> str:
        """Return how far each site was handed on, for the state."""
        sites = {name: (one.handed, one.order) for name, one in self._sites.items() if one.handed}
        return write_position(Position(self._inbox.name, sites, self._reports))

    def acknowledge(self) -> None:
        """Have the inbox forget what was handed on: it is committed."""
        for name, site in self._sites.items():
            if site.done:
                try:
                    self._inbox.forget(name, site.done, site.handed)
                except Transient as error:  # with the next commit, then
                    _LOG.warning("inbox not cleared site=%s: %s", name, error)
                    return
                site.done = []

    def links(self) -> dict[str, SiteLink]:
        """Return how each site is heard."""
        return self._inbox.links()

    def close(self) -> None:
        """Close the inbox; what was not acknowledged is in it still."""
        self._inbox.close()

    def _take_turn(self, name: str, site: _Site, batch: Batch) -> int:
        """Hand on what one site may; return how many bytes that was."""
        size, has_moved, site.waits = 0, True, False
        while has_moved and size < TURN_BYTES:
            has_moved = False
            for one in self._fit(name, site):
                size += self._hand_on(one, site, batch)
                has_moved = True
                if size >= TURN_BYTES:
                    break
            has_moved &= site.waits  # what was ahead may follow now; else there is more in the next turn
        return size

    def _fit(self, name: str, site: _Site) -> Iterator[Waiting]:
        """Give what may be handed on, as far as is looked at."""
        old_ns, site.waits, is_whole = self._clock.now_ns() - self._gap_ns, False, True
        for one in self._inbox.waiting(name, site.after, LOOK):
            if one.number in site.ahead:
                site.ahead.discard(one.number) if is_whole else None
                site.after = one.number if is_whole else site.after
                continue
            judged = site.order.judge(one.head)
            if judged == "ahead" and one.received_ns > old_ns:
                site.waits, is_whole = True, False
                continue
            site.done.append(one.number)
            if is_whole:
                site.after = one.number
            else:
                site.ahead.add(one.number)
            if judged != "duplicate":
                yield one

    def _hand_on(self, one: Waiting, site: _Site, batch: Batch) -> int:
        """Put the reports of one envelope into the batch, and go on behind it."""
        body = self._inbox.body(one.number)
        account, head = self.account, one.head
        site.order.take(head)
        site.handed += 1
        account.bytes += len(body)
        try:
            found = report.decode(unpack(msgspec.structs.replace(head, body=body)), head.site, self._reports)
        except (ValueError, msgspec.DecodeError) as error:
            account.records += 1
            account.reject("not_a_record")
            _LOG.warning("envelope refused site=%s sequence=%d: %s", head.site, head.sequence, error)
            return head.raw_bytes
        account.records += len(found)
        self._reports += len(found)
        for item in found:
            if isinstance(item, str):
                account.reject(item)
            else:
                batch.reports.append(shifted(item, one.shift_ns))
                account.accepted += 1
        return head.raw_bytes


def open_sites(one: Component, config_site: str, position: str | None, clock: Clock, state_folder: Path) -> SiteFeed:
    """Open the feed of a hub. Raises ConfigError."""
    settings = settings_of(one.options)
    try:
        inbox = Inbox(state_folder, settings.limit_bytes, durable=False)
    except ValueError as error:
        raise ConfigError(f"[sources.{one.name}] {error}") from error
    return SiteFeed(inbox, one.name, config_site, position, clock, settings.gap_wait_s)


def source_of(config: Config) -> Component | None:
    """Return the table of the source of sites, None where there is none."""
    return next((one for one in config.sources.values() if one.type == "site"), None)
