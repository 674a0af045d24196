"""Verdicts and suppressions in the state."""

import msgspec

from sensor.model.mute import Mute, Muted
from sensor.store import judgements
from sensor.store.state import State
from tests.store.test_state import commit, incident

MUTE = Mute(id="MUTE-1", entity="dev-1", created="", expires="2030", reason="ours", author="ann")


def muted(k, mute="MUTE-1"):
    return Muted(mute=mute, evidence=f"EV-{k}", ts="2024", site="S", entity="dev-1", detector="scan", db=9.0, text="t")


def test_a_verdict_is_read_once_by_its_number(tmp_path):
    """In the order in which they were given, also after a restart."""
    with State(tmp_path) as state:
        commit(state, [incident("INC-1"), incident("INC-2")])
        state.close_incident("INC-1", "benign", "a", "ann", [MUTE])
        state.close_incident("INC-2", "true", "b", "bob")
    with State(tmp_path, readonly=True) as state:
        every = state.judgements.verdicts(0)

        assert [("INC-1", "benign", "a", "ann"), ("INC-2", "true", "b", "bob")] == [
            (one.incident, one.verdict, one.reason, one.author) for one in every
        ]
        assert every[1:] == state.judgements.verdicts(every[0].number)
        assert [MUTE] == state.judgements.mutes()


def test_what_is_hidden_is_counted_once_an_evidence_and_kept(tmp_path, monkeypatch):
    """Its whole text for the latest; the count for good."""
    monkeypatch.setattr(judgements, "MUTED_MAX", 2)
    with State(tmp_path) as state:
        state.suppress(MUTE, [], [muted(1)])
        state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={}, hidden=[muted(1), muted(2)])
        state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={}, hidden=[muted(3)])
        count, latest = state.judgements.hidden("MUTE-1")

        assert (3, ["EV-3", "EV-2"]) == (count, [one.evidence for one in latest])
        assert (0, []) == state.judgements.hidden("MUTE-9")


def test_a_suppression_is_replaced_and_removed(tmp_path):
    """The same scope with another reason is the same; removing what is not there says so."""
    with State(tmp_path) as state:
        state.suppress(MUTE, [], [muted(1)])
        state.suppress(msgspec.structs.replace(MUTE, reason="still ours"), [], [])

        assert ["still ours"] == [one.reason for one in state.judgements.mutes()]
        assert 1 == state.judgements.hidden("MUTE-1")[0]
        assert [True, False] == [state.judgements.remove("MUTE-1") for _ in range(2)]
        assert [] == state.judgements.mutes()
