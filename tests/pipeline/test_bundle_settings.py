"""What a configuration says of bundles."""

import pytest

from sensor import config
from sensor.errors import ConfigError
from sensor.pipeline import bundle_settings
from sensor.pipeline.bundle_settings import export_of, open_bundler, trust_of
from sensor.store.state import State
from sensor.wire.bundle_keys import public_text
from sensor.wire.clock import SystemClock
from tests.wire.bundles_made import hub, signer


@pytest.fixture
def keys(tmp_path):
    """Files of a key that signs and of one that opens."""
    for name, opens in (("sign", False), ("open", True)):
        bundle_settings.make_key(tmp_path / name, opens=opens)
    return tmp_path


def site(keys, **told):
    told = {"folder": str(keys / "out"), "sign_key": {"file": str(keys / "sign")}} | told
    return config.build({"site": "SYD", "sinks": {"hub": {"type": "site", **told}}})


def test_a_site_exports_as_its_sink_says(keys):
    """To its folder, by its key, for the hub's key where there is one; what is said beside it counts more."""
    public = public_text(hub().public_key())
    plain, sealed = export_of(site(keys)), export_of(site(keys, encrypt_to=public, bundle_bytes=1_000_000))
    other = export_of(site(keys), out=keys / "b", encrypt_to=public)

    assert (keys / "out", None, True, 16_000_000) == (plain.out, plain.seal_to, plain.advances, plain.bundle_bytes)
    assert (hub().public_key(), 1_000_000, keys / "b") == (sealed.seal_to, sealed.bundle_bytes, other.out)
    assert bundle_settings.public_key(keys / "sign") == public_text(plain.sign.public_key())


def test_what_lacks_is_named(keys, monkeypatch):
    """A key that is none, one of the other kind, one that is not there."""
    for told, said in (
        ({"sign_key": {"file": str(keys / "open")}}, "no key that signs"),
        ({"sign_key": {"file": str(keys / "none")}}, "cannot be read"),
        ({"sign_key": {"env": "SPANLINE_TEST_KEY"}}, "the environment has no"),
    ):
        with pytest.raises(ConfigError, match=said):
            export_of(site(keys, **told))
    monkeypatch.setenv("SPANLINE_TEST_KEY", (keys / "sign").read_text())
    assert export_of(site(keys, sign_key={"env": "SPANLINE_TEST_KEY"}))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"sign_key": None}, "needs sign_key"),
        ({"url": "https://hub.example"}, "one way to its hub"),
        ({"encrypt_to": "ed25519:" + "a" * 64}, "encrypt_to: .*expected x25519"),
        ({"bundle_bytes": 10**9}, "bundle_bytes must be at most"),
        ({"repeat": -1}, "repeat must be from 0 to 64"),
    ],
)
def test_a_sink_that_cannot_be_is_refused_with_the_configuration(keys, told, said):
    """Before anything starts."""
    sink = {"folder": "out", "sign_key": {"file": "k"}} | told
    with pytest.raises(ConfigError, match=said):
        config.build({"sinks": {"hub": {"type": "site", **{k: v for k, v in sink.items() if v is not None}}}})


def test_another_link_of_a_site_acknowledges(keys):
    """An export by hand does not count as what the hub has, where the hub answers for itself."""
    built = config.build(
        {"sinks": {"hub": {"type": "site", "url": "https://hub.example:8478", "cert": "c", "key": "k"}}}
    )
    assert not export_of(built, out=keys / "out", key=keys / "sign").advances
    with pytest.raises(ConfigError, match="say --out"):
        export_of(built, key=keys / "sign")
    with pytest.raises(ConfigError, match="has no sign_key"):
        export_of(built, out=keys / "out")


def test_a_hub_trusts_whom_its_configuration_lists(keys):
    """Sites without a key send no bundles; its own keys open what is encrypted."""
    told = {"type": "site", "folder": "in", "open_keys": [{"file": str(keys / "open")}]}
    listed = {"SYD": {"bundle_keys": [public_text(signer("SYD").public_key())]}, "PER": {}}
    trust = trust_of(config.build({"sources": {"sites": told}, "sites": listed}))

    assert ({"SYD": [signer("SYD").public_key()]}, 1) == (dict(trust.site_keys), len(trust.hub_keys))
    told["open_keys"] = [{"file": str(keys / "sign")}]
    with pytest.raises(ConfigError, match="no key that opens"):
        trust_of(config.build({"sources": {"sites": told}, "sites": listed}))
    with pytest.raises(ConfigError, match="no public key"):
        trust_of(config.build({"sites": {"SYD": {"bundle_keys": ["ed25519:" + "0" * 64]}}}))


def test_an_export_waits_for_the_one_under_way(keys, monkeypatch):
    """A sensor's own is over in a moment; one that is not is said."""
    State(keys / "state", exclusive=True).close()
    built = site(keys)
    held = open_bundler(built, keys / "state", export_of(built))
    monkeypatch.setattr(bundle_settings, "BUSY_S", 0.0)
    with pytest.raises(ValueError, match="another process is exporting"):
        open_bundler(built, keys / "state", export_of(built))
    monkeypatch.setattr(SystemClock, "sleep", lambda *_: held.close())
    open_bundler(built, keys / "state", export_of(built)).close()
