"""Microsoft Entra ID: sign-ins, directory audit, risk detections; and Intune's audit log, which comes the same way.

Sign-ins are of persons (interactive or not), service principals and managed identities. Three envelopes of one record:
Azure Monitor's export (`{time, category, properties: {…}}`), Graph's object, Log Analytics' row. AD FS sign-ins that
Azure Monitor reports (`ADFSSignInLogs`) are of the source `adfs`. Azure's own activity and resource logs are not read.
"""

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.entra_audits import RISK_CATEGORIES, read_audit, read_other, read_risk
from sensor.wire.entra_signins import category_of, read_signin
from sensor.wire.fields import Fields
from sensor.wire.graph_api import OFFER

API = OFFER
"""How it is asked where it has no `path`."""

_PROVIDER = "microsoft.aadiam"
"""Part of `resourceId` in every record that Entra itself exports."""


def claims(record: Fields) -> bool:
    """Tell whether a record is Entra's."""
    return _what(record) is not None


def read(record: Fields) -> list[Event | AnyMessage]:
    """Return the record's event. Raises Malformed: `missing_time`, `bad_time`, `no_operation`, `unknown_record`."""
    what = _what(record)
    if what == "signin":
        return [read_signin(record, "entra")]
    if what == "risk":
        return [read_risk(record)]
    if what == "audit":
        return [read_audit(record)]
    if what == "other":
        return [read_other(record)]
    raise Malformed("unknown_record")


def _what(record: Fields) -> str | None:
    """Return signin, audit, risk or other; None where the record is none of Entra's."""
    category = (record.text("category") or "").lower()
    table = (record.text("Type") or "").lower().removeprefix("aad")
    if "adfssigninlogs" in {category, table} or category.startswith("advancedhunting-"):
        return None
    if category_of(record):
        return "signin"
    if category in RISK_CATEGORIES or table in RISK_CATEGORIES:
        return "risk"
    if category == "auditlogs" or table == "auditlogs":
        return "audit" if _is_audit(record) else None
    if _PROVIDER in (record.text("resourceId") or "").lower():
        if _is_audit(record):
            return "audit"
        if record.has("category", "properties"):
            return "other"
    return _graph(record)


def _is_audit(record: Fields) -> bool:
    """Tell Entra's and Intune's audit logs from others that use the category's name."""
    inner = record.part("properties") or record
    return inner.has("initiatedBy") or inner.has("activityDisplayName") or inner.has("ActivityDate", "Actor")


def _graph(record: Fields) -> str | None:
    """Tell what Graph returns, which names no category of its own, by its fields."""
    if record.has("createdDateTime", "status", "appId") and (
        record.has("clientAppUsed") or record.has("isInteractive")
    ):
        return "signin"
    if record.has("activityDateTime", "activityDisplayName", "initiatedBy"):
        return "audit"
    if record.has("riskEventType", "detectedDateTime", "riskState"):
        return "risk"
    return "risk" if record.has("riskLastUpdatedDateTime", "riskState", "riskLevel") else None
