"""Syslog as it is sent: RFC 5424 over UDP (RFC 5426), TCP (RFC 6587, octets counted or lines) or TLS (RFC 5425).

Syslog has no answer. Over TCP and TLS a message counts as delivered when the other machine's TCP has acknowledged its
bytes, and a connection that the other side has closed is opened anew first; what that machine had received and not
yet written when it died is lost. Over UDP it counts when it was sent. TLS verifies the certificate and the name.
"""

import contextlib
import fcntl
import socket
import ssl
import struct
import termios
import time
from typing import Literal

from sensor.errors import Transient
from sensor.model.sink import Options
from sensor.model.times import rfc3339

CONNECT_S, SEND_S = 5.0, 10.0
UDP_MAX = 8192
"""Longest message by UDP, bytes: what rsyslog takes by default (maxMessageSize); RFC 5426 §3.2 asks for 2,048."""
_POLL_S = 0.005
_HOST_MAX = 255


class SyslogSettings(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of every sink over syslog."""

    address: str = ""
    """host:port; by custom 514, and 6514 for TLS."""
    transport: Literal["tls", "tcp", "udp"] = "tls"
    """TCP and UDP go in the clear: to another machine only with `plain`."""
    framing: Literal["octets", "lines"] = "octets"
    """Of TCP; TLS always counts octets."""
    facility: int = 16
    """local0."""
    ca_file: str | None = None
    """Certificates that vouch for the receiver, PEM, in place of the system's."""
    cert: str | None = None
    """Our certificate, PEM, where the receiver asks for one."""
    key: str | None = None
    """Its key."""
    plain: bool = False
    """Send without TLS to another machine: who can listen on the way reads incidents."""


def endpoint(address: str) -> tuple[str, int]:
    """Split host:port. Raises ValueError."""
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port[:6]) < 65536:
        raise ValueError(f"{address!r}: expected host:port, as siem.example:6514")
    return host.strip("[]"), int(port)


def problem(settings: SyslogSettings) -> str | None:
    """Say what will not do about them, None where nothing."""
    try:
        host, _ = endpoint(settings.address)
    except ValueError as error:
        return f"address: {error}"
    if settings.transport != "tls" and not settings.plain and not _is_loopback(host):
        return f"transport = {settings.transport!r} to another machine is readable on the way: plain = true allows it"
    if bool(settings.cert) != bool(settings.key):
        return "needs cert and key together"
    return None if 0 <= settings.facility <= 23 else "facility: expected 0 to 23 (RFC 5424 §6.2.1)"


def header(facility: int, severity: int, now_ns: int, kind: str) -> str:
    """Return what stands before a message (RFC 5424 §6): no structured data, no mark of UTF-8 (CEF parsers balk)."""
    host = "".join(one for one in socket.gethostname() if "!" <= one <= "~")[:_HOST_MAX] or "-"
    return f"<{facility * 8 + severity}>1 {rfc3339(now_ns)} {host} spanline - {kind} - "


class Line:
    """A connection to one receiver, opened when first needed."""

    def __init__(self, settings: SyslogSettings) -> None:
        """Prepare. Raises OSError (of which ssl.SSLError is one) where a certificate cannot be read."""
        self._settings = settings
        self._to = endpoint(settings.address)
        self._tls: ssl.SSLContext | None = None
        if settings.transport == "tls":
            self._tls = ssl.create_default_context(cafile=settings.ca_file)
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
            if settings.cert is not None:
                self._tls.load_cert_chain(settings.cert, settings.key)
        self._socket: socket.socket | None = None

    def send(self, message: str) -> None:
        """Send one message; the other machine has it when this returns, but by UDP. Raises OSError."""
        text = message.encode()
        if self._settings.transport == "udp":
            self._opened().send(text[:UDP_MAX].decode(errors="ignore").encode())
            return
        counted = self._tls is not None or self._settings.framing == "octets"
        framed = f"{len(text)} ".encode() + text if counted else text + b"\n"
        try:
            if self._socket is not None and _is_closed(self._socket):
                self.close()
            line = self._opened()
            line.sendall(framed)
            _wait_acknowledged(line)
        except OSError:
            self.close()
            raise

    def open(self) -> None:
        """Connect, where that is not done. Raises OSError."""
        self._opened()

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _opened(self) -> socket.socket:
        if self._socket is None:
            with contextlib.ExitStack() as failed:
                if self._settings.transport == "udp":
                    family, kind, protocol, _, to = socket.getaddrinfo(*self._to, type=socket.SOCK_DGRAM)[0]
                    made = failed.enter_context(socket.socket(family, kind, protocol))
                    made.connect(to)
                else:
                    made = failed.enter_context(socket.create_connection(self._to, CONNECT_S))
                    made.settimeout(SEND_S)
                    if self._tls is not None:
                        made = failed.enter_context(self._tls.wrap_socket(made, server_hostname=self._to[0]))
                failed.pop_all()
            self._socket = made
        return self._socket


def _is_closed(line: socket.socket) -> bool:
    """Tell whether the other side has ended the connection: a receiver of syslog never sends a byte."""
    try:
        line.setblocking(False)
        return line.recv(1) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    finally:
        line.settimeout(SEND_S)


def _wait_acknowledged(line: socket.socket) -> None:
    """Wait until nothing that was sent is unacknowledged (tcp(7), SIOCOUTQ). Raises Transient."""
    until_s = time.monotonic() + SEND_S
    while struct.unpack("i", fcntl.ioctl(line.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]:
        if time.monotonic() > until_s:
            raise Transient("the receiver does not acknowledge")
        time.sleep(_POLL_S)


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")
