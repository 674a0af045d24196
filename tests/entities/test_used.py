"""What accounts used before, and networks that several came to."""

import pytest

from sensor.entities import used as module
from sensor.entities.used import OFFICE, TOGETHER_NS, VALUES_MAX, Used, network_of


def test_what_was_used_is_known_to_that_account():
    """To no other, and of no other kind."""
    used = Used(1)
    used.add(0, "network", "AS1 AU", 5)

    assert used.knows(0, "network", "AS1 AU")
    assert not used.knows(0, "agent", "AS1 AU")
    assert not used.knows(1, "network", "AS1 AU")
    assert [True, False] == [used.knows_any(0), used.knows_any(1)]


def test_to_an_account_that_goes_everywhere_nothing_is_new():
    """Nor does it take more room."""
    used = Used(1)
    for k in range(2 * VALUES_MAX):
        used.add(0, "network", f"AS{k}", k)

    assert used.knows(0, "network", "AS99999")


def test_several_accounts_that_come_together_share_a_network():
    """Two others within a day, or three at home at its address; one alone does not."""
    used = Used(1)
    used.add(1, "network", "AS9", 0)
    assert not used.is_shared(0, "AS9", None, 0)
    used.add(2, "network", "AS9", 10)
    assert used.is_shared(0, "AS9", None, TOGETHER_NS)
    assert not used.is_shared(1, "AS9", None, 0)
    assert not used.is_shared(0, "AS9", None, TOGETHER_NS + 11)
    for account in range(1, 1 + OFFICE):
        assert not used.is_shared(0, "AS8", "192.0.2.1", 0)
        used.add_address(account, "192.0.2.1")
    assert used.is_shared(0, "AS8", "192.0.2.1", 0)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(("192.0.2.77", 64500, "AU"), "AS64500 AU"), (("192.0.2.77", None, "AU"), "192.0.2.0"),
     (("2001:db8:1:2::3", None, None), "2001:db8:1::"), ((None, None, None), None), (("x", 0, None), None)],
)  # fmt: skip
def test_the_network_of_an_address(given, expected):
    """Its AS and country, else what surrounds it."""
    assert expected == network_of(*given)


def test_save_and_load_is_the_identity():
    """Digests, and who came where."""
    one, other = Used(1), Used(1)
    for account in range(5):
        one.add(account, "network", "AS9", account)
        one.add(account, "agent", f"a{account}", account)
        one.add_address(account, "192.0.2.1")
    other.load(one.save())
    other.load({})

    assert [True, False] == [other.knows(3, "agent", "a3"), other.knows(3, "agent", "a4")]
    assert other.is_shared(9, "AS9", None, 0)
    assert other.is_shared(9, "AS7", "192.0.2.1", 0)


def test_memory_is_bounded(monkeypatch):
    """The networks and addresses that were used first go."""
    monkeypatch.setattr(module, "NETWORKS_MAX", 2)
    monkeypatch.setattr(module, "ADDRESSES_MAX", 2)
    used = Used(1)
    for k in range(9):
        used.add(k, "network", f"AS{k}", 0)
        used.add_address(k, f"192.0.2.{k}")

    assert (2, 2) == (len(used._came), len(used._at))
