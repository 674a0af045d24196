"""Old incidents go."""

from sensor.store.actions import Actions
from sensor.store.held import Held, request_of
from sensor.store.state import State
from tests.console.desks import action, filled, incident

NOW = "2026-06-01T00:00:00.000000Z"


def test_what_is_over_for_long_goes_with_all_that_is_of_it(tmp_path):
    """Open ones stay, and those that somebody has to look at; the seals hold; a second time nothing goes."""
    over = {"state": "closed", "verdict": "true"}
    made = (incident("INC-1"), incident("INC-2", **over), incident("INC-3", actions=(action("ACT-3"),), **over),
            incident("INC-4", last_activity=NOW, **over))  # fmt: skip
    folder = filled(tmp_path, *made)
    with Actions(folder) as actions:
        held = actions.get("ACT-3")
        actions.put([Held(action("ACT-3", state="unknown"), request_of(made[2], held.action), "INC-3")])
    with State(folder) as state:
        assert (1, 0) == (state.forget_incidents(NOW), state.forget_incidents(NOW))
        state.settle()
        assert {"INC-1", "INC-3", "INC-4"} == {one.id for one in state.incidents(digest=True)}
        assert ({}, None) == (state.evidence_rows("INC-2"), state.seals.chain_fault())
        left = state.look(lambda one: one.execute("SELECT incident FROM outbox").fetchall())
        assert ("INC-2",) not in left
