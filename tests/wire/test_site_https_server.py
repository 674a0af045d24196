"""The hub's end: who may put what, how much and how slowly, and many at once."""

import contextlib
import socket
import ssl
import threading
import time

import pytest

from sensor.errors import Permanent, Transient
from sensor.wire.site_envelope import encode
from sensor.wire.site_https import PATH, POST_MAX
from sensor.wire.site_https_server import HEAD_MAX, OF_A_SITE
from tests.wire.certificates import Authority
from tests.wire.envelopes import envelope
from tests.wire.hub import hub


def until(what):
    """Wait until something is true."""
    for _ in range(1000):
        if what():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass")


@contextlib.contextmanager
def line(served, name="SYD"):
    """Open a connection as a site, for bytes of any kind."""
    plain = socket.create_connection(("127.0.0.1", served.server.port), 20)
    with plain, served.context(name).wrap_socket(plain, server_hostname="127.0.0.1") as secured:
        yield secured


def answer(secured):
    """Return everything that the hub says until it closes."""
    said = b""
    with contextlib.suppress(OSError):
        while piece := secured.recv(65536):
            said += piece
    return said


def test_what_a_site_sends_is_stored_before_it_is_answered(tmp_path):
    """Several requests go over one connection; the answer says what the hub has."""
    with hub(tmp_path, "SYD", "PER") as served:
        client = served.client("SYD")
        assert ("SYD", 0) == ((told := client.ask()).site, told.have)
        assert (1, 1) == ((told := client.push(encode(envelope(1)))).have, told.stored)
        assert 3 == client.push(encode(envelope(2)) + encode(envelope(3))).have
        assert (3, 0) == (client.ask().have, served.client("PER").ask().have)
        assert [1, 2, 3] == [one.sequence for one in served.store.held["SYD"]]
        assert not served.server.refused


def test_a_certificate_is_good_for_its_own_site_alone(tmp_path):
    """What it asks and sends is its site's, whatever it says; other authorities and unknown sites get nothing."""
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    with hub(tmp_path, "SYD", "PER") as served:
        served.client("PER").push(encode(envelope(1, site="PER")))
        stolen = served.client("SYD")
        assert ("SYD", 0) == ((told := stolen.ask()).site, told.have)
        stolen.push(encode(envelope(1, site="PER")))  # the store refuses it: tests/pipeline/test_receiving.py
        assert ["PER"] == [one for one, held in served.store.held.items() if len(held) and one == "PER"]
        assert [1] == [one.sequence for one in served.store.held["PER"]]
        with pytest.raises(Permanent, match="403"):
            served.client("ADL").ask()
        with pytest.raises(Transient):
            served.client("SYD", other).ask()
        until(lambda: len(served.server.refused) == 3)
        assert {"unknown_site", "status_403", "handshake_failed"} == set(served.server.refused)
        assert set() == {"ADL"} & set(served.store.asked)


def test_nobody_comes_in_without_a_certificate(tmp_path):
    """TLS without one, and no TLS at all, end before anything is read."""
    with hub(tmp_path, "SYD") as served:
        context = ssl.create_default_context(cafile=served.authority.file)
        plain = socket.create_connection(("127.0.0.1", served.server.port))
        with plain, contextlib.suppress(OSError), context.wrap_socket(plain, server_hostname="127.0.0.1") as secured:
            secured.sendall(b"GET /v1/site HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"" == answer(secured)
        with socket.create_connection(("127.0.0.1", served.server.port)) as plain:
            plain.sendall(b"GET /v1/site HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"HTTP/1.1 200" not in answer(plain)
        until(lambda: served.server.refused["handshake_failed"] == 2)
        assert [] == served.store.asked


def test_a_certificate_may_be_refused_by_its_digest(tmp_path):
    """A stolen one is no longer taken, and the site's new one is."""
    with hub(tmp_path, "SYD", refuse=["SYD"]) as served:
        with pytest.raises(Permanent, match="403"):
            served.client("SYD").ask()
        served.renew("SYD")
        assert "SYD" == served.client("SYD").ask().site
        until(lambda: served.server.refused["refused_certificate"] == 1)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"GET /v1/other HTTP/1.1\r\nHost: x\r\n\r\n", b"404"), (b"PUT /v1/site HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"POST /v1/site HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST /v1/site HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (POST_MAX + 1), b"413"),
        (b"GET /v1/site HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", b"413"),
        (b"POST /v1/site HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\nno envelopes", b"400"),
        (b"POST /v1/site HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", b"413"),
        (b"POST /v1/site HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b""),
        (b"no request at all\r\n\r\n", b""), (b"GET /v1/site HTTP/1.1\r\nX: " + b"y" * 2 * HEAD_MAX, b""),
        (b"GET /v1/site HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + bytes(65536), b""),
        (b"POST /v1/site HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nshort", b""),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_is_no_request_of_a_site_is_refused(tmp_path, sent, said):
    """By its head where that is enough; then the connection ends, and the next is answered."""
    with hub(tmp_path, "SYD", request_s=1.0, idle_s=1.0) as served:
        with line(served) as secured:
            secured.sendall(sent)
            assert said == answer(secured)[9:12]
        assert {} == served.store.held
        assert served.client("SYD").ask().have == 0


def test_whoever_is_slow_is_cut_off_and_holds_up_nobody(tmp_path):
    """A head that drips, a body that stops, a connection that says nothing."""
    with hub(tmp_path, "SYD", "PER", request_s=2.0, idle_s=2.0) as served:
        with line(served) as one, line(served) as two, line(served) as three:
            one.sendall(b"POST /v1/site HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow")
            two.sendall(b"GET /v1/s")
            assert served.client("PER").push(encode(envelope(1, site="PER"))).have == 1
            assert [b""] * 3 == [answer(each) for each in (one, two, three)]
        until(lambda: served.server.refused["too_slow"] >= 3)
        assert {"PER"} == set(served.store.held)


def test_the_store_may_say_later(tmp_path):
    """Full is an answer, trouble is a 503; the site keeps what it has either way."""
    with hub(tmp_path, "SYD") as served:
        client = served.client("SYD")
        served.store.full = True
        assert client.push(encode(envelope(1))).is_full
        served.store.full, served.store.error = False, OSError("no space left")
        for call in (client.ask, lambda: client.push(encode(envelope(1)))):
            with pytest.raises(Transient, match="503"):
                call()
        served.store.error = None
        assert 1 == client.push(encode(envelope(1))).have


def test_connections_are_bounded(tmp_path):
    """Of one site the oldest goes; of all, whoever comes last."""
    with hub(tmp_path, "SYD", "PER", connections_max=OF_A_SITE + 2) as served:
        with contextlib.ExitStack() as held:
            lines = [held.enter_context(line(served)) for _ in range(OF_A_SITE + 1)]
            assert b"" == answer(lines[0])
            until(lambda: len(served.server._open) == OF_A_SITE)
            held.enter_context(line(served, "PER"))
            held.enter_context(line(served, "PER"))
            with socket.create_connection(("127.0.0.1", served.server.port)) as more:
                assert b"" == answer(more)
        until(lambda: served.server.refused["too_many_connections"] == 1)
        until(lambda: not served.server._open)
        assert served.client("SYD").ask().have == 0


def test_twenty_sites_at_once(tmp_path):
    """Each is answered with its own, in its own order."""
    names = [f"S{number}" for number in range(20)]
    with hub(tmp_path, *names) as served:
        clients = [served.client(name) for name in names]

        def push(name, client):
            for sequence in range(1, 6):
                assert sequence == client.push(encode(envelope(sequence, site=name))).have

        threads = [threading.Thread(target=push, args=pair) for pair in zip(names, clients, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {name: [1, 2, 3, 4, 5] for name in names} == {
            name: [one.sequence for one in held] for name, held in served.store.held.items()
        }


def test_a_sender_may_ask_whether_to_go_on(tmp_path):
    """Expect: 100-continue (RFC 9110 §10.1.1), as curl does with a large body."""
    body = encode(envelope(1))
    with hub(tmp_path, "SYD") as served, line(served) as secured:
        secured.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n".encode())
        secured.sendall(b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body))
        assert b"HTTP/1.1 100" == secured.recv(1000)[:12]
        secured.sendall(body)
        assert b"HTTP/1.1 200" == answer(secured)[:12]
