"""Microsoft 365's unified audit log: sign-ins, mail rules, mailboxes, files, quarantine, administration.

The same record comes from the Management Activity API, inside the `AuditData` column of the portal's and PowerShell's
CSV (with several names of columns around it; some rows have an empty `AuditData`, and the columns are then all there
is), inside Graph's `auditData`, and as a row of Log Analytics' `OfficeActivity`.
Schema: https://learn.microsoft.com/en-us/office/office-365-management-api/office-365-management-activity-api-schema.

`CreationTime` is UTC without saying so. `UserLoginFailed` is a failure although its `ResultStatus` may say `Success`;
records without a `ResultStatus` (SharePoint's) are of things done. Entra's twin of a sign-in is another record.
"""

from typing import Any

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.details import present
from sensor.wire.entra_codes import outcome_of
from sensor.wire.fields import Fields
from sensor.wire.m365_accounts import read_account, read_client
from sensor.wire.m365_details import read_change, read_email, read_file, read_mailbox
from sensor.wire.m365_records import FAILED, kind_of, record_type
from sensor.wire.m365_rules import read_rule
from sensor.wire.management_api import OFFER

API = OFFER
"""How it is asked where it has no `path`."""

_USER_TYPES = {
    "2": "admin",
    "3": "datacenter_admin",
    "4": "system",
    "5": "application",
    "6": "service_principal",
    "7": "custom_policy",
    "8": "system_policy",
    "9": "partner_technician",
    "10": "guest",
}
"""`UserType` as the schema names it; `OfficeActivity` writes the name."""
_USUAL = frozenset({"0", "1", "regular", "reserved"})
_TIMES = ("CreationTime", "CreationDate", "createdDateTime", "TimeGenerated", "TimeGenerated [UTC]", "Start_Time")


def claims(record: Fields) -> bool:
    """Tell whether a record is of the unified audit log."""
    if record.has("AuditData"):
        return any(record.has(name) for name in ("RecordType", "CreationDate", "Operations", "Operation"))
    if (record.text("Type") or "").lower() == "officeactivity" or record.has("OfficeWorkload", "Operation"):
        return True
    inner = record.part("o365audit") or record
    if inner.has("Operation", "Workload", "UserId"):
        return True
    return inner.has("CreationTime") and (inner.has("RecordType") or inner.has("Operation", "Workload"))


def read(record: Fields) -> list[Event | AnyMessage]:
    """Return the record's event. Raises Malformed: `missing_time`, `bad_time`, `no_operation`."""
    inner = record.part("AuditData") or record.part("o365audit") or record
    parameters = inner.named("Parameters")
    kind, operation = _what(record, inner, parameters)
    signin = kind == "signin"
    code = inner.number("ErrorNumber") if signin else None
    ip, port = read_client(inner)
    extended = inner.named("ExtendedProperties")
    device = inner.named("DeviceProperties")
    detail = _detail(inner, kind, operation, parameters)
    return [
        Event(
            ts=inner.time(*_TIMES) if inner.value(*_TIMES) is not None else record.time(*_TIMES),
            source="m365",
            kind=kind,
            action=operation,
            outcome=_outcome(inner, operation, code),
            reason_code=None if code is None else str(code),
            reason=inner.text("LogonError"),
            account=read_account(inner, "UserIds") or read_account(record, "UserIds"),
            account_id=_known(inner.text("UserKey")),
            ip=ip,
            port=port,
            mfa=_mfa(code) if signin else None,
            app=inner.text("ApplicationDisplayName", "AppAccessContext.ClientAppName", "ApplicationId", "ClientAppId"),
            resource=inner.text("Workload", "OfficeWorkload"),
            user_agent=_agent(inner, extended),
            os=_text(device, "os") or inner.text("Platform"),
            device_id=_text(device, "id"),
            device_name=_text(device, "displayname"),
            managed=_managed(inner, device),
            session_id=_text(device, "sessionid") or inner.text("AppAccessContext.AADSessionId", "SessionId"),
            correlation_id=inner.text("InterSystemsId", "CorrelationId", "AppAccessContext.CorrelationId"),
            object=detail.get("rule") or inner.text("ObjectId", "OfficeObjectId"),
            detail=detail,
            raw_id=inner.text("Id", "OfficeId") or record.text("RecordId", "Identity"),
        )
    ]


def _what(record: Fields, inner: Fields, parameters: dict[str, object]) -> tuple[str, str]:
    """Return the event's kind and operation; a record without an operation is called by its type."""
    number = record_type(inner.text("RecordType") or record.text("RecordType", "auditLogRecordType"))
    operation = inner.text("Operation") or record.text("Operation", "Operations") or inner.text("RecordType")
    if operation is None:
        raise Malformed("no_operation")
    kind = kind_of(number, operation, parameters)
    # Safe Attachments for SharePoint reports files where that for Exchange reports messages.
    is_file = kind == "email" and inner.part("FileData") and not inner.has("NetworkMessageId")
    return "file" if is_file else kind, operation


def _detail(inner: Fields, kind: str, operation: str, parameters: dict[str, object]) -> dict[str, Any]:
    """Return what records of this kind say beyond the common fields."""
    if kind == "mail_rule":
        detail = read_rule(inner, operation, parameters)
    elif kind == "mailbox":
        detail = read_mailbox(inner)
    elif kind == "file":
        detail = read_file(inner)
    elif kind == "email":
        detail = read_email(inner, operation)
    elif kind in {"admin", "consent"}:
        detail = read_change(inner, parameters)
    else:
        detail = present(title=inner.text("AlertDisplayName", "Name"), severity=inner.text("AlertSeverity", "Severity"))
    user_type = (inner.text("UserType") or "").lower()
    return detail | present(
        user_type=_USER_TYPES.get(user_type, user_type if user_type in _USER_TYPES.values() else "")
    )


def _outcome(inner: Fields, operation: str, code: int | None) -> str:
    """Return the outcome; a sign-in's is in its operation and code, whatever the status says."""
    folded = operation.lower()
    if folded == "userloginfailed":
        found = outcome_of(code) if code else "failure"
        # A question after a good sign-in (keep me signed in) that is logged as failed is a step.
        return "interrupt" if found == "success" else found
    if folded == "userloggedin":
        return "success"
    status = (inner.text("ResultStatus") or "").lower()
    return "failure" if status in FAILED else "success"


def _mfa(code: int | None) -> str:
    """Return what is known of the second factor: the audit log says no more than the code."""
    return "denied" if code == 500121 else "unknown"


def _agent(inner: Fields, extended: dict[str, object]) -> str | None:
    """Return the agent, which sign-ins and directory changes keep among their properties."""
    return (
        inner.text("UserAgent")
        or _text(extended, "useragent")
        or Fields(extended).text("additionaldetails.User-Agent")
        or inner.text("ActorInfoString")
    )


def _managed(inner: Fields, device: dict[str, object]) -> bool | None:
    return (
        inner.flag("IsManagedDevice") if inner.has("IsManagedDevice") else Fields(device).flag("iscompliantandmanaged")
    )


def _known(text: str | None) -> str | None:
    return None if text is None or text.lower() == "not available" else text


def _text(properties: dict[str, object], name: str) -> str | None:
    return Fields(properties).text(name)
