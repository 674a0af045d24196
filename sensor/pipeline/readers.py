"""Feeds, each polled from a thread of its own, and what they gave, in a bounded queue.

A feed that waits for a disk or a server keeps nobody else waiting. A queue that is full is not polled for: a file
waits, an API is not asked, and a live port overflows where it counts what it drops. What a poll gave goes with the
position behind it and the records it claimed, so that a commit may be made while a poll is under way.
"""

import threading
from collections import deque

import msgspec

from sensor.model.fleet import SiteLink
from sensor.model.source import Account, Batch
from sensor.pipeline.claims import FeedClaims
from sensor.pipeline.feeds import Feed, Polled
from sensor.pipeline.replaying import supervised

QUEUE_POLLS = 4
"""Polls that may wait: a poll is a second's work at most, bounded by its source."""
LAST_POLLS = 1024
"""Polls of a feed that is stopped: far more than one has, for its rings are bounded."""
IDLE_S = 1.0
"""Between two looks at a source that had nothing new: rotation is counted in such looks."""
PAUSE_S = 0.5
"""How long a commit waits for a poll under way; then it is made without, and acknowledged with the next."""


class Taken(msgspec.Struct, frozen=True):
    """What one poll gave."""

    batch: Batch
    account: Account
    """Of this poll alone."""
    position: str | None
    claimed: list[bytes]
    behind_ns: int | None = None
    """Event time up to which everything was read, where there is more to read; None where there is not."""


class Reader:
    """One feed and its thread.

    Attributes:
        problem: Why it gives nothing at present; empty while all is well.
        has_looked: It found nothing more to give, once, or failed: nobody need wait for its beginning.
    """

    def __init__(self, name: str, feed: Feed, claims: FeedClaims, arrived: threading.Event) -> None:
        """Begin to poll.

        Args:
            name: Its table's name.
            feed: The feed; closed with this.
            claims: The ledger that it was opened with.
            arrived: Set when something came.
        """
        self.name, self._feed, self._claims, self._arrived = name, feed, claims, arrived
        self._failed = ""
        self.has_looked = False
        self._queue: deque[Taken] = deque()
        self._space, self._stop = threading.Event(), threading.Event()
        self._polling = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"read-{name}", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Say why it gives nothing at present."""
        return self._failed or self._feed.problem

    def take(self) -> list[Taken]:
        """Return what came since the last time, in order."""
        taken = []
        while self._queue:
            taken.append(self._queue.popleft())
        self._space.set()
        return taken

    def pause(self) -> bool:
        """Keep it from polling; False where a poll goes on for too long."""
        return self._polling.acquire(timeout=PAUSE_S)

    def resume(self, *, acknowledge: bool) -> None:
        """Let it go on after `pause`; its records are committed where `acknowledge`."""
        if acknowledge and not self._queue:
            supervised(self.name, self._feed.acknowledge)
        self._polling.release()

    def links(self) -> dict[str, SiteLink]:
        """Return how sites are heard, of a feed of sites."""
        links = getattr(self._feed, "links", None)
        found: dict[str, SiteLink] = {} if links is None or self._failed else links()
        return found

    def finish(self) -> None:
        """Poll no more; of a feed that can be stopped take what it still has, as flows that went on until now."""
        self._stop.set()
        stop = getattr(self._feed, "stop", None)
        if stop is None or self._failed:
            return
        with self._polling:
            supervised(self.name, stop)
            while len(self._queue) < LAST_POLLS and self._poll():
                pass

    @property
    def is_dead(self) -> bool:
        """Tell whether it failed, and polls no more."""
        return bool(self._failed)

    def abandon(self) -> list[bytes]:
        """Return what it claimed of records that were never taken: they are read again, or not at all."""
        waiting = [digest for one in self.take() for digest in one.claimed]
        return waiting + self._claims.take()

    def close(self) -> None:
        """Stop; a poll under way is left to end by itself, and what it gives is not taken."""
        self._stop.set()
        self._space.set()
        self._thread.join(PAUSE_S)
        supervised(self.name, self._feed.close)

    def _run(self) -> None:
        while not self._stop.is_set():
            if len(self._queue) >= QUEUE_POLLS:
                self._space.clear()
                if len(self._queue) >= QUEUE_POLLS:
                    self._space.wait(IDLE_S)
                continue
            has_any = False

            def poll() -> None:
                nonlocal has_any
                has_any = self._poll()

            with self._polling:
                if not self._stop.is_set():
                    self._failed = supervised(self.name, poll) or ""
            self.has_looked |= bool(self._failed)
            if self._failed:  # how far its reading went is not known: begun again, it might give records twice
                return
            if not has_any:
                self._stop.wait(IDLE_S)

    def _poll(self) -> bool:
        """Poll once; tell whether anything came."""
        polled = Polled(self._feed)
        if not polled.has_any:
            self.has_looked = True
            return False
        behind = getattr(self._feed, "behind_ns", None)
        self._queue.append(
            Taken(
                polled.batch, polled.account, self._feed.position(), self._claims.take(),
                None if behind is None else behind(),
            )
        )  # fmt: skip
        self._arrived.set()
        return True
