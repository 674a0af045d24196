"""The listener of the metrics: `/metrics`, in the clear on loopback, by TLS and to who may anywhere else.

OpenMetrics, with exemplars, to who accepts it, else the older text. Nothing else is served, nothing is read but the
request's head, and no more than CONNECTIONS are served at a time: what is one more waits for its turn in the kernel's
queue. A wrong password is answered like a missing one, in the same time. Not here: which listener is refused for want
of TLS or authentication (`sensor.config`).
"""

import base64
import binascii
import hashlib
import hmac
import logging
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import BaseServer, TCPServer, ThreadingMixIn
from typing import ClassVar

from sensor.config import Config, Secret, listen_address
from sensor.errors import ConfigError
from sensor.metrics import CONTENT_TYPE, PLAIN_TYPE, Metrics
from sensor.model.listener import MetricsListener
from sensor.model.sink import SecretPlace
from sensor.wire.syslog_server import server_context

CONNECTIONS = 8
"""Served at a time: two Prometheus servers and a person with a browser, and as many again."""
TIMEOUT_S = 10.0
"""For a request, as Prometheus gives its scrape (`scrape_timeout`)."""
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}
OPENMETRICS = "application/openmetrics-text"
_LOG = logging.getLogger(__name__)


def open_metrics(config: Config, folder: Path, metrics: Metrics) -> "Exposed":  # noqa: ARG001 - an Opener's signature
    """Listen as the configuration says. Raises ConfigError where that cannot be."""
    return Exposed(config.metrics, metrics)


class Exposed:
    """The listener and its thread.

    Attributes:
        address: Where it listens, `address:port`.
    """

    def __init__(self, listener: MetricsListener, metrics: Metrics) -> None:
        """Listen. Raises ConfigError."""
        host, port = listen_address("metrics", listener.listen)
        allowed = _Allowed.of(listener)
        try:
            context = _Certificate(listener.cert, listener.key) if listener.cert else None
        except OSError as error:
            raise ConfigError(f"[metrics] cert, key: {error}") from error
        try:
            self._server = _Server((host, port), metrics, allowed, context)
        except OSError as error:
            raise ConfigError(f"[metrics] listen = {listener.listen!r}: {error.strerror or error}") from error
        shown = f"[{host}]" if ":" in host else host
        self.address = f"{shown}:{self._server.server_address[1]}"
        self.said = f"metrics on {'https' if context else 'http'}://{self.address}/metrics"
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Do nothing: a scrape sees the metrics as they are."""

    def reload(self, config: Config) -> None:
        """Read the secrets again; where to listen needs a restart. Raises ConfigError."""
        self._server.allowed = _Allowed.of(config.metrics)

    def close(self, drain_s: float) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(drain_s)


class _Allowed:
    """Who may ask, as digests: comparing them takes the same time whatever they are."""

    def __init__(self, basic: bytes | None, bearer: bytes | None) -> None:
        self._basic, self._bearer = basic, bearer

    @classmethod
    def of(cls, listener: MetricsListener) -> "_Allowed":
        """Read the secrets. Raises ConfigError."""
        basic = None if listener.password is None else f"{listener.user}:{_read(listener.password)}"
        bearer = None if listener.token is None else _read(listener.token)
        if bearer == "" or (basic is not None and basic.endswith(":")):
            raise ConfigError("[metrics] password, token: an empty secret is none")
        return cls(_digest(basic), _digest(bearer))

    def allows(self, header: str) -> bool:
        """Tell whether a request with this Authorization may have the metrics."""
        if self._basic is None and self._bearer is None:
            return True
        scheme, _, given = header.strip().partition(" ")
        if scheme.lower() == "bearer" and self._bearer is not None:
            return hmac.compare_digest(_digest(given.strip()) or b"", self._bearer)
        if scheme.lower() == "basic" and self._basic is not None:
            try:
                told = base64.b64decode(given.strip(), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return False
            return hmac.compare_digest(_digest(told) or b"", self._basic)
        return False


def _read(place: SecretPlace) -> str:
    return Secret(env=place.env, file=place.file).read()


def _digest(text: str | None) -> bytes | None:
    return None if text is None else hashlib.sha256(text.encode()).digest()


class _Certificate:
    """The certificate as it is now: it is renewed in its file, every few weeks."""

    def __init__(self, cert: str, key: str) -> None:
        self._files = (cert, key)
        self._seen, self._context = self._mark(), server_context(cert, key)

    def context(self) -> ssl.SSLContext:
        """Return it; one that cannot be read, for it is being written, leaves the one before in force."""
        try:
            mark = self._mark()
            if mark != self._seen:
                self._context, self._seen = server_context(*self._files), mark
        except OSError as error:
            _LOG.warning("certificate not read, the one before stays in force: %s", error)
        return self._context

    def _mark(self) -> list[tuple[int, int]]:
        return [(one.st_mtime_ns, one.st_ino) for one in (Path(name).stat() for name in self._files)]


class _Server(ThreadingMixIn, TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 16

    def __init__(
        self, address: tuple[str, int], metrics: Metrics, allowed: _Allowed, certificate: "_Certificate | None"
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.metrics, self.allowed, self.certificate = metrics, allowed, certificate
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Serve one on a thread of its own, when one is free."""
        self._free.acquire()
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be started
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Shake hands here, not where others wait."""
        try:
            if isinstance(request, socket.socket):
                request.settimeout(TIMEOUT_S)
                if self.certificate is not None:
                    request = self.certificate.context().wrap_socket(request, server_side=True)
            super().process_request_thread(request, client_address)
        except OSError as error:
            _LOG.info("metrics request failed: %s", error)
            self.shutdown_request(request)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - socketserver's signature
        """Say it at the level of what needs nobody: whoever scrapes went away."""
        _LOG.info("metrics request ended early")


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "spanline", ""
    timeout = TIMEOUT_S
    server: BaseServer
    refused: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Basic realm="spanline metrics", charset="UTF-8"'}

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        server = self.server
        assert isinstance(server, _Server)  # noqa: S101 - made by it alone
        if not server.allowed.allows(self.headers.get("Authorization", "")):
            self._send(401, b"who are you?\n", PLAIN_TYPE, self.refused, body=body)
        elif self.path.partition("?")[0] != "/metrics":
            self._send(404, b"only /metrics is here\n", PLAIN_TYPE, {}, body=body)
        elif OPENMETRICS in self.headers.get("Accept", ""):
            self._send(200, server.metrics.text(), CONTENT_TYPE, {}, body=body)
        else:
            self._send(200, server.metrics.plain(), PLAIN_TYPE, {}, body=body)

    def _send(self, code: int, text: bytes, kind: str, more: dict[str, str], *, body: bool) -> None:
        self.send_response(code)
        for name, value in {**HEADERS, **more, "Content-Type": kind, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Log no request: there is one each scrape."""
