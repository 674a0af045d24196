"""What changed and what each sink has of it: each incident once, as it is now."""

import msgspec
import pytest

from sensor.store.outbox import Outbox
from sensor.store.state import State
from tests.sinks.samples import incident
from tests.store.test_state import commit


@pytest.fixture
def state(tmp_path):
    """A state with two incidents."""
    with State(tmp_path) as one:
        commit(one, [incident("INC-1"), incident("INC-2")])
        yield one


@pytest.fixture
def outbox(state):
    """A sink's view of it."""
    one = Outbox(state.folder, "a")
    yield one
    one.close()


def names(deliveries):
    return [(one.incident.id, one.before) for one in deliveries]


def test_a_new_sink_gets_what_is_there_and_knows_from_when_it_is(outbox):
    """All of it in order, and up to which change the sink was not there yet."""
    assert (0, 2) == outbox.cursor()
    assert [("INC-1", None), ("INC-2", None)] == names(outbox.changed(0, 10))
    assert 2 == outbox.last()


def test_however_often_it_changed_an_incident_is_there_once(state, outbox):
    """As it is now, at the number of its last change; what says nothing new is no change."""
    for score in (40.0, 50.0):
        commit(state, [incident("INC-1", score_db=score)])
    commit(state, [incident("INC-1", score_db=50.0)])
    found = outbox.changed(2, 10)

    assert [(4, 50.0)] == [(one.number, one.incident.score_db) for one in found]
    assert ["INC-2"] == [one.incident.id for one in outbox.changed(0, 1)]


def test_what_was_acknowledged_is_noted_and_survives(state, outbox):
    """For one sink alone; the cursor never goes back."""
    first, second = outbox.changed(0, 10)
    outbox.acknowledge(first.number, [(first, "note")])
    outbox.close()
    again = Outbox(state.folder, "a")
    again.acknowledge(0, [])

    assert (1, 2) == again.cursor()
    assert [("INC-2", None)] == names(again.changed(1, 10))
    assert [("INC-1", "note")] == names(again.open(9, 10))
    again.acknowledge(second.number, [(second, "other")])
    assert [("INC-2", "other"), ("INC-1", "note")] == names(again.open(9, 10))
    assert [["INC-2"], ["INC-1"], []] == [[one.incident.id for one in again.open(below, 1)] for below in (9, 2, 1)]
    other = Outbox(state.folder, "b")
    assert ((0, 2), []) == (other.cursor(), other.open(9, 10))
    other.close()
    again.close()


def test_a_closing_is_a_change_and_the_closed_is_open_no_more(state, outbox):
    """Also one by the command line, over another connection."""
    first, second = outbox.changed(0, 10)
    outbox.acknowledge(2, [(first, "note"), (second, "note")])
    with State(state.folder) as beside:
        beside.close_incident("INC-1", "benign", "known")

    assert [("INC-1", "closed")] == [(one.incident.id, one.incident.state) for one in outbox.changed(2, 10)]
    assert ["INC-2"] == [one.incident.id for one in outbox.open(9, 10)]


def test_a_version_has_an_id_of_its_own(state, outbox):
    """The same as long as the incident says the same; a state that was put back counts anew, and says other things."""
    before = outbox.changed(0, 10)[0].id
    assert before == outbox.changed(0, 10)[0].id
    commit(state, [msgspec.structs.replace(incident("INC-1"), title="other")])
    after = outbox.changed(2, 10)[0].id

    assert before != after
    assert (before[:8], after[:8]) == ("INC-1-1-", "INC-1-3-")
