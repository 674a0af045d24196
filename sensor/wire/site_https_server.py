"""The hub's end of sites' pushes: HTTP/1.1 (h11) over TLS with a certificate on both sides, many sites at once.

Before the certificate is verified nothing is read, and a handshake has HANDSHAKE_S; connections are bounded, those of a
site too, and what one site sends holds up no other: one body of each is received at a time, BODIES of all. A request
has a length, POST_MAX at most, and REQUEST_S. What is stored, and where, is for the `Store` to say; it is called from a
thread of its own.
"""

import asyncio
import collections
import contextlib
import hashlib
import logging
import socket
import ssl
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import h11
import msgspec

from sensor.errors import Malformed
from sensor.model.given import Place
from sensor.wire import site_https
from sensor.wire.site_envelope import cut
from sensor.wire.site_https import ENVELOPES_MAX, PATH, POST_MAX, REQUEST_S, RETRY_S, Answer, site_of, times_of

CONNECTIONS_MAX = 2048
"""At once: 1,000 sites, each with one that goes and one that comes."""
OF_A_SITE = 4
"""A link that was cut leaves one behind here, until IDLE_S is over; of more, the oldest goes."""
BODIES = 64
"""Received at once, of different sites: 64 MiB."""
HANDSHAKE_S = 10.0
IDLE_S = 90.0
HEAD_MAX = 8 << 10
_PIECE_BYTES = 64 << 10
_BACKLOG = 256
_RETRY_S = 1.0
_BEGUN_TURNS = 4
"""Of the loop, until what was accepted last is in its handshake: ended before, asyncio leaves its transport open."""
_LOG = logging.getLogger(__name__)


class Store(Protocol):
    """Where what sites send goes."""

    def knows(self, site: str) -> bool:
        """Tell whether anything of this site is taken."""

    def ask(self, site: str) -> Answer:
        """Say what there is of it. Raises OSError: not now."""

    def timed(self, site: str, sent_ns: int, given_ns: int, heard_ns: int) -> None:
        """Hear when a request that comes now was sent, and when an answer of before was given and heard (0: none)."""

    def take(self, site: str, written: list[bytes]) -> Answer:
        """Store envelopes, on disk when it returns. Raises Malformed, and OSError: not now."""

    def give(self, site: str, taken: Place) -> bytes:
        """Return what the site is given behind what it has (`wire.site_return`); empty where that is nothing."""


class _Reply(NamedTuple):
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    closes: bool = False


class SiteServer:
    """One socket.

    Attributes:
        port: The port that is bound.
        refused: How often something was refused, by reason.
        context: TLS's side of connections to come.
        store: Where it goes; `pool` has the thread that it is called from.
        bodies: What a body holds while it is received.
    """

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext, store: Store, *, refused: frozenset[str] = frozenset(),
        idle_s: float = IDLE_S, request_s: float = REQUEST_S, connections_max: int = CONNECTIONS_MAX,
    ) -> None:  # fmt: skip
        """Bind, and start to receive. Raises OSError.

        Args:
            host: Address to bind, exactly this one.
            port: Port; 0 for any.
            context: TLS's side, which demands a certificate.
            store: Where it goes.
            refused: SHA-256 of certificates that are not taken any more, hexadecimal.
            idle_s: Between two requests.
            request_s: Of one request.
            connections_max: Most connections at once.
        """
        self.store, self.idle_s, self.request_s = store, idle_s, request_s
        self.context, self._refused_certificates, self._connections_max = context, refused, connections_max
        self._socket = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=_BACKLOG
        )
        self._socket.setblocking(False)
        self.port = int(self._socket.getsockname()[1])
        self.refused: collections.Counter[str] = collections.Counter()
        self._open: set[socket.socket] = set()
        self._transports: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()
        self._of_site: dict[str, list[asyncio.Transport]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self.bodies = asyncio.Semaphore(BODIES)
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self.pool = ThreadPoolExecutor(1, "site-inbox")
        self._thread = threading.Thread(target=self._run, name=f"sites-{self.port}", daemon=True)
        self._thread.start()
        self._started.wait()

    def close(self) -> None:
        """Stop, and close every connection; what is being stored is stored."""
        if self._loop is not None and self._main is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join()
        self._socket.close()
        self.pool.shutdown()

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._started.set()
        try:
            async with asyncio.TaskGroup() as group:
                self._loop.add_reader(self._socket, self._one_more, group)
                try:
                    await asyncio.Event().wait()
                finally:
                    self._loop.remove_reader(self._socket)  # a group that ends takes no more tasks
                    for _ in range(_BEGUN_TURNS):
                        await asyncio.sleep(0)
        finally:
            for connection in self._open:  # those whose task was ended before it began
                connection.close()
            for transport in self._transports:  # those that wait for the other side to end, too
                transport.abort()
            await asyncio.sleep(0)

    def _one_more(self, group: asyncio.TaskGroup) -> None:
        """Take a connection. Not awaited: an accept that is cancelled loses the socket it was about to return."""
        loop = asyncio.get_running_loop()
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:  # no file descriptors: they come back as connections end
            loop.remove_reader(self._socket)
            loop.call_later(_RETRY_S, loop.add_reader, self._socket, self._one_more, group)
            return
        if len(self._open) >= self._connections_max:
            connection.close()
            self.refuse("too_many_connections", "")
            return
        connection.setblocking(False)
        self._open.add(connection)
        group.create_task(self._connection(connection))

    async def _connection(self, connection: socket.socket) -> None:
        reader = asyncio.StreamReader(_PIECE_BYTES)
        transport: asyncio.Transport | None = None
        site, is_over = "", False
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _Stream(reader, self._transports.add), connection, ssl=self.context,
                ssl_handshake_timeout=HANDSHAKE_S,
            )  # fmt: skip
            site = self._named(transport)
            await _Talk(self, site, reader, transport).go_on()
            is_over = True
        except TimeoutError:
            self.refuse("too_slow", site)
        except (OSError, h11.RemoteProtocolError) as error:
            self.refuse("broken" if site else "handshake_failed", site, error)
        finally:
            self._open.discard(connection)
            if transport is None:
                connection.close()
            else:
                self._gone(site, transport)
                transport.close() if is_over else transport.abort()  # what was answered is sent before it closes

    def _named(self, transport: asyncio.Transport) -> str:
        """Return whose connection it is; empty where nobody's whose envelopes are taken."""
        of_tls: ssl.SSLObject = transport.get_extra_info("ssl_object")
        shown = of_tls.getpeercert(binary_form=True) or b""
        site = site_of(of_tls.getpeercert())
        if site is None or not self.store.knows(site):
            self.refuse("unknown_site", site or "")
            return ""
        if hashlib.sha256(shown).hexdigest() in self._refused_certificates:
            self.refuse("refused_certificate", site)
            return ""
        held = self._of_site.setdefault(site, [])
        held.append(transport)
        if len(held) > OF_A_SITE:
            held.pop(0).abort()
        return site

    def _gone(self, site: str, transport: asyncio.Transport) -> None:
        held = self._of_site.get(site, [])
        if transport in held:
            held.remove(transport)

    def turn_of(self, site: str) -> asyncio.Lock:
        """Return what one body of a site holds."""
        return self._turns.setdefault(site, asyncio.Lock())

    def refuse(self, reason: str, site: str, error: Exception | str = "") -> None:
        """Count something that was refused; the first of each reason is logged."""
        if reason not in self.refused or reason == "refused_certificate":
            _LOG.warning("site refused reason=%s site=%s %s", reason, site, error)
        self.refused[reason] += 1


class _Stream(asyncio.StreamReaderProtocol):
    """A stream whose transport is known from the end of its handshake on, whoever waits for that."""

    def __init__(self, reader: asyncio.StreamReader, made: Callable[[asyncio.Transport], None]) -> None:
        super().__init__(reader)
        self._made = made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hear that it is open."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream
        self._made(transport)
        super().connection_made(transport)


class _NotNow(Exception):  # noqa: N818 - it is an answer
    """The store could not, for a reason of its own."""


class _Talk:
    """One connection's requests."""

    def __init__(self, server: SiteServer, site: str, reader: asyncio.StreamReader, transport: asyncio.Transport):
        self._server, self._site, self._reader, self._transport = server, site, reader, transport
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_MAX)

    async def go_on(self) -> None:
        """Answer request after request, until the site goes, or is to go."""
        while True:
            async with asyncio.timeout(self._server.idle_s):
                first = await self._event()
            if not isinstance(first, h11.Request):
                return
            async with asyncio.timeout(self._server.request_s):
                reply = await self._answer(first)
            self._send(reply)
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    async def _answer(self, request: h11.Request) -> _Reply:
        refused = self._unfit(request)
        if refused is not None:
            self._server.refuse(f"status_{refused.status}", self._site)
            return refused
        store, site = self._server.store, self._site
        times = times_of(request.headers.raw_items())
        if times is not None:
            store.timed(site, *times)
        taken = site_https.place_of(request.headers.raw_items())

        def with_given(answer: Answer) -> Answer:
            return answer if taken is None else msgspec.structs.replace(answer, given=store.give(site, taken))

        try:
            if request.method == b"GET":
                await self._body()
                return _told(await self._stored(lambda: with_given(store.ask(site))))
            async with self._server.turn_of(site), self._server.bodies:
                body = await self._body()
                took = await self._stored(lambda: with_given(store.take(site, cut(body, ENVELOPES_MAX))))
                return _told(took)
        except Malformed as error:
            self._server.refuse("malformed", site, error)
            return _Reply(400, str(error).encode(), closes=True)
        except _NotNow as error:
            self._server.refuse("not_now", site, error)
            return _Reply(503, b"not now", (("Retry-After", str(RETRY_S)),), closes=True)

    def _unfit(self, request: h11.Request) -> _Reply | None:
        """Say why a request is not answered, by its head alone."""
        if not self._site:
            return _Reply(403, b"no site of this hub", closes=True)
        if request.target != PATH.encode():
            return _Reply(404, closes=True)
        if request.method not in {b"GET", b"POST"}:
            return _Reply(405, headers=(("Allow", "GET, POST"),), closes=True)
        lengths = [value for name, value in request.headers if name == b"content-length"]
        if request.method == b"POST" and not lengths:
            return _Reply(411, closes=True)
        if lengths and int(lengths[0]) > (POST_MAX if request.method == b"POST" else 0):
            return _Reply(413, closes=True)
        return None

    async def _body(self) -> bytes:
        if self._http.they_are_waiting_for_100_continue:
            self._transport.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > POST_MAX:  # a GET's, which came without a length
                raise Malformed("a request is longer than any may be")
        if not isinstance(event, h11.EndOfMessage):
            raise ConnectionResetError("a request was cut short")
        return bytes(body)

    async def _stored(self, call: Callable[[], Answer]) -> Answer:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._server.pool, call)
        except OSError as error:
            raise _NotNow(str(error)) from error

    async def _event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._http.receive_data(await self._reader.read(_PIECE_BYTES))

    def _send(self, reply: _Reply) -> None:
        headers = [("Content-Length", str(len(reply.body))), *reply.headers]
        if reply.closes:
            headers.append(("Connection", "close"))
        for event in (
            h11.Response(status_code=reply.status, headers=headers), h11.Data(data=reply.body), h11.EndOfMessage(),
        ):  # fmt: skip
            self._transport.write(self._http.send(event) or b"")


def _told(answer: Answer) -> _Reply:
    later = (("Retry-After", str(RETRY_S)),) if answer.is_full else ()
    headers = (("Content-Type", "application/json"), *later)
    return _Reply(503 if answer.is_full else 200, msgspec.json.encode(answer), headers)
