"""What the guard lets through."""

import msgspec
import pytest

from sensor.model.guard import Group, Guard, may_act_alone, mode_of, problem, untouchable
from sensor.model.response import Request
from tests.responses.products import incident


@pytest.mark.parametrize(
    "fields",
    [{"per_hour": 4}, {"per_day": -1}, {"account_share": 0.5}, {"expire_s": 7200}, {"groups": {"a": Group((), "yes")}},
     {"orders": "always"}],
)  # fmt: skip
def test_limits_can_only_be_tightened(fields):
    """A configuration that raises one is refused."""
    assert problem(Guard(**fields)) is not None
    assert problem(Guard(per_hour=0, per_day=1, account_share=0.001, expire_s=60)) is None


def request(target="ann@ex.com", verb="disable_account", **fields):
    return Request(id="A", verb=verb, target=target, incident="I", reason="r", **fields)


@pytest.mark.parametrize(
    ("held", "target", "verb", "names"),
    [
        ("ann@ex.com", "Ann@Ex.com", "disable_account", ()),
        ("*@board.ex.com", "zoe@board.ex.com", "revoke_sessions", ()),
        ("dc01", "D-1", "isolate_device", ("DC01",)),
        ("10.0.0.0/24", "10.0.0.7", "block_address", ()),
        ("2001:db8::1", "2001:DB8:0::1", "block_address", ()),
    ],
)
def test_what_is_never_touched_is_found_under_any_name(held, target, verb, names):
    """By name, pattern, hostname, network, and however an address is written; others are not."""
    guard = Guard(never_touch=(held,))
    assert f"{held} is never touched" == untouchable(guard, request(target, verb), names)
    other = "203.0.113.9" if verb == "block_address" else "bob@ex.com"
    assert untouchable(guard, request(other, verb), ()) is None


def test_a_device_is_spared_for_its_addresses():
    """The never-touch list may name a network, the action a device."""
    guard = Guard(never_touch=("10.9.0.0/16",))
    assert untouchable(guard, request("D-1", "isolate_device", addresses=("10.9.3.4",)), ()) is not None


@pytest.mark.parametrize("address", ["127.0.0.1", "224.0.0.5", "::", "fe80::1", "not an address"])
def test_what_is_no_host_is_never_blocked(address):
    """Loopback, multicast, link-local, nothing."""
    assert untouchable(Guard(), request(address, "block_address"), ()) is not None


def test_the_most_careful_mode_holds():
    """Of the connector and of every group that the target is in."""
    guard = Guard(groups={"board": Group(("*@board.ex.com",), "approve"), "zoe": Group(("zoe@*",), "recommend")})
    assert "auto" == mode_of(guard, "auto", request(), ())
    assert "approve" == mode_of(guard, "auto", request("max@board.ex.com"), ())
    assert "recommend" == mode_of(guard, "auto", request("zoe@board.ex.com"), ())
    assert "recommend" == mode_of(guard, "recommend", request("max@board.ex.com"), ())


def test_automatic_action_needs_a_page_and_two_sources():
    """And an open incident; evidence that weighs nothing is no source."""
    assert may_act_alone(incident()) is None
    assert "automatic action needs the page tier" == may_act_alone(incident(tier="triage"))
    assert "this has identity" in may_act_alone(incident(sources=("identity",)))
    assert "the incident is closed" == may_act_alone(incident(state="closed"))
    held = incident()
    empty = msgspec.structs.replace(held.evidence[1], db=0.0)
    assert may_act_alone(msgspec.structs.replace(held, evidence=(held.evidence[0], empty))) is not None


def test_an_order_goes_as_far_as_it_may_by_itself_and_no_further():
    """The most careful of the connector's mode and that of orders, which waits for a person if nothing is said."""
    ordered = request(origin="SYD")
    modes = [mode_of(Guard(), one, each, ()) for one in ("auto", "recommend") for each in (request(), ordered)]
    assert ["auto", "approve", "recommend", "recommend"] == modes
    assert "auto" == mode_of(Guard(orders="auto"), "auto", ordered, ())
