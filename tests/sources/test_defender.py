"""Microsoft Defender XDR's advanced-hunting rows in their envelopes."""

import json

import pytest
from hypothesis import given

from sensor.errors import Malformed
from sensor.sources import defender
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records
from tests.sources.reading import only_event

KEYS = (
    *("time", "category", "properties", "Type", "TimeGenerated", "Timestamp", "ActionType", "ReportId", "DeviceId"),
    *("NetworkMessageId", "EmailDirection", "DeliveryAction", "DeliveryLocation", "ActionTrigger", "ThreatTypes"),
    *("RecipientEmailAddress", "SenderFromAddress", "SenderIPv4", "Url", "IsClickedThrough", "UrlDomain", "FileName"),
    *("AccountUpn", "AccountName", "AccountDomain", "AccountObjectId", "LogonType", "Application", "IPAddress"),
    *("LocalIP", "LocalPort", "RemoteIP", "RemotePort", "RemoteUrl", "Protocol", "AdditionalFields", "direction"),
    *("PublicIP", "OSPlatform", "LoggedOnUsers", "MacAddress", "IPAddresses", "DefaultGateways", "JoinType"),
    *("QueryType", "DestinationDeviceName", "RawEventData", "RecordType", "Operation", "Parameters", "ObjectName"),
    *("AlertId", "EntityType", "EvidenceRole", "Title", "Categories", "Permissions", "CountryCode", "ResultStatus"),
)
TABLES = ("EmailEvents", "UrlClickEvents", "DeviceNetworkEvents", "DeviceInfo", "DeviceNetworkInfo", "CloudAppEvents")
TABLES += ("IdentityLogonEvents", "IdentityDirectoryEvents", "AlertEvidence", "DeviceProcessEvents", "Other")
MAIL = {
    "Timestamp": "2024-05-01T10:00:00Z",
    "NetworkMessageId": "6a1f",
    "ReportId": "6a1f-1",
    "RecipientEmailAddress": "ann@example.com",
    "EmailDirection": "Inbound",
    "DeliveryAction": "Delivered",
    "SenderFromAddress": "boss@evil.example",
    "SenderIPv4": "203.0.113.80",
}


def _one(record):
    """The one event of a claimed record."""
    event = only_event(defender, record)
    assert "defender" == event.source
    return event


@pytest.mark.parametrize(
    "record",
    [
        {"time": "2024-05-01T10:07:00Z", "category": "AdvancedHunting-EmailEvents", "properties": MAIL},
        {"time": "2024-05-01T10:07:00Z", "category": "AdvancedHunting-EmailEvents", "properties": json.dumps(MAIL)},
        MAIL | {"Type": "EmailEvents", "TimeGenerated": "2024-05-01T10:00:00Z"},
        MAIL,
    ],
)
def test_the_envelopes_say_the_same(record):
    """The hub's row, that of Log Analytics and a query's bare one; the export's time is not the mail's."""
    event = _one(record)
    assert (read_time("2024-05-01T10:00:00Z"), "email", "Delivered") == (event.ts, event.kind, event.action)
    assert ("ann@example.com", "203.0.113.80") == (event.account, event.ip)
    assert "emailevents/ann@example.com/6a1f-1/2024-05-01T10:00:00Z" == event.raw_id


def test_a_row_without_its_own_time_happened_when_it_was_exported():
    """The hub's envelope has a time of its own."""
    row = {"NetworkMessageId": "6a1f", "ActionType": "Phish ZAP", "Action": "Moved to quarantine"}
    envelope = {"time": "2024-05-01T10:07:00Z", "category": "AdvancedHunting-EmailPostDeliveryEvents"}
    event = _one(envelope | {"properties": row})
    assert (read_time("2024-05-01T10:07:00Z"), "Phish ZAP") == (event.ts, event.action)
    assert "quarantined" == event.detail["delivery"]


def _audit(**inner):
    """A row of CloudAppEvents around a record of Microsoft 365's audit log."""
    return {
        "Timestamp": "2024-05-01T10:00:00Z",
        "ReportId": "r1",
        "ActionType": inner.get("Operation", "?"),
        "Application": "Microsoft Exchange Online",
        "AccountObjectId": "o-ann",
        "AccountDisplayName": "Ann",
        "IPAddress": "203.0.113.9",
        "IsAnonymousProxy": True,
        "ISP": "Example Net",
        "CountryCode": "ng",
        "City": "Lagos",
        "RawEventData": json.dumps({"UserId": "Ann@Example.com", **inner}),
    }


def test_an_inbox_rule_inside_cloudappevents():
    """The audit record inside is read as Microsoft 365's own; the row adds where it was done from."""
    parameters = [{"Name": "Name", "Value": "."}, {"Name": "DeleteMessage", "Value": "True"}]
    event = _one(_audit(Operation="New-InboxRule", RecordType=1, ResultStatus="True", Parameters=parameters))
    assert ("mail_rule", "New-InboxRule", "success") == (event.kind, event.action, event.outcome)
    assert ("ann@example.com", "o-ann", "203.0.113.9") == (event.account, event.account_id, event.ip)
    assert ("NG", "Lagos") == (event.country, event.city)
    assert (".", True) == (event.detail["rule"], event.detail["deletes"])
    assert (True, "Example Net") == (event.detail["is_proxy"], event.detail["asn_name"])


@pytest.mark.parametrize(
    ("inner", "kind", "outcome"),
    [
        ({"Operation": "UserLoggedIn", "RecordType": 15, "ResultStatus": "Success"}, "logon", "success"),
        ({"Operation": "UserLoginFailed", "RecordType": 15, "ResultStatus": "Failed"}, "logon", "failure"),
        ({"Operation": "MailItemsAccessed", "RecordType": 50, "ResultStatus": "Succeeded"}, "mailbox", "success"),
        ({"Operation": "FileDownloaded", "RecordType": 6}, "file", "unknown"),
        ({"Operation": "Set-Mailbox", "RecordType": 1, "ResultStatus": "False"}, "admin", "failure"),
        ({"Operation": "Strange", "RecordType": 9999}, "other", "unknown"),
    ],
)
def test_what_cloudappevents_carry(inner, kind, outcome):
    """A sign-in is the echo of the one in the sign-in log, so it is no second sign-in."""
    event = _one(_audit(**inner))
    assert (kind, outcome) == (event.kind, event.outcome)


def test_an_app_without_a_record_inside():
    """Other cloud apps' rows have the columns alone."""
    row = {"Timestamp": "2024-05-01T10:00:00Z", "ActionType": "Download", "Application": "Box", "ActivityType": "Run"}
    event = _one(row | {"AccountId": "Ann@Example.com", "ObjectName": "plan.pdf"})
    assert ("other", "Download", "Box", "plan.pdf") == (event.kind, event.action, event.app, event.object)
    assert "ann@example.com" == event.account


def test_a_devices_connection():
    """The event names the device, its user, and who opened what."""
    row = {
        "Timestamp": "2024-05-01T10:00:00Z",
        "DeviceId": "d1",
        "DeviceName": "pc7.corp.example",
        "ReportId": 12,
        "ActionType": "ConnectionSuccess",
        "InitiatingProcessAccountUpn": "ann@example.com",
        "LocalIP": "192.0.2.10",
        "LocalPort": 50123,
        "RemoteIP": "198.51.100.7",
        "RemotePort": 443,
        "Protocol": "TcpV4",
    }
    event = _one(row)
    assert ("connection", "d1", "pc7.corp.example") == (event.kind, event.device_id, event.device_name)
    assert ("ann@example.com", "192.0.2.10", 50123) == (event.account, event.ip, event.port)
    assert ("198.51.100.7", 443) == (event.detail["resp_h"], event.detail["resp_p"])


@pytest.mark.parametrize("reports", [{"ReportId": 12}, {"ReportId_long": 12}])
def test_the_same_number_on_another_device_is_another_row(reports):
    """`ReportId` counts on each device and starts again."""
    row = {"Timestamp": "2024-05-01T10:00:00Z", "ActionType": "LogonSuccess", "LogonType": "Network", **reports}
    ids = {_one(row | {"DeviceId": device}).raw_id for device in ("d1", "d2")}
    later = _one(row | {"DeviceId": "d1", "Timestamp": "2024-05-02T10:00:00Z"}).raw_id
    assert 3 == len(ids | {later})


def test_a_device_and_its_people():
    """Inventory rows are no activity: kind other, with what they know."""
    row = {"Timestamp": "2024-05-01T10:00:00Z", "DeviceId": "d1", "DeviceName": "pc7", "OSPlatform": "Windows11"}
    users = '[{"UserName":"ann","DomainName":"corp.example"}]'
    event = _one(row | {"PublicIP": "203.0.113.9", "LoggedOnUsers": users})
    assert ("other", "deviceinfo", "Windows11") == (event.kind, event.action, event.os)
    assert ["ann@corp.example"] == event.detail["logged_on"]


def test_alerts_and_their_evidence():
    """Several evidence rows belong to one alert, so they have no id of their own."""
    row = {"Timestamp": "2024-05-01T10:00:00Z", "AlertId": "a1", "Title": "Odd sign-in", "Severity": "High"}
    evidence = row | {
        "EntityType": "User",
        "EvidenceRole": "Impacted",
        "AccountUpn": "Ann@Example.com",
        "RemoteIP": "203.0.113.9",
        "Categories": '["InitialAccess"]',
        "ServiceSource": "Microsoft Defender for Identity",
    }
    event = _one(evidence)
    assert ("other", "Odd sign-in", "User", None) == (event.kind, event.action, event.object, event.raw_id)
    assert ("ann@example.com", "203.0.113.9") == (event.account, event.ip)
    assert ("InitialAccess", "High", "a1") == tuple(event.detail[name] for name in ("category", "severity", "alert_id"))
    info = row | {"ServiceSource": "Microsoft Defender for Endpoint", "DetectionSource": "EDR", "Category": "Execution"}
    assert ("Execution", None) == (_one(info).detail["category"], _one(info).account)


def test_a_file_on_a_device():
    """File rows keep the file's name and folder."""
    row = {"ActionType": "FileCreated", "FileName": "a.zip", "FolderPath": "C:\\Users\\ann\\a.zip", "DeviceId": "d1"}
    hub = {"time": "2024-05-01T10:00:00Z", "category": "AdvancedHunting-DeviceFileEvents", "properties": row}
    event = _one(hub)
    assert ("file", "FileCreated", "a.zip") == (event.kind, event.action, event.object)
    assert {"file": "a.zip", "folder": "C:\\Users\\ann\\a.zip"} == event.detail


def test_a_table_that_is_new_is_other():
    """The hub sends whatever tables there will be."""
    hub = {"time": "2024-05-01T10:00:00Z", "category": "AdvancedHunting-NewTable", "properties": {"X": 1}}
    assert ("other", "newtable", None) == (_one(hub).kind, _one(hub).action, _one(hub).raw_id)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"category": "AdvancedHunting-EmailEvents", "properties": {"NetworkMessageId": "n"}}, "missing_time"),
        ({"category": "AdvancedHunting-EmailEvents", "properties": {"Timestamp": "soon"}}, "bad_time"),
        ({"category": "SignInLogs"}, "unknown_record"),
    ],
)
def test_what_cannot_be_read_says_why(record, reason):
    """A row without a time is refused."""
    with pytest.raises(Malformed, match=reason):
        defender.read(Fields(record))


@given(records(*KEYS))
def test_rows_that_no_product_writes(record):
    """Any values under the right names give events or a reason."""
    check(defender, record)
    for table in TABLES:
        check(defender, record | {"category": f"AdvancedHunting-{table}", "time": "2024-05-01T10:00:00Z"})
        check(defender, {"properties": record, "category": f"AdvancedHunting-{table}", "time": "2024-05-01T10:00:00Z"})


def test_the_rows_of_a_real_attack_are_read(data_dir):
    """A stolen signing key: searches and replication at the controllers, a consent, the mail that was read."""
    path = data_dir / "identity" / "otrf-goldensaml" / "Microsoft365DefenderEvents.json"
    events = [_one(json.loads(line)) for line in path.read_text().splitlines() if line.strip()]
    assert {"LdapSearch", "Directory Services replication", "MailItemsAccessed"} < {event.action for event in events}
    assert {"wardog@simulandlabs.com", "pgustavo@simulandlabs.com"} == {event.account for event in events}
    assert {"other", "mailbox", "consent"} == {event.kind for event in events}
    assert 9 == len({event.raw_id for event in events})


def test_rows_of_other_peoples_rules_are_read(data_dir):
    """Rows as another product's rules are tested with: their authors' action is read."""
    path = data_dir / "identity" / "panther" / "rule_cases.jsonl"
    cases = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [case for case in cases if case["log_type"] == "MicrosoftDefenderXDR.AdvancedHunting"]
    assert 2 == len(rows)
    titles = {_one(case["record"]).action for case in rows}
    assert {"Regsvr32 Rundll32 Image Loads Abnormal Extension"} == titles
