"""The way to the hub beside a core: begun, changed and ended with the configuration, and seen in the metrics."""

import pytest

import sensor
from sensor.config import build
from sensor.errors import ConfigError, Permanent, Transient
from sensor.metrics import Metrics
from sensor.pipeline.uplink import Uplink, hub_of, limit_spool, probe
from sensor.store.spool import KEEP_BYTES, LIMIT_BYTES
from tests.pipeline.fleet_ends import fleet
from tests.pipeline.test_pushing import has, until, url


def config_of(hub, site, name="hub", **options):
    """Return the configuration of a site that tells a hub."""
    cert, key = site.pair
    table = {"type": "site", "url": url(hub), "ca_file": site.ca, "cert": cert, "key": key, **options}
    return build({"site": site.name, "sinks": {name: table}})


def shown(metrics, name, **labels):
    """Return a metric's value."""
    return metrics.registry.get_sample_value(f"spanline_{name}", labels)


def test_what_is_committed_is_carried_until_it_ends(tmp_path):
    """What was committed last is carried within the time that is given."""
    metrics = Metrics(sensor.__version__)
    with fleet(tmp_path, "SYD") as (hub, syd):
        syd.tell("a")
        uplink = Uplink(config_of(hub, syd), syd.folder, metrics)
        until(has, hub, syd, ["a"])
        syd.tell("b")
        uplink.wake()
        uplink.close(10.0)
        hub.step()
        assert ["a", "b"] == hub.said("SYD")


def test_the_metrics_tell_of_the_spool_and_of_the_hub(tmp_path):
    """What waits, what was dropped, how long, and whether the hub takes it."""
    metrics = Metrics(sensor.__version__)
    with fleet(tmp_path, "SYD") as (hub, syd):
        syd.state.spool.limit_bytes = 4_194_304
        config = config_of(hub, syd, limit_bytes=4_194_304)
        hub.close()
        syd.tell("a")
        uplink = Uplink(config, syd.folder, metrics)
        until(lambda: shown(metrics, "sink_up", sink="hub") == 0)
        uplink.wake()
        assert shown(metrics, "spool_bytes", kind="incidents") > 0
        assert 0 < shown(metrics, "table_saturation_ratio", table="spool") < 1
        assert shown(metrics, "sink_lag_seconds", sink="hub") >= 0
        assert 0 == shown(metrics, "spool_dropped_total", kind="flows")
        hub.open()
        until(has, hub, syd, ["a"])
        until(lambda: shown(metrics, "sink_up", sink="hub") == 1)
        until(lambda: shown(metrics, "sink_lag_seconds", sink="hub") == 0)
        uplink.wake()
        assert (0, 1) == (
            shown(metrics, "spool_bytes", kind="incidents"),
            shown(metrics, "sink_sent_total", sink="hub"),
        )
        assert 1 <= shown(metrics, "sink_failures_total", sink="hub", reason="away")
        syd.state.spool.limit_bytes = 60
        syd.tell("flow" * 30, "more" * 30, kind="flows")
        uplink.wake()
        assert shown(metrics, "spool_dropped_total", kind="flows") >= 1
        uplink.close(1.0)


def test_a_reload_may_name_a_hub_change_it_and_take_it_away(tmp_path):
    """One that is as it was goes on; one whose files are missing is refused, and the one before stays."""
    metrics = Metrics(sensor.__version__)
    with fleet(tmp_path, "SYD") as (hub, syd):
        uplink = Uplink(build({"site": "SYD"}), syd.folder, metrics)
        uplink.wake()
        config = config_of(hub, syd)
        uplink.reload(config)
        held = uplink._running
        uplink.reload(config)
        assert held is uplink._running
        with pytest.raises(ConfigError, match=r"sinks.hub"):
            uplink.reload(config_of(hub, syd, key="/no/such/file"))
        assert held is uplink._running
        syd.tell("a")
        uplink.wake()
        until(has, hub, syd, ["a"])
        uplink.reload(config_of(hub, syd, name="centre"))
        assert (None, 1) == (shown(metrics, "sink_up", sink="hub"), shown(metrics, "sink_up", sink="centre"))
        uplink.reload(build({"site": "SYD"}))
        assert not held.is_alive()
        assert shown(metrics, "sink_up", sink="centre") is None
        uplink.close(1.0)


def test_a_probe_says_what_the_hub_has_and_who_we_are_to_it(tmp_path):
    """A certificate of another site is found before the first envelope."""
    with fleet(tmp_path, "SYD", "PER") as (hub, syd, per):
        assert "knows site SYD, and has 0" in probe(config_of(hub, syd))
        syd.pair = per.pair
        with pytest.raises(Permanent, match="that of site PER; this is SYD"):
            probe(config_of(hub, syd))
        hub.server.close()
        with pytest.raises(Transient):
            probe(config_of(hub, syd))


def test_the_spool_is_as_large_as_the_configuration_says(tmp_path):
    """And as it is by itself where there is no hub."""
    with fleet(tmp_path, "SYD") as (hub, syd):
        limit_spool(config_of(hub, syd, limit_bytes=5_000_000, keep_bytes=7), syd.state.spool)
        assert (5_000_000, 7) == (syd.state.spool.limit_bytes, syd.state.spool.keep_bytes)
        limit_spool(build({}), syd.state.spool)
        assert (LIMIT_BYTES, KEEP_BYTES) == (syd.state.spool.limit_bytes, syd.state.spool.keep_bytes)
        assert hub_of(build({})) is None
