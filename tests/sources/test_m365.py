"""Microsoft 365's unified audit log in its envelopes."""

import json

import pytest
from hypothesis import given

from sensor.errors import Malformed
from sensor.sources import m365
from sensor.sources.records import RecordsSource
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records

KEYS = (
    *("AuditData", "CreationTime", "CreationDate", "RecordType", "Operation", "Operations", "Workload", "UserId", "Id"),
    *(
        "ClientIP",
        "ClientIPAddress",
        "ResultStatus",
        "ErrorNumber",
        "Parameters",
        "Name",
        "Value",
        "OperationProperties",
    ),
    *("ExtendedProperties", "DeviceProperties", "Actor", "Target", "ID", "Type", "Item", "AffectedItems", "Folders"),
    *("FolderItems", "ParentFolder", "Path", "InternetMessageId", "ModifiedProperties", "NewValue", "Recipients"),
    *("FileData", "Verdict", "DeliveryAction", "UserType", "ForwardTo", "RuleActions", "ObjectId", "UserKey"),
)
LOGIN = {
    "CreationTime": "2024-02-10T15:13:13",
    "Id": "ca0efc24-1b89-4962-8fef-a3ac5437302f",
    "Operation": "UserLoggedIn",
    "RecordType": 15,
    "ResultStatus": "Success",
    "UserKey": "10032",
    "UserType": 0,
    "Workload": "AzureActiveDirectory",
    "ClientIP": "203.0.113.7",
    "ActorIpAddress": "203.0.113.7",
    "ObjectId": "00000002-0000-0000-c000-000000000000",
    "UserId": "JoeB@Example.com",
    "ApplicationId": "4345a7b9",
    "ErrorNumber": "0",
    "InterSystemsId": "03616b3a",
    "ExtendedProperties": [
        {"Name": "UserAgent", "Value": "Mozilla/5.0"},
        {"Name": "RequestType", "Value": "OAuth2:Authorize"},
        {"Name": "ResultStatusDetail", "Value": "Redirect"},
    ],
    "DeviceProperties": [
        {"Name": "Id", "Value": "d1"},
        {"Name": "DisplayName", "Value": "LAPTOP-7"},
        {"Name": "OS", "Value": "Windows 10"},
        {"Name": "BrowserType", "Value": "Edge"},
        {"Name": "IsCompliantAndManaged", "Value": "False"},
        {"Name": "SessionId", "Value": "5e55"},
    ],
}


def read(record):
    """The event of one record."""
    (event,) = m365.read(Fields(record))
    return event


def test_a_sign_in_is_read_whole():
    """Time is UTC though it says no zone; device and agent are among the properties."""
    event = read(LOGIN)
    assert read_time("2024-02-10T15:13:13Z") == event.ts
    assert ("m365", "signin", "UserLoggedIn", "success", "0") == (
        event.source,
        event.kind,
        event.action,
        event.outcome,
        event.reason_code,
    )
    assert ("joeb@example.com", "10032", "203.0.113.7", None) == (
        event.account,
        event.account_id,
        event.ip,
        event.port,
    )
    assert ("unknown", "4345a7b9", "AzureActiveDirectory", "Mozilla/5.0", "Windows 10") == (
        event.mfa,
        event.app,
        event.resource,
        event.user_agent,
        event.os,
    )
    assert ("d1", "LAPTOP-7", False, "5e55", "03616b3a") == (
        event.device_id,
        event.device_name,
        event.managed,
        event.session_id,
        event.correlation_id,
    )
    assert (LOGIN["Id"], None, {}) == (event.raw_id, event.country, event.detail)


@pytest.mark.parametrize(
    ("code", "expected", "mfa"),
    [
        (None, "failure", "unknown"),
        ("0", "failure", "unknown"),
        ("50126", "failure", "unknown"),
        ("500121", "failure", "denied"),
        ("50074", "interrupt", "unknown"),
        ("50140", "interrupt", "unknown"),
        ("16000", "interrupt", "unknown"),
    ],
)
def test_a_failed_sign_in_is_none_whatever_its_status_says(code, expected, mfa):
    """`UserLoginFailed` comes with `ResultStatus: Success` in real rows."""
    event = read({**LOGIN, "Operation": "UserLoginFailed", "ErrorNumber": code, "LogonError": "InvalidPassword"})
    assert (expected, mfa, "InvalidPassword") == (event.outcome, event.mfa, event.reason)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Succeeded", "success"),
        ("PartiallySucceeded", "success"),
        ("True", "success"),
        (None, "success"),
        ("New", "success"),
        ("False", "failure"),
        ("Failed", "failure"),
        ("Failure", "failure"),
    ],
)
def test_statuses_of_all_workloads_are_read(status, expected):
    """Exchange writes True and False, SharePoint nothing."""
    record = {**LOGIN, "RecordType": 2, "Operation": "Update", "ResultStatus": status}
    assert (expected, None) == (read(record).outcome, read(record).mfa)


@pytest.mark.parametrize(
    "columns",
    [
        {"CreationDate": "2/10/2024 3:13:14 PM", "UserIds": "x", "Operations": "x"},
        {"RecordId": "r", "CreationDate": "2024-02-10T15:13:14Z", "RecordType": "15", "Operation": "x", "UserId": "x"},
        {"RunspaceId": "1", "RecordType": "AzureActiveDirectoryStsLogon", "CreationDate": "x", "UserIds": "x",
         "Operations": "x", "ResultIndex": "1", "ResultCount": "2", "Identity": "i", "IsValid": "True"},
        {"id": "g", "createdDateTime": "2024-02-10T15:13:14Z", "auditLogRecordType": "x", "operation": "x",
         "userPrincipalName": "x"},
    ],
    ids=["old portal", "portal", "powershell", "graph"],
)  # fmt: skip
def test_what_is_around_the_record_does_not_matter(columns):
    """The record in `AuditData` is the record of the API."""
    row = {**columns, "AuditData": json.dumps(LOGIN)}
    assert m365.claims(Fields(row))
    assert read(LOGIN) == read(row)
    assert read(LOGIN) == read({**columns, "AuditData": LOGIN})


def test_a_row_with_empty_audit_data_says_what_its_columns_say():
    """Some real rows have none, or one that was cut."""
    row = {
        "RecordType": "ExchangeItem",
        "CreationDate": "2024-02-10T15:13:14.0000000Z",
        "UserIds": "Ann@Example.com",
        "Operations": "MoveToDeletedItems",
        "Identity": "8d1c",
    }
    for empty in ("", '{"CreationTime":"2024-02-1'):
        event = read({**row, "AuditData": empty})
        assert ("mailbox", "MoveToDeletedItems", "ann@example.com", "8d1c", None) == (
            event.kind,
            event.action,
            event.account,
            event.raw_id,
            event.ip,
        )


def test_office_activity_has_columns_of_its_own():
    """Log Analytics renames the address, the logon type and the id."""
    row = {
        "TimeGenerated": "2021-08-02T13:32:07Z",
        "RecordType": "50",
        "Operation": "MailItemsAccessed",
        "UserType": "Regular",
        "OfficeWorkload": "Exchange",
        "ResultStatus": "Succeeded",
        "UserId": "p@example.com",
        "Client_IPAddress": "192.0.2.4",
        "Logon_Type": "Owner",
        "OfficeId": "699e",
        "Type": "OfficeActivity",
    }
    event = read(row)
    assert m365.claims(Fields(row))
    assert ("mailbox", "192.0.2.4", "Exchange", "699e", {"logon_type": "owner"}) == (
        event.kind,
        event.ip,
        event.resource,
        event.raw_id,
        event.detail,
    )


def test_a_file_joins_to_the_session_that_signed_in():
    """Newer SharePoint records name the sign-in's session; the device is managed or not."""
    record = {
        "CreationTime": "2024-11-29T12:31:12",
        "Id": "f1",
        "Operation": "FilePreviewed",
        "RecordType": 6,
        "Workload": "OneDrive",
        "ClientIP": "192.0.2.8",
        "UserId": "urn:spo:guest#john@example.net",
        "UserAgent": "OneDriveMpc-Transform_Thumbnail/1.0",
        "CorrelationId": "c1",
        "IsManagedDevice": False,
        "Platform": "WinDesktop",
        "AppAccessContext": {"AADSessionId": "5e55", "ClientAppName": "MeTA", "CorrelationId": "c2"},
        "ObjectId": "https://example.sharepoint.com/a.docx",
        "SourceFileName": "a.docx",
    }
    event = read(record)
    assert ("file", "john@example.net", "OneDriveMpc-Transform_Thumbnail/1.0") == (
        event.kind,
        event.account,
        event.user_agent,
    )
    assert ("5e55", "c1", False, "WinDesktop", "MeTA") == (
        event.session_id,
        event.correlation_id,
        event.managed,
        event.os,
        event.app,
    )
    assert ("https://example.sharepoint.com/a.docx", {"file": "a.docx"}) == (event.object, event.detail)


def test_a_mail_rule_is_named_in_the_event():
    """The object of the event is the rule; the address had a port."""
    record = {
        "CreationTime": "2023-05-24T15:10:53",
        "Operation": "New-InboxRule",
        "RecordType": 1,
        "ResultStatus": "True",
        "ClientIP": "[2001:db8::7]:63070",
        "ObjectId": "EURPR07A010.PROD.OUTLOOK.COM/x/bc1b\\..",
        "UserId": "robert@example.com",
        "SessionId": "984c",
        "Parameters": [{"Name": "MoveToFolder", "Value": "RSS Feeds"}, {"Name": "MarkAsRead", "Value": "True"}],
    }
    event = read(record)
    assert ("mail_rule", "..", "2001:db8::7", 63070, "984c") == (
        event.kind,
        event.object,
        event.ip,
        event.port,
        event.session_id,
    )
    assert {"rule": "..", "moves_to": "RSS Feeds", "marks_read": True} == event.detail


def test_other_workloads_are_events_too():
    """Teams, alerts, detonations: what is not known is `other`, a detonated file is a file."""
    teams = {"CreationTime": "2024-01-01T00:00:00", "RecordType": 25, "Operation": "MemberAdded", "UserType": 5}
    assert ("other", {"user_type": "application"}) == (read(teams).kind, read(teams).detail)
    alert = {**teams, "RecordType": 98, "Operation": "MCAS_ALERT_X", "AlertDisplayName": "Travel", "UserType": 0}
    assert {"title": "Travel"} == read(alert).detail
    atp = {**teams, "RecordType": 47, "Operation": "AtpDetection", "FileData": {"FileName": "x.exe"}, "UserType": 4}
    assert ("file", {"file": "x.exe", "user_type": "system"}) == (read(atp).kind, read(atp).detail)
    nameless = {"CreationTime": "2024-01-01T00:00:00", "RecordType": -1, "ClientIP": "10.11.12.13"}
    assert ("other", "-1", "10.11.12.13") == (read(nameless).kind, read(nameless).action, read(nameless).ip)


def test_directory_changes_keep_their_agent_as_json_in_a_text():
    """`additionalDetails` of the extended properties."""
    record = {
        **{name: LOGIN[name] for name in ("CreationTime", "UserId", "Workload", "Id")},
        "RecordType": 8,
        "Operation": "Consent to application.",
        "UserKey": "Not Available",
        "ExtendedProperties": [{"Name": "additionalDetails", "Value": '{"User-Agent":"EvoSTS","AppId":"1"}'}],
    }
    event = read(record)
    assert ("consent", "Consent to application.", "EvoSTS", None) == (
        event.kind,
        event.action,
        event.user_agent,
        event.account_id,
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (LOGIN, True),
        ({"creationtime": "x", "recordtype": 1}, True),
        ({"CreationTime": "x", "Operation": "x", "Workload": "x"}, True),
        ({"o365audit": {"CreationTime": "x", "RecordType": 1}}, True),
        ({"AuditData": "", "CreationDate": "x"}, True),
        ({"AuditData": "x"}, False),
        ({"CreationTime": "x", "name": "y"}, False),
        ({"Timestamp": "x", "ActionType": "MailItemsAccessed", "RawEventData": LOGIN}, False),
        ({}, False),
    ],
)
def test_audit_records_are_claimed_and_no_others(record, expected):
    """By the columns every record has."""
    assert expected == m365.claims(Fields(record))


def test_records_without_a_time_or_an_operation_are_refused():
    """Each for its reason."""
    with pytest.raises(Malformed, match="missing_time"):
        read({"RecordType": 1, "Operation": "x"})
    with pytest.raises(Malformed, match="bad_time"):
        read({"RecordType": 1, "Operation": "x", "CreationTime": "soon"})
    with pytest.raises(Malformed, match="no_operation"):
        read({"CreationTime": "2024-01-01T00:00:00"})


@given(records(*KEYS))
def test_any_values_under_the_right_keys_are_read_or_refused(record):
    """Whatever a sender writes, an event or a reason comes out."""
    check(m365, record)


def test_records_of_other_peoples_rules_are_read(data_dir):
    """12 records that Panther's rules are tested with: account, address, action and time as its authors say."""
    path = data_dir / "identity" / "panther" / "rule_cases.jsonl"
    cases = [json.loads(line) for line in path.read_text().splitlines()]
    cases = [case for case in cases if case["log_type"].startswith("Microsoft365.Audit")]
    wrong = []
    for case in cases:
        expected = case["expected"]["normalised"]
        event = read(case["record"])
        pairs = [
            (expected["user_any_of"][0].lower(), event.account),
            (expected.get("ip_raw", "").partition(":")[0] or None, event.ip),
            (expected["action"], event.action),
            (read_time(expected["time"]), event.ts),
        ]
        wrong += [(case["id"], want, got) for want, got in pairs if want != got]
    assert 12 == len(cases)
    assert [] == wrong


def test_the_mailbox_access_of_a_real_attack_is_read(data_dir):
    """One row of Log Analytics: seven messages of the inbox, six of them distinct."""
    path = data_dir / "identity" / "otrf-goldensaml" / "OfficeActivityEvents.json"
    event = read(json.loads(path.read_text()))
    assert ("mailbox", "pgustavo@simulandlabs.com", "1.2.3.4") == (event.kind, event.account, event.ip)
    assert (["\\Inbox"], 6, "Bind") == (event.detail["folders"], event.detail["items"], event.detail["access"])


def test_records_without_a_time_are_read_with_one_that_is_near(tmp_path):
    """That of the record before, the first the file's; and the input's account says how many did."""
    common_part = '"Operation": "FileAccessed", "Workload": "SharePoint", "UserId": "a@ex.com", "RecordType": 6'
    rows = [
        f'{{"CreationTime": "2024-03-01T12:00:00", "Id": "a", {common_part}}}', f'{{"Id": "b", {common_part}}}',
    ]  # fmt: skip
    path = tmp_path / "audit.jsonl"
    path.write_text("\n".join(rows[::-1] + rows[1:].copy()).replace('"b"', '"c"', 1) + "\n")
    source = RecordsSource(path, "S", 0)
    events = [one for batch in source.batches() for one in batch.events]
    assert [path.stat().st_mtime_ns, 1_709_294_400 * 10**9, 1_709_294_400 * 10**9] == [one.ts for one in events]
    assert "2 records without a time" in source.warnings[0]
