"""Responses of a configured sensor: what is protected, and what an armed one does."""

import threading

import msgspec
import pytest

from sensor import config as configuration
from sensor.errors import ConfigError
from sensor.model.account import Account
from sensor.model.device import Device, Learning
from sensor.model.order import HUB
from sensor.pipeline.responding import Inventory, Responses, places_of
from sensor.store.state import State
from sensor.wire.clock import SystemClock
from tests.responses.products import action, incident
from tests.responses.vendors import vendors

T = "2026-01-01T00:00:00.000000Z"


def device(key, role=None, addresses=(), shared=None):
    """A device of the inventory."""
    return Device(
        id=key, site="SYD", sites=("SYD",), name=f"{key}-name", macs=(), addresses=addresses, location="on_prem",
        vendor=None, role=role, accounts=(), first_seen=T, last_seen=T, flows=1,
        learning=Learning(state="ready", progress=1.0, ready_at=None), risk_db=0.0, shared=shared,
    )  # fmt: skip


def stated(folder, *incidents):
    """A state with a laptop, a controller, a gateway and two accounts."""
    devices = [
        device("D-1", "workstation", ("10.0.0.5",)), device("D-2", "domain controller", ("10.0.0.2",)),
        device("D-3", None, ("10.0.0.9",), shared="a NAT"),
    ]  # fmt: skip
    accounts = [
        Account(name="ann@ex.com", names=("ann",), ids=("u1",), first_seen=T, last_seen=T, sightings=1),
        Account(name="host$@ex.com", kind="machine", first_seen=T, last_seen=T, sightings=1),
    ]
    with State(folder) as state:
        state.commit(columns={}, incidents=incidents, devices=devices, accounts=accounts, inputs=(), meta={})
    return folder


def test_what_the_network_stands_on_is_protected(tmp_path):
    """By role, by address of such a device, as a site's egress, and what stands for many; a laptop is not."""
    known = Inventory(stated(tmp_path), ["203.0.113.0/29"])

    assert (
        "D-2-name is a domain controller" == known.protected("device", "D-2") == known.protected("address", "10.0.0.2")
    )
    assert "203.0.113.3 is a site's own public address" == known.protected("address", "203.0.113.3")
    assert "D-3-name stands for many: a NAT" == known.protected("device", "D-3")
    assert [None] * 4 == [
        known.protected("device", "D-1"), known.protected("address", "10.0.0.5"),
        known.protected("account", "ann@ex.com"), known.protected("address", "no address"),
    ]  # fmt: skip
    assert (1, ("10.0.0.5",), ("D-1-name", "D-1")) == (
        known.accounts(), known.addresses("D-1"), known.names("device", "D-1"),
    )  # fmt: skip
    assert ("ann", "u1") == known.names("account", "ann@ex.com")


def test_an_armed_sensor_acts_and_spares_what_is_protected(tmp_path):
    """Through a real connector to a server on loopback."""
    acts = [action("ACT-1", "isolate_device", "D-1"), action("ACT-2", "isolate_device", "D-2")]
    folder = stated(tmp_path / "s", incident(*acts))
    (tmp_path / "token").write_text("secret")
    with vendors() as held:
        config = configuration.build(
            {"responses": {"hook": {
                "type": "webhook", "mode": "approve", "modes": {"isolate_device": "auto"}, "url": f"{held.url}/hook",
                "status_url": f"{held.url}/hook", "verbs": ["isolate_device"], "token": {"file": f"{tmp_path}/token"},
            }}}
        )  # fmt: skip
        responses = Responses(config, folder, SystemClock(threading.Event()))
        with State(folder, readonly=True) as state:
            responses.take(state.incidents())
            found = {one.id: one.state for one in state.incidents()[0].actions}
        responses.close()
        assert {"ACT-1": "verified", "ACT-2": "denied"} == found
        assert [("D-1", ["10.0.0.5"])] == [(one["target"], one["addresses"]) for one in held.hooks]


def test_a_connector_that_cannot_be_made_names_its_table(tmp_path):
    """At the start, not at the first incident."""
    config = configuration.build(
        {"responses": {"e": {"type": "entra", "tenant": "a/b", "client_id": "c", "secret": {"env": "X"}}}}
    )
    with pytest.raises(ConfigError, match=r"\[responses.e\] tenant"):
        Responses(config, stated(tmp_path), SystemClock(threading.Event()))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"type": "entra", "tenant": "t"}, "needs client_id, secret"),
        ({"type": "webhook", "url": "u", "verbs": [], "token": {"env": "A"}}, "needs verbs"),
        ({"type": "okta", "domain": "d", "token": {"env": "A"}, "mode": "aut"}, "one of recommend, approve, auto"),
        ({"type": "okta", "domain": "d", "token": {"env": "A"}, "modes": {"revoke": "auto"}}, "did you mean"),
        ({"type": "okta", "domain": "d", "token": "text"}, "must be of type dict"),
        ({"type": "nftables", "timeout": 5}, "unknown key 'timeout'"),
    ],
)
def test_a_response_that_is_configured_wrongly_is_refused(table, said):
    """With the table, the key and the remedy."""
    with pytest.raises(ConfigError, match=said):
        configuration.build({"responses": {"x": table}})
    with pytest.raises(ConfigError, match=r"\[guard\] per_hour"):
        configuration.build({"guard": {"per_hour": 99}})


def test_where_else_there_may_be_connectors(tmp_path):
    """A hub's sites, or a site's hub; nothing comes back over bundles, or to names that are none there."""
    key, folder = {"file": f"{tmp_path}/key"}, {"type": "site", "folder": str(tmp_path), "sign_key": {"file": "k"}}
    hub = {
        "sites": {"SYD": {}, "PER": {"bundle_keys": [f"ed25519:{'0' * 64}"]}},
        "sources": {"sites": {"type": "site", "nats": "nats://127.0.0.1:4222", "password": key}},
    }  # fmt: skip
    site = {"site": "SYD", "sinks": {"hub": {"type": "site", "nats": "nats://127.0.0.1:4222", "password": key}}}
    assert {} == places_of(configuration.default())
    assert {"SYD": "", "PER": "it sends bundles, which go one way"} == places_of(configuration.build(hub))
    assert {HUB: ""} == places_of(configuration.build(site))
    one_way = configuration.build({**site, "sinks": {"hub": folder}})
    assert {HUB: "bundles go one way"} == places_of(one_way)
    hidden = configuration.build({**site, "privacy": {"pseudonyms": ["accounts"]}})
    assert {HUB: "names leave this site under pseudonyms"} == places_of(hidden)


def test_a_device_is_found_by_its_macs_and_then_by_an_address_that_is_its_alone(tmp_path):
    """Whatever it is called elsewhere; where it was seen last is where it is."""
    folder = stated(tmp_path)
    with State(folder) as state:
        laptop = msgspec.structs.replace(device("D-4", addresses=("10.0.0.7",)), macs=("54:e1:ad:00:00:01",))
        state.commit(columns={}, incidents=(), devices=[*state.devices(), laptop], accounts=(), inputs=(), meta={})
    known = Inventory(folder, [])
    assert ["D-4", "D-4", "D-1", None] == [
        known.here(("x", "54:E1:AD:00:00:01"), ("10.0.0.5",)), known.here(("D-4",), ()), known.here((), ("10.0.0.5",)),
        known.here((), ("10.0.0.5", "10.0.0.7")),
    ]  # fmt: skip
    assert (("SYD",), (), ()) == (
        known.sites("device", "D-4"), known.sites("device", "D-x"), known.sites("address", "10.0.0.7"),
    )  # fmt: skip
