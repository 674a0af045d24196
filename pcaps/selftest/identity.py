"""Sign-ins of Entra ID and records of Microsoft 365, written by hand: six people's days, and what may befall them.

Graph's `signIn` (https://learn.microsoft.com/en-us/graph/api/resources/signin) and the Management Activity API's
schema, as far as is needed.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rows import Row, conn, hash_of, message, resolved, write

DAY, HOUR = 86_400.0, 3600.0
DAYS = 21
PEOPLE = [f"{name}@corp.example" for name in ("ann", "bo", "cai", "dee", "eli", "fay", "gus", "hal")]
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15"
OFFICE = {"ip": "203.0.113.10", "country": "AU", "city": "Sydney", "asn": 64496, "agent": CHROME}
AWAY = {"ip": "198.51.100.77", "country": "RO", "city": "Cluj", "asn": 64511, "agent": SAFARI}
_DENIED = {
    "denied": "MFA denied; user declined the authentication",
    "satisfied": "MFA requirement satisfied by mobile app notification",
}


def when(ts: float) -> str:
    """Write a time as Graph does."""
    return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def guid(text: str) -> str:
    """Return an id that stands for a text."""
    number = f"{hash_of(text):016x}{hash_of(text + '.'):016x}"
    return f"{number[:8]}-{number[8:12]}-4{number[13:16]}-a{number[17:20]}-{number[20:]}"


def signin(ts: float, who: str, place: dict[str, Any], code: int = 0, mfa: str = "") -> Row:
    """Write one sign-in; `mfa` is denied, satisfied or empty."""
    detail = _DENIED.get(mfa)
    steps = [{"authenticationMethod": "Password", "succeeded": code != 50126}]
    if detail:
        steps.append({
            "authenticationMethod": "Mobile app notification", "succeeded": mfa == "satisfied",
            "authenticationStepResultDetail": detail, "authenticationStepRequirement": "Multifactor authentication",
        })  # fmt: skip
    key = f"{ts}{who}"
    return {
        "id": guid(key), "createdDateTime": when(ts), "userPrincipalName": who, "userId": guid(who),
        "appDisplayName": "OfficeHome", "appId": "4765445b-32c6-49b0-83e6-1d93765276ca",
        "ipAddress": place["ip"], "clientAppUsed": "Browser",
        "userAgent": place["agent"], "correlationId": guid("c" + key), "isInteractive": True,
        "signInEventTypes": ["interactiveUser"], "autonomousSystemNumber": place["asn"],
        "status": {"errorCode": code, "failureReason": "Other.", "additionalDetails": detail},
        "deviceDetail": {"deviceId": "", "displayName": "", "operatingSystem": "Windows10", "browser": "Chrome 120"},
        "location": {"city": place["city"], "countryOrRegion": place["country"]},
        "authenticationRequirement": "multiFactorAuthentication" if mfa else "singleFactorAuthentication",
        "authenticationDetails": steps, "sessionId": guid(f"s{who}{place['ip']}{int(ts // DAY)}"),
    }  # fmt: skip


def record(ts: float, who: str, operation: str, workload: str, kind: int, **fields: Any) -> Row:  # noqa: ANN401
    """Write one record of the unified audit log."""
    return {
        "CreationTime": when(ts).rstrip("Z"), "Id": guid(f"{ts}{who}{operation}{fields.get('ObjectId', '')}"),
        "Operation": operation, "RecordType": kind, "ResultStatus": "Succeeded", "UserKey": guid(who), "UserType": 0,
        "Workload": workload, "UserId": who, "OrganizationId": guid("org"), "Version": 1, **fields,
    }  # fmt: skip


def file(ts: float, who: str, name: str, place: dict[str, Any], team: str = "sales", **fields: Any) -> Row:  # noqa: ANN401
    """Write a file that was opened."""
    site = f"https://corp.sharepoint.com/sites/{team}/"
    return record(
        ts, who, "FileAccessed", "SharePoint", 6, ClientIP=place["ip"], ObjectId=f"{site}Shared Documents/{name}",
        SiteUrl=site, SourceFileName=name, SourceRelativeUrl="Shared Documents", ItemType="File",
        EventSource="SharePoint", UserAgent=place["agent"], **fields,
    )  # fmt: skip


def rule(ts: float, who: str, name: str, place: dict[str, Any], **parameters: str) -> Row:
    """Write an inbox rule that was made."""
    return record(
        ts, who, "New-InboxRule", "Exchange", 1, ClientIP=f"{place['ip']}:50001", ObjectId=f"{who}\\{name}",
        Parameters=[{"Name": key, "Value": value} for key, value in {"Name": name, **parameters}.items()],
    )  # fmt: skip


def item(ts: float, who: str, operation: str, folder: str, place: dict[str, Any]) -> Row:
    """Write messages that were moved or deleted."""
    parent = {"Id": "L1", "Path": f"\\{folder}"}
    return record(
        ts, who, operation, "Exchange", 3, ClientIPAddress=place["ip"], ClientInfoString="Client=OWA;Action=ViaProxy",
        LogonType=0, MailboxOwnerUPN=who, Folder=parent,
        AffectedItems=[{"Id": guid(f"{ts}"), "Subject": "x", "ParentFolder": parent}],
    )  # fmt: skip


def mail(ts: float, table: str, **fields: Any) -> Row:  # noqa: ANN401
    """Write one row of an email table of Defender's, in the hub's envelope."""
    own = {"Timestamp": when(ts), "NetworkMessageId": guid("phish"), "ReportId": guid(f"{table}{ts}"), **fields}
    return {"time": when(ts), "category": f"AdvancedHunting-{table}", "tenantId": guid("org"), "properties": own}


def phished(noon: float, who: str) -> list[Row]:
    """A message that came through, its link opened, a sign-in by whoever sent it, and the verdict at last."""
    to = {"RecipientEmailAddress": who, "InternetMessageId": "<71@mailer.example>"}
    return [
        mail(noon, "EmailEvents", SenderFromAddress="payroll@mailer.example", Subject="Payslip", ThreatTypes="",
             DeliveryAction="Delivered", DeliveryLocation="Inbox/folder", EmailDirection="Inbound", **to),
        mail(noon + 600, "UrlClickEvents", ActionType="ClickAllowed", AccountUpn=who, IPAddress=OFFICE["ip"],
             Url="https://payslip.mailer.example/login", IsClickedThrough=False, Workload="Email"),
        signin(noon + 900, who, AWAY),
        mail(noon + 7200, "EmailPostDeliveryEvents", Action="Moved to quarantine", ActionType="Phish ZAP",
             ActionTrigger="SpecialAction", ActionResult="Success", DeliveryLocation="Quarantine", **to),
    ]  # fmt: skip


def usual(begin: float, day: int) -> list[Row]:
    """One working day of everybody: a sign-in, some files, a message filed."""
    rows = []
    for k, who in enumerate(PEOPLE):
        ts = begin + day * DAY + (8 + k % 3) * HOUR + k * 61
        rows.append(signin(ts, who, OFFICE, mfa="satisfied" if day % 7 == 0 else ""))
        rows += [file(ts + 600 * n, who, f"offer-{(day * 5 + n + k) % 40}.docx", OFFICE) for n in range(1, 4 + k % 3)]
        rows.append(item(ts + 900, who, "Move", "Inbox", OFFICE))
    return rows


def attacks(begin: float) -> dict[str, list[Row]]:
    """Return each file's records; all on the day after the history."""
    noon = begin + DAYS * DAY + 12 * HOUR
    victim, other = PEOPLE[0], PEOPLE[3]
    taken = [
        signin(noon, victim, AWAY, 500121, "denied"), signin(noon + 70, victim, AWAY, 500121, "denied"),
        signin(noon + 140, victim, AWAY, 0, "satisfied"),
    ]  # fmt: skip
    inside = [
        rule(noon + 400, victim, ".", AWAY, From="boss@corp.example", MoveToFolder="RSS Feeds", MarkAsRead="True"),
        item(noon + 500, victim, "HardDelete", "Sent Items", AWAY),
        item(noon + 560, victim, "MoveToDeletedItems", "Archive", AWAY),
    ]
    grants = [
        record(noon + 600, victim, "Add member to role.", "AzureActiveDirectory", 8, ObjectId=other,
               ActorIpAddress=AWAY["ip"], ClientIP=AWAY["ip"], ModifiedProperties=[
                   {"Name": "Role.DisplayName", "NewValue": "Global Administrator", "OldValue": ""}]),
    ]  # fmt: skip
    return {
        "people-usual": usual(begin, DAYS),
        "takeover": [*taken, *inside, *grants],
        "mass-files": [file(noon + k * 4, victim, f"board-{k}.pdf", OFFICE, "board") for k in range(180)],
        "session": [
            signin(noon, victim, OFFICE),
            *[file(noon + 60 * k, victim, f"a{k}.docx", place, AppAccessContext={"AADSessionId": guid("shared")})
              for k, place in enumerate((OFFICE, AWAY, OFFICE, AWAY))],
        ],
        "phishing": phished(noon, PEOPLE[2]),
        "spray": [signin(noon + 20 * k, who, AWAY, 50126) for k, who in enumerate(PEOPLE)],
    }  # fmt: skip


def greeted(ts: float, who: str, address: str, name: str) -> list[Row]:
    """Write a TLS connection with its name."""
    return [
        conn(ts, who, address, 443, service="ssl"),
        message("ssl", ts + 0.1, who, address, 443, version="TLSv13", server_name=name, established=True),
    ]  # fmt: skip


def seen_there(begin: float) -> dict[str, list[Row]]:
    """Sign-ins from a monitored office: the laptop asks for the provider's name each time; at last nobody does.

    Names are looked up all the time around the last one, so that silence says something.
    """
    who, laptop, provider = PEOPLE[0], "10.10.0.5", "login.microsoftonline.com"
    signins = [begin + 3000 + 1500.0 * k for k in range(24)]
    rows = [
        conn(begin + 1, laptop, "10.10.0.2", 88, service="krb_tcp"),
        message("kerberos", begin + 2, laptop, "10.10.0.2", 88, request_type="AS", client="ann/CORP.EXAMPLE",
                service="krbtgt/CORP.EXAMPLE", success=True),
    ]  # fmt: skip
    for ts in signins:
        rows += [
            resolved(ts - 5, laptop, provider, "198.51.100.200"),
            *greeted(ts - 4, laptop, "198.51.100.200", provider),
        ]
    last = signins[-1] + 5000.0
    for k in range(120):
        ts, place = last - 1500 + 30.0 * k, hash_of(f"{k}") % 40 + 100
        rows += greeted(ts, "10.10.0.9", f"198.51.100.{place}", f"www.place{place}.example")
    before = [row for row in rows if row["ts"] < last - 1600]
    return {
        "contacts-history": before, "contacts-signins": [signin(ts, who, OFFICE) for ts in signins],
        "unseen-there": [row for row in rows if row not in before], "unseen-signin": [signin(last, who, OFFICE)],
    }  # fmt: skip


def main(folder: Path, begin: float) -> None:
    """Write every file."""
    history = [row for day in range(DAYS) for row in usual(begin, day)]
    for name, rows in {"people-history": history, **attacks(begin), **seen_there(begin)}.items():
        write(folder / f"{name}.jsonl.gz", sorted(rows, key=_time) if "ts" not in rows[0] else rows)


def _time(row: Row) -> str:
    return str(row.get("createdDateTime") or row.get("time") or row["CreationTime"] + "Z")
