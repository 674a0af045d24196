"""Sources that go on: logs that grow, APIs that are polled, what is sent to us; each asked in turn for what is new.

A feed hands out a batch, and its position or acknowledgement goes with the commit of what the batch became: a log's
position is committed with the state itself, an API's checkpoint is noted just after (what is then read twice is known
by its records' own ids). Nothing runs here but the waiting for APIs, one thread each, one batch ahead.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from sensor.config import Component, Config, Secret, listen_address
from sensor.errors import ConfigError, Permanent, Transient
from sensor.model.source import Account, Batch, Ledger
from sensor.pipeline.listeners import open_syslog
from sensor.pipeline.privileges import open_span
from sensor.pipeline.site_feed import open_sites
from sensor.sources.netflow import NetflowListener
from sensor.sources.records import RecordsFollow, RecordsSource
from sensor.sources.zeek import ZeekFollow
from sensor.wire.apis import APIS, open_poller
from sensor.wire.clock import Clock
from sensor.wire.polling import Batch as Page
from sensor.wire.polling import Poller
from sensor.wire.record_lines import Item
from sensor.wire.records import digest_of

_LOG = logging.getLogger(__name__)
ONCE_ONLY = frozenset({"pcap"})
"""Types whose files are read to their end and not followed."""
_COUNTED = ("records", "bytes", "accepted", "late", "duplicates")


class Feed(Protocol):
    """One source that goes on."""

    account: Account
    problem: str
    """Why it gives nothing at present; empty while all is well."""

    def poll(self) -> Batch:
        """Hand out what is new, without waiting for it."""

    def position(self) -> str | None:
        """Return what to commit with the batches so far; None where that is kept elsewhere."""

    def acknowledge(self) -> None:
        """Say that the batches handed out are committed."""

    def close(self) -> None:
        """Stop."""


class Followed:
    """A log that grows; its position is committed with the state, so that nothing is left to acknowledge."""

    problem = ""

    def __init__(self, follow: ZeekFollow | RecordsFollow) -> None:
        """Take what follows it."""
        self.account, self.poll, self.position, self.close = follow.account, follow.poll, follow.position, follow.close
        self.behind_ns = follow.behind_ns

    def acknowledge(self) -> None:
        """Do nothing."""


class Polled:
    """What one poll of a feed gave, as a source that is read once."""

    def __init__(self, feed: Feed) -> None:
        before = msgspec.structs.replace(feed.account, rejected=dict(feed.account.rejected))
        self.batch = feed.poll()
        self.account = _since(before, feed.account)

    @property
    def has_any(self) -> bool:
        """Tell whether a record came, or something of records that came before."""
        batch = self.batch
        return self.account.records > 0 or any(
            len(it) for it in (batch.flows, batch.messages, batch.arp, batch.events, batch.reports)
        )

    def batches(self) -> Iterator[Batch]:
        """Give the batch."""
        yield self.batch


class Api:
    """One product's API, asked from a thread of its own."""

    def __init__(self, name: str, poller: Poller, records: RecordsSource) -> None:
        """Start asking."""
        self.account = records.account
        self.problem = ""
        self._name, self._poller, self._records = name, poller, records
        self._pages: queue.Queue[Page] = queue.Queue(1)
        self._stored, self._stop = threading.Event(), threading.Event()
        self._out: Page | None = None
        self._refused: dict[str, int] = {}
        """Of the poller's `rejected`, what the account has already."""
        self._thread = threading.Thread(target=self._ask, name=f"poll-{name}", daemon=True)
        self._thread.start()

    def poll(self) -> Batch:
        """Hand out the page that came, if one did."""
        self._count_refused()
        if self._out is None:
            try:
                self._out = self._pages.get_nowait()
            except queue.Empty:
                return Batch()
            for record in self._out.records:
                self._records.take(Item(record, digest=digest_of(msgspec.json.encode(record, order="deterministic"))))
        return self._records.given()

    def position(self) -> None:
        """Return None: the poller keeps its own checkpoint."""

    def acknowledge(self) -> None:
        """Say that the page handed out is stored."""
        if self._out is not None:
            self._out = None
            self._stored.set()

    def close(self) -> None:
        """Stop asking; a request under way is left to end by itself."""
        self._stop.set()
        self._stored.set()

    def _count_refused(self) -> None:
        """Count what the API gave that is no record."""
        refused = dict(self._poller.rejected)
        for reason, count in refused.items():
            fresh = count - self._refused.get(reason, 0)
            if fresh:
                self.account.records += fresh
                self.account.reject(reason, fresh)
        self._refused = refused

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                for page in self._poller.round():
                    self._pages.put(page)
                    self._stored.wait()
                    self._stored.clear()
                    if self._stop.is_set():
                        return
                    self._poller.acknowledge(page)
                self.problem = ""
            except Transient as error:
                self.problem = str(error)
                _LOG.warning("api not reached source=%s: %s", self._name, error)
            except Permanent as error:
                self.problem = str(error)
                _LOG.error("api refused, not asked again source=%s: %s", self._name, error)
                return
            self._stop.wait(self._poller.interval_s)


def open_feeds(
    config: Config, ledger: Ledger, position_of: Callable[[str], str | None], clock: Clock, folder: Path
) -> Mapping[str, Feed]:
    """Open every configured source that goes on, by its table's name.

    Args:
        config: The configuration.
        ledger: Which records are known.
        position_of: Gives the committed position of a source.
        clock: Time of day, for APIs.
        folder: Where APIs' checkpoints are.

    Raises:
        ConfigError: A source cannot be polled as it is configured.
    """
    feeds: dict[str, Feed] = {}
    with contextlib.ExitStack() as opened:
        for number, (name, one) in enumerate(config.sources.items()):
            if one.type in ONCE_ONLY:
                continue
            site = str(one.options.get("site", config.site))
            feeds[name] = open_feed(one, site, number, ledger, position_of(name), clock, folder)
            opened.callback(feeds[name].close)
        opened.pop_all()
    return feeds


def open_feed(
    one: Component, site: str, number: int, ledger: Ledger, position: str | None, clock: Clock, folder: Path
) -> Feed:
    """Open one source that goes on.

    Args:
        one: Its table.
        site: Whose records it gives.
        number: The input's place.
        ledger: Which records are known.
        position: Where it was at the last commit.
        clock: Time of day, for APIs.
        folder: Where APIs' checkpoints are.

    Raises:
        ConfigError: It cannot be polled as it is configured.
    """
    if "path" in one.options:
        return _follow(one, site, number, position, ledger)
    if one.type == "span":
        return open_span(one, site, number)
    if one.type == "site":
        return open_sites(one, site, position, clock, folder.parent)
    if one.type == "netflow":
        return _receive(one.name, one, site, number)
    if one.type == "syslog":
        return open_syslog(one.name, one, site, number, ledger, clock)
    return _poll(one.name, one, site, number, ledger, clock, folder / one.name)


def _follow(one: Component, site: str, number: int, position: str | None, ledger: Ledger) -> Followed:
    path = str(one.options["path"])
    if one.type == "zeek":
        return Followed(ZeekFollow(path, site, number, position))
    only = None if one.type == "records" else one.type
    return Followed(RecordsFollow(path, site, number, position, ledger, only))


def _receive(name: str, one: Component, site: str, number: int) -> NetflowListener:
    listen = str(one.options["listen"])
    try:
        return NetflowListener(*listen_address(f"sources.{name}", listen), site, number)
    except OSError as error:
        raise ConfigError(f"[sources.{name}] listen = {listen!r}: {error.strerror}") from error


def _poll(name: str, one: Component, site: str, number: int, ledger: Ledger, clock: Clock, folder: Path) -> Feed:
    held_in = APIS[one.type].held_in
    secret = msgspec.convert(one.options[held_in], Secret)
    asked = {key: value for key, value in one.options.items() if key not in {"site", held_in}}
    folder.mkdir(parents=True, exist_ok=True)
    poller = open_poller(one.type, asked, lambda: _text(secret), clock, folder)
    return Api(name, poller, RecordsSource(name, site, number, ledger, one.type))


def _text(secret: Secret) -> str:
    """Return a secret's text. Raises Transient where it is not there at present: its file may be being replaced."""
    try:
        return secret.read()
    except ConfigError as error:
        raise Transient(str(error)) from error


def _since(before: Account, now: Account) -> Account:
    """Return what an account counted since it was copied."""
    counts = {name: getattr(now, name) - getattr(before, name) for name in _COUNTED}
    rejected = {reason: count - before.rejected.get(reason, 0) for reason, count in now.rejected.items()}
    return msgspec.structs.replace(now, **counts, rejected={reason: n for reason, n in rejected.items() if n})
