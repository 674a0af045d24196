"""A site and a hub with a folder between them, as `run` has them: from the spool into the hub's state."""

import datetime as dt

import pytest

import sensor
from sensor.config import build
from sensor.errors import ConfigError, Permanent
from sensor.metrics import Metrics
from sensor.pipeline.bundle_settings import make_key, public_key
from sensor.pipeline.fleet_doctor import looked
from sensor.pipeline.receiving import Receiving
from sensor.pipeline.uplink import Uplink, limit_spool, probe
from tests.pipeline.fleet_ends import fleet
from tests.pipeline.test_pushing import has, until


class Diode:
    """The folder, the keys, and both configurations."""

    def __init__(self, folder):
        self.folder = folder / "diode"
        self.key, self.hub_key = folder / "SYD.key", folder / "hub.key"
        make_key(self.key, opens=False)
        make_key(self.hub_key, opens=True)

    def site(self, **options):
        table = {"folder": str(self.folder), "sign_key": {"file": str(self.key)}, "every_s": 0.05}
        table |= {"encrypt_to": public_key(self.hub_key), "repeat": 1}
        return build({"site": "SYD", "sinks": {"hub": {"type": "site", **table, **options}}})

    def hub(self, *keys):
        table = {"type": "site", "folder": str(self.folder), "open_keys": [{"file": str(self.hub_key)}]}
        return build({"sources": {"sites": table}, "sites": {"SYD": {"bundle_keys": list(keys)}}})


@pytest.fixture
def diode(tmp_path, monkeypatch):
    """A diode between folders that are looked at often."""
    monkeypatch.setattr("sensor.pipeline.bundle_intake.LOOK_S", 0.02)
    monkeypatch.setattr("sensor.pipeline.bundle_carrier.RETRY_S", 0.02)
    return Diode(tmp_path)


def test_what_a_site_tells_comes_through_a_folder(tmp_path, diode):
    """In order, each once though bundles are repeated, over a restart of both ends."""
    told = []
    with fleet(tmp_path, "SYD") as (hub, syd):
        for text in "abc":
            syd.tell(text)
            told.append(text)
            receiving = Receiving(diode.hub(public_key(diode.key)), hub.folder, Metrics(sensor.__version__))
            uplink = Uplink(diode.site(), syd.folder, Metrics(sensor.__version__))
            until(has, hub, syd, told)
            uplink.close(30.0)
            receiving.close(0.0)
        assert told == hub.said("SYD")


def test_a_key_that_comes_with_a_reload_counts_at_once(tmp_path, diode):
    """A bundle of a key that is not listed stays; when it is, it is taken."""
    with fleet(tmp_path, "SYD") as (hub, syd):
        syd.tell("a")
        other = tmp_path / "other.key"
        make_key(other, opens=False)
        receiving = Receiving(diode.hub(public_key(other)), hub.folder, Metrics(sensor.__version__))
        uplink = Uplink(diode.site(), syd.folder, Metrics(sensor.__version__))
        until(lambda: any(one.suffix == ".bundle" for one in diode.folder.iterdir()))
        hub.step()
        assert [] == [one for one in hub.said("SYD") if one]
        receiving.reload(diode.hub(public_key(other), public_key(diode.key)))
        until(has, hub, syd, ["a"])
        uplink.close(0.0)
        receiving.close(0.0)


def test_a_folder_in_the_configuration_is_checked_at_the_start(tmp_path, diode):
    """A key that others can read stops the start, here and in `doctor`; the spool keeps as long as there is room."""
    config = diode.site()
    with fleet(tmp_path, "SYD") as (_, syd):
        limit_spool(config, syd.state.spool)
        assert syd.state.spool.limit_bytes == syd.state.spool.keep_bytes
        assert "holds 0 bytes of bundles" in probe(config)
        diode.key.chmod(0o644)
        with pytest.raises(ConfigError, match=r"\[sinks.hub\].*chmod 600"):
            Uplink(config, syd.folder, Metrics(sensor.__version__))
        with pytest.raises(Permanent, match="chmod 600"):
            probe(config)


def test_doctor_looks_at_both_ends(diode):
    """The folder, the keys, and whether any site has one."""
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    [site] = looked(diode.site(), at)
    [hub] = looked(diode.hub(public_key(diode.key)), at)
    [none] = looked(diode.hub(), at)
    assert [True, True, False] == [one.ok for one in (site, hub, none)]
    assert "keys of 1 of 1 sites" in hub.why
    assert "no site has a key" in none.why
    diode.hub_key.chmod(0o644)
    assert "chmod 600" in next(iter(looked(diode.hub(public_key(diode.key)), at))).why
