"""One audit or risk record of Entra ID (or Intune), in any of its envelopes, as an event.

Audit: Azure Monitor's category `AuditLogs`, Graph's `directoryAudits`, Log Analytics' `AuditLogs`
(https://learn.microsoft.com/en-us/graph/api/resources/directoryaudit). Risk: `RiskyUsers`, `UserRiskEvents` and their
twins for service principals (https://learn.microsoft.com/en-us/graph/api/resources/riskdetection). Whatever else
Entra exports (Graph's own activity, provisioning) is an event of kind `other`.

An audit record's `time` is when the change was made (Intune's `ActivityDate` is the same, cut to seconds); a risk's is
when the detection was made or changed, and may be month first (`3/24/2022 2:42:35 PM`). The activity that was found
risky may be days older: `detail.activity_time`. Whoever acted is the account; whom it was done to, `detail.targets`.
"""

from typing import Any

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.wire.details import present
from sensor.wire.entra_codes import outcome_of_word
from sensor.wire.entra_signins import first_address
from sensor.wire.fields import Fields

RISK_CATEGORIES = frozenset({"riskyusers", "userriskevents", "riskyserviceprincipals", "serviceprincipalriskevents"})
"""Azure Monitor's categories, folded; Log Analytics' tables begin with `AAD`."""
CONSENTS = ("consent to application", "add delegated permission grant", "add oauth2permissiongrant")
"""Operations that let an application act: beginnings, folded."""
CONSENTED_ROLES = ("add app role assignment to service principal", "add app role assignment grant to user")
_READS = ("get", "list", "read", "view", "validate", "evaluate", "search", "process", "export", "import", "synchron")
"""First words of operations that change nothing in the directory: reads, and provisioning's own steps."""
_TARGETS_MAX = 100
"""Targets and changed values that are kept of one record: a bulk operation writes a record a target."""
_AUDIT_TIMES = ("activityDateTime", "ActivityDateTime [UTC]", "TimeGenerated", "TimeGenerated [UTC]", "ActivityDate")
_RISK_TIMES = ("riskLastUpdatedDateTime", "detectedDateTime", "lastUpdatedDateTime", "activityDateTime")


def is_consent(operation: str) -> bool:
    """Tell whether an operation lets an application act for someone."""
    return operation.lower().startswith((*CONSENTS, *CONSENTED_ROLES))


def read_audit(record: Fields) -> Event:
    """Return the event of a directory audit record. Raises Malformed: `missing_time`, `bad_time`, `no_operation`."""
    inner = record.part("properties") or record
    action = record.text("operationName") or inner.text("activityDisplayName", "operationName")
    if action is None:
        raise Malformed("no_operation")
    account, account_id = _initiator(record, inner)
    extra = inner.named("additionalDetails", "key", "value")
    agent = extra.get("user-agent")
    own = inner.text("initiatedBy.user.ipAddress")
    ip, port = first_address(record.text("callerIpAddress"), own, extra.get("ipaddr"))
    targets = _targets(inner)
    invited = extra.get("inviteduseremailaddress")
    if isinstance(invited, str) and invited:
        targets = [*targets, invited.lower()]
    return Event(
        ts=_time(record, inner, _AUDIT_TIMES),
        source="entra",
        kind=_kind(action),
        action=action,
        outcome=_outcome(record, inner),
        reason=inner.text("resultReason") or record.text("resultDescription"),
        account=account,
        account_id=account_id,
        ip=ip,
        port=port,
        app=inner.text("initiatedBy.app.displayName", "Actor.ApplicationName"),
        resource=inner.text("loggedByService"),
        user_agent=inner.text("userAgent") or (agent if isinstance(agent, str) else None),
        correlation_id=record.text("correlationId") or inner.text("correlationId"),
        object=targets[0] if targets else None,
        detail=present(
            targets=targets,
            changes=_changes(inner),
            actor_app=inner.text("initiatedBy.app.displayName"),
            operation_type=inner.text("operationType", "AADOperationType"),
        ),
        raw_id=inner.text("id", "AuditEventId"),
    )


def read_risk(record: Fields) -> Event:
    """Return the event of a risk detection or a risky user. Raises Malformed: `missing_time`, `bad_time`."""
    inner = record.part("properties") or record
    name = inner.text("userPrincipalName", "servicePrincipalDisplayName", "userId", "servicePrincipalId", "id")
    ip, port = first_address(inner.text("ipAddress"), record.text("callerIpAddress"))
    agent = inner.named("additionalInfo", "Key", "Value").get("useragent")
    country = inner.text("location.countryOrRegion")
    found = inner.text("riskEventType", "riskType")
    return Event(
        ts=_time(record, inner, _RISK_TIMES),
        source="entra",
        kind="other",
        action=record.text("operationName") or ("User Risk Detection" if found else "Risky user"),
        reason_code=found,
        reason=inner.text("riskDetail") if (inner.text("riskDetail") or "none") != "none" else None,
        account=fold(name),
        account_id=inner.text("userId", "servicePrincipalId") or (None if found else inner.text("id")),
        ip=ip,
        port=port,
        country=country.upper() if country and len(country) == 2 else country,
        city=inner.text("location.city"),
        user_agent=agent if isinstance(agent, str) else None,
        correlation_id=inner.text("correlationId", "requestId") or record.text("correlationId"),
        detail=present(
            risk=(inner.text("riskLevel") or "").lower(),
            risk_state=inner.text("riskState"),
            activity=inner.text("activity"),
            timing=inner.text("detectionTimingType"),
            activity_time=inner.text("activityDateTime"),
        ),
        raw_id=inner.text("id") if found else None,
    )


def read_other(record: Fields) -> Event:
    """Return the event of a record of another log. Raises Malformed: `missing_time`, `bad_time`, `no_operation`."""
    inner = record.part("properties") or record
    action = record.text("operationName", "category")
    if action is None:
        raise Malformed("no_operation")
    ip, port = first_address(record.text("callerIpAddress"), inner.text("ipAddress"))
    user_id = inner.text("userId", "UserPrincipalObjectID", "servicePrincipalId")
    return Event(
        ts=record.time("time", "TimeGenerated"),
        source="entra",
        kind="other",
        action=action,
        outcome=_outcome(record, inner),
        reason_code=record.text("resultSignature") if record.number("resultSignature") else None,
        account=fold(inner.text("userPrincipalName")) or fold(user_id),
        account_id=user_id,
        ip=ip,
        port=port,
        app=inner.text("appDisplayName", "appId"),
        user_agent=inner.text("userAgent"),
        correlation_id=record.text("correlationId"),
        object=inner.text("requestUri"),
        raw_id=inner.text("id", "requestId"),
    )


def _time(record: Fields, inner: Fields, paths: tuple[str, ...]) -> int:
    """Return the export's `time`, which of these records is when it happened; without an export, the record's own."""
    if record.value("time") is not None:
        return record.time("time")
    return inner.time(*paths) if inner.value(*paths) is not None else record.time("TimeGenerated")


def _kind(action: str) -> str:
    """Return consent, admin or other."""
    if is_consent(action):
        return "consent"
    return "other" if action.lower().startswith(_READS) else "admin"


def _outcome(record: Fields, inner: Fields) -> str:
    """Return the outcome from the record's result; an audit record that says nothing is of a thing done or tried."""
    words = (inner.text("result"), record.text("resultType"), record.text("resultSignature"))
    return next((found for word in words if (found := outcome_of_word(word)) != "unknown"), "unknown")


def _initiator(record: Fields, inner: Fields) -> tuple[str | None, str | None]:
    """Return who acted: a user, else an application; `identity` of the envelope where the record names neither."""
    user = inner.part("initiatedBy.user") or inner.part("Actor")
    name = user.text("userPrincipalName", "UPN")
    user_id = user.text("id", "ObjectId")
    if name or user_id:
        return fold(name) or fold(user_id), user_id
    app = inner.part("initiatedBy.app")
    name = app.text("servicePrincipalName", "displayName", "appId") or record.text("identity")
    return fold(name), app.text("servicePrincipalId")


def _targets(inner: Fields) -> list[str]:
    """Return what was acted on: users by their UPN, all else by its name."""
    found = [
        one.text("userPrincipalName", "displayName", "id")
        for one in inner.each("targetResources")[:_TARGETS_MAX]
        if one.raw
    ]
    found += inner.texts("TargetDisplayNames") or inner.texts("TargetObjectIds")
    return [name for name in found if name and name != "<null>"][:_TARGETS_MAX]


def _changes(inner: Fields) -> dict[str, Any]:
    """Return names of changed properties and their new values; a text stands there in quotes, as JSON."""
    changes: dict[str, Any] = {}
    for target in (inner.each("targetResources") + inner.each("Targets"))[:_TARGETS_MAX]:
        for change in target.each("modifiedProperties")[:_TARGETS_MAX]:
            name = change.text("displayName", "Name")
            if name and len(changes) < _TARGETS_MAX:
                value = change.text("newValue", "New")
                quoted = value is not None and len(value) > 1 and value[0] == value[-1] == '"'
                changes[name] = value[1:-1] if value is not None and quoted else value
    return changes
