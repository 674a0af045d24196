"""Why a sign-in failed, across products."""

import pytest

from sensor.detectors.failures import LOCKOUT, NO_USER, OTHER, WRONG, is_lockout, is_refused, why, why_failed
from sensor.model.account import SignIn
from tests.detectors.acts_made import act, signin


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        ("50126", None, WRONG), ("50034", None, NO_USER), ("50053", None, LOCKOUT), ("50055", None, OTHER),
        ("50144", None, OTHER), ("53003", None, OTHER), ("INVALID_CREDENTIALS", "x", WRONG),
        ("LOCKED_OUT", None, LOCKOUT), (None, None, WRONG), (None, "InvalidUserNameOrPassword", WRONG),
        (None, "Something else", OTHER), ("login_failure_invalid_password", None, WRONG),
    ],
)  # fmt: skip
def test_the_code_tells_before_the_words(code, reason, expected):
    """Expired passwords and policies are nothing that a guesser causes."""
    assert expected == why(code, reason)


def row(**fields):
    own = {
        "ts": "", "account": "a", "source": "entra", "ip": None, "country": None, "asn": None, "app": None,
        "result": "failure", "reason_code": "50126", "reason": None, "mfa": "none", "device": None,
    }  # fmt: skip
    return SignIn(**own | fields)


def test_an_interrupt_is_no_failure():
    """Nor is a refused prompt a wrong secret; a mistyped code is one."""
    found = [
        why_failed(row(result="interrupt")),
        why_failed(row(mfa="denied", reason_code="500121")),
        why_failed(row(mfa="denied", reason="invalid verification code")),
        why_failed(row()),
    ]
    assert [OTHER, OTHER, WRONG, WRONG] == found


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"mfa": "denied", "reason_code": "500121", "reason": "MFA denied; user declined the authentication"}, True),
        ({"mfa": "denied", "reason_code": "500121"}, True),
        ({"mfa": "timed_out"}, True),
        ({"mfa": "denied", "reason": "MFA denied; invalid verification code"}, False),
        ({"mfa": "denied", "reason": "INVALID_CREDENTIALS", "detail": {"mfa_detail": "OKTA_VERIFY_PUSH"}}, True),
        ({"mfa": "denied", "reason": "INVALID_CREDENTIALS", "detail": {"mfa_detail": "GOOGLE_OTP"}}, False),
        ({"mfa": "denied", "outcome": "success"}, False),
        ({"mfa": "none"}, False),
    ],
)
def test_a_refused_prompt_is_no_mistyped_code(fields, expected):
    """A person refuses a prompt; a code that was mistyped is their own mistake."""
    assert expected == is_refused(signin(**{"outcome": "failure"} | fields))


def test_a_lockout_is_known_by_its_name():
    """In each product's words."""
    found = [is_lockout(act("admin", name)) for name in ("user.account.lock", "limit_wc", "user.account.unlock")]
    assert [True, True, False] == found
