"""GlobalProtect, Palo Alto Networks' VPN: who has which tunnel address, from where, on which device.

Read: PAN-OS's GLOBALPROTECT log of 9.1 and later as CSV (https://docs.paloaltonetworks.com/pan-os, "GlobalProtect Log
Fields"); the SYSTEM log with subtype globalprotect that older releases write, whose words stand in its description; the
logging service's CEF, LEEF and JSON (https://docs.paloaltonetworks.com/strata-logging-service/log-reference).

A gateway's record that names the tunnel's address is a lease, ended by a logout or a release; one about an
authentication, and any failure, is a logon. `pre-logon` is the device's own tunnel before anybody logs on, and no
account. Traps: the high-resolution time may be that of 1970, then the generated time is taken, which has no zone and is
read as UTC; the region of an inside address is its range, which is no country; the logging service doubles backslashes.
"""

import csv
import re

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.wire.cef import parse as parse_cef
from sensor.wire.details import present
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields, read_address

SOURCE = "globalprotect"
COLUMNS = (
    *("vsys", "event_id", "stage", "auth_method", "tunnel_type", "user", "region", "device", "public_ip"),
    *("public_ipv6", "private_ip", "private_ipv6", "host_id", "serial", "client_version", "os", "os_version", "repeat"),
    *("reason", "error", "description", "status", "location", "duration", "connect_method", "error_code", "portal"),
    *("sequence", "flags", "time_exact"),
)
"""Columns of the CSV from the eighth on; later ones are not used."""
_LEAD = ("", "received", "firewall", "type", "subtype", "", "time")
_CSV = re.compile(
    r"(?:^|\s)(\d{0,12},\d{4}[-/]\d\d[-/]\d\d[T ][\d:.Z+-]{8,24},[^,]{0,64},"
    r"(?:GLOBALPROTECT,|SYSTEM,globalprotect,).*)",
    re.IGNORECASE | re.DOTALL,
)
_SYSTEM_WORDS = {
    "public_ip": "Login from",
    "region": "Source region",
    "user": "User name",
    "private_ip": "Private IP",
    "device": "Device name",
    "os": "Client OS version",
    "client_version": "Client version",
    "reason": "Reason",
    "auth_method": "Auth type",
}
"""Labels in the SYSTEM log's description."""
_LOGGED = {
    "event_id": ("PanOSEventIDValue", "PanOSEventID", "EventIDValue", "EventID"),
    "stage": ("PanOSStage", "Stage"),
    "auth_method": ("PanOSAuthMethod", "AuthMethod"),
    "user": ("PanOSSourceUserName", "suser", "usrName", "SourceUserName", "SourceUser"),
    "region": ("PanOSSourceRegion", "SourceRegion"),
    "device": ("PanOSEndpointDeviceName", "EndpointDeviceName"),
    "public_ip": ("PanOSPublicIPv4", "PublicIPv4"),
    "public_ipv6": ("PanOSPublicIPv6", "PublicIPv6"),
    "private_ip": ("PanOSPrivateIPv4", "PrivateIPv4"),
    "private_ipv6": ("PanOSPrivateIPv6", "PrivateIPv6"),
    "host_id": ("PanOSHostID", "HostID"),
    "serial": ("PanOSEndpointSN", "EndpointSN"),
    "client_version": ("PanOSGlobalProtectClientVersion", "GlobalProtectClientVersion"),
    "os": ("PanOSEndpointOSType", "EndpointOSType"),
    "os_version": ("PanOSEndpointOSVersion", "EndpointOSVersion"),
    "reason": ("PanOSQuarantineReason", "QuarantineReason"),
    "error": ("PanOSConnectionError", "ConnectionError"),
    "description": ("PanOSDescription", "Description"),
    "status": ("PanOSEventStatus", "EventStatus"),
    "error_code": ("PanOSConnectionErrorID", "ConnectionErrorID"),
    "portal": ("PanOSPortal", "Portal"),
    "sequence": ("PanOSSequenceNo", "SequenceNo"),
    "firewall": ("PanOSDeviceSN", "DeviceSN"),
    "time_exact": ("PanOSTimeGeneratedHighResolution", "TimeGeneratedHighResolution"),
    "time": ("start", "devTime", "TimeGenerated", "rt", "TimeReceived"),
}
"""The logging service's names of the same."""
EARLIEST_NS = 946_684_800 * 10**9
"""The year 2000: GlobalProtect is of 2011."""
_MONTH_FIRST = re.compile(r"([A-Z][a-z]{2} \d{1,2}) (\d{4}) (\d\d:\d\d:\d\d)(?:\.\d+)?(?: UTC| GMT)?$")
_REGION = re.compile(r"[A-Za-z]{2}$")
_NO_ADDRESSES = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what PAN-OS writes for none
ENDS = ("logout", "config-release", "disconnect")
AUTHENTICATES = ("-auth", "prelogin", "login", "-regist", "saml")


def claims(record: Fields) -> bool:
    """Tell whether a record is GlobalProtect's."""
    if (record.text("LogType") or "").upper() == "GLOBALPROTECT":
        return record.has("EventStatus") or record.has("EventIDValue")
    text = record.text("message")
    if text is None or "globalprotect" not in text.lower():
        return False
    if "CEF:" in text or "LEEF:" in text:
        found = parse_cef(text)
        if found is None or not found["cef.vendor"].lower().startswith("palo alto"):
            return False
        kind = found["cef.class_id"], found.get("cat", ""), found.get("cef.name", "")
        return "globalprotect" in {word.lower() for word in kind}
    return _CSV.search(text) is not None


def read(record: Fields) -> list[Event]:
    """Read one record. Raises Malformed: `missing_time`, `bad_time`, `missing_event`, `column_count`."""
    row = _logged(record)
    ts = _time(row)
    action = row.get("event_id", "")
    if not action:
        raise Malformed("missing_event")
    public, private = _address(row, "public_ip"), _address(row, "private_ip")
    outcome = _outcome(row, action)
    kind = _kind(action, row.get("stage", ""), outcome, leased=private is not None and "portal" not in action)
    ended = kind == "lease" and any(word in action for word in ENDS)
    region, sequence = row.get("region", ""), row.get("sequence")
    return [
        Event(
            ts=ts,
            source=SOURCE,
            kind=kind,
            action=action,
            outcome=outcome,
            reason_code=None if row.get("error_code") in {None, "", "0"} else row["error_code"],
            reason=_reason(row, outcome),
            account=_account(row.get("user", "")),
            ip=public,
            country=region.upper() if _REGION.match(region) else None,
            app="GlobalProtect",
            resource=row.get("portal") or None,
            user_agent=row.get("client_version") or None,
            os=row.get("os_version") or row.get("os") or None,
            device_id=row.get("host_id") or None,
            device_name=row.get("device") or None,
            detail=present(
                assigned_addr=private,
                public_addr=public,
                host_name=row.get("device"),
                package=row.get("auth_method") if kind == "logon" else None,
                ended=ended or None,
            ),
            raw_id=f"{row.get('firewall', '')}:{sequence}" if sequence else None,
        )
    ]


def _account(user: str) -> str | None:
    return None if user.lower() == "pre-logon" else fold(re.sub(r"\\+", r"\\", user))


def _reason(row: dict[str, str], outcome: str) -> str | None:
    """Return why; a success's description says nothing about that."""
    said = row.get("description") if outcome == "failure" else None
    return row.get("error") or row.get("reason") or said or None


def _logged(record: Fields) -> dict[str, str]:
    """Return what was logged under our names, whatever the form."""
    text = record.text("message") or ""
    if record.value("LogType") is None and ("CEF:" in text or "LEEF:" in text):
        given = parse_cef(text) or {}
        row = _renamed(Fields(given))
        if not row.get("event_id"):
            row["event_id"] = given.get("cef.class_id" if "LEEF:" in text else "cef.name", "")
        return row
    if record.value("LogType") is not None:
        return _renamed(record)
    found = _CSV.search(text)
    try:
        cells = next(csv.reader([found[1].replace("\n", " ").replace("\r", " ")])) if found else []
    except csv.Error:
        cells = []
    if len(cells) < len(_LEAD) + 2:
        raise Malformed("column_count")
    row = {name: cell.strip() for name, cell in zip(_LEAD, cells, strict=False) if name}
    if row["type"].upper() == "SYSTEM":
        return row | _system(cells[len(_LEAD) :])
    return row | {name: cell.strip() for name, cell in zip(COLUMNS, cells[len(_LEAD) :], strict=False)}


def _renamed(record: Fields) -> dict[str, str]:
    return {name: text for name, keys in _LOGGED.items() if (text := record.text(*keys))}


def _system(cells: list[str]) -> dict[str, str]:
    """Read the SYSTEM log's columns: vsys, event, object, two unused, module, severity, description, sequence."""
    if len(cells) < 8:
        raise Malformed("column_count")
    said = cells[7]
    row = {"event_id": cells[1].strip(), "portal": cells[2].strip(), "description": said}
    row["sequence"] = cells[8].strip() if len(cells) > 8 else ""
    for name, label in _SYSTEM_WORDS.items():
        found = re.search(rf"\b{label}: ([^,]*?)\.?(?:,|$)", said)
        row[name] = found[1].strip() if found else ""
    return row


def _time(row: dict[str, str]) -> int:
    for name in ("time_exact", "time", "received"):
        text = row.get(name)
        if not text:
            continue
        try:
            found = _MONTH_FIRST.match(text)
            ts = read_time(f"{found[1]} {found[3]} {found[2]}" if found else text.replace("/", "-"))
        except Malformed:
            if name != "time_exact":
                raise
            continue
        if ts >= EARLIEST_NS:
            return ts
    raise Malformed("missing_time")


def _address(row: dict[str, str], name: str) -> str | None:
    for key in (name, f"{name}v6"):
        address = read_address(row.get(key))[0]
        if address is not None and address not in _NO_ADDRESSES:
            return address
    return None


def _outcome(row: dict[str, str], action: str) -> str:
    """Read the outcome: from the status, else from the SYSTEM log's event, which ends in it."""
    status = row.get("status", "").lower()
    if status in {"success", "failure"}:
        return status
    if action.endswith(("-fail", "-failed")):
        return "failure"
    return "success" if action.endswith(("-succ", "-release")) else "unknown"


def _kind(action: str, stage: str, outcome: str, *, leased: bool) -> str:
    if outcome == "failure":
        return "logon"
    if leased or any(word in action for word in ENDS):
        return "lease"
    return "logon" if stage == "login" or any(word in action for word in AUTHENTICATES) else "other"
