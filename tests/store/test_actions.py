"""Actions in the state: written, found, decided."""

import msgspec
import pytest

from sensor.model.incident import Step
from sensor.model.response import Request
from sensor.model.times import rfc3339
from sensor.store.actions import Actions
from sensor.store.held import UNHEARD, URGENCIES, Held, urgency_of
from sensor.store.state import State
from tests.responses.products import NOW, S, action


def held(key, **fields):
    """One held action."""
    request = Request(id=key, verb="disable_account", target="ann@ex.com", incident="INC-1", reason="r")
    return Held(action(key), request, "INC-1", **fields)


def approved(key, verb, due_ns, audited=1, by="spanline"):
    """One that waits to be begun."""
    one = held(key, next_ns=due_ns, audited=audited)
    step = Step(ts=rfc3339(NOW), state="approved", by=by, detail="sure")
    return msgspec.structs.replace(
        one, action=msgspec.structs.replace(one.action, verb=verb, state="approved", history=(step,))
    )


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


def test_what_is_due_is_found_without_what_only_waits(actions):
    """By its time to expire, by urgency and then by when it is due, by target; what nobody heard of yet is apart."""
    urgent, later = approved("ACT-1", "revoke_sessions", NOW + S), approved("ACT-2", "block_address", NOW)
    first, unheard = (
        approved("ACT-3", "revoke_sessions", NOW),
        approved("ACT-4", "revoke_sessions", NOW, audited=UNHEARD),
    )
    actions.put([urgent, later, first, unheard, held("ACT-5")])

    assert [first, urgent] == actions.next_up(urgency_of(urgent.action), NOW + S, 9)
    assert [first] == actions.next_up(urgency_of(urgent.action), NOW, 9)
    assert urgency_of(urgent.action) < urgency_of(later.action) < URGENCIES
    assert [first] == actions.next_of(urgency_of(first.action), NOW, ["ann@ex.com"], 9)
    assert [] == actions.next_of(urgency_of(first.action), NOW, ["bob@ex.com"], 9)
    assert [unheard] == actions.unheard(NOW, 9)
    assert ([], 5, 2) == tuple(
        one if isinstance(one, list) and not one else len(one)
        for one in (actions.over("2026", 9), actions.over("2028", 9), actions.over("2028", 2))
    )
    assert {"ACT-1": urgent, "ACT-5": held("ACT-5")} == actions.some(["ACT-1", "ACT-5", "ACT-9"])


def test_what_a_person_approved_comes_before_what_did_itself():
    """Whatever the verb; that a limit held it up changes nothing."""
    by_itself = approved("ACT-1", "revoke_sessions", NOW).action
    waits = Step(ts=rfc3339(NOW), state="approved", by="guard", detail="waits: 3 actions in the last hour")
    wanted = approved("ACT-2", "isolate_device", NOW, by="user:ann").action
    assert urgency_of(wanted) < urgency_of(by_itself)
    held_up = msgspec.structs.replace(wanted, history=(*wanted.history, waits))
    assert urgency_of(wanted) == urgency_of(held_up)


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
