"""Addresses with several people or machines behind them."""

import pytest

from sensor.entities import sharing as module
from sensor.entities.sharing import ACCOUNTS, HOSTNAMES, SHARED_AT, SYSTEMS, WINDOW_NS, Sharing, system_of

HERE = (0, 0, 5)


@pytest.mark.parametrize("kind", [HOSTNAMES, ACCOUNTS, SYSTEMS])
def test_several_of_a_kind_within_a_day_are_shared(kind):
    """At the number, not below it, and not over weeks."""
    quick, slow = Sharing(), Sharing()
    for k in range(SHARED_AT[kind]):
        assert quick.why(HERE) is None
        quick.hear(HERE, kind, f"v{k}", k)
        slow.hear(HERE, kind, f"v{k}", k * WINDOW_NS)

    assert f"{SHARED_AT[kind]} {kind} within a day" == quick.why(HERE)
    assert slow.why(HERE) is None


def test_user_agents_name_their_system():
    """With its version; a program's own agent names none."""
    agents = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X)",
        "curl/8.5.0", None,
    )  # fmt: skip

    assert ["Windows NT 10.0", "iPhone OS 16_5", None, None] == [system_of(agent) for agent in agents]


def test_bounds_hold_and_state_is_kept(monkeypatch):
    """The address silent longest goes; the rest is saved, reasons given otherwise too."""
    monkeypatch.setattr(module, "ADDRESSES_MAX", 2)
    sharing, other = Sharing(), Sharing()
    for k in range(3):
        sharing.hear((0, 0, k), SYSTEMS, "CrOS", k)
    sharing.mark(HERE, "an explicit proxy")
    other.load(sharing.save())

    assert ([], ["CrOS"]) == (other.systems((0, 0, 0)), other.systems((0, 0, 2)))
    assert "an explicit proxy" == other.why(HERE)
