"""Receive syslog by UDP (RFC 5426), TCP (RFC 6587) or TLS (RFC 5425), on a thread of its own.

Messages are held until they are taken, HELD_BYTES at most; what comes beyond is dropped and counted (`queue_full`).
Datagrams that the kernel drops before, while this process is kept from running, are not seen.
Connections are bounded too, unfinished TLS handshakes among them, and one that is silent for IDLE_S is closed.

Who sends is not checked, unless by TLS with `ca`, where a sender must show a certificate of that authority: without,
anybody who reaches the socket can write any record, so listen where only known senders reach. Nothing is read of a
message here.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable

from sensor.wire.syslog_frames import MESSAGE_BYTES, Cut, Frames

PROTOCOLS = ("udp", "tcp", "tls")
"""The first is the default: what most devices can do (RFC 5426)."""
HELD_BYTES = 16 << 20
"""About 48,000 messages of 250 bytes: more than is read of records in a second, the time between two polls."""
OVERHEAD_BYTES = 100
"""Counted for each message held beside its bytes: its objects, so that short ones are bounded too."""
CONNECTIONS_MAX = 256
"""At once; a connection holds about 256 KiB at most. Senders beyond are turned away and counted."""
IDLE_S = 600.0
"""A sender that has gone without a word is forgotten after this; one that lives connects anew."""
HANDSHAKE_S = 10.0
RECEIVE_BYTES = 4 << 20
"""Asked of the kernel for UDP, which may give less (net.core.rmem_max)."""
_PIECE_BYTES = 64 << 10
_BACKLOG = 64
_RETRY_S = 1.0
"""After an accept that failed: for want of file descriptors, which come back as connections end."""


def server_context(cert: str, key: str, ca: str | None = None) -> ssl.SSLContext:
    """Make the TLS side: 1.2 or later, RFC 5425 §4.2.

    Args:
        cert: File of the certificate and what it was signed by, PEM.
        key: File of its key, PEM, without a password.
        ca: File of the authority whose certificates senders must show; None: none is asked for.

    Raises:
        OSError: A file cannot be read or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key, password=lambda: "")  # a key with a password fails, instead of asking for it
    if ca is not None:
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class SyslogServer:
    """One socket, and what it received.

    Attributes:
        port: The port that is bound.
    """

    def __init__(
        self, host: str, port: int, protocol: str, context: ssl.SSLContext | None = None, *,
        held_bytes: int = HELD_BYTES, connections_max: int = CONNECTIONS_MAX, idle_s: float = IDLE_S,
    ) -> None:  # fmt: skip
        """Bind, and start receiving. Raises OSError.

        Args:
            host: Address to bind, exactly this one.
            port: Port; 0 for any.
            protocol: One of PROTOCOLS.
            context: TLS's side; None but for `tls`.
            held_bytes: Most that is held between two takings.
            connections_max: Most connections at once.
            idle_s: Silence after which a connection is closed, s.
        """
        self._context, self._held_limit = context, held_bytes
        self._connections_max, self._idle_s = connections_max, idle_s
        self._is_stream = protocol != "udp"
        self._socket = _bound(host, port, is_stream=self._is_stream)
        self.port = int(self._socket.getsockname()[1])
        self._lock, self._started = threading.Lock(), threading.Event()
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._connections: set[socket.socket] = set()
        self._refused: dict[str, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name=f"syslog-{self.port}", daemon=True)
        self._thread.start()
        self._started.wait()

    def take(self, limit: int) -> list[bytes]:
        """Take the messages that came, in order, so many at most."""
        with self._lock:
            taken = [self._held.popleft() for _ in range(min(limit, len(self._held)))]
            self._held_bytes -= sum(len(one) + OVERHEAD_BYTES for one in taken)
        return taken

    def refused(self) -> dict[str, int]:
        """Take how many messages, or connections, were refused since the last time, by reason."""
        with self._lock:
            refused, self._refused = self._refused, {}
        return refused

    def close(self) -> None:
        """Stop receiving, and close every connection."""
        if self._loop is not None and self._main is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._started.set()
        if self._is_stream:
            await self._accept()
            return
        transport, _ = await self._loop.create_datagram_endpoint(lambda: _Datagrams(self._keep), sock=self._socket)
        try:
            await asyncio.Event().wait()
        finally:
            transport.close()

    async def _accept(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                asyncio.get_running_loop().add_reader(self._socket, self._one_more, group)
                try:
                    await asyncio.Event().wait()
                finally:
                    asyncio.get_running_loop().remove_reader(self._socket)  # a group that ends takes no more tasks
        finally:
            for connection in self._connections:  # those whose task was ended before it began
                connection.close()

    def _one_more(self, group: asyncio.TaskGroup) -> None:
        """Take a connection. Not awaited: an accept that is cancelled loses the socket it was about to return."""
        loop = asyncio.get_running_loop()
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:
            loop.remove_reader(self._socket)
            loop.call_later(_RETRY_S, loop.add_reader, self._socket, self._one_more, group)
            return
        if len(self._connections) >= self._connections_max:
            connection.close()
            self._count({"too_many_connections": 1})
            return
        connection.setblocking(False)
        self._connections.add(connection)
        group.create_task(self._connection(connection))

    async def _connection(self, connection: socket.socket) -> None:
        reader = asyncio.StreamReader(_PIECE_BYTES)
        transport: asyncio.Transport | None = None
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(reader), connection, ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_S if self._context else None,
            )  # fmt: skip
            await self._read(reader)
        except OSError:  # of the handshake: `_read` raises none
            self._count({"handshake_failed": 1})
        finally:
            self._connections.discard(connection)
            if transport is None:
                connection.close()
            else:
                transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        frames = Frames()
        while not frames.is_broken:
            try:
                async with asyncio.timeout(self._idle_s):
                    piece = await reader.read(_PIECE_BYTES)
            except OSError:  # reset, or silent too long
                self._keep(frames.end(is_orderly=False))
                return
            if not piece:
                self._keep(frames.end())
                return
            self._keep(frames.take(piece))

    def _keep(self, cut: Cut) -> None:
        with self._lock:
            for message in cut.messages:
                size = len(message) + OVERHEAD_BYTES
                if self._held_bytes + size > self._held_limit:
                    cut.refuse("queue_full")
                else:
                    self._held.append(message)
                    self._held_bytes += size
        self._count(cut.refused)

    def _count(self, refused: dict[str, int]) -> None:
        with self._lock:
            for reason, count in refused.items():
                self._refused[reason] = self._refused.get(reason, 0) + count


class _Datagrams(asyncio.DatagramProtocol):
    """One message a datagram (RFC 5426 §3.1)."""

    def __init__(self, keep: Callable[[Cut], None]) -> None:
        self._keep = keep

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - who sent it can be forged
        cut = Cut()
        if len(data) > MESSAGE_BYTES:
            cut.refuse("record_too_long")
        else:
            cut.add(data)
        self._keep(cut)


def _bound(host: str, port: int, *, is_stream: bool) -> socket.socket:
    """Bind a socket, and listen where it is a stream's. Raises OSError."""
    made = socket.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM if is_stream else socket.SOCK_DGRAM
    )
    try:
        made.setblocking(False)
        if is_stream:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            with contextlib.suppress(OSError):
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        made.bind((host, port))
        if is_stream:
            made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made
