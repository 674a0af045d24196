"""Ask an API again and again for what is new, so that no record is lost and none is delivered twice.

Time is cut into windows. Each is asked for again from `overlap_s` before its beginning, since records show up late;
what was delivered before is known by its id. A batch is out until it is acknowledged: then the ids of its records are
on disk before the next is fetched. A kill in between gives the same batch again, so who stores records and acknowledges
afterwards misses none; who is killed between the two gets that one batch twice, and knows it by the records' own ids.

A window counts as read when its last page was acknowledged; an error on the way leaves it to be asked for again.

Does not order records: pages come as the server gives them.
"""

import hashlib
import logging
from collections.abc import Iterator
from typing import Protocol

import msgspec

from sensor.errors import Malformed
from sensor.model.times import HOUR_NS, SECOND_NS
from sensor.wire.checkpoint import Checkpoint, Position
from sensor.wire.clock import Clock
from sensor.wire.event_times import read_time

_LOG = logging.getLogger(__name__)
SEEN_MAX = 200_000
"""Ids that are remembered of a stream, 40 MB at most; beyond it the oldest are forgotten, and counted."""
_ID_BYTES = 16
_AHEAD_NS = HOUR_NS
"""A position further ahead than this was noted by a clock that was wrong: the stream is looked back at as at first."""


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """When an API is asked for what."""

    interval_s: int
    """From one round to the next."""
    delay_s: int
    """The newest records are left alone for so long: the API is not done with them."""
    overlap_s: int
    """How late a record may show up."""
    window_s: int
    """Longest window of one request."""
    look_back_s: int
    """How far the first round goes back."""
    oldest_s: int
    """How far back the API can be asked at all."""


class Window(msgspec.Struct, frozen=True):
    """A span of time, from `since_ns` on and before `until_ns`, whole seconds."""

    since_ns: int
    until_ns: int


class Page(msgspec.Struct, frozen=True):
    """What one answer held."""

    records: list[object]
    moment_ns: int | None = None
    """When the API counts all of them to have happened, where that is not each record's own time."""


class Api(Protocol):
    """How one product is asked."""

    streams: tuple[str, ...]
    timing: Timing

    def pages(self, stream: str, window: Window) -> Iterator[Page]:
        """Fetch what a stream has of a window. Raises Transient, Permanent."""

    def identify(self, record: dict[str, object]) -> str | None:
        """Return a record's own id; None where it has none."""

    def moment(self, record: dict[str, object]) -> int | None:
        """Return the time by which the API files a record, ns; None where it says none."""

    def close(self) -> None:
        """Close its connections."""


class Batch(msgspec.Struct, frozen=True):
    """Records to be stored, and then acknowledged."""

    stream: str
    records: list[dict[str, object]]
    fresh: dict[bytes, int]
    """Digests of their ids, and their times."""


class Poller:
    """One API read round by round.

    Attributes:
        duplicates: Records that had been delivered.
        rejected: Items that were no records, by reason.
        forgotten: Ids that had to be forgotten early.
        lost_ns: Time for which the API could no longer be asked, since nobody had for too long.
    """

    def __init__(self, api: Api, checkpoint: Checkpoint, clock: Clock) -> None:
        self._api, self._checkpoint, self._clock = api, checkpoint, clock
        self._out: Batch | None = None
        self._at: dict[str, Position] = {}
        self.duplicates = self.forgotten = self.lost_ns = 0
        self.rejected: dict[str, int] = {}

    @property
    def interval_s(self) -> int:
        """Seconds from one round to the next."""
        return self._api.timing.interval_s

    def close(self) -> None:
        """Close the API's connections."""
        self._api.close()

    def round(self) -> Iterator[Batch]:
        """Fetch what is new of every stream; each batch must be acknowledged before the next is asked for.

        Raises:
            Transient: The server is not well: try the next round.
            Permanent: It never will be, or the disk is not.
            RuntimeError: A batch was not acknowledged.
        """
        for stream in self._api.streams:
            yield from self._stream(stream)

    def acknowledge(self, batch: Batch) -> None:
        """Say that a batch is stored. Raises Permanent where that cannot be noted, RuntimeError where it is not out."""
        if batch is not self._out:
            raise RuntimeError("this batch is not out")
        position = self._at[batch.stream]
        position.seen |= batch.fresh
        self._forget(position)
        self._checkpoint.save(batch.stream, position)
        self._out = None

    def _stream(self, stream: str) -> Iterator[Batch]:
        timing = self._api.timing
        end_ns = (self._clock.now_ns() // SECOND_NS - timing.delay_s) * SECOND_NS
        position = self._position(stream, end_ns)
        while position.since_ns < end_ns:
            since_ns = max(position.since_ns - timing.overlap_s * SECOND_NS, end_ns - timing.oldest_s * SECOND_NS)
            until_ns = min(position.since_ns + timing.window_s * SECOND_NS, end_ns)
            yield from self._window(stream, position, Window(since_ns, until_ns))
            position.since_ns = until_ns
            earliest_ns = until_ns - timing.overlap_s * SECOND_NS
            position.seen = {mark: at for mark, at in position.seen.items() if at >= earliest_ns}
            self._checkpoint.save(stream, position)

    def _position(self, stream: str, end_ns: int) -> Position:
        """Return where a stream stands: kept, on disk, or the first look back; never older than the API goes."""
        timing = self._api.timing
        oldest_ns = end_ns - timing.oldest_s * SECOND_NS
        found = self._at.get(stream) or self._checkpoint.load(stream)
        position = found or Position(max(end_ns - timing.look_back_s * SECOND_NS, oldest_ns))
        if position.since_ns < oldest_ns:
            self.lost_ns += oldest_ns - position.since_ns
            _LOG.warning("records are lost stream=%s seconds=%d", stream, (oldest_ns - position.since_ns) // SECOND_NS)
            position.since_ns = oldest_ns
        elif position.since_ns > end_ns + _AHEAD_NS:
            _LOG.warning("the clock went back stream=%s seconds=%d", stream, (position.since_ns - end_ns) // SECOND_NS)
            position.since_ns = max(end_ns - timing.look_back_s * SECOND_NS, oldest_ns)
        self._at[stream] = position
        return position

    def _window(self, stream: str, position: Position, window: Window) -> Iterator[Batch]:
        for page in self._api.pages(stream, window):
            batch = self._fresh(stream, position, page, window)
            if not batch.records:
                continue
            self._out = batch
            yield batch
            if self._out is not None:
                raise RuntimeError("a batch was not acknowledged before the next was asked for")

    def _fresh(self, stream: str, position: Position, page: Page, window: Window) -> Batch:
        """Leave out what was delivered before, and what is no record."""
        records: list[dict[str, object]] = []
        fresh: dict[bytes, int] = {}
        for record in page.records:
            if not isinstance(record, dict):
                self.rejected["not_a_record"] = self.rejected.get("not_a_record", 0) + 1
                continue
            mark = _mark(self._api.identify(record), record)
            moment_ns = page.moment_ns if page.moment_ns is not None else self._api.moment(record)
            # A time ahead of the window is not believed: its id would be kept for ever.
            at_ns = min(moment_ns, window.until_ns) if moment_ns is not None else window.until_ns
            if mark in position.seen or mark in fresh:
                self.duplicates += 1
                continue
            fresh[mark] = at_ns
            records.append(record)
        return Batch(stream, records, fresh)

    def _forget(self, position: Position) -> None:
        """Keep the newest ids where there are too many."""
        excess = len(position.seen) - SEEN_MAX
        if excess > 0:
            oldest = sorted(position.seen, key=position.seen.__getitem__)[: excess + SEEN_MAX // 10]
            self.forgotten += len(oldest)
            for mark in oldest:
                del position.seen[mark]


def moment_of(value: object) -> int | None:
    """Read a time that may be missing or none at all, ns."""
    try:
        return read_time(value)
    except Malformed:
        return None


def _mark(own_id: str | None, record: dict[str, object]) -> bytes:
    """Digest a record's id; one that has none is known by all it holds."""
    text = (
        own_id.encode("utf-8", "replace") if own_id is not None else msgspec.json.encode(record, order="deterministic")
    )
    return hashlib.blake2b(text, digest_size=_ID_BYTES, person=b"id" if own_id is not None else b"record").digest()
