"""A sensor's spool and a hub's inbox, as they are configured, over real servers."""

import datetime as dt

import pytest

import sensor
from sensor.config import build
from sensor.errors import ConfigError, Transient
from sensor.metrics import Metrics
from sensor.pipeline.fleet_doctor import looked
from sensor.pipeline.receiving import Receiving
from sensor.pipeline.site_nats_ends import Taker
from sensor.pipeline.uplink import Uplink, probe
from sensor.sources.site import Settings
from sensor.store.inbox import Inbox
from sensor.wire.site_envelope import encode
from tests.fleet.ends import wait
from tests.fleet.servers import PASSWORD, fleet
from tests.pipeline.fleet_ends import fleet as states
from tests.wire.envelopes import envelope


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A hub and two sites."""
    with fleet(tmp_path_factory.mktemp("nats"), ["SYD", "PER"]) as made:
        yield made


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setenv("NATS_PASSWORD_TEST", PASSWORD)
    monkeypatch.setattr("sensor.wire.site_nats_in.SPEAK_S", 0.2)


def site_of(servers, name, **options):
    """Return the configuration of a site."""
    table = {"type": "site", "nats": servers.leaves[name].url, "password": {"env": "NATS_PASSWORD_TEST"}, **options}
    return build({"site": name, "sinks": {"hub": table}})


def hub_of(servers, *sites, **options):
    """Return the configuration of a hub."""
    table = {"type": "site", "nats": servers.hub.url, "password": {"env": "NATS_PASSWORD_TEST"}, **options}
    return build({"site": "HUB", "sites": {one: {} for one in sites}, "sources": {"sites": table}})


@pytest.mark.needs_tool("nats-server")
def test_what_sites_commit_reaches_the_hubs_inbox(tmp_path, servers) -> None:
    """Each site's spool, in order, acknowledged to the spool; a site that a reload adds is heard from then on."""
    metrics = Metrics(sensor.__version__)
    with states(tmp_path, "SYD", "PER") as (hub, *sites):
        receiving = Receiving(hub_of(servers, "SYD"), tmp_path / "inbox", metrics)
        assert f"sites on {servers.hub.url}" == receiving.said
        uplinks = [Uplink(site_of(servers, one.name), one.folder, metrics) for one in sites]
        for one in sites:
            one.tell("a", "b", "c")
        inbox = Inbox(tmp_path / "inbox")
        wait(lambda: inbox.have("SYD").sequence == 3)
        assert (0, 0) == (inbox.have("PER").sequence, hub.inbox.have("SYD").sequence)
        receiving.reload(hub_of(servers, "SYD", "PER"))
        wait(lambda: inbox.have("PER").sequence == 3)
        assert ["SYD", "PER"] == [
            site.name for site in sites if inbox.waiting(site.name, 0, 9)[0].head.site == site.name
        ]
        assert "has 3 envelopes of site PER" in probe(site_of(servers, "PER"))
        for one in uplinks:
            one.close(5.0)
        receiving.close(1.0)
        inbox.close()


@pytest.mark.needs_tool("nats-server")
def test_a_hub_looks_for_its_server(servers) -> None:
    """As doctor does: it answers, wants another password, is not there."""
    table = {"type": "site", "nats": servers.hub.url, "password": {"env": "NATS_PASSWORD_TEST"}}
    assert [(True, f"{servers.hub.url} answers")] == looks(table)
    ((is_ok, why),) = looks({"type": "site", "nats": servers.hub.url})
    assert (False, True) == (is_ok, "not reached" in why)
    ((is_ok, why),) = looks({**table, "nats": "nats://127.0.0.1:1"})
    assert (False, True) == (is_ok, "not reached" in why)


def looks(table):
    """Return what doctor says of a hub's source."""
    found = looked(
        build({"site": "HUB", "sites": {"SYD": {}}, "sources": {"sites": table}}),
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )
    return [(one.ok, one.why) for one in found]


@pytest.mark.needs_tool("nats-server")
def test_a_hub_that_is_not_heard_is_said(servers, monkeypatch) -> None:
    """The leaf node answers, the hub's program does not run."""
    monkeypatch.setattr("sensor.wire.site_nats.ASK_S", 0.3)
    with pytest.raises(Transient, match="nothing was heard"):
        probe(site_of(servers, "SYD"))


def test_what_is_stored_is_told_of_each(tmp_path) -> None:
    """Damaged ones, others' and those ahead are not, the rest is; each reason is counted."""
    inbox = Inbox(tmp_path)
    taker = Taker(Settings(nats="nats://127.0.0.1:1"), inbox, frozenset())
    contents = [encode(envelope(1)), b"none", encode(envelope(1, site="PER")), encode(envelope(2)), encode(envelope(4))]
    assert [True, False, False, True, False] == taker.take("SYD", contents)
    assert {"malformed": 1, "unknown_site": 1} == dict(taker.refused)
    assert [True, True, True] == taker.take("SYD", [encode(envelope(n)) for n in (2, 3, 4)])
    assert (4, 0) == (taker.have("SYD").sequence, taker.have("PER").sequence)
    taker.close()
    inbox.close()


def test_a_full_inbox_stores_what_fits(tmp_path) -> None:
    """The rest comes again."""
    inbox = Inbox(tmp_path, limit_bytes=8 * (len(envelope(1).body) + 1))
    taker = Taker(Settings(nats="nats://127.0.0.1:1"), inbox, frozenset())
    assert [True, False] == taker.take("SYD", [encode(envelope(n)) for n in (1, 2)])
    assert 1 == taker.refused["not_now"]
    taker.close()
    inbox.close()


def test_a_name_that_means_something_in_a_subject_cannot_be_told_apart(tmp_path) -> None:
    """At the site and at the hub, before anything starts."""
    with pytest.raises(ConfigError, match="letters, digits"):
        Taker(Settings(nats="nats://127.0.0.1:1"), Inbox(tmp_path), frozenset({"SYD.PER"}))
    table = {"type": "site", "nats": "nats://127.0.0.1:1"}
    with pytest.raises(ConfigError, match="letters, digits"):
        Uplink(build({"site": "*", "sinks": {"hub": table}}), tmp_path, Metrics(sensor.__version__))


@pytest.mark.parametrize(
    ("sink", "word"),
    [
        ({"nats": "nats://hub.example.org:4222"}, "tls://"),
        ({"nats": "nats://127.0.0.1", "url": "https://hub.example:1"}, "one way"),
        ({"nats": "nats://127.0.0.1", "password": {}}, "password"),
        ({"nats": "nats://127.0.0.1", "limit_bytes": 5}, "limit_bytes"),
    ],
)
def test_options_that_will_not_do_are_refused(sink, word) -> None:
    """A password in the clear, two ways, no place of a password, no room."""
    with pytest.raises(ConfigError, match=word):
        build({"site": "SYD", "sinks": {"hub": {"type": "site", **sink}}})


@pytest.mark.parametrize(
    "source", [{"nats": "http://x"}, {"nats": "nats://127.0.0.1", "password": {"file": "a", "env": "b"}}]
)
def test_a_hubs_options_that_will_not_do_are_refused(source) -> None:
    """As a site's."""
    with pytest.raises(ConfigError):
        build({"sources": {"sites": {"type": "site", **source}}})
