"""Why a sign-in failed, across products: a wrong secret, no such user, a lockout, or nothing a guesser would cause.

Codes of Entra and Microsoft 365: FORMATS of the identity provider
(https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes). Interrupts, expired passwords,
policies and noise are `other`: the secret may have been right, and counting them made false sprays.
"""

from sensor.model.account import SignIn
from sensor.model.event import Event

WRONG, NO_USER, LOCKOUT, OTHER = "wrong", "no_user", "lockout", "other"
GUESSES = frozenset({WRONG, NO_USER, LOCKOUT})
_CODES = {
    "50126": WRONG, "50056": WRONG, "50064": WRONG, "7000215": WRONG, "7000222": OTHER,
    "50034": NO_USER, "50020": NO_USER, "50053": LOCKOUT,
    "invalid_credentials": WRONG, "verification_error": WRONG, "invalid_login": WRONG, "invalid_password": WRONG,
    "login_failure_invalid_password": WRONG, "login_failure_unknown": WRONG, "bad_secret": WRONG,
    "unknown_user": NO_USER, "user_not_found": NO_USER, "login_failure_no_such_user": NO_USER,
    "locked_out": LOCKOUT, "account_locked": LOCKOUT, "login_failure_account_locked": LOCKOUT,
    "invalid_passcode": OTHER, "password_expired": OTHER,
}  # fmt: skip
"""Code, folded → why."""
_WORDS = (
    ("locked", LOCKOUT), ("idslocked", LOCKOUT), ("invalidusernameorpassword", WRONG), ("invalid username or", WRONG),
    ("invalid credential", WRONG), ("wrong password", WRONG), ("incorrect password", WRONG), ("bad password", WRONG),
    ("invalid password", WRONG), ("wrong email or", WRONG), ("username or password", WRONG),
    ("usernotfound", NO_USER), ("user not found", NO_USER), ("no such user", NO_USER), ("does not exist", NO_USER),
    ("unknown user", NO_USER), ("useraccountnotfound", NO_USER),
)  # fmt: skip
_LOCKING = frozenset(
    {
        *("user.account.lock", "user.account.lock.limit", "account_locked", "admin_lockout", "user_lockout"),
        *("user locked", "limit_wc", "limit_mu", "user_locked"),
    }
)
"""Events that are a lockout by their name, folded: Okta, Duo, OneLogin, Auth0."""


_CODE_WORDS = ("verification code", "passcode", "invalid_otp", "wrong_code", "otp", "entered incorrect", "invalid code")
_PUSH = ("push", "call", "phone", "notification", "app")


def is_refused(event: Event) -> bool:
    """Tell whether a second factor was refused or left unanswered by its user: not a code that was mistyped.

    Okta writes INVALID_CREDENTIALS for a refused push and for a wrong code: the factor tells which.
    """
    if event.outcome == "success" or event.mfa not in {"denied", "timed_out"}:
        return False
    if event.mfa == "timed_out":
        return True
    said = f"{event.reason_code or ''} {event.reason or ''}".lower()
    if any(word in said for word in _CODE_WORDS):
        return False
    if "invalid_credentials" in said:
        factor = str(event.detail.get("mfa_detail") or "").lower()
        return any(word in factor for word in _PUSH)
    return True


def why(code: str | None, reason: str | None) -> str:
    """Return one of WRONG, NO_USER, LOCKOUT, OTHER; a failure that says nothing is a wrong secret."""
    if code is not None:
        found = _CODES.get(code.lower())
        if found is not None:
            return found
        if code.isdecimal():
            return OTHER
    if reason is None:
        return WRONG if code is None else OTHER
    folded = reason.lower()
    return next((found for part, found in _WORDS if part in folded), OTHER)


def why_failed(row: SignIn) -> str:
    """Return why a sign-in failed; OTHER where it did not, or where the second factor was what failed."""
    if row.result != "failure" or row.mfa == "timed_out":
        return OTHER
    if row.mfa == "denied":
        said = f"{row.reason_code or ''} {row.reason or ''}".lower()
        return WRONG if any(word in said for word in _CODE_WORDS) else OTHER
    return why(row.reason_code, row.reason)


def is_lockout(event: Event) -> bool:
    """Tell whether an event that is no sign-in is of an account being locked."""
    return event.action.lower() in _LOCKING
