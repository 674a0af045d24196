"""Microsoft Entra ID, on the records of its vendor and of others' collections."""

import json

import pytest
from hypothesis import given

from sensor.errors import Malformed
from sensor.sources import entra
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records

KEYS = (
    *("time", "category", "Type", "properties", "operationName", "resourceId", "resultType", "callerIpAddress"),
    *("createdDateTime", "userPrincipalName", "userId", "appId", "isInteractive", "ipAddress", "status", "errorCode"),
    *("location", "countryOrRegion", "geoCoordinates", "latitude", "authenticationDetails", "succeeded", "id"),
    *("authenticationStepResultDetail", "deviceDetail", "isManaged", "mfaDetail", "authMethod", "initiatedBy", "user"),
    *("targetResources", "modifiedProperties", "displayName", "newValue", "additionalDetails", "key", "value"),
    *("activityDisplayName", "activityDateTime", "riskEventType", "riskState", "networkLocationDetails"),
)
AADIAM = "/tenants/t/providers/Microsoft.aadiam"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"category": "SignInLogs", "properties": {}}, True),
        ({"CATEGORY": "signinlogs"}, True),
        ({"category": "ManagedIdentitySignInLogs", "properties": {}}, True),
        ({"Type": "AADServicePrincipalSignInLogs"}, True),
        ({"category": "ADFSSignInLogs", "properties": {}}, False),
        ({"Type": "ADFSSignInLogs", "Category": "ADFSSignInLogs"}, False),
        ({"category": "UserRiskEvents"}, True),
        ({"Type": "AADRiskyUsers"}, True),
        ({"category": "AuditLogs", "properties": {"initiatedBy": {}}}, True),
        ({"category": "AuditLogs", "properties": {"something": 1}}, False),
        ({"category": "Policy", "resourceId": AADIAM, "properties": {"initiatedBy": {}}}, True),
        ({"category": "MicrosoftGraphActivityLogs", "resourceId": AADIAM.upper(), "properties": {}}, True),
        ({"category": "Administrative", "resourceId": "/subscriptions/s/providers/Microsoft.Compute/x"}, False),
        ({"category": "AdvancedHunting-IdentityLogonEvents", "properties": {}}, False),
        ({"createdDateTime": "x", "status": {}, "appId": "a", "clientAppUsed": "Browser"}, True),
        ({"createdDateTime": "x", "status": "open", "title": "an alert"}, False),
        ({"activityDateTime": "x", "activityDisplayName": "Add user", "initiatedBy": {}}, True),
        ({"riskEventType": "x", "detectedDateTime": "x", "riskState": "atRisk"}, True),
        ({"riskLastUpdatedDateTime": "x", "riskState": "atRisk", "riskLevel": "low"}, True),
        ({"eventType": "user.session.start"}, False),
        ({}, False),
    ],
)
def test_entras_records_are_claimed_and_no_others(record, expected):
    """By category, table, provider, or the fields of Graph's objects."""
    assert expected == entra.claims(Fields(record))


def test_a_record_that_is_not_entras_is_refused():
    """`--format entra` may be forced on anything."""
    with pytest.raises(Malformed, match="unknown_record"):
        entra.read(Fields({"message": "x"}))


def test_each_kind_of_record_gives_one_event():
    """Sign-in, risk, audit and other."""
    time = {"time": "2024-05-01T10:00:00Z"}
    given_records = [
        {**time, "category": "SignInLogs", "properties": {"userId": "u"}},
        {**time, "category": "UserRiskEvents", "properties": {"riskEventType": "x"}},
        {**time, "category": "AuditLogs", "operationName": "Update user", "properties": {"initiatedBy": {}}},
        {**time, "category": "ProvisioningLogs", "resourceId": AADIAM, "properties": {"id": "p"}},
    ]
    expected = [("signin", "Sign-in activity"), ("other", "User Risk Detection"), ("admin", "Update user")]
    expected.append(("other", "ProvisioningLogs"))
    events = [event for record in given_records for event in entra.read(Fields(record))]
    assert expected == [(event.kind, event.action) for event in events]


@given(records(*KEYS))
def test_any_values_under_the_right_keys_are_read_or_refused(record):
    """Whatever a sender writes, an event or a reason comes out."""
    check(entra, record)


def test_sign_ins_of_a_real_tenant_are_read(data_dir):
    """45 rows of Log Analytics' `SigninLogs`: every one read, account, address, time and code as they stand there."""
    path = data_dir / "identity" / "msticpy" / "entra_signinlogs_loganalytics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    events = [entra.read(Fields(row))[0] for row in rows if entra.claims(Fields(row))]
    assert 45 == len(events)
    for row, event in zip(rows, events, strict=True):
        assert row["UserPrincipalName"].lower() == event.account
        assert (row["IPAddress"], row["ResultType"], row["Id"]) == (event.ip, event.reason_code, event.raw_id)
        assert (read_time(row["CreatedDateTime"]), row["Location"]) == (event.ts, event.country)
        assert ("success" if row["ResultType"] in {"0", "50140"} else event.outcome) == event.outcome


def test_records_of_other_peoples_rules_are_read(data_dir):
    """19 records that Panther's rules are tested with: account, address, action and code as its authors say."""
    path = data_dir / "identity" / "panther" / "rule_cases.jsonl"
    cases = [json.loads(line) for line in path.read_text().splitlines()]
    cases = [case for case in cases if case["log_type"] == "Azure.Audit"]
    wrong = []
    for case in cases:
        expected = case["expected"]["normalised"]
        (event,) = entra.read(Fields(case["record"]))
        pairs = [
            (expected.get("user_any_of", [event.account])[0].lower(), event.account),
            (expected["ip"], event.ip),
            (expected.get("action", event.action), event.action),
            (expected.get("error_code", event.reason_code), event.reason_code),
        ]
        wrong += [(case["id"], want, got) for want, got in pairs if want != got]
    assert 19 == len(cases)
    assert [] == wrong


def test_the_audit_of_a_real_attack_is_read(data_dir):
    """Four rows of a golden SAML attack: a secret added to an application, and a consent."""
    path = data_dir / "identity" / "otrf-goldensaml" / "AADAuditEvents.json"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    events = [entra.read(Fields(row))[0] for row in rows if entra.claims(Fields(row))]
    assert ["admin", "admin", "admin", "consent"] == [event.kind for event in events]
    assert {"pgustavo@simulandlabs.com"} == {event.account for event in events}
    assert ["SimuLandApp"] * 3 + ["Microsoft Graph"] == [event.object for event in events]
