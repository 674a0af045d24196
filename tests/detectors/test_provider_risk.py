"""What providers find risky themselves."""

import pytest

from sensor.detectors.provider_risk import RISKS, risk_of
from tests.detectors.acts_made import act, signin


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (signin(detail={"risk": "high", "risk_state": "atRisk"}), "high"),
        (signin(detail={"risk": "high", "risk_state": "dismissed"}), None),
        (signin(detail={"risk": "low"}), None),
        (signin(detail={"risk_events": ["anonymizedIPAddress"]}), "anonymous"),
        (signin(detail={"risk_events": ["leakedCredentials"]}), "leaked"),
        (signin(source="okta", detail={"is_proxy": True}), "anonymous"),
        (signin(source="okta", detail={"is_proxy": False}), None),
        (signin(source="okta", outcome="failure", reason="FastPass declined phishing attempt"), "phishing"),
        (signin(source="google", detail={"login_type": "saml"}), None),
        (signin(source="google", detail={"login_type": "turbo-snail"}), "login_type"),
        (act("other", "gov_attack_warning", source="google"), "state"),
        (act("other", "User Risk Detection", source="entra", reason_code="anonymizedIPAddress", detail={"risk": "low"}),
         "anonymous"),
        (act("admin", "user.account.report_suspicious_activity_by_enduser", source="okta"), "reported"),
        (signin(), None),
    ],
)  # fmt: skip
def test_a_providers_words_are_one_of_a_few_kinds(event, expected):
    """Low and dismissed risks are none."""
    assert expected == risk_of(event)


def test_every_kind_has_a_rate_words_and_a_technique():
    """The rates are of account-days."""
    assert all(0 < rate < 0.05 and words and technique.startswith("T") for rate, words, technique in RISKS.values())
