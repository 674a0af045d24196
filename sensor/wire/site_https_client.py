"""The site's end of its push: one connection to the hub, opened when it is needed.

The hub's certificate is verified, for the name in the URL, by `ca_file` or the machine's own authorities; the site's
own is read anew with each connection, so that one that was renewed needs no restart. Waits and repeats are the
caller's.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from sensor.errors import Permanent, Transient
from sensor.model.given import Place
from sensor.wire.clock import SystemClock
from sensor.wire.site_https import CONTENT_TYPE, HEARD, PATH, SENT, TAKEN, Answer
from sensor.wire.site_return import BYTES_MAX

CONNECT_S = 10.0
SILENCE_S = 60.0
"""For the next bytes either way; the hub answers after an fsync."""
ANSWER_MAX = (64 << 10) + 4 * BYTES_MAX // 3
"""With what the hub gives, in base64."""
_SAID_MAX = 200
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


def problem(url: str) -> str | None:
    """Say what is wrong with the hub's address; None where nothing is."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0 and parts.path in {"", "/"}
    except ValueError:
        usable = False
    return None if usable and not urlsplit(url).username else f"url = {url!r}: expected https://hub.example:8478"


class HubClient:
    """One hub."""

    def __init__(self, url: str, context: Callable[[], ssl.SSLContext], proxy: str = "") -> None:
        """Prepare; nothing is sent yet.

        Args:
            url: Where the hub listens.
            context: Makes TLS's side, with the site's certificate. Raises OSError.
            proxy: An HTTP proxy's address, through which a tunnel is asked for (RFC 9110 §9.3.6); empty for none.
        """
        there, by = urlsplit(url), urlsplit(proxy)
        self._host, self._port = there.hostname or "", there.port or 443
        self._proxy = (by.hostname, by.port or 3128) if by.hostname else None
        self._context = context
        self._connection: http.client.HTTPSConnection | None = None
        self._clock, self._heard = SystemClock(threading.Event()), (0, 0)

    def ask(self, taken: Place | None = None) -> Answer:
        """Ask what the hub has of this site, and for what it gives behind `taken`. Raises Transient, Permanent."""
        return self._exchange("GET", None, taken)

    def push(self, body: bytes, taken: Place | None = None) -> Answer:
        """Send envelopes; on the hub's disk when it says so. Raises Transient, Permanent."""
        return self._exchange("POST", body, taken)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, method: str, body: bytes | None, taken: Place | None) -> Answer:
        is_new = self._connection is None
        try:
            return self._once(method, body, taken)
        except (http.client.HTTPException, OSError) as error:
            self.close()
            if is_new or isinstance(error, TimeoutError | Transient):
                raise Transient(f"{self._host}: {_said(error)}") from error
        try:  # the hub ends a connection that was silent for a while: the request was not read
            return self._once(method, body, taken)
        except (http.client.HTTPException, OSError) as error:
            self.close()
            raise Transient(f"{self._host}: {_said(error)}") from error

    def _once(self, method: str, body: bytes | None, taken: Place | None) -> Answer:
        connection = self._opened()
        headers = {"User-Agent": "spanline", SENT: str(self._clock.now_ns())}
        if self._heard[0]:
            headers[HEARD] = f"{self._heard[0]} {self._heard[1]}"
        if taken is not None:
            headers[TAKEN] = f"{taken.epoch} {taken.sequence}"
        if body is not None:
            headers["Content-Type"] = CONTENT_TYPE
        connection.request(method, PATH, body, headers)
        reply = connection.getresponse()
        heard_ns = self._clock.now_ns()
        said = reply.read(ANSWER_MAX)
        is_ours = reply.headers.get_content_type() == "application/json"
        if not reply.isclosed() or reply.will_close:
            self.close()
        if is_ours and reply.status in {200, 503}:
            try:
                answer = msgspec.json.decode(said, type=Answer)
                self._heard = answer.now_ns, heard_ns
                return answer
            except msgspec.DecodeError as error:
                raise Transient(f"no answer of a hub: {error}") from error
        text = f"answered {reply.status}: {said[:_SAID_MAX].decode('utf-8', 'replace')}"
        if reply.status in _LATER:
            raise Transient(text)
        raise Permanent(f"{self._host} {text}")

    def _opened(self) -> http.client.HTTPSConnection:
        if self._connection is None:
            host, port = self._proxy or (self._host, self._port)
            made = http.client.HTTPSConnection(host, port, timeout=CONNECT_S, context=self._context())
            if self._proxy:
                made.set_tunnel(self._host, self._port)
            try:
                made.connect()
            except OSError:
                made.close()
                raise
            made.sock.settimeout(SILENCE_S)
            made.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._connection = made
        return self._connection


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not taken: {error.verify_message}"
    return str(error) or type(error).__name__
