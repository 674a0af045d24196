"""A hub's end beside its core: what sites send is stored, as theirs, and seen in the metrics."""

import os
import resource
from pathlib import Path

import pytest

import sensor
from sensor.config import build
from sensor.errors import ConfigError, Malformed
from sensor.metrics import Metrics
from sensor.pipeline import receiving
from sensor.pipeline.receiving import Receiving, Stored
from sensor.store.inbox import Inbox
from sensor.wire.site_envelope import encode
from sensor.wire.site_https import client_context
from sensor.wire.site_https_client import HubClient
from tests.wire.certificates import Authority
from tests.wire.envelopes import envelope


class Ends:
    """A hub's configuration, and clients of sites."""

    def __init__(self, folder):
        self.authority, self.metrics = Authority(folder), Metrics(sensor.__version__)
        self.cert, self.key = self.authority.issue("hub")
        self.folder, self.clients = folder / "state", []

    def config(self, *sites, **options):
        """Return the configuration of a hub of sites."""
        table = {"type": "site", "listen": "127.0.0.1:0", "cert": self.cert, "key": self.key, "ca": self.authority.file}
        return build({"site": "HUB", "sites": {one: {} for one in sites}, "sources": {"sites": {**table, **options}}})

    def client(self, receiving, name):
        """Return a site's client."""
        pair = self.authority.issue(name)
        url = receiving.said.removeprefix("sites on ")
        self.clients.append(HubClient(url, lambda: client_context(self.authority.file, *pair)))
        return self.clients[-1]

    def shown(self, name, **labels):
        """Return a metric's value."""
        return self.metrics.registry.get_sample_value(f"spanline_{name}", labels)


@pytest.fixture
def ends(tmp_path):
    """Make them, and close every client."""
    made = Ends(tmp_path)
    yield made
    for client in made.clients:
        client.close()


def test_what_sites_send_is_in_the_inbox_when_they_are_answered(ends):
    """Each as its own; what was stored is known after a restart."""
    hub = Receiving(ends.config("SYD", "PER"), ends.folder, ends.metrics)
    syd = ends.client(hub, "SYD")
    assert 2 == syd.push(encode(envelope(1)) + encode(envelope(2))).have
    assert (1, 1) == ((told := syd.push(encode(envelope(2)) + encode(envelope(3)))).stored, told.duplicates)
    assert 1 == syd.push(encode(envelope(9))).ahead
    ends.client(hub, "PER").push(encode(envelope(1, site="PER")))
    hub.wake()
    assert 0 < ends.shown("table_saturation_ratio", table="inbox") < 1
    hub.close(1.0)

    hub = Receiving(ends.config("SYD"), ends.folder, ends.metrics)
    assert (7, 3) == ((told := ends.client(hub, "SYD").ask()).epoch, told.have)
    hub.close(1.0)
    inbox = Inbox(ends.folder)
    assert {"SYD": 3, "PER": 1} == {site: link.waiting for site, link in inbox.links().items()}
    inbox.close()


def test_an_envelope_of_another_site_is_refused_with_all_that_came_with_it(tmp_path):
    """A stolen certificate of A stores nothing as B, and is told nothing of B."""
    inbox = Inbox(tmp_path)
    stored = Stored(inbox, frozenset({"A", "B"}))
    stored.take("B", [encode(envelope(1, site="B"))])
    with pytest.raises(Malformed, match="another site than A"):
        stored.take("A", [encode(envelope(1, site="A")), encode(envelope(2, site="B"))])
    damaged = bytearray(encode(envelope(1, site="A")))
    damaged[-1] ^= 1
    with pytest.raises(Malformed, match="damaged"):
        stored.take("A", [bytes(damaged)])
    assert (0, 1) == (stored.ask("A").have, stored.ask("B").have)
    assert {"B": 1} == {site: link.waiting for site, link in inbox.links().items()}
    assert (True, False) == (stored.knows("A"), stored.knows("C"))


def test_a_site_whose_clock_is_off_is_seen_to_be(tmp_path):
    """By at least and at most how much; what was known stays where a request says nothing."""
    inbox = Inbox(tmp_path)
    stored = Stored(inbox, frozenset({"A"}))
    stored.take("A", [encode(envelope(1, site="A"))])
    assert inbox.links()["A"].skew_ns is None
    ahead = 3600 * 10**9
    now = stored._clock.now_ns()
    stored.timed("A", now + ahead - 2 * 10**8, 0, 0)
    stored.timed("A", now + ahead - 10**8, now, now + ahead + 10**8)
    stored.take("A", [encode(envelope(2, site="A"))])
    Stored(inbox, frozenset({"A"})).take("A", [encode(envelope(3, site="A"))])
    link = inbox.links()["A"]
    assert abs(link.skew_ns - ahead) <= link.skew_error_ns + 10**9
    assert 0 < link.skew_error_ns < 10 * 10**9
    inbox.close()


def test_a_reload_adds_and_removes_sites_without_a_restart(ends):
    """The server stays as it is; a table that is wrong leaves it; without a table nothing listens."""
    hub = Receiving(ends.config("SYD"), ends.folder, ends.metrics)
    adl = ends.client(hub, "ADL")
    with pytest.raises(RuntimeError, match="403"):
        adl.ask()
    hub.wake()
    assert ends.shown("site_refused_total", reason="unknown_site") == 1
    held = hub._open
    hub.reload(ends.config("SYD", "ADL"))
    assert held is hub._open
    assert "ADL" == adl.ask().site
    with pytest.raises(ConfigError, match=r"sources.sites"):
        hub.reload(ends.config("SYD", cert="/no/such/file"))
    assert "ADL" == ends.client(hub, "ADL").ask().site
    hub.reload(build({}))
    assert hub._open is None
    hub.close(1.0)
    assert not hasattr(Receiving(build({}), ends.folder, ends.metrics), "said")


def test_a_certificate_that_was_renewed_is_taken_without_a_restart(ends, monkeypatch):
    """And one that is being written leaves the one before."""
    monkeypatch.setattr(receiving, "LOOK_S", 0.0)
    hub = Receiving(ends.config("SYD"), ends.folder, ends.metrics)
    before = ends.client(hub, "SYD")
    before.ask()
    Path(ends.cert).write_text("half of a certificate")
    os.utime(ends.cert, (1, 1))
    hub.wake()
    assert "SYD" == ends.client(hub, "SYD").ask().site
    ends.authority.issue("hub")
    os.utime(ends.cert, (2, 2))
    hub.wake()
    fresh = ends.client(hub, "SYD")
    fresh.ask()
    shown = [one._connection.sock.getpeercert()["serialNumber"] for one in (before, fresh)]
    assert shown[0] != shown[1]
    hub.close(1.0)


def test_an_address_that_is_taken_is_an_error_of_the_configuration(ends):
    """It names the table; the inbox is closed again."""
    hub = Receiving(ends.config("SYD"), ends.folder, ends.metrics)
    taken = hub.said.rpartition(":")[2]
    with pytest.raises(ConfigError, match=r"\[sources.sites\] listen"):
        Receiving(ends.config("SYD", listen=f"127.0.0.1:{taken}"), ends.folder / "b", ends.metrics)
    hub.close(1.0)


def test_a_thousand_sites_may_be_connected():
    """The process may have as many files open as that takes, and never fewer than before."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    receiving.allow_files(1)
    assert before == resource.getrlimit(resource.RLIMIT_NOFILE)
    receiving.allow_files(min(before[0] + 1, before[1]))
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(before[0] + 1, before[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
