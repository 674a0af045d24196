"""Sign-ins of Entra ID in their envelopes."""

import pytest

from sensor.errors import Malformed
from sensor.wire.entra_signins import category_of, first_address, read_signin
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields

GRAPH = {
    "id": "88a1f7d7-0000-4000-8000-000000000001",
    "createdDateTime": "2024-05-01T10:00:00.1234567Z",
    "userDisplayName": "Ann Bee",
    "userPrincipalName": "Ann.Bee@Example.com",
    "userId": "11111111-2222-4333-8444-555555555555",
    "appId": "00000002-0000-0ff1-ce00-000000000000",
    "appDisplayName": "Office 365 Exchange Online",
    "resourceDisplayName": "Microsoft Graph",
    "ipAddress": "2001:DB8::1",
    "clientAppUsed": "Browser",
    "userAgent": "Mozilla/5.0",
    "correlationId": "c0ffee00-0000-4000-8000-000000000002",
    "sessionId": "5e551011-0000-4000-8000-000000000003",
    "uniqueTokenIdentifier": "dG9rZW4",
    "isInteractive": True,
    "autonomousSystemNumber": 1221,
    "authenticationRequirement": "multiFactorAuthentication",
    "riskLevelDuringSignIn": "medium",
    "riskEventTypes_v2": ["unfamiliarFeatures"],
    "networkLocationDetails": [{"networkType": "trustedNamedLocation", "networkNames": ["Office"]}],
    "status": {"errorCode": 0, "failureReason": "Other.", "additionalDetails": "MFA completed in Azure AD"},
    "deviceDetail": {
        "deviceId": "d0000000-0000-4000-8000-000000000004",
        "displayName": "LAPTOP-7",
        "operatingSystem": "Windows 10",
        "isCompliant": True,
        "isManaged": True,
        "trustType": "Azure AD joined",
    },
    "location": {
        "city": "Sydney",
        "countryOrRegion": "AU",
        "geoCoordinates": {"latitude": -33.86, "longitude": 151.2},
    },
    "mfaDetail": {"authMethod": "Mobile app notification"},
    "appliedConditionalAccessPolicies": [{"displayName": "Require MFA", "result": "success"}],
}
"""Fields of https://learn.microsoft.com/en-us/graph/api/resources/signin."""
EXPORT = {
    "time": "2024-05-01T10:04:30.0000000Z",
    "resourceId": "/tenants/aaaa/providers/Microsoft.aadiam",
    "operationName": "Sign-in activity",
    "category": "SignInLogs",
    "resultType": "0",
    "callerIpAddress": "2001:db8::1",
    "correlationId": GRAPH["correlationId"],
    "identity": "Ann Bee",
    "Level": 4,
    "location": "AU",
    "properties": GRAPH,
}


def as_row(record):
    """The same sign-in as Log Analytics keeps it: names begin with a capital, objects are JSON text."""
    import msgspec

    row = {name[0].upper() + name[1:]: value for name, value in record.items()}
    row = {
        name: msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value
        for name, value in row.items()
    }
    row["IPAddress"] = row.pop("IpAddress")
    row["LocationDetails"] = row.pop("Location")
    code = str(record["status"]["errorCode"])
    return {**row, "TimeGenerated": "2024-05-01T10:04:30Z", "Type": "SigninLogs", "Category": "SignInLogs",
            "OperationName": "Sign-in activity", "ResultType": code, "Location": "AU"}  # fmt: skip


def read(record, source="entra"):
    """The event of one record."""
    return read_signin(Fields(record), source)


def change(**values):
    """An exported sign-in with other values in its properties."""
    return {**EXPORT, "properties": {**GRAPH, **values}}


def test_every_field_is_found():
    """One record with all that Entra writes."""
    event = read(EXPORT)
    assert read_time("2024-05-01T10:00:00.1234567Z") == event.ts
    assert ("entra", "signin", "Sign-in activity") == (event.source, event.kind, event.action)
    assert ("success", "0", "MFA completed in Azure AD") == (event.outcome, event.reason_code, event.reason)
    assert ("ann.bee@example.com", GRAPH["userId"]) == (event.account, event.account_id)
    assert ("2001:db8::1", None, "AU", "Sydney", 1221) == (event.ip, event.port, event.country, event.city, event.asn)
    assert ("satisfied", "Office 365 Exchange Online", "Microsoft Graph") == (event.mfa, event.app, event.resource)
    assert ("Mozilla/5.0", "Windows 10") == (event.user_agent, event.os)
    assert ("d0000000-0000-4000-8000-000000000004", "LAPTOP-7", True) == (
        event.device_id,
        event.device_name,
        event.managed,
    )
    assert (GRAPH["sessionId"], GRAPH["correlationId"], GRAPH["id"]) == (
        event.session_id,
        event.correlation_id,
        event.raw_id,
    )
    assert {
        "event_category": "interactive",
        "risk": "medium",
        "risk_events": ["unfamiliarFeatures"],
        "mfa_detail": "Mobile app notification",
        "latitude": -33.86,
        "longitude": 151.2,
        "client_app": "Browser",
        "token_id": "dG9rZW4",
        "trust_type": "Azure AD joined",
        "compliant": True,
        "known_place": True,
    } == event.detail


@pytest.mark.parametrize("envelope", [GRAPH, as_row(GRAPH)], ids=["graph", "log analytics"])
def test_all_envelopes_give_the_same_event(envelope):
    """Export, Graph object and Log Analytics row are one record."""
    assert read(EXPORT) == read(envelope)


def test_the_event_is_when_the_person_signed_in_not_when_it_was_logged():
    """`createdDateTime` goes before the export's `time`; without it the time of the log is what there is."""
    assert read_time("2024-05-01T10:00:00.1234567Z") == read(EXPORT).ts
    assert read_time("2024-05-01T10:04:30Z") == read(change(createdDateTime=None)).ts


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2019-10-18T04:45:48.0729893-05:00", "2019-10-18T09:45:48.0729893Z"),
        ("2024-05-01 10:00:00.123456700", "2024-05-01T10:00:00.1234567Z"),
        ("5/1/2024 10:00:00 AM", "2024-05-01T10:00:00Z"),
    ],
)
def test_times_with_seven_digits_offsets_and_month_first_are_read(written, expected):
    """The forms of time that real exports have."""
    assert read_time(expected) == read(change(createdDateTime=written)).ts


def test_a_name_may_be_an_object_id():
    """Entra writes a GUID for the UPN of some accounts; without any name the object id stands for it."""
    guid = "c3813493-bf92-5123-2717-8a8b2979c38b"
    assert guid == read(change(userPrincipalName=guid)).account
    assert GRAPH["userId"] == read(change(userPrincipalName="")).account
    nobody = "00000000-0000-0000-0000-000000000000"
    assert ("x@example.com", None) == (
        read(change(userId=nobody, userPrincipalName="X@example.com")).account,
        read(change(userId=nobody, userPrincipalName="X@example.com")).account_id,
    )


def test_an_unregistered_device_has_no_id():
    """`deviceId` is empty, not a device."""
    event = read(change(deviceDetail={"deviceId": "", "operatingSystem": "Ios", "browser": "Mobile Safari"}))
    assert (None, None, "Ios", None) == (event.device_id, event.device_name, event.os, event.managed)


def test_levels_and_results_may_be_texts_or_numbers():
    """`resultType` is a text in exports, `Level` either; a result in words counts too."""
    for code in ("50126", 50126):
        bare = {**EXPORT, "Level": "4", "resultType": code, "properties": {**GRAPH, "status": {}}}
        assert ("failure", "50126") == (read(bare).outcome, read(bare).reason_code)
    words = {**EXPORT, "resultType": "Success", "properties": {**GRAPH, "status": None}}
    assert ("success", None) == (read(words).outcome, read(words).reason_code)


def test_rows_of_one_flow_stay_rows():
    """Several rows share a correlation id; each is an event with its own id."""
    first, second = read(change(id="r1")), read(change(id="r2"))
    assert (first.correlation_id, first.raw_id, second.raw_id) == (second.correlation_id, "r1", "r2")


def test_a_refused_push_says_why():
    """The reason holds what the code means and what happened."""
    status = {
        "errorCode": 500121,
        "failureReason": "Authentication failed during strong authentication request.",
        "additionalDetails": "MFA denied; user declined the authentication",
    }
    event = read(change(status=status))
    assert ("failure", "denied", "500121") == (event.outcome, event.mfa, event.reason_code)
    assert f"{status['failureReason']} {status['additionalDetails']}" == event.reason


def test_the_policy_that_stopped_a_sign_in_is_named():
    """Only the policy whose result is a failure."""
    policies = [{"displayName": "A", "result": "notApplied"}, {"displayName": "Block", "result": "failure"}]
    event = read(change(appliedConditionalAccessPolicies=policies, status={"errorCode": 53003}))
    assert ("failure", "Block") == (event.outcome, event.detail["policy"])


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("SignInLogs", "interactive"),
        ("NonInteractiveUserSignInLogs", "non_interactive"),
        ("ServicePrincipalSignInLogs", "service_principal"),
        ("MicrosoftServicePrincipalSignInLogs", "service_principal"),
        ("ManagedIdentitySignInLogs", "managed_identity"),
        ("AADNonInteractiveUserSignInLogs", "non_interactive"),
        ("AuditLogs", None),
    ],
)
def test_kinds_of_sign_in_come_from_category_or_table(category, expected):
    """The export's category and Log Analytics' table name are one thing."""
    assert expected == category_of(Fields({"category": category}))
    assert expected == category_of(Fields({"Type": category}))


def test_a_service_principal_is_its_own_account():
    """No user: the principal's name, and where it has none its id; it has no second factor."""
    properties = {
        "id": "s1",
        "createdDateTime": "2021-07-30T11:29:26.6733668+00:00",
        "userId": None,
        "appId": "app",
        "ipAddress": "",
        "servicePrincipalId": "9d370547-cb61-4753-be23-68534909af90",
        "servicePrincipalName": "ConfigMgrSvc_1",
        "status": {"errorCode": 7000222},
        "location": {"city": "", "countryOrRegion": "", "geoCoordinates": {"latitude": 0.0, "longitude": 0.0}},
    }
    record = {"category": "ServicePrincipalSignInLogs", "properties": properties}
    event = read(record)
    assert ("configmgrsvc_1", properties["servicePrincipalId"]) == (event.account, event.account_id)
    assert ("failure", "none", None, None) == (event.outcome, event.mfa, event.ip, event.country)
    assert {"event_category": "service_principal"} == event.detail
    unnamed = {"category": "ManagedIdentitySignInLogs", "properties": {**properties, "servicePrincipalName": None}}
    assert (properties["servicePrincipalId"], "managed_identity") == (
        read(unnamed).account,
        read(unnamed).detail["event_category"],
    )


def test_graph_says_the_kind_in_its_event_types():
    """Newer Graph records name it; older ones only whether a person was there."""
    assert "non_interactive" == read({**GRAPH, "signInEventTypes": ["nonInteractiveUser"]}).detail["event_category"]
    assert "non_interactive" == read({**GRAPH, "isInteractive": False}).detail["event_category"]
    alone = {**GRAPH, "userId": None, "userPrincipalName": None, "servicePrincipalId": "sp"}
    assert "service_principal" == read(alone).detail["event_category"]


def test_addresses_are_taken_from_the_sign_in_then_the_envelope():
    """The exporter's `::` before a whole address is left out, an IPv4-mapped one unwrapped."""
    whole = "2a02:cf40:add:4002:91f2:a9b2:e09a:6fc6"
    assert ("2001:db8::1", None) == first_address("2001:db8::1", "192.0.2.1")
    assert ("192.0.2.1", None) == first_address("", None, 7, "::ffff:192.0.2.1")
    assert (whole, None) == first_address(f"::{whole}")
    assert ("::1", None) == first_address("::1")
    assert (None, None) == first_address("<null>", "::x")


def test_a_record_without_a_time_is_refused():
    """Nothing can be ordered without it."""
    with pytest.raises(Malformed, match="missing_time"):
        read({"category": "SignInLogs", "properties": {"id": "x"}})
    with pytest.raises(Malformed, match="bad_time"):
        read(change(createdDateTime="yesterday"))
