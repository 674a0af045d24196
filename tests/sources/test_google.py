"""Google Workspace's activities in each of their exports, and records with their authors' reading."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.sources import google
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records

WHEN = "2024-01-02T03:04:05.678Z"


def activity(application="login", *events, **changes):
    """Build one item of the Reports API."""
    whole = {
        "kind": "admin#reports#activity",
        "id": {"time": WHEN, "uniqueQualifier": "-17", "applicationName": application, "customerId": "C1"},
        "actor": {"email": "Ann@Example.com", "profileId": "1001", "callerType": "USER"},
        "ipAddress": "2001:DB8::7",
        "networkInfo": {"ipAsn": [1221], "regionCode": "AU"},
        "events": list(events),
    }
    return whole | changes


def said(name, kind="login", **parameters):
    """Build one event; each parameter under the key of its type."""
    keys = {bool: "boolValue", int: "intValue", list: "multiValue", str: "value"}
    return {
        "name": name,
        "type": kind,
        "parameters": [{"name": one, keys[type(value)]: value} for one, value in parameters.items()],
    }


def read_one(record):
    (event,) = google.read(Fields(record))
    return event


def test_every_common_field_is_read():
    """A sign-in with its account, address, place and second factor."""
    got = read_one(activity("login", said("login_success", login_type="google_password", is_suspicious=False,
                                          login_challenge_method=["password", "google_prompt"])))  # fmt: skip
    assert Event(
        ts=read_time(WHEN), source="google", kind="signin", action="login_success", outcome="success",
        account="ann@example.com", account_id="1001", ip="2001:db8::7", country="AU", asn=1221, mfa="satisfied",
        detail={"mfa_detail": "password, google_prompt", "login_type": "google_password"}, raw_id=got.raw_id,
    ) == got  # fmt: skip


def test_each_event_of_an_activity_is_an_event():
    """With an id of its own, and again the same for the same record."""
    record = activity("drive", said("view", "access", doc_title="a"), said("download", "access", doc_title="a"))
    first, again = google.read(Fields(record)), google.read(Fields(record))
    assert ["view", "download"] == [event.action for event in first]
    assert (2, first) == (len({event.raw_id for event in first}), again)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (said("login_success"), ("signin", "success", "unknown")),
        (said("login_success", login_challenge_method="password"), ("signin", "success", "none")),
        (said("login_failure", login_failure_type="login_failure_invalid_password"), ("signin", "failure", "unknown")),
        (said("login_challenge", login_challenge_status="Challenge Passed."), ("signin", "success", "satisfied")),
        (said("login_challenge", login_challenge_status="Challenge Failed."), ("signin", "failure", "denied")),
        (said("login_challenge", login_challenge_method="password"), ("signin", "interrupt", "unknown")),
        (
            said("login_verification", is_second_factor=True, login_challenge_status="passed"),
            ("signin", "success", "satisfied"),
        ),
        (
            said("login_verification", is_second_factor=False, login_challenge_status="passed"),
            ("signin", "success", "unknown"),
        ),
        (said("suspicious_login", "account_warning", affected_email_address="a@b.c"), ("signin", "failure", "unknown")),
        (said("logout"), ("other", "success", None)),
        (said("2sv_disable", "2sv_change"), ("admin", "success", None)),
        (said("risky_sensitive_action_blocked"), ("other", "failure", None)),
        (said("email_forwarding_out_of_domain", "email_forwarding_change"), ("mail_rule", "success", None)),
    ],
)
def test_login_events_have_kind_outcome_and_second_factor(event, expected):
    """A challenge is told by its status, whichever way that is written."""
    got = read_one(activity("login", event))
    assert expected == (got.kind, got.outcome, got.mfa)


@pytest.mark.parametrize(
    ("application", "name", "expected"),
    [
        *(("admin", "CREATE_USER", "admin"), ("drive", "edit", "file"), ("saml", "login_failure", "signin")),
        *(("token", "authorize", "consent"), ("token", "revoke", "consent"), ("token", "activity", "other")),
        *(("groups", "change_acl_permission", "admin"), ("groups_enterprise", "add_member", "admin")),
        *(("user_accounts", "recovery_email_edit", "admin"), ("calendar", "change_event", "other")),
        *(("context_aware_access", "ACCESS_DENY_EVENT", "signin"), ("an_app_of_next_year", "x", "other")),
    ],
)
def test_applications_have_kinds(application, name, expected):
    """An unknown one is `other`."""
    got = read_one(activity(application, said(name, "x")))
    assert (expected, name) == (got.kind, got.action)


def test_a_denied_access_is_a_failure():
    """By the event's name."""
    assert "failure" == read_one(activity("context_aware_access", said("ACCESS_DENY_EVENT"))).outcome


def test_a_denial_that_is_only_watched_is_none():
    """`MONITOR_MODE_…` says what would have happened; a device that Google does not know is none."""
    got = read_one(activity("context_aware_access", said("MONITOR_MODE_ACCESS_DENY_EVENT", CAA_DEVICE_ID="UNKNOWN")))
    assert ("other", "unknown", None) == (got.kind, got.outcome, got.device_id)


def test_a_warning_without_an_actor_is_about_whom_it_names():
    """Google blocked somebody who was not signed in."""
    warning = said("suspicious_login", "account_warning", affected_email_address="Bob@example.com")
    got = read_one(activity("login", warning, actor={}))
    assert ("bob@example.com", "failure") == (got.account, got.outcome)


def test_a_sign_in_to_a_device_is_a_logon():
    """ChromeOS has no actor, but names the user and the device."""
    own = {
        "DEVICE_USER": "Bob@example.com",
        "DEVICE_NAME": "NX1",
        "DIRECTORY_DEVICE_ID": "d1",
        "LOGIN_FAILURE_REASON": "X",
    }
    for name, expected in (("CHROME_OS_LOGIN_FAILURE_EVENT", "failure"), ("CHROME_OS_LOGIN_EVENT", "success")):
        got = read_one(activity("chrome", said(name, "CHROME_OS_LOGIN_LOGOUT_TYPE", **own), actor={"key": "ANONYMOUS"}))
        assert ("logon", expected, "bob@example.com", "d1", "NX1", "X") == (
            got.kind, got.outcome, got.account, got.device_id, got.device_name, got.reason,
        )  # fmt: skip


def test_a_caller_that_is_no_person_is_no_account():
    """Only a person has an address."""
    record = activity("meet", said("call_ended", "call"), actor={"callerType": "KEY", "key": "HANGOUTS_EXTERNAL"})
    assert read_one(record).account is None


def test_a_file_event_names_the_file():
    """Its title, folder, visibility and owner."""
    event = said("move", "access", doc_title="Plan", doc_id="1", visibility="private", destination_folder_title="New",
                 doc_type="document", owner="ann@example.com")  # fmt: skip
    got = read_one(activity("drive", event))
    assert "Plan" == got.object
    assert {
        "file": "Plan", "folder": "New", "label": "private", "file_id": "1", "file_type": "document",
        "owner": "ann@example.com",
    } == got.detail  # fmt: skip


def test_a_change_names_what_and_whom():
    """Setting, new value and target of an administrator's act; scopes of a consent."""
    change = said("CHANGE_X", "USER_SETTINGS", USER_EMAIL="bob@example.com", SETTING_NAME="s", NEW_VALUE="on")
    got = read_one(activity("admin", change))
    assert ("bob@example.com", {"changes": {"s": "on"}, "targets": ["bob@example.com"]}) == (got.object, got.detail)
    consent = read_one(activity("token", said("authorize", "auth", app_name="Notes", scope=["mail", "drive"])))
    assert ("Notes", "Notes", ["mail", "drive"]) == (consent.app, consent.object, consent.detail["scopes"])


def test_forwarding_outside_is_a_mail_rule():
    """With the address that it goes to."""
    event = said("email_forwarding_out_of_domain", email_forwarding_destination_address="x@evil.example")
    assert {"forwards_to": ["x@evil.example"]} == read_one(activity("user_accounts", event)).detail


FLAT = {"name": "login_success", "type": "login", "parameters": {"login_challenge_method": ["totp"]}}
COMMON = {key: value for key, value in activity().items() if key != "events"}


@pytest.mark.parametrize(
    "record",
    [
        activity("login", said("login_success", login_challenge_method=["totp"])),
        COMMON | {"events": said("login_success", login_challenge_method="totp")},
        COMMON | FLAT,
        {
            "time_usec": 1704164645678000, "email": "ann@example.com", "event_name": "login_success",
            "event_type": "login", "record_type": "login", "ip_address": "2001:db8::7", "unique_identifier": "1",
            "login": {"login_challenge_method": ["totp"]},
        },
        {
            "timestamp": WHEN, "insertId": "i1",
            "protoPayload": {
                "serviceName": "login.googleapis.com", "authenticationInfo": {"principalEmail": "ann@example.com"},
                "requestMetadata": {"callerIp": "2001:db8::7"},
                "metadata": {"event": [{
                    "eventName": "login_success", "eventType": "login",
                    "parameter": [{"name": "login_challenge_method", "multiStrValue": ["totp"]}],
                }]},
            },
        },
        {
            "timestamp": WHEN, "insertId": "i1",
            "protopayload_auditlog": {
                "serviceName": "login.googleapis.com", "authenticationInfo": {"principalEmail": "ann@example.com"},
                "requestMetadata": {"callerIp": "2001:db8::7"},
                "metadataJson": json.dumps({"event": [{
                    "eventName": "login_success", "parameter": [{"name": "login_challenge_method", "value": "totp"}],
                }]}),
            },
        },
        {
            "@timestamp": WHEN, "event": {"action": "login_success", "provider": "login", "id": "-17"},
            "source": {"ip": "2001:db8::7", "user": {"email": "ann@example.com"}},
            "google_workspace": {"event": {"type": "login"}, "login": {"challenge_method": ["totp"]}},
        },
    ],
)  # fmt: skip
def test_every_export_of_an_activity_gives_the_same(record):
    """The API's, one with a single event, a flattened one, BigQuery's, Cloud Logging's two, and Elastic's."""
    assert google.claims(Fields(record))
    got = read_one(record)
    assert ("signin", "login_success", "success", "satisfied", "ann@example.com", "2001:db8::7") == (
        got.kind, got.action, got.outcome, got.mfa, got.account, got.ip,
    )  # fmt: skip
    assert read_time(WHEN) == got.ts


def test_an_activity_without_events_says_nothing():
    """An empty list is accepted and gives nothing; none at all is refused."""
    assert [] == google.read(Fields(activity("login")))
    with pytest.raises(Malformed, match="no_action"):
        google.read(Fields(COMMON))


def test_an_activity_without_a_time_is_refused():
    """With the reason."""
    with pytest.raises(Malformed, match="missing_time"):
        google.read(Fields({"id": {"applicationName": "login"}, "name": "login_success"}))


def test_events_without_end_are_refused():
    """No record makes more of them than a page of the API holds, and none is left out without a word."""
    assert google.LIMIT == len(google.read(Fields(activity("login", *[said("logout")] * google.LIMIT))))
    with pytest.raises(Malformed, match="too_many_events"):
        google.read(Fields(activity("login", *[said("logout")] * (google.LIMIT + 1))))


@pytest.mark.parametrize(("number", "asn"), [("64496", 64496), ("9" * 5000, None), ("AS1", None)])
def test_a_network_s_number_that_is_none_is_left_out(number, asn):
    """However many digits it has: 5,000 ended the input."""
    assert asn == read_one({**activity("login", said("logout")), "networkInfo": {"ipAsn": [number]}}).asn


def test_other_products_records_are_not_claimed():
    """Nor those of Cloud Audit that are not Workspace's."""
    others = [
        {"protoPayload": {"serviceName": "storage.googleapis.com", "methodName": "x"}},
        {"id": "1", "name": "x", "type": "y"},
        {"event_name": "login", "event_type": "a"},
        {"kind": "pod", "id": 1},
    ]
    assert [] == [record for record in others if google.claims(Fields(record))]


KEYS = [*activity(), "time_usec", "event_name", "record_type", "protoPayload", "google_workspace", "name", "parameters"]
EVENTS = records("name", "type", "parameters", "value", "multiValue", "login_challenge_method", "ipAsn")


@given(records(*KEYS, "time", "applicationName", "ipAsn"), st.lists(EVENTS, max_size=2))
def test_any_values_give_events_or_a_refusal(record, events):
    """Nothing else leaves the reader."""
    check(google, record)
    check(google, {**activity("login", *events), **record})


def test_real_rule_cases_are_read_as_their_authors_do(data_dir):
    """Time, account, address and action of the records of panther-analysis that have a time."""
    compared, differing = 0, []
    for line in (data_dir / "identity/panther/rule_cases.jsonl").read_text().splitlines():
        case = json.loads(line)
        if case["log_type"] != "GSuite.ActivityEvent" or "time" not in case["expected"]["normalised"]:
            continue
        expected, got = case["expected"]["normalised"], read_one(case["record"])
        for name, found, wanted in [
            ("time", got.ts, read_time(expected["time"])),
            ("user", got.account, got.account if got.account in expected.get("user_any_of", []) else "another"),
            ("ip", got.ip, expected.get("ip")),
            ("action", got.action, expected["action"]),
        ]:
            compared += 1
            if found != wanted:
                differing.append((case["id"], name, found, wanted))
    assert (True, []) == (compared > 120, differing)


def mail(number, **context):
    """An activity of Gmail's: its parameters lie within messages."""
    client = [{"name": "client_type", "value": "WEB"}]
    client += [
        {"name": "session_context", "messageValue": {"parameter": [{"name": name, "value": value}]}}
        for name, value in context.items()
    ]
    event = [
        {"name": "mail_event_type", "intValue": str(number)},
        {"name": "client_context", "messageValue": {"parameter": client}},
    ]
    message = [{"name": "subject", "value": "Figures"}, {"name": "rfc2822_message_id", "value": "<1@corp.example>"}]
    parameters = [
        {"name": "event_info", "messageValue": {"parameter": event}},
        {"name": "message_info", "messageValue": {"parameter": message}},
    ]
    return activity("gmail", {"type": "delivery_type", "name": "delivery", "parameters": parameters})


def test_what_is_done_with_mail_is_of_the_mailbox():
    """Trashed, fetched and read; a delivery is none of it."""
    trashed, fetched, received = (read_one(mail(number)) for number in (13, 17, 2))

    assert ("mailbox", "delivery trashed", ["Trash"]) == (trashed.kind, trashed.action, trashed.detail["folders"])
    assert ("WEB", ["Figures"], ["<1@corp.example>"]) == tuple(
        fetched.detail[name] for name in ("client", "subjects", "message_ids")
    )
    assert ("other", "delivery") == (received.kind, received.action)
    assert "delegate" == read_one(mail(31, delegate_user_email="b@corp.example")).detail["logon_type"]
