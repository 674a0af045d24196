"""A site's envelopes into the work queue of its leaf node, until the hub's program says that it has them.

The spool is the store, the queue a window in front of it: at most WINDOW envelopes are under way. What the hub has is
written down in the spool and makes room for more. The queue is emptied and filled again from there

- with each new connection (nothing is known then of what it holds);
- when its stream has lost what was in it, or is gone: a server that was killed, a store that was deleted;
- when everything in it was acknowledged and the hub still says that it has less: it refused some, or was put back;
- when the hub is heard again after a silence: what was on the link is gone with it, and its repeat may be a minute off;
- when nothing moves although the hub is heard.

What the hub then gets twice it knows by its number. What it gives the site comes over the same connection, and is on
disk before the site says that it has it. Does not decide what is sent, nor what is dropped: the spool does.
"""

import asyncio
import collections
import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from sensor.errors import Transient
from sensor.model.site_packet import Envelope
from sensor.wire import site_nats
from sensor.wire.site_envelope import encode
from sensor.wire.site_return import Postbox

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

WINDOW, WINDOW_BYTES = 256, 16 << 20
"""Under way at once. 16 MiB keep a link of 20 MB/s with 0.8 s there and back busy."""
STREAM_BYTES = 64 << 20
"""Of the queue, within the store of 128 MB that docs/nats gives it: the window, and what was not yet compacted."""
BATCH, BATCH_BYTES = 32, 4 << 20
ACKS_PENDING = WINDOW
"""Delivered and not acknowledged: the hub stores by one fsync what has come meanwhile, and the more the better."""
REDELIVER_S = (10.0, 30.0, 60.0, 120.0)
"""An acknowledgement lost with a link comes again after 10 s; a slow link is not filled with repeats."""
DELIVER_MAX = 1 << 30
"""Without end; nats-server 2.9 does not take -1 beside times to repeat."""
LOOK_S = 0.25
"""Between two looks for what the sensor committed."""
CHECK_S = 2.0
"""Between two looks at the queue."""
SILENT_S = 12.0
"""The hub says every 5 s what it has: without two such words the link was gone, and with it what was on it."""
STUCK_S, STUCK_MAX_S = 60.0, 600.0
"""Until a consumer that gives nothing is made anew, and at most between two such attempts."""
WORDS, WORDS_MAX = 2, 64
"""Of the hub's after everything was acknowledged, until what it then has not is sent again: one may have been on its
way before. Doubled while it refuses the same again, which a newer hub may take some day."""
ANSWER_S = 5.0
"""JetStream on this machine answers in milliseconds; killed, never."""
_LOG = logging.getLogger(__name__)


class Outgoing(Protocol):
    """What is to be carried, in order: the spool (`sensor.store.spool.SpoolReader`)."""

    def acked(self) -> int:
        """Return the sequence up to which the hub has everything, as it said the last time."""

    def after(self, epoch: int, have: int) -> int:
        """Return the sequence up to which nothing need be sent, by what the hub says that it has."""

    def read(self, after: int, count: int, limit_bytes: int) -> Sequence[Envelope]:
        """Return what follows a sequence, in order."""

    def acknowledge(self, sequence: int) -> None:
        """Write down that the hub has everything up to a sequence."""

    def close(self) -> None:
        """Close it."""


class Publisher:
    """Carries one site's spool to its leaf node.

    Attributes:
        problem: Why nothing moves at present; empty while all is well.
        sent: Envelopes that the hub has by it.
        published: Those that went into the queue, repeats counted.
        resends: How often the queue was filled again.
        heard_s: When the hub was heard last, by the monotonic clock; None: not yet.
    """

    def __init__(
        self, site: str, link: site_nats.Link, open_spool: Callable[[], Outgoing],
        open_postbox: Callable[[], Postbox] | None = None,
    ) -> None:  # fmt: skip
        """Prepare; nothing is opened before `run`.

        Args:
            site: Whose envelopes.
            link: The leaf node.
            open_spool: Opens the spool, in the thread that runs.
            open_postbox: Opens what keeps what the hub gives, likewise; None: nothing is taken.
        """
        self._site, self._link, self._open, self._open_postbox = site, link, open_spool, open_postbox
        self.problem, self.sent, self.published, self.resends = "", 0, 0, 0
        self.heard_s: float | None = None

    def run(self, stop: threading.Event) -> None:
        """Carry until told to stop. Raises Permanent where it can never work."""
        asyncio.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        failures = 0
        spool, postbox = self._open(), self._open_postbox() if self._open_postbox is not None else None
        try:
            while not stop.is_set():
                try:
                    async with site_nats.connected(
                        self._link, f"spanline {self._site}", problem_of=self._hear_error
                    ) as client:
                        session = _Session(self, self._site, spool, client, postbox)
                        await session.begin()
                        failures, self.problem = 0, ""
                        await session.carry(stop)
                except (OSError, sqlite3.Error) as error:  # Transient is an OSError
                    failures += 1
                    self._failed(str(error))
                    await site_nats.rest(stop, failures)
        finally:
            spool.close()
            if postbox is not None:
                postbox.close()

    def _failed(self, text: str) -> None:
        if text != self.problem:
            self.problem = text
            _LOG.warning("not carried to the hub site=%s: %s", self._site, text)

    def _hear_error(self, error: Exception) -> None:
        _LOG.debug("nats site=%s: %s", self._site, error)


class _Session:
    """One connection's life."""

    def __init__(
        self, publisher: Publisher, site: str, spool: Outgoing, client: "Client", postbox: Postbox | None
    ) -> None:
        self._publisher, self._site, self._spool, self._client = publisher, site, spool, client
        self._postbox = postbox
        self._given: bytes | None = None
        """By the hub, not stored yet; the last one counts, as each begins behind what is stored."""
        self._js: JetStreamContext = client.jetstream(timeout=ANSWER_S)
        self._stream = site_nats.stream_of(site)
        self._under_way: collections.deque[tuple[int, int]] = collections.deque()
        """(sequence, bytes) of what was published and the hub does not have."""
        self._bytes = 0
        self._next = 0
        """Published up to here."""
        self._expected = 0
        """The stream's own last sequence."""
        self._said: list[site_nats.Have] = []
        """By the hub, not looked at yet; the last one counts."""
        self._heard = asyncio.Event()
        self._announced = 0
        """How often the hub was heard in this session."""
        self._was_silent = False
        """It was not heard for a while before."""
        self._moved_s, self._stuck_s = time.monotonic(), STUCK_S
        self._drained_at: int | None = None
        """`_announced` when everything was first seen acknowledged."""
        self._words = WORDS

    async def begin(self) -> None:
        """Hear the hub, have the queue, and begin with what the hub does not have."""
        await self._client.subscribe(site_nats.have_of(self._site), cb=self._hear)
        if self._postbox is not None:
            await self._client.subscribe(site_nats.give_of(self._site), cb=self._hear_given, pending_msgs_limit=8)
        await self._refill(counted=False)

    async def carry(self, stop: threading.Event) -> None:
        """Carry until the connection closes, or told to stop. Raises Transient."""
        check_s = time.monotonic()
        while not stop.is_set():
            if self._client.is_closed:
                raise Transient("the leaf node has closed the connection")
            await self._take_given()
            await self._take_have()
            if time.monotonic() >= check_s:
                await self._check()
                check_s = time.monotonic() + CHECK_S
            if not await self._publish():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._heard.wait(), LOOK_S)
                self._heard.clear()

    async def _hear(self, message: "Msg") -> None:
        try:
            self._said.append(msgspec.json.decode(message.data[:1024], type=site_nats.Have))
        except msgspec.DecodeError:
            return
        now_s, before_s = time.monotonic(), self._publisher.heard_s
        self._was_silent |= before_s is not None and now_s - before_s > SILENT_S
        self._announced += 1
        self._publisher.heard_s = now_s
        self._heard.set()

    async def _hear_given(self, message: "Msg") -> None:
        self._given = message.data
        self._heard.set()

    async def _take_given(self) -> None:
        """Store what the hub gave; say what is on disk where there is more."""
        if self._postbox is None:
            return
        newest = self._said[-1].given if self._said else None
        given, self._given = self._given, None
        if given is not None and self._postbox.take(given):
            newest = None
        elif newest is None or not newest.epoch or newest == self._postbox.place():
            return
        await self._client.publish(site_nats.taken_of(self._site), msgspec.json.encode(self._postbox.place()))

    async def _take_have(self) -> None:
        """Write down what the hub has; where that is less than it had, begin again from there."""
        if not self._said:
            return
        have, self._said = self._said[-1], []
        position, before = self._spool.after(have.epoch, have.sequence), self._spool.acked()
        self._spool.acknowledge(position)
        if position < before:
            _LOG.warning("the hub has less than it had site=%s sequence=%d before=%d", self._site, position, before)
            await self._refill()
        while self._under_way and self._under_way[0][0] <= position:
            self._bytes -= self._under_way.popleft()[1]
            self._publisher.sent += 1
            self._moved_s, self._stuck_s, self._drained_at, self._words = time.monotonic(), STUCK_S, None, WORDS
        if self._was_silent:
            self._was_silent = False
            if self._under_way:
                await self._refill()

    async def _publish(self) -> bool:
        """Publish what there is room for; False where there was nothing, or no room."""
        from nats.js.errors import APIError, NoStreamResponseError

        room = min(BATCH, WINDOW - len(self._under_way))
        if room <= 0 or self._bytes >= WINDOW_BYTES:
            return False
        for envelope in self._spool.read(self._next, room, BATCH_BYTES):
            content = encode(envelope)
            try:
                stored = await self._js.publish(site_nats.subject_of(self._site, envelope.kind), content)
            except NoStreamResponseError:
                await self._refill()
                return True
            except APIError as error:  # the store is full, or being put in order
                self._publisher.problem = f"the leaf node takes nothing: {error.description}"
                return False
            self._publisher.published += 1
            self._publisher.problem = ""
            self._next, self._expected = envelope.sequence, stored.seq
            self._under_way.append((envelope.sequence, len(content)))
            self._bytes += len(content)
            if self._said:
                break
        else:
            return False
        return True

    async def _check(self) -> None:
        """Look whether the queue still holds what the hub does not have; fill it again where not."""
        from nats.js.errors import NotFoundError

        try:
            state = (await self._js.stream_info(self._stream)).state
            await self._js.consumer_info(self._stream, site_nats.CONSUMER)
        except NotFoundError:
            await self._refill()
            return
        if not self._under_way:
            self._drained_at, self._moved_s = None, time.monotonic()
            return
        if state.last_seq < self._expected:
            await self._refill()
        elif state.messages == 0:
            if self._drained_at is None:
                self._drained_at = self._announced
            elif self._announced >= self._drained_at + self._words:
                self._words = min(2 * self._words, WORDS_MAX)
                await self._refill()
        elif time.monotonic() - self._moved_s > self._stuck_s and self._announced:
            await self._unstick()

    async def _unstick(self) -> None:
        """Make the consumer anew, ever more seldom: a slow link is no fault of its."""
        self._stuck_s = min(2 * self._stuck_s, STUCK_MAX_S)
        _LOG.warning("nothing moves, begins again site=%s", self._site)
        await self._js.delete_consumer(self._stream, site_nats.CONSUMER)
        await self._refill()

    async def _refill(self, *, counted: bool = True) -> None:
        """Have the stream and its consumer, empty; what the hub does not have is published from the beginning."""
        from nats.js.errors import BadRequestError

        try:
            await self._make_queue()
        except BadRequestError:  # another release made it otherwise
            await self._js.delete_stream(self._stream)
            await self._make_queue()
        await self._js.purge_stream(self._stream)
        self._expected = 0
        self._under_way.clear()
        self._bytes, self._next = 0, self._spool.acked()
        self._moved_s, self._drained_at = time.monotonic(), None
        if counted:
            self._publisher.resends += 1
            _LOG.info("sent again site=%s after=%d", self._site, self._next)

    async def _make_queue(self) -> None:
        from nats.js import api

        await self._js.add_stream(
            api.StreamConfig(
                name=self._stream, subjects=[site_nats.subject_of(self._site, "*")],
                retention=api.RetentionPolicy.WORK_QUEUE, discard=api.DiscardPolicy.NEW, max_bytes=STREAM_BYTES,
                storage=api.StorageType.FILE,
            )
        )  # fmt: skip
        await self._js.add_consumer(
            self._stream,
            api.ConsumerConfig(
                durable_name=site_nats.CONSUMER, deliver_subject=site_nats.envelopes_of(self._site),
                ack_policy=api.AckPolicy.EXPLICIT, backoff=list(REDELIVER_S), max_deliver=DELIVER_MAX,
                max_ack_pending=ACKS_PENDING,
            ),
        )  # fmt: skip
