"""Sites' envelopes from the hub's nats-server into the inbox, and only then acknowledged.

Each site has a subscription of its own, by which its messages are told from another's; the message's own subject is
what its sender wrote. What came is stored a batch at a time, in the order of arrival, then acknowledged to the site's
consumer and told to the site's program (`site_nats` says how). A site that says what it has of that which it is given
is sent what follows. What is not stored, for want of room, for another that
is missing before it, or because it is none of the site's, is not acknowledged and comes again after a while.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sensor.errors import Transient
from sensor.model.given import Place
from sensor.wire import site_nats
from sensor.wire.site_envelope import ENVELOPE_MAX

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

BATCH, BATCH_BYTES = 256, 8 << 20
"""Stored by one fsync."""
PENDING, PENDING_BYTES = 512, 32 << 20
"""A site's messages that wait for theirs: twice what a site has under way. More are dropped, and come again."""
WAIT_S = 0.25
"""For the first of a batch, so that an end is seen."""
GATHER_S = 0.002
"""For the next of a batch: an fsync costs more than that."""
SPEAK_S = 5.0
"""Between two announcements of what the hub has, where nothing changed: some tens of bytes a site."""
_WORD_MAX = 1024
_LOG = logging.getLogger(__name__)

Take = Callable[[str, Sequence[bytes]], Sequence[bool]]
"""Stores what came of a site, on disk when it returns; says of each whether it is. Raises OSError: not now."""
Give = Callable[[str, Place], bytes]
"""Returns what a site is given behind what it has; empty where that is nothing."""
HaveOf = Callable[[str], site_nats.Have]
"""Says what is stored of a site."""


class _Came(NamedTuple):
    site: str
    message: "Msg"


class Receiver:
    """Takes what every site sends.

    Attributes:
        problem: Why nothing comes at present; empty while all is well.
        taken: Messages that were handed to the inbox.
    """

    def __init__(
        self, sites: Sequence[str], link: site_nats.Link, take: Take, have: HaveOf, give: Give | None = None
    ) -> None:
        """Prepare; nothing is opened before `run`. `take`, `have` and `give` are called in the thread that runs."""
        self._sites, self._link, self._take, self._have, self._give = tuple(sites), link, take, have, give
        self._asked: dict[str, Place] = {}
        self.problem, self.taken = "", 0

    def run(self, stop: threading.Event) -> None:
        """Receive until told to stop. Raises Permanent where it can never work."""
        asyncio.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        failures = 0
        while not stop.is_set():
            try:
                async with site_nats.connected(self._link, "spanline hub", problem_of=self._hear_error) as client:
                    came: asyncio.Queue[_Came] = asyncio.Queue(BATCH)
                    for site in self._sites:
                        await self._subscribe(client, site, came)
                    failures, self.problem = 0, ""
                    await self._receive(client, came, stop)
            except (OSError, sqlite3.Error) as error:  # Transient is an OSError; so is a full disk
                failures += 1
                self._failed(str(error))
                await site_nats.rest(stop, failures)

    async def _subscribe(self, client: "Client", site: str, came: "asyncio.Queue[_Came]") -> None:
        async def hear(message: "Msg") -> None:
            await came.put(_Came(site, message))

        await client.subscribe(
            site_nats.envelopes_of(site), cb=hear, pending_msgs_limit=PENDING, pending_bytes_limit=PENDING_BYTES
        )
        if self._give is not None:
            await self._subscribe_taken(client, site)

    async def _subscribe_taken(self, client: "Client", site: str) -> None:
        async def hear(message: "Msg") -> None:
            try:
                self._asked[site] = msgspec.json.decode(message.data[:_WORD_MAX], type=Place)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return

        await client.subscribe(site_nats.taken_of(site), cb=hear, pending_msgs_limit=PENDING)

    async def _receive(self, client: "Client", came: "asyncio.Queue[_Came]", stop: threading.Event) -> None:
        speak_s = 0.0
        while not stop.is_set():
            if client.is_closed:
                raise Transient("the hub's server has closed the connection")
            batch = await _batch(came)
            sites = dict.fromkeys(one.site for one in batch)
            for site in sites:
                messages = [one.message for one in batch if one.site == site]
                stored = self._take(site, [one.data[: ENVELOPE_MAX + 1] for one in messages])
                self.taken += len(messages)
                for one, is_stored in zip(messages, stored, strict=True):
                    if is_stored and site_nats.is_ack_of(site, one.reply):
                        await client.publish(one.reply, b"+ACK")
            if time.monotonic() >= speak_s:
                sites = dict.fromkeys(self._sites)
                speak_s = time.monotonic() + SPEAK_S
            for site in sites:
                await client.publish(site_nats.have_of(site), msgspec.json.encode(self._have(site)))
            await self._answer(client)

    async def _answer(self, client: "Client") -> None:
        """Give each site that asked what follows, the latest of its words alone."""
        asked, self._asked = self._asked, {}
        for site, place in asked.items() if self._give is not None else ():
            given = self._give(site, place) if self._give is not None else b""
            if given:
                await client.publish(site_nats.give_of(site), given)

    def _failed(self, text: str) -> None:
        if text != self.problem:
            self.problem = text
            _LOG.warning("nothing comes from sites: %s", text)

    def _hear_error(self, error: Exception) -> None:
        _LOG.debug("nats hub: %s", error)


async def _batch(came: "asyncio.Queue[_Came]") -> list[_Came]:
    """Return what came, after a wait for the first of it; empty where nothing did."""
    try:
        batch = [await asyncio.wait_for(came.get(), WAIT_S)]
    except TimeoutError:
        return []
    size = len(batch[0].message.data)
    while len(batch) < BATCH and size < BATCH_BYTES:
        try:
            batch.append(came.get_nowait())
        except asyncio.QueueEmpty:
            await asyncio.sleep(GATHER_S)
            if came.empty():
                break
        else:
            size += len(batch[-1].message.data)
    return batch
