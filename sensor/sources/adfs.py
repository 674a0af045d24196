"""Active Directory Federation Services: its audit as Windows events, and its sign-ins as Azure Monitor reports them.

Windows events of the providers `AD FS Auditing` (Security log) and `AD FS` (AD FS/Admin log), in every form that
`sensor.wire.windows_events` reads; `ADFSSignInLogs` of Azure Monitor and Log Analytics, in Entra's form. One request
writes several events, which share the activity id: `correlation_id`. A successful sign-in is written both as the
credential's check (1202) and as the token that was issued (1200).
"""

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.adfs_audit import Audit, read_audit
from sensor.wire.details import present
from sensor.wire.entra_signins import read_signin
from sensor.wire.fields import Fields
from sensor.wire.windows_events import WindowsEvent, events, label

_SIGNINS = "adfssigninlogs"
_SUCCEEDED = frozenset({1200, 1202})
"""A token was issued, a credential was right. 299 and 412 (a token was issued, accepted) name nobody: no sign-ins."""
_FAILED = frozenset({342, 411, 512, 516, 1201, 1203, 1210})
"""A token was not accepted (in both logs), an account is locked (from outside), no token, a wrong credential."""
_PASSWORDS = {1204: "success", 1205: "failure"}
"""A password was changed, or not."""
_LOCKED = frozenset({512, 516, 1210})


def claims(record: Fields) -> bool:
    """Tell whether a record is AD FS's."""
    if _is_signin(record):
        return True
    what = label(record)
    return what is not None and what.provider.replace(" ", "").startswith("adfs")


def read(record: Fields) -> list[Event | AnyMessage]:
    """Return the record's events. Raises Malformed: `missing_time`, `bad_time`, `unknown_record`."""
    if _is_signin(record):
        return [read_signin(record, "adfs")]
    found: list[Event | AnyMessage] = [_event(event) for event in events(record)]
    if not found:
        raise Malformed("unknown_record")
    return found


def _is_signin(record: Fields) -> bool:
    return _SIGNINS in {(record.text(name) or "").lower() for name in ("category", "Type")}


def _event(event: WindowsEvent) -> Event:
    """Return the event of one Windows event."""
    number = event.label.event_id
    audit = read_audit(event)
    outcome = _outcome(event, audit)
    signin = number in _SUCCEEDED | _FAILED
    failure = audit.text("failuretype", "error message") if outcome == "failure" else None
    device = audit.text("deviceid")
    return Event(
        ts=event.ts,
        source="adfs",
        kind="signin" if signin else "admin" if number in _PASSWORDS else "other",
        action=str(number),
        outcome=outcome,
        reason_code=audit.text("errorcode") or ("locked" if number in _LOCKED else None),
        reason=failure,
        account=audit.account(),
        ip=audit.address(),
        mfa=_mfa(audit, outcome) if signin else None,
        app=audit.text("relyingparty", "relying party"),
        resource=audit.text("server"),
        user_agent=audit.agent(),
        device_id=device,
        correlation_id=audit.activity(),
        detail=present(
            event_category="interactive" if signin else None,
            mfa_detail=audit.text("mfamethod"),
            client_app=audit.text("authprotocol"),
            network_location=audit.text("networklocation"),
            endpoint=audit.text("endpoint"),
            proxy=audit.text("proxyserver"),
            primary_auth=audit.text("primaryauth"),
            token_type=audit.text("token type"),
            audit_type=audit.text("audittype"),
            server=event.computer,
        ),
        raw_id=event.raw_id,
    )


def _outcome(event: WindowsEvent, audit: Audit) -> str:
    """Return the outcome: what the audit says, else what the event's number means, else what Windows says."""
    said = (audit.text("auditresult") or "").lower()
    if said in {"success", "failure"}:
        return said
    number = event.label.event_id
    if number in _PASSWORDS:
        return _PASSWORDS[number]
    if number in _SUCCEEDED | _FAILED:
        return "success" if number in _SUCCEEDED else "failure"
    return "unknown" if event.success is None else "success" if event.success else "failure"


def _mfa(audit: Audit, outcome: str) -> str:
    """Return what became of the second factor; a sign-in that failed does not say."""
    performed = audit.flag("mfaperformed")
    if performed:
        return "satisfied" if outcome == "success" else "denied"
    return "none" if performed is False and outcome == "success" else "unknown"
