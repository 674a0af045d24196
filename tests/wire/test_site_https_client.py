"""The site's end: what the hub says, what is tried again, and a hub that is not the one."""

import http.server
import socket
import threading

import pytest

from sensor.errors import Permanent, Transient
from sensor.wire.site_envelope import encode
from sensor.wire.site_https import client_context
from sensor.wire.site_https_client import HubClient, problem
from tests.wire.certificates import Authority
from tests.wire.envelopes import envelope
from tests.wire.hub import hub


@pytest.mark.parametrize("url", ["https://hub.example:8478", "https://hub.example/", "https://[::1]:8478"])
def test_an_address_of_a_hub(url):
    """Host and port, over HTTPS."""
    assert None is problem(url)


@pytest.mark.parametrize(
    "url",
    ["", "http://hub.example", "https://", "hub.example:8478", "https://a:b@hub", "https://hub/path", "https://h:x"],
)
def test_what_is_no_address_of_a_hub(url):
    """Never in the clear, no path, no password."""
    assert "expected" in problem(url)


def test_a_connection_that_the_hub_ended_is_opened_again(tmp_path):
    """It is silent for longer than the hub waits; what is sent then is stored once."""
    with hub(tmp_path, "SYD", idle_s=0.05) as served:
        client = served.client("SYD")
        for sequence in (1, 2):
            assert sequence == client.push(encode(envelope(sequence))).have
            for _ in range(200):
                if not served.server._open:
                    break
                threading.Event().wait(0.02)
        assert [1, 2] == [one.sequence for one in served.store.held["SYD"]]


def test_a_hub_that_is_another_is_sent_nothing(tmp_path):
    """Its certificate is of another authority, or for another name."""
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    with hub(tmp_path, "SYD") as served:
        wrong = HubClient(served.url, lambda: client_context(other.file, *served.renew("SYD")))
        with pytest.raises(Transient, match="certificate is not taken"):
            wrong.ask()
        named = HubClient(served.url.replace("127.0.0.1", "localhost"), lambda: served.context("SYD"))
        with pytest.raises(Transient, match="certificate is not taken"):
            named.ask()
        assert [] == served.store.asked


def test_a_hub_that_is_away_is_tried_later(tmp_path):
    """Nobody listens, or somebody who says nothing that a hub says."""
    authority = Authority(tmp_path)
    context = client_context(authority.file, *authority.issue("SYD"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Transient, match=r"127\.0\.0\.1"):
        HubClient(f"https://127.0.0.1:{port}", lambda: context).ask()
    with pytest.raises(Transient):
        HubClient("https://127.0.0.1:9", lambda: client_context("/no/such/file", "/no", "/no")).ask()


def test_a_refusal_is_for_somebody_to_mend(tmp_path):
    """A site that the hub does not know, and an envelope that is none."""
    with hub(tmp_path, "SYD") as served:
        with pytest.raises(Permanent, match="403"):
            served.client("PER").push(encode(envelope(1, site="PER")))
        with pytest.raises(Permanent, match="400"):
            served.client("SYD").push(b"no envelope")
        assert 1 == served.client("SYD").push(encode(envelope(1))).have


def test_a_proxy_is_asked_for_a_tunnel(tmp_path):
    """CONNECT to the hub, and TLS through it, with the hub's name."""
    asked = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self):
            asked.append(self.path)
            host, port = self.path.split(":")
            there = socket.create_connection((host, int(port)))
            self.send_response(200)
            self.end_headers()
            threading.Thread(target=pass_on, args=(there, self.connection), daemon=True).start()
            pass_on(self.connection, there)
            there.close()

        def log_message(self, *_):
            pass

    def pass_on(a, b):
        try:
            while piece := a.recv(65536):
                b.sendall(piece)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            return

    with hub(tmp_path, "SYD") as served, http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{proxy.server_port}"
        client = HubClient(served.url, lambda: served.context("SYD"), url)
        assert "SYD" == client.ask().site
        client.close()
        assert [served.url.partition("//")[2]] == asked
        proxy.shutdown()


def test_the_hub_hears_what_time_it_is_at_the_site(tmp_path):
    """When each request was sent, and when the answer before was heard: bounds of the site's clock on both sides."""
    with hub(tmp_path, "SYD") as served:
        client = served.client("SYD")
        client.ask()
        client.ask()
        (_, sent, *none), (_, again, given, heard) = served.store.times
        assert [0, 0] == none
        assert sent <= given <= heard <= again
