"""What people decide, applied to a state."""

import msgspec
import pytest

from sensor.model.times import DAY_NS, rfc3339
from sensor.pipeline import judging
from sensor.store.state import State
from tests.incidents.hands import START, incidents, run, seen, shown


@pytest.fixture
def state(tmp_path):
    """Two incidents of one device each, and a beacon in the second."""
    linked = incidents()
    run(
        linked, (START, seen("scan", "scan", 1e-5, START), seen("scan", "scan", 1e-5, START, device=1)),
        (START, seen("beacon", "beacon", 1e-4, START, device=1, keys=("destination:example.com",))),
    )  # fmt: skip
    with State(tmp_path) as one:
        one.commit(
            columns={}, incidents=shown(linked), devices=[], accounts=[], inputs=[], meta={"clock_ns": str(START)}
        )
        yield one


def make(state, **scope):
    found = {"entity": "", "detector": "", "key": "", "site": "", **scope}
    return judging.make(state, **found, expires_ns=START + DAY_NS, reason="ours", author="ann")


def test_a_preview_changes_nothing(state):
    """It says what would be hidden, and of what nothing would be left."""
    before = state.incidents()
    found = judging.preview(state, make(state, detector="scan"))

    assert {(True, 1), (False, 1)} == {(one.closes, len(one.evidence)) for one in found}
    assert (before, []) == (state.incidents(), state.judgements.mutes())


def test_a_suppression_applies_to_what_is_stored(state):
    """One incident is closed as benign, the other goes on without what is hidden; both are counted."""
    judging.apply(state, make(state, detector="scan"))
    rows = {one.entities[0].id: one for one in state.incidents()}

    assert ("closed", "benign", 1) == (rows["dev-0"].state, rows["dev-0"].verdict, rows["dev-0"].muted)
    assert ("open", ["beacon"]) == (rows["dev-1"].state, [one.detector for one in rows["dev-1"].evidence])
    assert rows["dev-1"].score_db == round(rows["dev-1"].evidence[0].db, 3)
    assert 2 == state.judgements.hidden(state.judgements.mutes()[0].id)[0]


def test_the_learning_process_comes_to_the_same(state):
    """Told of the suppression, its own cases close as the stored ones did."""
    linked = incidents()
    run(linked, (START, seen("scan", "scan", 1e-5, START)))
    mute = make(state, entity="dev-0")
    judging.apply(state, mute)
    linked.judge([], state.judgements.mutes())
    stored = next(one for one in state.incidents() if one.entities[0].id == "dev-0")

    assert [(stored.state, stored.verdict, stored.reason, stored.muted)] == [
        (one.state, one.verdict, one.reason, one.muted) for one in shown(linked)
    ]


def test_a_benign_verdict_suppresses_the_same_and_another_verdict_nothing(state):
    """With author and expiry, from the state's own clock."""
    keys = [one.id for one in state.incidents()]
    _, made = judging.close(state, keys[0], "benign", "our scanner", "ann")
    _, none = judging.close(state, keys[1], "true", "it was", "bob")

    assert ([], made) == (none, state.judgements.mutes())
    assert {("ann", rfc3339(START + 30 * DAY_NS), keys[0])} == {(one.author, one.expires, one.incident) for one in made}
    assert judging.close(state, "INC-none", "true", "x", "ann") is None
    assert "(over)" in judging.until_text(made[0], START + 31 * DAY_NS)
    assert msgspec.json.encode(made)
