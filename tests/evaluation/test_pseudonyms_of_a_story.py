"""Every incident of the demo as a sink gets it: no account, host, inside address or MAC of the state is in it."""

import ipaddress
import re

import msgspec
import pytest

from sensor import config as configuration
from sensor.pipeline.privacy import Outgoing, pseudonyms_of
from sensor.sinks import ocsf
from sensor.store.state import State
from tests.evaluation import demo_state

INSIDE = [ipaddress.ip_network(one) for one in ("10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12", "fc00::/7")]


@pytest.fixture(scope="module")
def told(demo, tmp_path_factory):
    """(The state's inventory, its incidents, the same as they are told outside)."""
    folder = demo_state.copy_of(demo, tmp_path_factory.mktemp("told") / "state")
    outside = Outgoing(pseudonyms_of(configuration.build(PRIVACY), folder), folder)
    with State(folder, readonly=True) as state:
        held = state.incidents(digest=True)
        return (state.accounts(), state.devices()), held, [outside.incident(one) for one in held]


PRIVACY = {"privacy": {"pseudonyms": ["accounts", "hosts", "addresses"]}}


def names_of(inventory):
    accounts, devices = inventory
    names = {form.partition("@")[0] for one in accounts for form in (one.name, *one.names, *one.ids)}
    names |= {word.lower() for one in devices for word in (one.name, *(span.value for span in one.names), *one.macs)}
    names |= {address for one in devices for address in one.addresses}
    return {one for one in names if len(one) > 2 and not _is_outside(one)}


def _is_outside(text):
    try:
        return not any(ipaddress.ip_address(text) in network for network in INSIDE)
    except ValueError:
        return False


def left(names, text):
    """Names that stand in a text between signs that are no letters or digits; inside addresses of whatever device."""
    small = text.lower()
    found = [one for one in names if re.search(rf"(?<![0-9a-z]){re.escape(one)}(?![0-9a-z])", small)]
    return found + re.findall(r"(?<![\d.])(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2,3}(?![\d.])", small)


def test_the_real_incidents_are_full_of_names(told):
    """Else the next would show nothing."""
    inventory, held, _ = told
    names = names_of(inventory)
    assert len(names) > 60
    assert len(left(names, msgspec.json.encode(held).decode())) > 5


def test_no_real_name_is_left(told):
    """In the JSON of every incident, and in the form that most products take."""
    inventory, _, outside = told
    names = names_of(inventory)
    assert [] == left(names, msgspec.json.encode(outside).decode())
    made = msgspec.json.encode([ocsf.finding(one, one.id) for one in outside]).decode()
    assert [] == left(names, made)


def test_who_is_who_can_still_be_told(told):
    """As many parties as before, the same one the same, whatever incident it is in; outside addresses as they were."""
    _, held, outside = told
    for kind in ("account", "device"):
        pairs = {(a.name, b.name) for one, other in zip(held, outside, strict=True)
                 for a, b in zip(one.entities, other.entities, strict=True) if a.kind == kind}  # fmt: skip
        assert len(pairs) == len({real for real, _ in pairs}) == len({stands for _, stands in pairs})
        assert [] == [stands for _, stands in pairs if not re.match("(account|host|address)-", stands)]
    text = msgspec.json.encode(held).decode(), msgspec.json.encode(outside).decode()
    addresses = [set(re.findall(r"(?<![\d.])(?:203\.0\.113|198\.51\.100|192\.0\.2)\.\d+", one)) for one in text]
    assert addresses[0] == addresses[1] != set()
