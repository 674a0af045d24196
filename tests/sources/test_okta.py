"""Okta's System Log against the fields of its API's documentation, and against records with their authors' reading."""

import json

import pytest
from hypothesis import given

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.sources import okta
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records

UUID = "0b2f3c52-9d5e-11ee-8c90-0242ac120002"


def entry(action="user.session.start", result="SUCCESS", **changes):
    """Build one log entry as the API returns it."""
    whole = {
        "actor": {"id": "00u1", "type": "User", "alternateId": "Ann@Example.com", "displayName": "Ann"},
        "client": {
            "ipAddress": "203.0.113.7",
            "userAgent": {"rawUserAgent": "Mozilla/5.0", "os": "Windows 10", "browser": "CHROME"},
            "zone": "null",
            "geographicalContext": {
                "city": "Perth",
                "country": "Australia",
                "geolocation": {"lat": -31.9, "lon": 115.8},
            },
        },
        "device": {"id": "guo1", "name": "LAP-7", "managed": True, "os_platform": "WINDOWS"},
        "authenticationContext": {"externalSessionId": "s1", "credentialType": None},
        "securityContext": {"asNumber": 1221, "asOrg": "telstra", "isProxy": False},
        "displayMessage": "User login to Okta",
        "eventType": action,
        "outcome": {"result": result, "reason": None},
        "published": "2024-01-02T03:04:05.678Z",
        "uuid": UUID,
        "transaction": {"id": "t1"},
        "debugContext": {"debugData": {"dtHash": "h1"}},
        "target": [],
    }
    for path, value in changes.items():
        at = whole
        *outer, last = path.split("__")
        for name in outer:
            at = at.setdefault(name, {})
        at[last] = value
    return whole


def read_one(record):
    (event,) = okta.read(Fields(record))
    return event


def test_every_common_field_is_read():
    """A sign-in has the account by login, and all that stands beside it."""
    got = read_one(entry())
    assert Event(
        ts=read_time("2024-01-02T03:04:05.678Z"), source="okta", kind="signin", action="user.session.start",
        outcome="success", reason="User login to Okta", account="ann@example.com", account_id="00u1", ip="203.0.113.7",
        country="Australia", city="Perth", asn=1221, mfa="unknown", user_agent="Mozilla/5.0", os="WINDOWS",
        device_id="guo1", device_name="LAP-7", managed=True, session_id="s1", correlation_id="t1", raw_id=UUID,
        detail={"asn_name": "telstra", "is_proxy": False, "latitude": -31.9, "longitude": 115.8, "device_token": "h1"},
    ) == got  # fmt: skip


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        *(("SUCCESS", "success"), ("ALLOW", "success"), ("FAILURE", "failure"), ("DENY", "failure")),
        *(("CHALLENGE", "interrupt"), ("SKIPPED", "unknown"), ("UNKNOWN", "unknown"), (None, "unknown")),
        *(("UNANSWERED", "failure"), ("ABANDONED", "failure")),
    ],
)
def test_each_result_has_its_outcome(result, expected):
    """A challenge is a second factor that was asked for, not a failure."""
    assert expected == read_one(entry("policy.evaluate_sign_on", result)).outcome


@pytest.mark.parametrize(
    ("action", "result", "changes", "expected"),
    [
        ("user.mfa.okta_verify.deny_push", "SUCCESS", {}, ("failure", "denied")),
        ("user.mfa.okta_verify.deny_push_upgrade_needed", "FAILURE", {}, ("failure", "denied")),
        (
            "user.authentication.auth_via_mfa",
            "FAILURE",
            {"outcome__reason": "INVALID_CREDENTIALS"},
            ("failure", "denied"),
        ),
        (
            *("user.authentication.auth_via_mfa", "FAILURE"),
            *({"debugContext__debugData__pushOnlyResponseType": "OV_RESPONSE_DENY"}, ("failure", "denied")),
        ),
        ("user.authentication.auth_via_mfa", "UNANSWERED", {}, ("failure", "timed_out")),
        ("user.authentication.auth_via_mfa", "ABANDONED", {}, ("failure", "timed_out")),
        ("user.authentication.auth_via_mfa", "FAILURE", {"outcome__reason": "PUSH_TIMEOUT"}, ("failure", "timed_out")),
        ("user.authentication.auth_via_mfa", "SUCCESS", {}, ("success", "satisfied")),
        ("user.authentication.auth_via_mfa", "CHALLENGE", {}, ("interrupt", "unknown")),
        (
            *("user.session.start", "FAILURE"),
            *({"outcome__reason": "FastPass declined phishing attempt"}, ("failure", "denied")),
        ),
        ("user.session.start", "FAILURE", {"outcome__reason": "INVALID_CREDENTIALS"}, ("failure", "unknown")),
    ],
)
def test_the_second_factor_is_told_from_the_password(action, result, changes, expected):
    """A push is refused in three ways; a wrong password says nothing of a second factor."""
    got = read_one(entry(action, result, **changes))
    assert ("signin", *expected) == (got.kind, got.outcome, got.mfa)


@pytest.mark.parametrize("result", ["SUCCESS", "FAILURE"])
def test_a_password_is_no_second_factor(result):
    """Identity Engine writes `auth_via_mfa` for it as well; the classic one names it a factor."""
    used = {"type": "AuthenticatorEnrollment", "displayName": "Password", "detailEntry": {"methodTypeUsed": "Password"}}
    for changes in ({"target": [used]}, {"debugContext__debugData__factor": "PASSWORD_AS_FACTOR"}):
        got = read_one(
            entry("user.authentication.auth_via_mfa", result, outcome__reason="INVALID_CREDENTIALS", **changes)
        )
        assert "unknown" == got.mfa
    used["detailEntry"]["methodTypeUsed"] = "Use Okta FastPass"
    got = read_one(entry("user.authentication.auth_via_mfa", target=[used]))
    assert ("satisfied", "Use Okta FastPass") == (got.mfa, got.detail["mfa_detail"])


def test_a_tunnel_is_a_proxy():
    """Whose name Okta knows."""
    tunnels = '[{"anonymous":true,"operator":"WARP_VPN","type":"VPN"}]'
    assert read_one(entry(debugContext__debugData__tunnels=tunnels)).detail["is_proxy"]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        *(("user.authentication.sso", "signin"), ("user.authentication.slo", "other"), ("user.session.end", "other")),
        *(("user.session.clear", "admin"), ("user.lifecycle.suspend", "admin"), ("user.mfa.factor.reset_all", "admin")),
        *(("user.session.impersonation.grant", "admin"), ("system.api_token.create", "admin")),
        *(("group.user_membership.add", "admin"), ("policy.rule.update", "admin"), ("zone.update", "admin")),
        *(("app.oauth2.as.consent.grant", "consent"), ("user.authentication.auth_via_IDP", "signin")),
        *(("system.push.send_factor_verify_push", "other"), ("security.threat.detected", "other")),
        ("an.event.of.next.year", "other"),
    ],
)
def test_each_event_has_its_kind(action, expected):
    """An unknown one is `other`; no second factor is claimed outside of sign-ins."""
    got = read_one(entry(action))
    assert (expected, action, expected == "signin") == (got.kind, got.action, got.mfa is not None)


def test_the_text_null_and_unknown_are_no_values():
    """Okta writes both where it has nothing."""
    got = read_one(
        entry(
            actor__alternateId="unknown", actor__displayName="unknown", actor__id="null",
            authenticationContext__externalSessionId="unknown", client__ipAddress="null", target="null",
        )
    )  # fmt: skip
    assert (None, None, None, None, None) == (got.account, got.account_id, got.session_id, got.ip, got.object)


def test_the_chain_gives_the_address_where_the_client_has_none():
    """The first that is one."""
    chain = [{"ip": "null"}, {"ip": "198.51.100.9"}]
    assert "198.51.100.9" == read_one(entry(client__ipAddress=None, request={"ipChain": chain})).ip


def test_a_target_that_is_a_user_is_the_object():
    """An administrator clears somebody's sessions: the account is the administrator."""
    targets = [
        {"type": "AppInstance", "displayName": "Mail", "alternateId": "unknown", "id": "0oa1"},
        {"type": "User", "displayName": "Bob", "alternateId": "bob@example.com", "id": "00u2"},
    ]
    got = read_one(entry("user.session.clear", target=targets))
    assert ("ann@example.com", "bob@example.com", "Mail") == (got.account, got.object, got.app)
    assert ["Mail", "bob@example.com"] == got.detail["targets"]


@pytest.mark.parametrize(
    "behaviors",
    [
        "{New Geo-Location=NEGATIVE, New Device=POSITIVE, New IP=POSITIVE}",
        {"New Device": "POSITIVE", "New IP": "POSITIVE", "Velocity": "NEGATIVE"},
        '{"New Device": "POSITIVE", "New IP": "POSITIVE"}',
    ],
)
def test_what_was_new_to_okta_is_kept(behaviors):
    """As Java's text, as an object, and as JSON in text; and the level of risk."""
    debug = {"behaviors": behaviors, "risk": "{reasons=Anomalous Device, level=HIGH}", "factor": "OKTA_VERIFY_PUSH"}
    got = read_one(entry("user.authentication.auth_via_mfa", debugContext__debugData=debug)).detail
    assert (["New Device", "New IP"], "high", "OKTA_VERIFY_PUSH") == (got["behaviors"], got["risk"], got["mfa_detail"])


@pytest.mark.parametrize(
    "wrapped",
    [
        {"eventType": "com.okta.event_hook", "data": {"events": [entry(), entry(uuid="x")]}},
        {"detail-type": "SystemLog", "detail": entry(), "source": "aws.partner/okta.com/org/okta"},
        {"sourcetype": "OktaIM2:log", "event": entry()},
        {"sourcetype": "OktaIM2:log", "event": json.dumps(entry())},
    ],
)
def test_entries_are_found_in_what_carries_them(wrapped):
    """Event hooks, EventBridge, and a forwarder's envelope."""
    assert okta.claims(Fields(wrapped))
    assert {"ann@example.com"} == {event.account for event in okta.read(Fields(wrapped))}


def test_elastics_document_is_read():
    """The names are theirs, the event is the same."""
    document = {
        "@timestamp": "2024-01-02T03:04:05.678Z",
        "event": {"action": "user.session.start", "id": UUID, "outcome": "failure"},
        "client": {"ip": "203.0.113.7", "geo": {"country_name": "Australia"}},
        "okta": {
            "event_type": "user.session.start",
            "uuid": UUID,
            "actor": {"alternate_id": "ann@example.com", "id": "00u1", "type": "User"},
            "outcome": {"result": "FAILURE", "reason": "INVALID_CREDENTIALS"},
            "target": [{"alternate_id": "bob@example.com", "type": "User"}],
        },
    }
    got = read_one(document)
    assert okta.claims(Fields(document))
    assert ("ann@example.com", "203.0.113.7", "failure", "INVALID_CREDENTIALS", UUID, "bob@example.com") == (
        got.account, got.ip, got.outcome, got.reason_code, got.raw_id, got.object,
    )  # fmt: skip


def test_an_id_that_was_redacted_does_not_make_records_one():
    """Only what looks like a UUID is trusted alone."""
    first, second = (read_one(entry(uuid="redacted", published=f"2024-01-02T03:04:0{i}Z")).raw_id for i in range(2))
    assert first != second


def test_keys_in_lower_case_are_the_same_keys():
    """Some exports fold them."""

    def fold(node):
        if isinstance(node, dict):
            return {key.lower(): fold(value) for key, value in node.items()}
        return [fold(one) for one in node] if isinstance(node, list) else node

    assert read_one(entry()) == read_one(fold(entry()))


@pytest.mark.parametrize(("value", "reason"), [(None, "missing_time"), ("soon", "bad_time")])
def test_an_entry_without_a_time_is_refused(value, reason):
    """With the reason."""
    with pytest.raises(Malformed, match=reason):
        okta.read(Fields(entry(published=value)))


def test_other_products_records_are_not_claimed():
    """CloudTrail has an `eventType`, Auth0 an actor's like, and Graph an `outcome` of none."""
    assert [] == [
        record
        for record in (
            {"eventType": "AwsApiCall", "eventTime": "2024-01-02T03:04:05Z"},
            {"eventType": "com.oraclecloud.x", "data": {"identity": {}}},
            {"CreationTime": "2024-01-02T03:04:05", "Operation": "UserLoggedIn"},
            {"message": "user.session.start", "outcome": 1, "actor": 2},
            {},
        )
        if okta.claims(Fields(record))
    ]


@given(records(*entry(), "okta", "data", "events", "detail", "event", "result", "reason", "alternateId", "ipAddress"))
def test_any_values_give_events_or_a_refusal(record):
    """Nothing else leaves the reader."""
    check(okta, record)
    check(okta, entry() | record)


def test_real_rule_cases_are_read_as_their_authors_do(data_dir):
    """Time, account, address, action, outcome and reason of the records of panther-analysis."""
    compared, differing = 0, []
    for line in (data_dir / "identity/panther/rule_cases.jsonl").read_text().splitlines():
        case = json.loads(line)
        record, expected = Fields(case["record"]), case["expected"]["normalised"]
        if case["log_type"] != "Okta.SystemLog" or not record.has("actor"):
            continue
        got = read_one(case["record"])
        raw = {"SUCCESS": "success", "FAILURE": "failure"}
        for name, found, wanted in [
            ("time", got.ts, read_time(expected["time"]) if "time" in expected else None),
            ("user", got.account, got.account if got.account in expected.get("user_any_of", []) else "another"),
            ("ip", got.ip, expected.get("ip")),
            ("action", got.action, expected.get("action")),
            ("outcome", got.outcome, raw.get(expected.get("outcome_raw", ""), "unknown")),
            ("reason", got.reason, expected.get("reason", got.reason)),
        ]:
            compared += wanted is not None
            if wanted is not None and found != wanted:
                differing.append((case["id"], name, found, wanted))
    assert (True, []) == (compared > 130, differing)
