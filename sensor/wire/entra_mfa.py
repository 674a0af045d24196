"""What became of the second factor in a sign-in to Entra ID: satisfied, denied, timed out, none, unknown.

Entra says it in three places: `authenticationDetails[]` (a row a step), `status.additionalDetails` (one sentence) and
`mfaDetail`. The sentences are those of "authenticationStepResultDetail" in
https://learn.microsoft.com/en-us/entra/identity/monitoring-health/concept-sign-in-log-activity-details and of the older
"MFA result" list; they are matched in part, since they come with and without `MFA denied; `.

`denied` says that the factor was asked for and refused or wrong; `timed_out` that nobody answered. `unknown` where the
record does not say: a wrong password before a factor was asked for, 50158 (an external provider's challenge), 50074.
"""

from sensor.wire.entra_codes import class_of
from sensor.wire.fields import Fields

_TIMED_OUT = (
    *("did not respond", "never entered", "voicemail", "unable to reach", "timed out", "timeout", "no response"),
    *("attempt expired",),
)
"""Nobody answered: the app's notice, the call, the text message."""
_DENIED = ("mfa denied", "declined the authentication", "reported fraud", "fraud code reported")
_SATISFIED = ("mfa requirement satisfied", "mfa completed", "mfa successfully completed")
_STRONG_CODE = 500121
_FIRST_FACTORS = frozenset({"password", "previously satisfied", "satisfied by token"})


def mfa_of(record: Fields, code: int | None, outcome: str) -> str:
    """Return one of `sensor.model.event.MFA`.

    Args:
        record: The sign-in's own object (a Graph signIn, an Azure Monitor record's `properties`, a Log Analytics row).
        code: The result's code, None where there is none.
        outcome: The event's outcome.
    """
    said = _said(record)
    requirement = (record.text("authenticationRequirement") or "").lower()
    if outcome == "success":
        if any(part in text for text in said for part in _SATISFIED) or _strong_step(record):
            return "satisfied"
        if requirement == "singlefactorauthentication":
            return "none"
        strong = requirement == "multifactorauthentication" or record.text("mfaDetail.authMethod")
        return "satisfied" if strong else "unknown"
    if any(part in text for text in said for part in _TIMED_OUT):
        return "timed_out"
    if code == _STRONG_CODE or any(part in text for text in said for part in _DENIED):
        return "denied"
    asked = code is not None and class_of(code) in {"mfa_needed", "mfa_failed"}
    return "none" if requirement == "singlefactorauthentication" and not asked else "unknown"


def method_of(record: Fields) -> str | None:
    """Return how the second factor was asked for, in the record's own words."""
    steps = [step.text("authenticationMethod") for step in record.each("authenticationDetails")]
    second = next((step for step in reversed(steps) if step and step.lower() not in _FIRST_FACTORS), None)
    return record.text("mfaDetail.authMethod") or second


def _said(record: Fields) -> list[str]:
    """Sentences about the factor, folded."""
    steps = [step.text("authenticationStepResultDetail") for step in record.each("authenticationDetails")]
    paths = ("status.additionalDetails", "status.failureReason", "mfaDetail.authDetail", "resultDescription")
    whole = [record.text(path) for path in paths]
    return [text.lower() for text in (*steps, *whole) if text]


def _strong_step(record: Fields) -> bool:
    """Tell whether a step that asked for several factors (`Multi-factor`, `Multifactor`) went well."""
    return any(
        step.flag("succeeded") and (step.text("authenticationStepRequirement") or "").lower().startswith("multi")
        for step in record.each("authenticationDetails")
    )
