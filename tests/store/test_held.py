"""An action as a row of the state, and what incidents propose written down with them."""

import msgspec

from sensor.store.actions import Actions
from sensor.store.held import Held, request_of, row_of
from sensor.store.state import State
from tests.responses.products import NOW, action, incident


def commit(state, *incidents):
    """Commit incidents alone."""
    state.commit(columns={}, incidents=incidents, devices=(), accounts=(), inputs=(), meta={})


def test_what_incidents_propose_is_written_down_once_and_shown_as_it_became(tmp_path):
    """A later commit of the incident does not undo what the executor wrote."""
    proposed = incident(action("ACT-1"), action("ACT-2"))
    with State(tmp_path) as state, Actions(tmp_path) as actions:
        commit(state, proposed)
        assert ["ACT-1", "ACT-2"] == [one.action.id for one in actions.all(("proposed",))]
        assert actions.decide("ACT-2", "denied", "user:kim", "a drill", NOW) is None
        commit(state, proposed)

        assert ["proposed", "denied"] == [one.state for one in state.incident("INC-1").actions]
        assert ["proposed", "denied"] == [one.state for one in state.incidents()[0].actions]


def test_a_row_holds_what_is_searched_for_and_the_whole():
    """In the order of the table's columns."""
    one = action("ACT-1")
    request = request_of(incident(one), one, ("10.0.0.1",))
    row = row_of(Held(one, request, "INC-1", 5, 6, 7))

    assert ("ACT-1", "INC-1", "proposed", "account", "ann@ex.com", 5, 6, 7) == row[:8]
    assert ("10.0.0.1",) == msgspec.json.decode(row[8], type=type(request)).addresses
    assert one == msgspec.json.decode(row[9], type=type(one))
