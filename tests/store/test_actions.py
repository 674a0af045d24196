"""Actions in the state: written, found, decided."""

import pytest

from sensor.model.response import Request
from sensor.store.actions import Actions
from sensor.store.held import UNHEARD, Held
from sensor.store.state import State
from tests.responses.products import NOW, S, action


def held(key, **fields):
    """One held action."""
    request = Request(id=key, verb="disable_account", target="ann@ex.com", incident="INC-1", reason="r")
    return Held(action(key), request, "INC-1", **fields)


@pytest.fixture
def actions(tmp_path):
    """An empty state's actions."""
    State(tmp_path).close()
    with Actions(tmp_path) as found:
        yield found


def test_what_is_written_is_found_again(actions):
    """By id, by incident, by state and by when it is due."""
    one, other = held("ACT-1", next_ns=NOW), held("ACT-2", next_ns=NOW + S, intent_ns=NOW - S, audited=7)
    actions.put([other, one])

    assert (one, None) == (actions.get("ACT-1"), actions.get("ACT-9"))
    assert [one, other] == actions.of("INC-1") == actions.all() == actions.all(("proposed",))
    assert [] == actions.all(("failed",))
    assert [one] == actions.due(NOW, ("proposed",))
    assert (1, 0, {"ann@ex.com"}, 7) == (
        actions.begun_since(NOW - 2 * S), actions.begun_since(NOW), actions.accounts_since(0), actions.audited(),
    )  # fmt: skip


def test_what_is_proposed_without_a_connector_is_not_settled(actions):
    """One may be configured later; what is decided is settled."""
    actions.put([held("ACT-1"), held("ACT-2")])
    assert set() == actions.settled()
    actions.decide("ACT-1", "denied", "user:kim", "", NOW)
    assert {"ACT-1"} == actions.settled()


def test_a_decision_is_taken_once(actions):
    """Of two people who decide at once, one is told that it was decided."""
    actions.put([held("ACT-1")])
    assert "has no connector" in actions.decide("ACT-1", "approved", "user:kim", "", NOW)
    assert actions.decide("ACT-1", "denied", "user:kim", "a drill", NOW) is None
    assert "ACT-1 is denied" in actions.decide("ACT-1", "denied", "user:lee", "", NOW)
    found = actions.get("ACT-1")
    assert ("denied", UNHEARD, "user:kim") == (found.action.state, found.audited, found.action.history[-1].by)


def test_without_a_state_there_are_no_actions(tmp_path):
    """The remedy is named."""
    with pytest.raises(FileNotFoundError, match="run `spanline replay` first"):
        Actions(tmp_path)
