"""Steps that follow one another."""

import pytest

from baselines.evidence import p_of_decibans
from sensor.incidents import sequence
from tests.incidents.hands import HOUR_NS, START, act

KEY = ("address:192.0.2.1",)


def step(family, hours=0, p=1e-3, marks=(), stage="entry", keys=KEY):
    return act(family, family, p, START + hours * HOUR_NS, marks=marks, stage=stage, keys=keys).evidence


RARE = step("place", marks=("success", "rare_place"))
HIDES, CLICKED = ("hides",), ("clicked",)
BOTH = {"denied_then_success", "success_in_rare_place"}


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        ([step("place", marks=("success_after_denial",))], {"denied_then_success"}),
        ([step("place", marks=("success_after_denial", "rare_place"))], BOTH),
        ([step("pressure", 1, marks=("success_after_denial",)), RARE], BOTH),
        ([step("place", marks=("success_after_denial", "known_device"))], set()),
        ([RARE, step("hides", 23, marks=HIDES, stage="act")], {"rule_after_entry"}),
        ([RARE, step("hides", 25, marks=HIDES, stage="act")], set()),
        ([step("hides", -1, marks=HIDES, stage="act"), RARE], set()),
        ([RARE, step("files", 3, marks=("mass_access",), stage="act")], {"mass_access"}),
        ([step("files", 3, marks=("mass_access",), stage="act")], set()),
        ([step("spray", marks=("success", "sprayed_success"), stage="act")], {"sprayed_success"}),
        ([step("phishing", -23, marks=CLICKED, keys=()), RARE], {"click_then_success"}),
        ([step("phishing", -25, marks=CLICKED, keys=()), RARE], set()),
        ([RARE, step("phishing", 1, marks=CLICKED, keys=())], set()),
        ([step("phishing", -1, marks=CLICKED), step("place", marks=("success", "rare_place", "known_device"))], set()),
    ],
)  # fmt: skip
def test_each_kind_is_found_where_its_steps_are_in_order(rows, kinds):
    """And not where they are not, or where the device is known."""
    assert kinds == {found.kind for found in sequence.find(rows)}


def test_a_rule_follows_entry_evidence_that_the_incident_already_held():
    """At any distance, from 10 dB on, and only if the incident was open with it before the rule."""
    entry, rule = step("place", p=1e-3), step("hides", 100, marks=HIDES, stage="act")
    weak = step("place", p=0.1)
    held, late = {entry.id: START + HOUR_NS}, {entry.id: START + 101 * HOUR_NS}

    assert [1, 0, 0, 0] == [
        len(sequence.find(rows, before))
        for rows, before in (
            ([entry, rule], held), ([entry, rule], late), ([weak, rule], {weak.id: START}), ([entry, rule], None),
        )
    ]  # fmt: skip


def test_the_weight_is_explicit_and_can_be_overridden():
    """Its decibans are in its text and basis, p follows from them, and its id is its incident's and kind's."""
    found = sequence.find([step("spray", marks=("sprayed_success",))])[0]
    own, other = (sequence.evidence_of(found, "INC-1", weights) for weights in ({}, {"sprayed_success": 7.0}))

    assert [(15.0, p_of_decibans(15.0)), (7.0, p_of_decibans(7.0))] == [(one.db, one.p) for one in (own, other)]
    assert own.id == other.id != sequence.evidence_of(found, "INC-2", {}).id
    assert "+15 dB" in own.text
    assert [own.p, "sprayed_success"] == [sequence.again(own), sequence.kind_of(own)]
    assert (None, "") == (sequence.again(RARE), sequence.kind_of(RARE))


def test_each_kind_counts_once():
    """Two rules after one entry are one sequence, of the first rule."""
    rows = [RARE, *(step("hides", k, marks=HIDES, stage="act", keys=(f"object:{k}",)) for k in (1, 2))]
    found = sequence.find(rows)

    assert [("rule_after_entry", rows[1].ts)] == [(one.kind, one.last.ts) for one in found]
