"""Audit and risk records of Entra ID."""

import pytest

from sensor.errors import Malformed
from sensor.wire.entra_audits import is_consent, read_audit, read_other, read_risk
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields

AUDIT = {
    "id": "Directory_1_X",
    "category": "UserManagement",
    "correlationId": "c1",
    "result": "success",
    "resultReason": "",
    "activityDisplayName": "User registered security info",
    "activityDateTime": "2024-05-01T10:00:00.5+00:00",
    "loggedByService": "Authentication Methods",
    "operationType": "Add",
    "initiatedBy": {"user": {"id": "u1", "userPrincipalName": "Ann@Example.com", "ipAddress": "198.51.100.7"}},
    "targetResources": [
        {
            "id": "u1",
            "type": "User",
            "userPrincipalName": "ann@example.com",
            "modifiedProperties": [
                {"displayName": "StrongAuthenticationMethod", "oldValue": "[]", "newValue": '[{"MethodType":6}]'},
                {"displayName": "Included Updated Properties", "newValue": '"StrongAuthenticationMethod"'},
            ],
        }
    ],
    "additionalDetails": [{"key": "User-Agent", "value": "Mozilla/5.0"}, {"key": "ipaddr", "value": "203.0.113.9"}],
}
"""Fields of https://learn.microsoft.com/en-us/graph/api/resources/directoryaudit."""
EXPORT = {
    "time": "2024-05-01T10:00:00.5000000Z",
    "resourceId": "/tenants/t/providers/Microsoft.aadiam",
    "operationName": "User registered security info",
    "category": "AuditLogs",
    "callerIpAddress": "198.51.100.7",
    "correlationId": "c1",
    "identity": "Ann Bee",
    "properties": AUDIT,
}


def audit(**values):
    """The event of an exported audit record with other values in its properties."""
    return read_audit(Fields({**EXPORT, "properties": {**AUDIT, **values}}))


def test_every_field_of_an_audit_record_is_found():
    """Who, from where, what, to whom, and what it is now."""
    event = read_audit(Fields(EXPORT))
    assert read_time("2024-05-01T10:00:00.5Z") == event.ts
    assert ("entra", "admin", "User registered security info", "success") == (
        event.source,
        event.kind,
        event.action,
        event.outcome,
    )
    assert ("ann@example.com", "u1", "198.51.100.7") == (event.account, event.account_id, event.ip)
    assert ("Mozilla/5.0", "Authentication Methods", "c1") == (event.user_agent, event.resource, event.correlation_id)
    assert ("ann@example.com", "Directory_1_X") == (event.object, event.raw_id)
    assert {
        "targets": ["ann@example.com"],
        "changes": {
            "StrongAuthenticationMethod": '[{"MethodType":6}]',
            "Included Updated Properties": "StrongAuthenticationMethod",
        },
        "operation_type": "Add",
    } == event.detail


def test_graph_and_export_give_the_same_event():
    """Graph's object has no envelope; Log Analytics' row has JSON texts."""
    assert read_audit(Fields(EXPORT)) == read_audit(Fields(AUDIT))
    row = {
        "TimeGenerated": "2024-05-01T10:00:00.5Z",
        "OperationName": "User registered security info",
        "Type": "AuditLogs",
        "InitiatedBy": '{"user":{"id":"u1","userPrincipalName":"Ann@Example.com","ipAddress":"198.51.100.7"}}',
        "TargetResources": '[{"id":"u1","displayName":null,"userPrincipalName":"ann@example.com"}]',
        "Result": "failure",
        "ResultReason": "no",
        "AADOperationType": "Update",
    }
    event = read_audit(Fields(row))
    assert ("ann@example.com", "198.51.100.7", "failure", "no") == (
        event.account,
        event.ip,
        event.outcome,
        event.reason,
    )
    assert {"targets": ["ann@example.com"], "operation_type": "Update"} == event.detail


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("Consent to application", "consent"),
        ("Add delegated permission grant", "consent"),
        ("Add OAuth2PermissionGrant", "consent"),
        ("Add app role assignment to service principal", "consent"),
        ("User registered security info", "admin"),
        ("Update user", "admin"),
        ("Add registered owner to device", "admin"),
        ("Update StsRefreshTokenValidFrom Timestamp", "admin"),
        ("Disable account", "admin"),
        ("Validate user authentication", "other"),
        ("Synchronization rule action", "other"),
    ],
)
def test_operations_have_kinds(operation, expected):
    """Consents, changes, and the rest."""
    assert expected == read_audit(Fields({**EXPORT, "operationName": operation})).kind
    assert (expected == "consent") == is_consent(operation)


def test_an_application_may_have_acted():
    """Its name stands for the account; without either the envelope's identity does."""
    event = audit(initiatedBy={"app": {"displayName": "Managed Service Identity", "servicePrincipalId": "sp1"}})
    assert ("managed service identity", "sp1", "Managed Service Identity") == (
        event.account,
        event.account_id,
        event.app,
    )
    assert "Managed Service Identity" == event.detail["actor_app"]
    assert "ann bee" == audit(initiatedBy={}).account


def test_the_caller_goes_before_the_initiator_and_the_details():
    """Three places hold an address; `<null>` is none."""
    nowhere = {**EXPORT, "callerIpAddress": "<null>"}
    assert "198.51.100.7" == read_audit(Fields(nowhere)).ip
    unsaid = {**AUDIT, "initiatedBy": {"user": {"userPrincipalName": "a@b.c", "ipAddress": None}}}
    assert "203.0.113.9" == read_audit(Fields({**nowhere, "properties": unsaid})).ip


def test_intunes_audit_comes_the_same_way():
    """`Actor` and `Targets` instead of `initiatedBy` and `targetResources`."""
    record = {
        "time": "2025-04-01T18:42:09.5769000Z",
        "category": "AuditLogs",
        "operationName": "assignDeviceManagementScript DeviceManagementScript",
        "resultType": "Success",
        "properties": {
            "ActivityDate": "4/1/2025 6:42:09 PM",
            "Actor": {"UPN": "Test@Example.com", "ObjectId": "o1", "ApplicationName": "Intune portal"},
            "AuditEventId": "88abb00c",
            "TargetDisplayNames": ["<null>"],
            "TargetObjectIds": ["914232cd"],
            "Targets": [{"ModifiedProperties": [{"Name": "TargetGroupIDs", "New": "36ca05af"}]}],
        },
    }
    event = read_audit(Fields(record))
    assert ("test@example.com", "o1", "success", "88abb00c") == (
        event.account,
        event.account_id,
        event.outcome,
        event.raw_id,
    )
    assert {"TargetGroupIDs": "36ca05af"} == event.detail["changes"]


def test_a_risk_detection_is_dated_by_its_detection():
    """The export's month-first time is read; the risky activity's own time is kept beside it."""
    record = {
        "time": "3/24/2022 2:42:35 PM",
        "category": "UserRiskEvents",
        "operationName": "User Risk Detection",
        "properties": {
            "id": "r1",
            "correlationId": "c2",
            "riskEventType": "unfamiliarFeatures",
            "riskState": "atRisk",
            "riskLevel": "low",
            "riskDetail": "none",
            "source": "IdentityProtection",
            "detectionTimingType": "realtime",
            "activity": "signin",
            "ipAddress": "192.0.2.1",
            "location": {"city": "Paris", "countryOrRegion": "fr"},
            "activityDateTime": "2022-03-24T14:40:08.107Z",
            "userId": "u1",
            "userPrincipalName": "Bar@Example.com",
            "additionalInfo": '[{"Key":"userAgent","Value":"Mozilla/5.0"},{"Key":"alertUrl","Value":null}]',
        },
    }
    event = read_risk(Fields(record))
    assert read_time("2022-03-24T14:42:35Z") == event.ts
    assert ("other", "User Risk Detection", "unfamiliarFeatures", None) == (
        event.kind,
        event.action,
        event.reason_code,
        event.reason,
    )
    assert ("bar@example.com", "u1", "192.0.2.1", "FR", "Paris") == (
        event.account,
        event.account_id,
        event.ip,
        event.country,
        event.city,
    )
    assert ("Mozilla/5.0", "c2", "r1") == (event.user_agent, event.correlation_id, event.raw_id)
    assert {
        "risk": "low",
        "risk_state": "atRisk",
        "activity": "signin",
        "timing": "realtime",
        "activity_time": "2022-03-24T14:40:08.107Z",
    } == event.detail


def test_a_risky_user_has_no_id_of_a_record():
    """Each change of one user repeats the user's id, so it does not tell records apart."""
    record = {
        "id": "51e26eae",
        "riskLastUpdatedDateTime": "2022-08-22T18:11:52.702Z",
        "riskLevel": "medium",
        "riskState": "atRisk",
        "riskDetail": "userPassedMFADrivenByRiskBasedPolicy",
        "userPrincipalName": "joe@example.com",
    }
    event = read_risk(Fields(record))
    assert ("Risky user", "joe@example.com", "51e26eae", None) == (
        event.action,
        event.account,
        event.account_id,
        event.raw_id,
    )
    assert "userPassedMFADrivenByRiskBasedPolicy" == event.reason


def test_other_logs_of_entra_are_events_of_no_kind():
    """Graph's own activity log, as an example."""
    record = {
        "time": "2025-02-18T10:25:12.2779144Z",
        "category": "MicrosoftGraphActivityLogs",
        "operationName": "Microsoft Graph Activity",
        "resultSignature": "403",
        "callerIpAddress": "192.0.2.3",
        "correlationId": "c3",
        "properties": {"userId": "u7", "appId": "a7", "requestUri": "https://graph.microsoft.com/v1.0/me"},
    }
    event = read_other(Fields(record))
    assert ("other", "Microsoft Graph Activity", "u7", "192.0.2.3", "403") == (
        event.kind,
        event.action,
        event.account,
        event.ip,
        event.reason_code,
    )


def test_records_without_an_operation_or_a_time_are_refused():
    """Each for its reason."""
    with pytest.raises(Malformed, match="no_operation"):
        read_audit(Fields({"time": "2024-05-01T10:00:00Z", "properties": {"initiatedBy": {}}}))
    with pytest.raises(Malformed, match="no_operation"):
        read_other(Fields({"time": "2024-05-01T10:00:00Z"}))
    with pytest.raises(Malformed, match="missing_time"):
        read_risk(Fields({"riskLevel": "low"}))


def test_a_bulk_operation_keeps_some_of_its_changes():
    """A hundred, whoever they were made to."""
    changed = [{"displayName": str(number), "newValue": "x"} for number in range(150)]
    targets = [{"modifiedProperties": changed[at : at + 50]} for at in (0, 50, 100)]
    event = read_audit(Fields({**EXPORT, "properties": {**AUDIT, "targetResources": targets}}))
    assert [str(number) for number in range(100)] == list(event.detail["changes"])
