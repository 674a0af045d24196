"""A site that tells its hub pseudonyms alone: no name leaves, and with one key the story is told as with names."""

import contextlib
import re
from pathlib import Path

import msgspec
import pytest

import sensor
from sensor.config import build
from sensor.metrics import Metrics
from sensor.model.site_packet import Packet
from sensor.pipeline.bundle_intake import BundleIntake
from sensor.pipeline.bundling import Bundler
from sensor.pipeline.receiving import Receiving
from sensor.pipeline.unbundling import Trust
from sensor.pipeline.uplink import Uplink
from sensor.store.inbox import Inbox
from sensor.store.state import State
from sensor.wire.site_envelope import unpack
from tests.evaluation.stories import spanline
from tests.fleet import stories
from tests.fleet.ends import wait
from tests.fleet.servers import PASSWORD, fleet
from tests.fleet.stories import STORY, envelopes, signins
from tests.fleet.test_story_at_hub import VICTIM, wrong
from tests.wire.bundles_made import KEYS, signer

KEY = "0123456789abcdef" * 4
PRIVACY = '\n[privacy]\npseudonyms = ["accounts", "hosts", "addresses"]\nkey = {{ file = "{}" }}\n'


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site's state, and what it would have sent."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "key").write_text(KEY)
    (folder / "site.toml").write_text((STORY / "site.toml").read_text() + PRIVACY.format(folder / "key"))
    words = ["--config", folder / "site.toml", "--reports-out", folder / "reports", "--json", f"SYD={STORY / 'SYD'}"]
    spanline("replay", "--fresh", "--state", folder / "state", *words)
    return folder


def left(site, bodies):
    """Return the names of the site's state that are in what was sent; that there are some to look for is seen to."""
    sent = b"\n".join(bodies).decode("utf-8", "replace").lower()
    with State(site / "state", readonly=True) as state:
        accounts, devices = state.accounts(), state.devices()
    names = {form.partition("@")[0] for one in accounts for form in (one.name, *one.names)}
    names |= {span.value.lower() for one in devices for span in one.names} | {
        mac for one in devices for mac in one.macs
    }
    names |= {address for one in devices for address in one.addresses if address.startswith("10.")}
    assert len(names) > 30
    assert "account-" in sent
    known = [name for name in names if len(name) > 2]
    return [name for name in known if re.search(rf"(?<![0-9a-z.]){re.escape(name.lower())}(?![0-9a-z])", sent)]


def test_no_name_of_the_site_is_in_what_it_sends(site):
    """Of no account, host, inside address or device's MAC that its state knows, in any packet."""
    assert [] == left(site, [unpack(one) for one in envelopes(site / "reports")])


@pytest.fixture
def spooled(site, tmp_path):
    """What the site sends, in a spool, and as it is there."""
    bodies = [unpack(one) for one in envelopes(site / "reports")]
    with State(tmp_path / "spool", exclusive=True) as state, state._connection:
        heads = envelopes(site / "reports")
        state.spool.put([Packet(one.kind, one.first_ns, one.last_ns, unpack(one)) for one in heads])
    return tmp_path / "spool", bodies


def held(folder):
    """Return the bodies that a hub's inbox holds of SYD."""
    with contextlib.closing(Inbox(folder)) as inbox:
        return [unpack(msgspec.structs.replace(one.head, body=inbox.body(one.number)))
                for one in inbox.waiting("SYD", 0, 100_000)]  # fmt: skip


@pytest.mark.needs_tool("nats-server")
def test_pseudonyms_alone_reach_the_hub_over_nats(site, spooled, tmp_path, monkeypatch):
    """Through real servers and out of the spool, which holds no name either: each packet as the site wrote it."""
    monkeypatch.setenv("NATS_PASSWORD_TEST", PASSWORD)
    monkeypatch.setattr("sensor.wire.site_nats_in.SPEAK_S", 0.2)
    (folder, bodies), metrics = spooled, Metrics(sensor.__version__)
    with fleet(tmp_path / "nats", ["SYD"]) as servers:
        table = {"type": "site", "password": {"env": "NATS_PASSWORD_TEST"}}
        hub = build({"site": "HUB", "sites": {"SYD": {}}, "sources": {"sites": {**table, "nats": servers.hub.url}}})
        here = build({"site": "SYD", "sinks": {"hub": {**table, "nats": servers.leaves["SYD"].url}}})
        receiving = Receiving(hub, tmp_path / "hub", metrics)
        uplink = Uplink(here, folder, metrics)
        wait(lambda: len(held(tmp_path / "hub")) == len(bodies))
        uplink.close(5.0)
        receiving.close(1.0)
    assert bodies == held(tmp_path / "hub")
    assert [] == left(site, bodies)


def test_pseudonyms_alone_are_in_bundles(site, spooled, tmp_path):
    """Signed, carried and taken: each packet as the site wrote it, and no name in a file."""
    folder, bodies = spooled
    bundler = Bundler(folder, "SYD", tmp_path / "diode", signer("SYD"), None, lambda: 1_700_000_000 * 10**9)
    paths = [Path(one.path) for one in bundler.fresh()]
    bundler.close()
    with contextlib.closing(BundleIntake(tmp_path / "diode", tmp_path / "hub", Trust(KEYS), 1 << 30, 0)) as intake:
        assert len(paths) == len(intake.round(0.0)) > 0
    assert bodies == held(tmp_path / "hub")
    assert [] == left(site, bodies)


def test_a_hub_with_the_key_tells_the_story_as_with_names(site, tmp_path, monkeypatch):
    """One page about the victim, by name, contradicted by her laptop, which her provider's logs name, too."""
    monkeypatch.setattr(stories, "HUB", stories.HUB + PRIVACY.format(site / "key"))
    stories.at_the_hub(tmp_path / "state", site / "reports", STORY / "identity", fresh=True)
    assert [] == wrong(tmp_path / "state")
    assert VICTIM in spanline("incidents", "--state", tmp_path / "state", "--json")


@pytest.mark.slow
def test_a_hub_without_the_key_judges_nothing_falsely(site, tmp_path):
    """It cannot link: verdicts are unknown, or what they are without the laptop; none is contradicted."""
    stories.at_the_hub(tmp_path / "state", site / "reports", STORY / "identity", fresh=True)
    assert "contradicted" not in {one["corroboration"] for one in signins(tmp_path / "state").values()}
