"""Auth0's tenant logs: one event for one entry.

Read: the objects of `GET /api/v2/logs`, and the same inside a log stream's `data`
(https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes). `type` is a code: `s` a sign-in that succeeded, `fp`
a wrong password, `gd_auth_rejected` a prompt that was refused, `sapi` a call of the management API, whose action is
then `sapi`, its method and its path.

Does not say what a call of the management API changed beyond its path and the flags of its answer.
"""

from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.details import present
from sensor.wire.fields import Fields

_SUCCESS = frozenset({"s", "ssa", "scoa", "sepft", "sens"})
_FAILURES = {
    "f": None, "fp": "invalid_password", "fu": "user_not_found", "fcoa": None, "fc": None, "fsa": None, "fepft": None,
    "fepotpft": "wrong_code", "pwd_leak": "breached_password", "limit_wc": "account_locked",
    "limit_mu": "blocked_address",
    "limit_sul": "account_locked", "gd_auth_rejected": "user_denied", "gd_auth_failed": "wrong_code",
    "gd_otp_rate_limit_exceed": "wrong_code", "signup_pwd_leak": "breached_password",
}  # fmt: skip
"""Codes of sign-ins that failed, and why."""
_MFA = {"gd_auth_rejected": "denied", "gd_auth_failed": "denied", "gd_auth_succeed": "satisfied"}
_CHANGES = frozenset(
    {
        *(
            "sapi",
            "du",
            "scp",
            "scpr",
            "sce",
            "scu",
            "gd_enrollment_complete",
            "gd_unenroll",
            "gd_update_device_account",
        ),
        *("gd_start_enroll", "admin_update_launch", "depnote", "mgmt_api_update", "sui", "sdu"),
    }
)
"""Codes of things that were changed."""
_CODE_MAX = 64


def claims(record: Fields) -> bool:
    """Tell whether a record is an entry of the tenant log, or holds one."""
    one = _entry(record)
    return (
        one.has("type") and one.has("log_id") and one.has("date") and (one.has("client_id") or one.has("description"))
    )


def read(record: Fields) -> list[Event | AnyMessage]:
    """Read the entry. Raises Malformed: `missing_time`, `bad_time`."""
    one = _entry(record)
    code = (one.text("type") or "unknown")[:_CODE_MAX]
    kind, outcome = _kind(code)
    request = one.part("details.request")
    ip, port = one.address("ip", "details.request.ip")
    path = request.text("path")
    action = f"{code} {request.text('method') or ''} {path}".lower() if code in {"sapi", "fapi"} and path else code
    account = one.text("details.request.auth.user.email", "user_name", "details.body.email", "user_id")
    targets = [found for found in _targets(one, request) if found]
    return [
        Event(
            ts=one.time("date"), source="auth0", kind=kind, action=action, outcome=outcome,
            reason_code=_FAILURES.get(code), reason=one.text("description"), account=fold(account),
            account_id=one.text("user_id"), ip=ip, port=port, country=one.text("location_info.country_code"),
            city=one.text("location_info.city_name"), mfa=_MFA.get(code, "unknown") if kind == "signin" else None,
            app=one.text("client_name") or one.text("client_id"),
            user_agent=request.text("userAgent") or one.text("user_agent"),
            session_id=one.text("session_id"), object=targets[0] if targets else None,
            detail=present(targets=targets, changes=_changes(request, one)) if kind == "admin" else {},
            raw_id=one.text("log_id"),
        )
    ]  # fmt: skip


def _entry(record: Fields) -> Fields:
    held = record.part("data")
    return held if held.has("type", "date") else record


def _kind(code: str) -> tuple[str, str]:
    if code in _SUCCESS or code == "gd_auth_succeed":
        return "signin", "success"
    if code in _FAILURES:
        return "signin", "failure"
    if code in _CHANGES:
        return "admin", "success"
    return ("admin", "failure") if code == "fapi" else ("other", "unknown")


def _targets(one: Fields, request: Fields) -> list[str | None]:
    """Return whom an entry is about, where it names one beside who acted."""
    body = request.part("body")
    found = [body.text("invitee.email"), body.text("user.email"), body.text("email"), *body.texts("owners")[:16]]
    return [*found, *(one.texts("details.response.body.invitee.email")[:1] if not any(found) else [])]


def _changes(request: Fields, one: Fields) -> dict[str, object]:
    """Return the flags that were set and those that the answer holds, by name."""
    found: dict[str, object] = {}
    for part in (request.part("body"), one.part("details.response.body")):
        for name, value in list(part.raw.items())[:64]:
            if isinstance(value, bool | str | int):
                found[str(name)] = value
    bindings = request.value("body.bindings")
    return {**found, "bindings": len(bindings)} if isinstance(bindings, list) else found
