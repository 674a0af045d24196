"""AD FS: Windows events of its audit, and sign-ins that Azure Monitor reports."""

import json

import pytest
from hypothesis import given

from sensor.errors import Malformed
from sensor.sources import adfs, entra
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records
from tests.wire.test_adfs_audit import ACTIVITY, XML

KEYS = (
    *(
        "winlog",
        "event_id",
        "provider_name",
        "event_data",
        "param1",
        "param2",
        "EventID",
        "EventSourceName",
        "Computer",
    ),
    *(
        "TimeGenerated",
        "EventData",
        "EventData_dynamic",
        "Data",
        "message",
        "Message",
        "@timestamp",
        "category",
        "Type",
    ),
    *("properties", "Event", "System", "Provider", "Channel", "createdDateTime", "status", "userId"),
)
GOOD = XML.replace("Failure<", "Success<").replace(">CredentialValidationError<", ">None<")


def winlogbeat(number, *values, provider="AD FS Auditing"):
    """As Winlogbeat writes it."""
    data = {f"param{index}": value for index, value in enumerate(values, 1)}
    return {
        "@timestamp": "2024-05-01T10:00:00.000Z",
        "event": {"code": str(number), "outcome": "success"},
        "winlog": {"event_id": number, "provider_name": provider, "channel": "Security", "record_id": 7,
                   "computer_name": "ADFS01.example.com", "event_data": data},
    }  # fmt: skip


def log_analytics(number, *values):
    """As Log Analytics' SecurityEvent keeps it."""
    data = "".join(f"<Data>{value.replace('<', '&lt;').replace('>', '&gt;')}</Data>" for value in values)
    return {
        "TimeGenerated": "2024-05-01T10:00:00Z",
        "Computer": "ADFS01.example.com",
        "EventSourceName": "AD FS Auditing",
        "Channel": "Security",
        "EventID": number,
        "EventData": f'<EventData xmlns="http://schemas.microsoft.com/win/2004/08/events/event">{data}</EventData>',
        "EventOriginId": "e1",
        "Type": "SecurityEvent",
    }


def evtx(number, *values):
    """As tools that turn EVTX files to JSON write it."""
    return {
        "Event": {
            "System": {
                "Provider": {"#attributes": {"Name": "AD FS Auditing"}},
                "EventID": {"#text": number},
                "Channel": "Security",
                "Computer": "ADFS01.example.com",
                "TimeCreated": {"#attributes": {"SystemTime": "2024-05-01T10:00:00Z"}},
                "EventRecordID": 7,
            },
            "EventData": {"Data": {"#text": list(values)}},
        }
    }


def read(record):
    """The event of one record."""
    (event,) = adfs.read(Fields(record))
    return event


@pytest.mark.parametrize("form", [winlogbeat, log_analytics, evtx])
def test_a_refused_credential_is_read_in_every_form(form):
    """Event 1203: who, from where, with what, in which request."""
    event = read(form(1203, ACTIVITY, XML))
    assert adfs.claims(Fields(form(1203, ACTIVITY, XML)))
    assert read_time("2024-05-01T10:00:00Z") == event.ts
    assert ("adfs", "signin", "1203", "failure", "CredentialValidationError", None) == (
        event.source,
        event.kind,
        event.action,
        event.outcome,
        event.reason,
        event.reason_code,
    )
    assert ("ann@example", "203.0.113.5", "unknown", ACTIVITY) == (
        event.account,
        event.ip,
        event.mfa,
        event.correlation_id,
    )
    assert ("urn:federation:MicrosoftOnline", "http://adfs.example.com/adfs/services/trust") == (
        event.app,
        event.resource,
    )
    assert {
        "event_category": "interactive",
        "client_app": "WSFederation",
        "network_location": "Extranet",
        "endpoint": "/adfs/ls/",
        "proxy": "WAP01",
        "audit_type": "FreshCredentials",
        "server": "ADFS01.example.com",
    } == event.detail
    assert event.raw_id is not None


@pytest.mark.parametrize(
    ("number", "values", "kind", "outcome", "mfa"),
    [
        (1200, (ACTIVITY, GOOD), "signin", "success", "none"),
        (1202, (ACTIVITY, GOOD.replace("<MfaPerformed>false", "<MfaPerformed>true")), "signin", "success", "satisfied"),
        (1203, (ACTIVITY, XML.replace("<MfaPerformed>false", "<MfaPerformed>true")), "signin", "failure", "denied"),
        (1201, (ACTIVITY, XML), "signin", "failure", "unknown"),
        (1204, (ACTIVITY,), "admin", "success", None),
        (1205, (ACTIVITY,), "admin", "failure", None),
        (1206, (ACTIVITY, GOOD), "other", "success", None),
        (1207, (ACTIVITY, XML), "other", "failure", None),
        (411, (ACTIVITY, "t", "192.0.2.1", "example\\ann-The user name is wrong"), "signin", "failure", "unknown"),
        (516, (ACTIVITY, "ann@example.com", "192.0.2.1"), "signin", "failure", "unknown"),
        (412, (ACTIVITY,), "other", "success", None),
        (500, (ACTIVITY, "http://schemas.x/claims/upn", "ann@example.com"), "other", "success", None),
        (510, (ACTIVITY,), "other", "success", None),
    ],
)
def test_each_event_has_its_meaning(number, values, kind, outcome, mfa):
    """By its number, and by the audit's own result where there is one."""
    event = read(winlogbeat(number, *values))
    assert (kind, outcome, mfa) == (event.kind, event.outcome, event.mfa)


def test_a_lock_out_says_so():
    """516, 512 and 1210 have no error code of their own."""
    event = read(winlogbeat(516, ACTIVITY, "ann@example.com", "192.0.2.1"))
    assert ("locked", "ann@example.com", "192.0.2.1") == (event.reason_code, event.account, event.ip)


def test_what_azure_monitor_reports_is_a_sign_in_of_ad_fs():
    """In Entra's form, but not of Entra's source."""
    record = {
        "category": "ADFSSignInLogs",
        "time": "12/12/2025 3:03:58 PM",
        "operationName": "Sign-in activity",
        "resultType": "0",
        "properties": {
            "createdDateTime": "2025-12-12T14:56:31+00:00",
            "userPrincipalName": "April@Example.com",
            "userId": "4943",
            "ipAddress": "10.205.19.37",
            "status": {"errorCode": 0},
            "id": "58f8",
        },
    }
    event = read(record)
    assert (True, False) == (adfs.claims(Fields(record)), entra.claims(Fields(record)))
    assert ("adfs", "signin", "Sign-in activity", "success") == (event.source, event.kind, event.action, event.outcome)
    assert (read_time("2025-12-12T14:56:31Z"), "april@example.com", "10.205.19.37", "58f8") == (
        event.ts,
        event.account,
        event.ip,
        event.raw_id,
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (winlogbeat(100, provider="AD FS"), True),
        (winlogbeat(4624, provider="Microsoft-Windows-Security-Auditing"), False),
        ({"category": "SignInLogs"}, False),
        ({"message": "x"}, False),
        ({}, False),
    ],
)
def test_only_its_own_records_are_claimed(record, expected):
    """By provider, in either log."""
    assert expected == adfs.claims(Fields(record))


def test_a_record_that_is_none_is_refused():
    """`--format adfs` may be forced on anything."""
    with pytest.raises(Malformed, match="unknown_record"):
        adfs.read(Fields({"message": "x"}))


@given(records(*KEYS))
def test_any_values_under_the_right_keys_are_read_or_refused(record):
    """Whatever a sender writes, an event or a reason comes out."""
    check(adfs, record)


def test_the_audit_of_a_real_attack_is_read(data_dir):
    """Two of 38 rows of a golden SAML attack are AD FS's; one names who called."""
    path = data_dir / "identity" / "otrf-goldensaml" / "WindowsEvents.json"
    rows = [Fields(json.loads(line)) for line in path.read_text().splitlines()]
    events = [event for row in rows if adfs.claims(row) for event in adfs.read(row)]
    assert [("412", None), ("501", "adfsadmin@simulandlabs")] == [(one.action, one.account) for one in events]
