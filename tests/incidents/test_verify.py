"""Comparing what is stored with what it comes to."""

import json
import math

import msgspec
import pytest

from baselines.evidence import decibans
from sensor.incidents import verify
from sensor.incidents.verify import Again, Check, evidence_checks, incident_checks
from tests.store.test_state import evidence, incident


def row_of(one):
    """The state's row of an evidence."""
    return {
        "observed": one.observed, "p": one.p, "db": one.db, "basis": json.dumps(one.basis), "site": one.site,
        "entity_kind": one.entity.kind, "entity_id": one.entity.id, "detector": one.detector, "family": one.family,
        "ts": one.ts, "model": one.model,
    }  # fmt: skip


@pytest.fixture
def one():
    """An evidence whose numbers agree."""
    return msgspec.structs.replace(evidence(), db=decibans(1e-5))


AGAIN = Again(9.0, 1e-5, {"net": 9.0})


def differing(checks):
    return [check.what for check in checks if not check.agrees]


def test_what_follows_from_the_records_agrees(one):
    """Observed, p and decibans in both places, every value of the basis, every column."""
    checks = [check.judged() for check in evidence_checks(one, row_of(one), AGAIN)]

    assert {"agrees"} == {check.verdict for check in checks}
    assert {"observed (state)", "p (shown)", "db (state)", "basis net", "model (shown as stored)"} <= {
        check.what for check in checks
    }


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("observed", 10.0), ("p", 1.1e-5), ("db", 20.0), ("basis", '{"net": 8.0}'), ("basis", '{"net": 9, "more": 1}'),
        ("basis", "{}"), ("basis", "spoiled"), ("site", "T"), ("entity_id", "dev-2"), ("detector", "beacon"),
        ("family", "x"), ("ts", "2024-01-01T00:00:01.000000Z"), ("model", "scan.hosts/2"), ("observed", "nine"),
    ],
)  # fmt: skip
def test_an_edit_of_the_table_is_found(one, column, value):
    """Whatever column it is."""
    assert differing(evidence_checks(one, row_of(one) | {column: value}, AGAIN))


@pytest.mark.parametrize(
    "edit",
    [{"observed": 10.0}, {"p": 1.1e-5}, {"db": 20.0}, {"basis": {"net": 8.0}}, {"basis": {"net": 9.0, "x": 1.0}}],
)
def test_an_edit_of_what_is_shown_is_found(one, edit):
    """Where the table still holds what it was."""
    assert differing(evidence_checks(msgspec.structs.replace(one, **edit), row_of(one), AGAIN))


def test_an_edit_of_both_is_found_by_the_records(one):
    """Observed and a value of the basis against the archive, p against its definition, decibans against p."""
    for edit in ({"observed": 10.0}, {"p": 1.1e-5}, {"db": 20.0}, {"basis": {"net": 8.0}}):
        both = msgspec.structs.replace(one, **edit)
        assert differing(evidence_checks(both, row_of(both), AGAIN))


def test_what_cannot_be_counted_again_is_no_pass(one):
    """It is not verifiable, with the reason; a missing row differs."""
    checks = [check.judged() for check in evidence_checks(one, row_of(one), Again(why="expired"))]
    lost = [check for check in checks if check.verdict == "not verifiable"]

    assert {"observed (state)", "observed (shown)", "p (state)", "p (shown)"} == {check.what for check in lost}
    assert {"expired"} == {check.why for check in lost}
    assert not differing(checks)
    assert len(differing(evidence_checks(one, {}, Again()))) > 10


def test_tiny_p_are_told_apart():
    """1e-300 and 1e-200 are not the same because both are small; NaN agrees with nothing."""
    assert not Check(evidence="x", what="p", stored=1e-300, again=1e-200).agrees
    assert not Check(evidence="x", what="p", stored=math.nan, again=math.nan).agrees
    assert Check(evidence="x", what="p", stored=1e-300, again=1e-300).agrees


def test_decibans_are_those_of_the_calibrator():
    """Capped at 60, whatever is asked."""
    assert [decibans(p) for p in (1.0, 0.3, 1e-5, 1e-12, 1e-300)] == pytest.approx(
        [verify.decibans(p) for p in (1.0, 0.3, 1e-5, 1e-12, 1e-300)]
    )


def test_score_p_and_tier_follow_from_the_evidence(one):
    """The strongest of a source counts; a page needs a number that pages."""
    whole = msgspec.structs.replace(incident(), evidence=(one,), score_db=round(one.db, 3), level_db=20.0)
    row = {
        "score_db": whole.score_db, "state": "open", "tier": "triage", "verdict": None, "opened": whole.opened,
        "last_activity": whole.last_activity,
    }  # fmt: skip
    assert [] == differing(incident_checks(whole, row))
    for edit in (
        {"score_db": 40.0},
        {"p": 1e-6},
        {"state": "closed"},
        {"verdict": "benign"},
        {"opened": whole.opened[1:]},
    ):
        assert differing(incident_checks(msgspec.structs.replace(whole, **edit), row))
        assert edit.keys() == {"p"} or differing(incident_checks(whole, row | edit))
    weak = msgspec.structs.replace(one, p=0.01, db=decibans(0.01))
    weak_page = msgspec.structs.replace(whole, evidence=(weak,), tier="page", score_db=round(weak.db, 3), p=0.01)
    assert ["tier"] == differing(incident_checks(weak_page, row | {"tier": "page", "score_db": weak_page.score_db}))


def test_acts_without_a_level_are_not_verifiable(one):
    """An account's acts count up to a level, which an older release did not keep."""
    act = msgspec.structs.replace(one, family="place", source="identity")
    whole = msgspec.structs.replace(incident(), evidence=(act,), score_db=3.0)
    checks = {check.what: check.judged() for check in incident_checks(whole, {"score_db": 3.0})}

    assert "not verifiable" == checks["score_db (shown)"].verdict
