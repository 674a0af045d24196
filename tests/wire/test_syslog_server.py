"""Tests for sensor/wire/syslog_server.py: what senders on loopback send comes out, whatever they do."""

import contextlib
import socket
import ssl
import time

import pytest

from sensor.wire.syslog_frames import MESSAGE_BYTES
from sensor.wire.syslog_server import OVERHEAD_BYTES, SyslogServer, server_context
from tests.wire.certificates import Authority


@contextlib.contextmanager
def serving(protocol, context=None, **limits):
    """A server at any port of loopback."""
    server = SyslogServer("127.0.0.1", 0, protocol, context, **limits)
    try:
        yield server
    finally:
        server.close()


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def taken(server, count):
    """Take until so many messages came."""
    messages = []
    for _ in range(1000):
        messages += server.take(1000)
        if len(messages) >= count:
            break
        time.sleep(0.01)
    return messages


def refusals(server, count):
    """Take refusals until there are so many."""
    total = {}
    for _ in range(1000):
        for reason, number in server.refused().items():
            total[reason] = total.get(reason, 0) + number
        if sum(total.values()) >= count:
            break
        time.sleep(0.01)
    return total


def is_closed(client):
    """Wait for the other side to close."""
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def test_a_datagram_is_a_message():
    """Line ends within stay; an empty one is none; so many are taken as were asked for."""
    with serving("udp") as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for message in (b"<34>a\nb\n", b"", b"<34>c", b"x" * 60_000):
            client.sendto(message, ("127.0.0.1", server.port))
        assert [b"<34>a\nb", b"<34>c", b"x" * 60_000] == taken(server, 3)
        client.sendto(b"1", ("127.0.0.1", server.port))
        client.sendto(b"2", ("127.0.0.1", server.port))
        assert [b"1", b"2"] == [*taken_one(server), *taken_one(server)]
        assert {} == server.refused()


def taken_one(server):
    for _ in range(1000):
        one = server.take(1)
        if one:
            return one
        time.sleep(0.01)
    return []


def test_each_connection_has_its_own_framing():
    """Octet counting and lines at the same time."""
    with serving("tcp") as server, connect(server) as counted, connect(server) as lines:
        counted.sendall(b"7 <34>a\nb7 <3")
        lines.sendall(b"<34>c\n<34>d\n")
        counted.sendall(b"4>e\nf")
        assert [b"<34>a\nb", b"<34>c", b"<34>d", b"<34>e\nf"] == sorted(taken(server, 4))


def test_a_last_line_without_its_end_counts_where_the_sender_ended_it():
    """And a counted message that lacks its end is cut short."""
    with serving("tcp") as server:
        for text in (b"<34>a", b"9 <34>b"):
            with connect(server) as client:
                client.sendall(text)
        assert [b"<34>a"] == taken(server, 1)
        assert {"cut_short": 1} == refusals(server, 1)


def test_a_message_too_long_and_a_frame_that_is_none_are_counted():
    """The first is passed over, the second ends the connection."""
    with serving("tcp") as server, connect(server) as client, connect(server) as bad:
        client.sendall(b"<34>" + b"x" * (MESSAGE_BYTES * 4) + b"\n<34>b\n")
        assert [b"<34>b"] == taken(server, 1)
        bad.sendall(b"5 <34>cjunk")
        assert [b"<34>c"] == taken(server, 1)
        assert is_closed(bad)
        assert {"record_too_long": 1, "bad_frame": 1} == refusals(server, 2)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_what_is_beyond_the_queue_is_counted(protocol):
    """The oldest stay."""
    with serving(protocol, held_bytes=2 * (OVERHEAD_BYTES + 1)) as server:
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as client:
            client.connect(("127.0.0.1", server.port))
            for letter in (b"a\n", b"b\n", b"c\n", b"d\n"):
                client.send(letter)
            assert {"queue_full": 2} == refusals(server, 2)
        assert [b"a", b"b"] == taken(server, 2)


def test_connections_are_bounded_and_free_their_place():
    """One too many is turned away; when one ends another may come."""
    with serving("tcp", connections_max=1) as server:
        with connect(server) as first:
            first.sendall(b"a\n")
            assert [b"a"] == taken(server, 1)
            with connect(server) as second:
                assert is_closed(second)
            assert {"too_many_connections": 1} == refusals(server, 1)
        for _ in range(1000):
            with connect(server) as third, contextlib.suppress(ConnectionError):
                third.sendall(b"b\n")
            if server.take(1) == [b"b"]:
                break
            time.sleep(0.01)
        else:
            raise AssertionError("no place became free")


def test_a_silent_connection_is_closed():
    """What it had begun is cut short."""
    with serving("tcp", idle_s=0.1) as server, connect(server) as client:
        client.sendall(b"<34>a\n<34>b")
        assert is_closed(client)
        assert [b"<34>a"] == taken(server, 1)
        assert {"cut_short": 1} == refusals(server, 1)


def test_tls_carries_messages_and_refuses_what_is_no_handshake(tmp_path):
    """The certificate is ours; plain text is counted, and an unfinished handshake holds a place of those there are."""
    authority = Authority(tmp_path)
    trust = ssl.create_default_context(cafile=authority.file)
    with serving("tls", server_context(*authority.issue("server"))) as server:
        with connect(server) as plain:
            plain.sendall(b"<34>plain text\n" * 10)
            assert is_closed(plain)
        assert {"handshake_failed": 1} == refusals(server, 1)
        with connect(server) as raw, trust.wrap_socket(raw, server_hostname="127.0.0.1") as client:
            client.sendall(b"7 <34>a\nb")
            assert [b"<34>a\nb"] == taken(server, 1)


def test_tls_may_ask_for_a_certificate_of_an_authority(tmp_path):
    """A sender with one is heard, one with none or another's is not."""
    ours, theirs = Authority(tmp_path), Authority(tmp_path, "other")
    context = server_context(*ours.issue("server"), ours.file)
    with serving("tls", context) as server:
        for shown in (None, theirs.issue("stranger"), ours.issue("sender")):
            trust = ssl.create_default_context(cafile=ours.file)
            if shown is not None:
                trust.load_cert_chain(*shown)
            with (
                contextlib.suppress(OSError),
                connect(server) as raw,
                trust.wrap_socket(raw, server_hostname="127.0.0.1") as client,
            ):
                client.sendall(b"<34>from %s\n" % (shown[0].encode() if shown else b"nobody"))
                client.recv(1 if shown is None or "sender" not in shown[0] else 0)
        assert [b"<34>from " + str(tmp_path / "sender.pem").encode()] == taken(server, 1)
        assert {"handshake_failed": 2} == refusals(server, 2)


def test_files_that_are_no_certificate_are_an_error(tmp_path):
    """Nor is a key with a password asked for at the terminal."""
    authority = Authority(tmp_path)
    for cert, key in ((tmp_path / "none.pem", tmp_path / "none.key"), authority.issue("locked", b"secret")):
        with pytest.raises(OSError, match=r"."):
            server_context(str(cert), str(key))


def test_closing_ends_connections_and_frees_the_port():
    """Also while a message is half sent; a port in use is an error."""
    server = SyslogServer("127.0.0.1", 0, "tcp")
    with connect(server) as client:
        client.sendall(b"9 <34>")
        with pytest.raises(OSError, match="in use"):
            SyslogServer("127.0.0.1", server.port, "tcp")
        server.close()
        assert is_closed(client)
    server.close()
    again = SyslogServer("127.0.0.1", server.port, "tcp")
    again.close()
