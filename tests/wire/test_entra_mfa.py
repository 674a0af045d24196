"""What became of the second factor."""

import pytest

from sensor.model.event import MFA
from sensor.wire.entra_codes import outcome_of
from sensor.wire.entra_mfa import method_of, mfa_of
from sensor.wire.fields import Fields

MULTI, SINGLE = (
    {"authenticationRequirement": "multiFactorAuthentication"},
    {"authenticationRequirement": "singleFactorAuthentication"},
)


def steps(*said, method="Mobile app notification", succeeded=False):
    """A record whose steps say these sentences."""
    return {
        "authenticationDetails": [
            {
                "authenticationMethod": "Password",
                "succeeded": True,
                "authenticationStepResultDetail": "Correct password",
            },
            *(
                {"authenticationMethod": method, "succeeded": succeeded, "authenticationStepResultDetail": text}
                for text in said
            ),
        ]
    }


@pytest.mark.parametrize(
    ("record", "code", "expected"),
    [
        (steps("MFA denied; user declined the authentication"), 500121, "denied"),
        (steps("MFA denied; user did not respond to mobile app notification"), 500121, "timed_out"),
        (steps("MFA denied; duplicate authentication attempt"), 500121, "denied"),
        (steps("MFA denied; Phone App Reported Fraud"), 500121, "denied"),
        (steps("User declined the authentication"), 500121, "denied"),
        (steps("MFA denied (fraud code reported)"), 500121, "denied"),
        (steps("MFA denied; user entered incorrect code"), 500121, "denied"),
        (steps("MFA denied; phone call went to voicemail"), 500121, "timed_out"),
        (steps("MFA denied; user never entered the verification code"), 500121, "timed_out"),
        ({"status": {"additionalDetails": "MFA denied; user declined the authentication"}}, 500121, "denied"),
        ({"status": '{"additionalDetails":"MFA denied; user did not respond to mobile app notification"}'}, 500121,
         "timed_out"),
        ({"mfaDetail": {"authDetail": "MFA denied; user declined the authentication"}}, 50074, "denied"),
        ({}, 500121, "denied"),
        (MULTI, 50158, "unknown"),
        (SINGLE, 50158, "unknown"),
        (MULTI, 50074, "unknown"),
        (SINGLE, 50126, "none"),
        (MULTI, 50126, "unknown"),
        (MULTI, 0, "satisfied"),
        (SINGLE, 0, "none"),
        ({**SINGLE, "status": {"additionalDetails": "MFA requirement satisfied by claim in the token"}}, 0,
         "satisfied"),
        ({"status": {"additionalDetails": "MFA completed in Azure AD"}}, 0, "satisfied"),
        (steps("MFA successfully completed", succeeded=True), 0, "satisfied"),
        (steps("MFA denied; user declined the authentication", "MFA successfully completed"), 0, "satisfied"),
        ({"mfaDetail": {"authMethod": "Text message"}}, 0, "satisfied"),
        ({"authenticationDetails": [{"authenticationStepRequirement": "Multifactor authentication", "succeeded": True}],
          **SINGLE}, 0, "satisfied"),
        ({"authenticationDetails": [{"authenticationStepResultDetail":
          "First factor requirement satisfied by claim in the token"}], **SINGLE}, 0, "none"),
        ({}, 0, "unknown"),
        ({}, None, "unknown"),
    ],
)  # fmt: skip
def test_the_factor_is_judged_by_sentence_then_code_then_requirement(record, code, expected):
    """A refusal is told from a silence, and neither is made up where the record does not say."""
    outcome = "unknown" if code is None else outcome_of(code)
    assert expected in MFA
    assert expected == mfa_of(Fields(record), code, outcome)


def test_the_method_is_the_second_factors():
    """The password is not the answer; `mfaDetail` goes first."""
    assert "Mobile app notification" == method_of(Fields(steps("MFA successfully completed")))
    assert "Text message" == method_of(Fields({"mfaDetail": {"authMethod": "Text message"}, **steps("x")}))
    assert method_of(Fields({"authenticationDetails": [{"authenticationMethod": "Password"}]})) is None
    assert method_of(Fields({})) is None
