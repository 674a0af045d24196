"""Which advanced-hunting table of Microsoft Defender XDR a row is of.

Rows come from the Event Hub (`{time, category: "AdvancedHunting-<table>", properties: {…}}`), from Log Analytics
(`Type` holds the table's name) and bare, as a query returns them; a bare row is known by the columns that hold
something, since exports that unite several tables give every row every column.
Tables: https://learn.microsoft.com/en-us/defender-xdr/advanced-hunting-schema-tables.
"""

from sensor.wire.fields import Fields

_PREFIX = "advancedhunting-"
TABLES = frozenset(
    {
        *("emailevents", "emailpostdeliveryevents", "emailattachmentinfo", "emailurlinfo", "urlclickevents"),
        *("identitylogonevents", "identityqueryevents", "identitydirectoryevents", "identityinfo", "cloudappevents"),
        *("devicenetworkevents", "deviceinfo", "devicenetworkinfo", "devicelogonevents", "deviceprocessevents"),
        *("deviceevents", "devicefileevents", "deviceimageloadevents", "deviceregistryevents"),
        *("devicefilecertificateinfo", "alertinfo", "alertevidence"),
    }
)
"""Log Analytics' tables that are Defender's, folded; any table of the Event Hub is."""


def table_of(record: Fields) -> str | None:
    """Return the table's name, folded; None where the record is no row of Defender's."""
    category = (record.text("category") or "").lower()
    if category.startswith(_PREFIX):
        return category.removeprefix(_PREFIX)
    table = (record.text("Type") or "").lower()
    if table in TABLES:
        return table
    if not record.has("Timestamp"):
        return None
    return _email(record) or _alert(record) or _device(record) or _identity(record)


def _holds(record: Fields, *names: str) -> bool:
    return all(record.value(name) is not None for name in names)


def _email(record: Fields) -> str | None:
    if _holds(record, "IsClickedThrough", "Url"):
        return "urlclickevents"
    if not _holds(record, "NetworkMessageId") or _holds(record, "AlertId"):
        return None
    if _holds(record, "DeliveryAction") or _holds(record, "EmailDirection"):
        return "emailevents"
    if _holds(record, "ActionTrigger"):
        return "emailpostdeliveryevents"
    if _holds(record, "FileName", "RecipientEmailAddress"):
        return "emailattachmentinfo"
    return "emailurlinfo" if _holds(record, "UrlDomain") else None


def _alert(record: Fields) -> str | None:
    if not _holds(record, "AlertId"):
        return None
    if _holds(record, "EntityType", "EvidenceRole"):
        return "alertevidence"
    return "alertinfo" if _holds(record, "ServiceSource", "DetectionSource") else None


def _device(record: Fields) -> str | None:
    if not _holds(record, "DeviceId"):
        return None
    if _holds(record, "ActionType"):
        return _endpoint(record)
    if _holds(record, "MacAddress") or _holds(record, "IPAddresses"):
        return "devicenetworkinfo"
    return "deviceinfo" if _holds(record, "OSPlatform") or _holds(record, "LoggedOnUsers") else None


def _endpoint(record: Fields) -> str | None:
    if _holds(record, "LogonType"):
        return "devicelogonevents"
    if _holds(record, "RemoteIP") and record.has("LocalIP"):
        return "devicenetworkevents"
    if record.text("ActionType") == "ProcessCreated":
        return "deviceprocessevents"
    return "deviceevents" if record.has("InitiatingProcessFileName") or record.has("ReportId") else None


def _identity(record: Fields) -> str | None:
    if not _holds(record, "ActionType", "Application"):
        return None
    if _holds(record, "LogonType"):
        return "identitylogonevents"
    if _holds(record, "QueryType"):
        return "identityqueryevents"
    if any(_holds(record, name) for name in ("ActivityType", "RawEventData", "ActivityObjects")):
        return "cloudappevents"
    return "identitydirectoryevents" if record.has("DestinationDeviceName") else None
