"""Syslog as it is sent: framed as each transport wants it, and known to have arrived where that can be known."""

import socket
import ssl
import threading

import pytest

from sensor.wire import deliver_syslog
from sensor.wire.deliver_syslog import Line, SyslogSettings, header, problem
from tests.sinks.samples import NOW_NS
from tests.wire.certificates import Authority


class Collector:
    """A receiver on loopback: what came over each connection, as bytes."""

    def __init__(self, tls=None):
        self.came, self._server, self._tls = [], socket.create_server(("127.0.0.1", 0)), tls
        self.lines = []
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            self.lines.append(line)
            try:
                line = self._tls.wrap_socket(line, server_side=True) if self._tls else line
            except ssl.SSLError:
                continue
            self.came.append(bytearray())
            self.lines.append(line)
            threading.Thread(target=self._read, args=(line, self.came[-1]), daemon=True).start()

    def _read(self, line, into):
        try:
            while text := line.recv(65536):
                into += text
        except OSError:
            return

    def hang_up(self):
        """End every connection."""
        for line in self.lines:
            line.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._server.close()
        for line in self.lines:
            line.close()


@pytest.fixture
def collector():
    """A receiver without TLS."""
    one = Collector()
    yield one
    one.close()


def until(true):
    waits = threading.Event()
    for _ in range(500):
        if true():
            return
        waits.wait(0.01)
    raise AssertionError("waited in vain")


@pytest.mark.parametrize(("framing", "came"), [("octets", b"6 a \xc3\xa9 b3 abc"), ("lines", b"a \xc3\xa9 b\nabc\n")])
def test_tcp_counts_octets_or_ends_lines(collector, framing, came):
    """Of the text as UTF-8 (RFC 6587 §3.4)."""
    line = Line(SyslogSettings(address=collector.address, transport="tcp", framing=framing))
    line.send("a é b")
    line.send("abc")
    until(lambda: collector.came and len(collector.came[0]) == len(came))
    line.close()

    assert [came] == [bytes(one) for one in collector.came]


def test_a_connection_that_was_ended_is_opened_anew(collector):
    """Nothing is written into one that nobody reads."""
    line = Line(SyslogSettings(address=collector.address, transport="tcp"))
    line.send("first")
    until(lambda: collector.came and collector.came[0])
    collector.hang_up()
    line.send("second")
    until(lambda: len(collector.came) == 2 and collector.came[1])
    line.close()

    assert [b"5 first", b"6 second"] == [bytes(one) for one in collector.came]


def test_a_receiver_that_is_away_is_told(collector):
    """At once, and the next attempt connects again."""
    collector.close()
    line = Line(SyslogSettings(address="127.0.0.1:1", transport="tcp"))
    with pytest.raises(OSError, match="refused"):
        line.send("x")


def test_a_receiver_that_reads_nothing_is_told(monkeypatch):
    """What its TCP does not acknowledge is not delivered."""
    monkeypatch.setattr(deliver_syslog, "SEND_S", 0.3)
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    line = Line(SyslogSettings(address=f"127.0.0.1:{server.getsockname()[1]}", transport="tcp"))
    with pytest.raises(OSError, match=r"acknowledge|timed out"):
        line.send("x" * 6_000_000)
    line.close()
    server.close()


def test_tls_verifies_who_answers_and_shows_who_asks(tmp_path):
    """By the authority that is named; another's certificate is refused. Both sides may have one."""
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("siem"))
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    collector = Collector(context)
    cert, key = authority.issue("sensor")
    line = Line(SyslogSettings(address=collector.address, ca_file=authority.file, cert=cert, key=key))
    line.send("hello")
    until(lambda: collector.came and collector.came[0])
    line.close()
    with pytest.raises(ssl.SSLError):
        Line(SyslogSettings(address=collector.address, ca_file=stranger.file)).send("x")
    collector.close()

    assert b"5 hello" == bytes(collector.came[0])


def test_a_datagram_is_a_message_and_cut_where_it_is_too_long():
    """At a whole character."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        line = Line(SyslogSettings(address=f"127.0.0.1:{server.getsockname()[1]}", transport="udp"))
        line.send("a" * (deliver_syslog.UDP_MAX - 1) + "é")
        line.send("short")
        assert [deliver_syslog.UDP_MAX - 1, 5] == [len(server.recv(65536)) for _ in range(2)]
        line.close()


def test_the_header_is_of_the_standard():
    """Priority, version, time, host, program, kind; no structured data (RFC 5424 §6)."""
    before, at, host, *rest = header(16, 2, NOW_NS, "incident").split(" ")

    assert ("<130>1", "2024-03-01T12:00:00.000000Z") == (before, at)
    assert host
    assert ["spanline", "-", "incident", "-", ""] == rest


def test_options_that_will_not_do_are_named():
    """No port, in the clear to another machine, half a certificate, no such facility."""
    good = {"address": "siem.example:6514"}
    assert problem(SyslogSettings(**good)) is None
    assert problem(SyslogSettings(address="127.0.0.1:514", transport="udp")) is None
    assert problem(SyslogSettings(**good, transport="tcp", plain=True)) is None
    for wrong, told in (
        ({"address": "siem"}, "host:port"), ({"address": "siem:0"}, "host:port"), ({"cert": "x"}, "cert and key"),
        ({"transport": "udp"}, "plain = true"), ({"facility": 24}, "facility"),
    ):  # fmt: skip
        assert told in problem(SyslogSettings(**good | wrong))
