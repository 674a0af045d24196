"""Rule cases of other people's detections: what positives raise, and what negatives do not."""

import importlib
import json

import pytest

from tests.evaluation import own_cases
from tests.evaluation.rule_cases import events_of, judge, rates, theme_of


@pytest.fixture(scope="module")
def told(data_dir):
    with (data_dir / "identity" / "panther" / "rule_cases.jsonl").open(encoding="utf-8") as file:
        return judge(map(json.loads, file))


def test_nine_in_ten_positives_raise_evidence_and_negatives_seldom_do(told):
    """Over all themes; a negative that is the very act of another rule's positive is raised, and no other."""
    positives, hit, negatives, false = rates(told)["all"]
    raised = {
        (case["rule_id"], case["test_name"]) for _, case, found in told if found and not case["expected"]["alert"]
    }

    assert positives >= 40
    assert hit >= 0.9 * positives
    assert raised <= {
        ("Auth0.User.Joined.Tenant", "Other event"),  # an invitation, which Auth0.User.Invitation.Created alerts on
        ("Google.Workspace.Advanced.Protection.Program", "New Custom Role Created"),  # so does …Admin.Custom.Role
        ("Okta.User.MFA.Factor.Suspend", "Other Event"),  # all factors of a user reset
    }
    assert false <= 0.07 * negatives


def test_cases_of_our_own_are_told_apart_too():
    """Nine in ten positives of records nobody looked at before, one in twenty negatives at most."""
    positives, hit, negatives, false = own_cases.counts()

    assert hit >= 0.9 * positives
    assert false <= 0.05 * negatives


def test_every_theme_has_nine_in_ten(told):
    """But where it has fewer than ten cases: one may be missed."""
    missed = {name: positives - hit for name, (positives, hit, _, _) in rates(told).items() if name != "all"}

    assert max(missed.values()) <= 1


def test_every_positive_of_a_theme_can_be_read(told):
    """Each product's reader takes it; those whose time was cut off are given one."""
    assert [] == [case["id"] for _, case, found in told if found is None and case["expected"]["alert"]]


def test_evidence_can_be_had_again_from_its_basis(told):
    """p, of every piece of it."""
    for _, _, found in told:
        for one in found or ():
            module = importlib.import_module(f"sensor.detectors.{one.evidence.detector}")
            assert module.again(one.evidence) == pytest.approx(one.evidence.p)


def test_cases_that_need_state_or_are_of_other_products_have_no_theme(data_dir):
    """They are not counted."""
    case = {
        "log_type": "Okta.SystemLog",
        "threshold": 1,
        "needs_mocks": False,
        "rule_id": "Okta.User.MFA.Factor.Suspend",
    }

    assert "MFA change" == theme_of(case)
    assert [None] * 3 == [
        theme_of(case | other) for other in ({"threshold": 5}, {"needs_mocks": True}, {"log_type": "AWS"})
    ]
    assert None is events_of({"nobody": "knows"})
