"""What a result code of a sign-in to Entra ID means (AADSTS codes), as a class and as an outcome.

Codes: https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes. The classes are ours: a code
that stands for a step of a sign-in which goes on, or for a client that must come back another way, is an interrupt and
no failure, because counting those as failures hides the real ones.

Not said here: whether a person refused a second factor or did not answer; the code is the same (`entra_mfa`).
"""

SUCCESS = frozenset({0, 50125, 50140, 50199})
"""Signed in; 50125, 50140 (keep me signed in) and 50199 are asked after the sign-in was good."""
MFA_FAILED = frozenset({500121, 50158})
"""A second factor was asked for and not given; 50158 is an external one."""
MFA_NEEDED = frozenset({50074, 50076, 50078, 50072, 50079, 50097})
"""A second factor, its enrolment or a device's proof is asked for next."""
NOISE = frozenset({50058, 65001, 50011, 50132, 50133, 50173, 50089, 70043, 70044, 90072})
"""No session yet, no consent yet, a session that ended: a client's business, not a person's."""
NOISE_RANGE = range(16000, 17000)
"""Choosing an account, single sign-on to several: 16000, 16001, 16003 …"""
_SUCCESS_WORDS = frozenset({"success", "succeeded"})
_FAILURE_WORDS = frozenset({"failure", "failed"})
_INTERRUPT_WORDS = frozenset({"interrupted", "interrupt"})


def class_of(code: int) -> str:
    """Return `success`, `mfa_failed`, `mfa_needed`, `noise` or `failure`."""
    if code in SUCCESS:
        return "success"
    if code in MFA_FAILED:
        return "mfa_failed"
    if code in MFA_NEEDED:
        return "mfa_needed"
    return "noise" if code in NOISE or code in NOISE_RANGE else "failure"


def outcome_of(code: int) -> str:
    """Return an event's outcome: success, interrupt or failure."""
    found = class_of(code)
    return "success" if found == "success" else "interrupt" if found in {"mfa_needed", "noise"} else "failure"


def outcome_of_word(word: str | None) -> str:
    """Return an outcome from a result in words (`Success`, `Failure`, `Interrupted`); `unknown` for any other."""
    folded = (word or "").lower()
    if folded in _SUCCESS_WORDS:
        return "success"
    if folded in _INTERRUPT_WORDS:
        return "interrupt"
    return "failure" if folded in _FAILURE_WORDS else "unknown"
