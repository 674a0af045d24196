"""What doctor says of a hub and of a site of it."""

import datetime as dt

from sensor.config import build
from sensor.pipeline.fleet_doctor import looked
from tests.pipeline.fleet_ends import fleet
from tests.pipeline.test_uplink import config_of
from tests.wire.certificates import UNTIL

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def said(config, now=NOW):
    """Return (what, ok, why) of each look."""
    return [(one.what.partition(": ")[2] or "reach", one.ok, one.why) for one in looked(config, now)]


def test_a_site_reaches_its_hub_and_sends_nothing(tmp_path):
    """Its certificate names it and is good; the hub says what it has."""
    with fleet(tmp_path, "SYD") as (hub, syd):
        syd.tell("a")
        found = said(config_of(hub, syd))
        assert [("certificate", True), ("reach", True)] == [one[:2] for one in found]
        assert "until 2120-01-01" in found[0][2]
        assert "knows site SYD, and has 0" in found[1][2]
        assert {} == hub.inbox.newest()


def test_what_a_site_lacks_is_told_before_it_is_started(tmp_path):
    """Another site's certificate, one that is over, none at all, and a hub that is away."""
    with fleet(tmp_path, "SYD", "PER") as (hub, syd, per):
        config = config_of(hub, syd)
        over = said(config, UNTIL - dt.timedelta(days=3))[0]
        assert ("certificate", False) == over[:2]
        assert "2 days" in over[2] or "3 days" in over[2]
        syd.pair = per.pair
        wrong = said(config_of(hub, syd))
        assert [(False, "it names PER; this is SYD"), (False, "the certificate is that of site PER; this is SYD")] == [
            one[1:] for one in wrong
        ]
        hub.server.close()
        assert [True, False] == [ok for _, ok, _ in said(config)]
    assert [False, False] == [ok for _, ok, _ in said(config_of(hub, per, cert="/no/such/file"))]


def test_a_hub_can_listen_with_its_certificate(tmp_path):
    """A port that is taken is told, for a sensor may be running; files that will not do are a lack."""
    with fleet(tmp_path, "SYD") as (hub, _syd):
        cert, key = hub._pair
        table = {"type": "site", "listen": "127.0.0.1:0", "cert": cert, "key": key, "ca": hub.ca}
        make = lambda **more: build({"site": "HUB", "sites": {"SYD": {}}, "sources": {"s": {**table, **more}}})  # noqa: E731
        assert [("certificate", True), ("TLS", True), ("127.0.0.1:0", True)] == [one[:2] for one in said(make())]
        busy = f"127.0.0.1:{hub.port}"
        assert (busy, False) == said(make(listen=busy))[2][:2]
        assert [True, False, True] == [ok for _, ok, _ in said(make(key=cert))]
        assert [] == said(build({}))
