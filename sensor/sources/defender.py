"""Microsoft Defender XDR's advanced-hunting tables: email, endpoints, identities, cloud apps, alerts.

Rows of the Event Hub, of Log Analytics, and bare ones (`sensor.wire.defender_tables`). The row's `Timestamp` is when it
happened; the hub's `time` is when it was exported. A row of CloudAppEvents carries the record of the app it came from
in `RawEventData`; where that is Microsoft 365's audit record, its kind and detail are read as there. Tables that say
nothing of the kinds there are give events of kind `other`.

`ReportId` counts on each device, so a row's id is its table, device or message, report and time together.
"""

from typing import Any

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.defender_device import (
    read_account,
    read_connection,
    read_directory,
    read_inventory,
    read_logon,
    read_process,
)
from sensor.wire.defender_email import EMAIL_TABLES, read_email
from sensor.wire.defender_tables import table_of
from sensor.wire.details import present
from sensor.wire.fields import Fields
from sensor.wire.m365_details import read_change, read_file, read_mailbox
from sensor.wire.m365_records import FAILED, kind_of, record_type
from sensor.wire.m365_rules import read_rule

_READERS = {
    "devicenetworkevents": read_connection,
    "devicelogonevents": read_logon,
    "identitylogonevents": read_logon,
    "deviceprocessevents": read_process,
    "deviceinfo": read_inventory,
    "devicenetworkinfo": read_inventory,
    "identityqueryevents": read_directory,
    "identitydirectoryevents": read_directory,
}


def claims(record: Fields) -> bool:
    """Tell whether a record is a row of Defender's."""
    return table_of(record) is not None


def read(record: Fields) -> list[Event | AnyMessage]:
    """Return the row's event. Raises Malformed: `missing_time`, `bad_time`, `unknown_record`."""
    table = table_of(record)
    if table is None:
        raise Malformed("unknown_record")
    row = record.part("properties") or record
    times = ("Timestamp", "TimeGenerated", "time")
    account, account_id = read_account(row)
    values: dict[str, Any] = {
        "ts": row.time(*times) if row.value(*times) is not None else record.time(*times),
        "source": "defender",
        "kind": "other",
        "action": row.text("ActionType") or table,
        "account": account,
        "account_id": account_id,
        "device_id": row.text("DeviceId"),
        "device_name": row.text("DeviceName"),
        "os": row.text("OSPlatform"),
        "raw_id": _raw_id(row, table),
    }
    if table in EMAIL_TABLES:
        values |= read_email(row, table)
    elif table == "cloudappevents":
        values |= _cloud_app(row)
    elif table in _READERS:
        values |= _READERS[table](row)
    else:
        values |= _other(row, table)
    return [Event(**values)]


def _raw_id(row: Fields, table: str) -> str | None:
    """Return an id that is the same only for the same row; evidence rows of an alert have none."""
    report = row.text("ReportId", "ReportId_long", "ReportId_string")
    if report is None:
        return None
    owner = row.text("DeviceId", "RecipientEmailAddress", "NetworkMessageId", "AccountObjectId")
    return f"{table}/{owner}/{report}/{row.text('Timestamp')}"


def _cloud_app(row: Fields) -> dict[str, Any]:
    """Return what a row of CloudAppEvents says, and the audit record inside it."""
    raw = row.part("RawEventData", "rawData")
    action = row.text("ActionType") or "cloudappevents"
    parameters = raw.named("Parameters")
    kind = kind_of(record_type(raw.text("RecordType")), raw.text("Operation") or action, parameters)
    # A sign-in of Entra's or Microsoft 365's own log is the sign-in; this is its echo.
    kind = "logon" if kind == "signin" else kind
    status = (raw.text("ResultStatus") or "").lower()
    agents = ("UserAgent", "UserAgent_string", "UserAgent_dynamic")
    account, _ = read_account(row)
    country = row.text("CountryCode")
    return {
        "kind": kind,
        "outcome": "failure" if status in FAILED else "success" if status else "unknown",
        "account": account or fold(raw.text("UserId") or row.text("UserId", "AccountDisplayName", "AccountId")),
        "account_id": row.text("AccountObjectId", "AccountId"),
        "ip": row.address("IPAddress")[0] or raw.address("ClientIP")[0],
        "country": country.upper() if country else None,
        "city": row.text("City"),
        "app": row.text("Application"),
        "user_agent": row.text(*agents),
        "object": row.text("ObjectName") or raw.text("ObjectId"),
        "detail": _audit(raw, kind, action, parameters)
        | present(is_proxy=row.flag("IsAnonymousProxy"), asn_name=row.text("ISP"), scopes=_scopes(row)),
    }


def _audit(raw: Fields, kind: str, action: str, parameters: dict[str, object]) -> dict[str, Any]:
    """Return the detail of Microsoft 365's record inside."""
    if kind == "mail_rule":
        return read_rule(raw, raw.text("Operation") or action, parameters)
    if kind == "mailbox":
        return read_mailbox(raw)
    if kind == "file":
        return read_file(raw)
    return read_change(raw, parameters) if kind in {"admin", "consent"} else {}


def _scopes(row: Fields) -> list[str]:
    return (row.text("Permissions") or "").split()[:_SCOPES_MAX]


_SCOPES_MAX = 100
"""Permissions of one consent that are kept, as `entra_audits` keeps targets."""


def _other(row: Fields, table: str) -> dict[str, Any]:
    """Return what rows of other tables say: alerts and their evidence, files, whatever may come."""
    title = row.text("Title")
    detail = present(
        severity=row.text("Severity"),
        category=row.text("Category") or ", ".join(row.texts("Categories")[:10]),
        alert_id=row.text("AlertId"),
        role=row.text("EvidenceRole"),
        entity=row.text("EntityType"),
        network_message_id=row.text("NetworkMessageId"),
        process=row.text("InitiatingProcessFolderPath", "InitiatingProcessFileName"),
        file=row.text("FileName"),
        folder=row.text("FolderPath"),
    )
    found = {"kind": "file" if table == "devicefileevents" else "other", "detail": detail}
    named = {"action": title, "object": row.text("EntityType")} if title else {"object": row.text("FileName")}
    remote = row.address("RemoteIP", "IPAddress")[0] if title else row.address("LocalIP")[0]
    return found | named | {"ip": remote, "app": row.text("ServiceSource", "Application")}
