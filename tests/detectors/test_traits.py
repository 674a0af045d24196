"""Networks and clients as keys and words."""

import pytest

from sensor.detectors.traits import KEPT_MAX, Traits, agent_name, network_name
from tests.detectors.acts_made import CHROME, SAFARI


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("203.0.113.9", None), ("203.0.200.1", None), True),
        (("203.0.113.9", None), ("203.1.113.9", None), False),
        (("203.0.113.9", 64500), ("198.51.100.1", 64500), True),
        (("2001:db8:1::1", None), ("2001:db8:ffff::2", None), True),
        (("2001:db8:1::1", None), ("2001:db9:1::1", None), False),
        (("1.2.3.4", None), ("::1", None), False),
    ],
)
def test_a_network_is_the_system_else_a_prefix(one, other, same):
    """IPv4 /16, IPv6 /32, and the autonomous system over both."""
    traits = Traits(5)
    assert same == (traits.network(*one) == traits.network(*other))


def test_no_address_is_no_network():
    """Neither is a text that is no address; their names say so."""
    assert (0, 0) == (Traits(5).network(None, None), Traits(5).network("nowhere", None))
    assert ["AS64500", "203.0.0.0/16", "2001:db8::/32", "an unknown network"] == [
        network_name(*one) for one in [("203.0.1.2", 64500), ("203.0.1.2", None), ("2001:db8::1", None), ("?", None)]
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CHROME, "Chrome on Windows"),
        (SAFARI, "Safari on macOS"),
        (CHROME + " Edg/120.0.1", "Edge on Windows"),
        ("python-requests/2.28", "python-requests"),
        ("BAV2ROPC", "BAV2ROPC"),
        ("\x00", "unnamed client"),
    ],
)
def test_a_client_is_its_family_and_system(text, expected):
    """Not its version."""
    assert expected == agent_name(text)


def test_a_new_version_is_the_same_client():
    """And no client is none."""
    traits = Traits(5)
    assert traits.agent(CHROME) == traits.agent(CHROME.replace("120", "121"))
    assert (0, 0) == (traits.agent(None), traits.agent(""))


def test_keys_depend_on_the_secret_and_are_bounded():
    """Who sends names cannot choose collisions, nor fill the memory."""
    traits = Traits(5)
    for number in range(KEPT_MAX + 3):
        traits.key(str(number))

    assert Traits(5).key("a") == traits.key("a") != Traits(6).key("a")
    assert len(traits._keys) <= KEPT_MAX
