"""Duo's logs against the fields of its Admin API's documentation."""

import json

import pytest
from hypothesis import given

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.sources import duo
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records

WHEN = "2024-01-02T03:04:05.678901+00:00"


def authlog(result="success", reason="user_approved", **changes):
    """Build one authentication log of version 2."""
    return {
        "access_device": {
            "browser": "Chrome", "browser_version": "120.0", "epkey": "EP1", "hostname": None, "ip": "203.0.113.7",
            "location": {"city": "Perth", "country": "Australia", "state": "WA"}, "os": "Windows", "os_version": "11",
        },
        "alias": "",
        "application": {"key": "DI1", "name": "VPN"},
        "auth_device": {"ip": "198.51.100.9", "name": "Ann's phone"},
        "email": "Ann@Example.com",
        "event_type": "authentication",
        "factor": "duo_push",
        "isotimestamp": WHEN,
        "reason": reason,
        "result": result,
        "timestamp": 1704164645,
        "trusted_endpoint_status": "not trusted",
        "txid": "t1",
        "user": {"key": "DU1", "name": "ann", "groups": []},
    } | changes  # fmt: skip


def admin(action="user_update", **changes):
    """Build one administrator log."""
    return {
        "action": action,
        "description": '{"realname": "Bob"}',
        "isotimestamp": "2024-01-02T03:04:05+00:00",
        "object": "bob",
        "timestamp": 1704164645,
        "username": "Ann Admin",
    } | changes


def read_one(record):
    (event,) = duo.read(Fields(record))
    return event


def test_every_common_field_is_read():
    """The person's device is the one that signs in; the phone is a detail."""
    got = read_one(authlog())
    assert Event(
        ts=read_time(WHEN), source="duo", kind="signin", action="authentication", outcome="success",
        reason_code="user_approved", reason="user_approved", account="ann@example.com", account_id="DU1",
        ip="203.0.113.7", country="Australia", city="Perth", mfa="satisfied", app="VPN", user_agent="Chrome/120.0",
        os="Windows", device_id="EP1", managed=False, correlation_id="t1", raw_id=got.raw_id,
        detail={
            "mfa_detail": "duo_push", "os_version": "11", "auth_device": "Ann's phone", "auth_addr": "198.51.100.9",
            "result": "success",
        },
    ) == got  # fmt: skip


@pytest.mark.parametrize(
    ("result", "reason", "expected"),
    [
        *(("success", "user_approved", ("success", "satisfied")), ("success", "bypass_user", ("success", "none"))),
        ("success", "remembered_device", ("success", "satisfied")),
        ("SUCCESS", "valid_passcode", ("success", "satisfied")),
        *(("fraud", "user_marked_fraud", ("failure", "denied")), ("denied", "user_mistake", ("failure", "denied"))),
        *(("denied", "anomalous_push", ("failure", "denied")), ("denied", "no_response", ("failure", "timed_out"))),
        ("denied", "call_timed_out", ("failure", "timed_out")),
        ("denied", "invalid_passcode", ("failure", "denied")),
        ("denied", "location_restricted", ("failure", "unknown")),
        ("FAILURE", "No response", ("failure", "timed_out")),
        *(("error", None, ("failure", "unknown")), (None, None, ("unknown", "unknown"))),
    ],
)  # fmt: skip
def test_the_reason_tells_what_became_of_the_second_factor(result, reason, expected):
    """A policy that forbids is no refusal by a person."""
    got = read_one(authlog(result, reason))
    assert expected == (got.outcome, got.mfa)


@pytest.mark.parametrize(
    ("name", "email", "expected"),
    [
        ("ann@example.com", "other@example.com", "ann@example.com"),
        ("ann", "Ann@Example.com", "ann@example.com"),
        ("ann", None, "ann"),
        ("ann", "", "ann"),
        (None, "ann@example.com", "ann@example.com"),
        ("EXAMPLE\\ann", "a@example.com", "ann@example"),
        (None, None, None),
    ],
)
def test_the_account_is_the_user_with_a_realm(name, email, expected):
    """The name where it has one, else the address, else the name alone."""
    assert expected == read_one(authlog(user={"name": name}, email=email)).account


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("203.0.113.7:1234", ("203.0.113.7", 1234)),
        ("[2001:db8::7]:1234", ("2001:db8::7", 1234)),
        ("2001:db8::7#1234", ("2001:db8::7", 1234)),
        ("2001:db8::7 port 1234", ("2001:db8::7", 1234)),
        (None, (None, None)),
    ],
)
def test_an_address_may_have_its_port(written, expected):
    """In every form that was seen in real logs."""
    got = read_one(authlog(access_device={"ip": written}))
    assert expected == (got.ip, got.port)


def test_an_enrollment_is_no_sign_in():
    """It changes the account."""
    got = read_one(authlog(event_type="enrollment", factor="not_available", reason=None))
    assert ("admin", "enrollment", "success", None) == (got.kind, got.action, got.outcome, got.mfa)


def test_version_1_is_read():
    """Flat, with the time in seconds."""
    record = {
        "host": "api-0123abcd.duosecurity.com", "eventtype": "authentication", "timestamp": 1704164645,
        "username": "ann", "factor": "Duo Push", "result": "FAILURE", "reason": "No response", "ip": "203.0.113.7",
        "integration": "VPN", "device": "555-0100", "new_enrollment": False,
        "location": {"city": "Perth", "state": "WA", "country": "Australia"},
    }  # fmt: skip
    got = read_one(record)
    assert duo.claims(Fields(record))
    assert ("signin", "failure", "timed_out", "ann", "203.0.113.7", "VPN", 1704164645 * 10**9, "Perth") == (
        got.kind, got.outcome, got.mfa, got.account, got.ip, got.app, got.ts, got.city,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        *(("user_update", ("admin", "success", None)), ("admin_login", ("signin", "success", "unknown"))),
        *(("admin_login_error", ("signin", "failure", "unknown")), ("azure_sync_fail", ("admin", "failure", None))),
        *(("adminapi_request_ip_denied", ("admin", "failure", None)), ("bypass_create", ("admin", "success", None))),
    ],
)
def test_administrator_logs_have_kind_and_outcome(action, expected):
    """An administrator's own sign-in is a sign-in."""
    got = read_one(admin(action))
    assert (action, *expected) == (got.action, got.kind, got.outcome, got.mfa)


def test_a_change_names_what_and_whom():
    """What the description holds as JSON is what was changed."""
    got = read_one(admin())
    assert ("ann admin", "bob", {"targets": ["bob"], "changes": {"realname": "Bob"}}) == (
        got.account, got.object, got.detail,
    )  # fmt: skip


def test_an_administrators_sign_in_has_an_address_and_a_factor():
    """They stand in the description."""
    said = {"ip_address": "203.0.113.7", "email": "ann@example.com", "device": "555-0100"}
    for factor, expected in (("Duo Push", "satisfied"), ("push", "satisfied"), (None, "unknown")):
        got = read_one(admin("admin_login", description=json.dumps(said | {"factor": factor})))
        assert ("203.0.113.7", "ann@example.com", expected) == (got.ip, got.account, got.mfa)


@pytest.mark.parametrize("time", [{"ts": WHEN}, {"timestamp": 1704164645}])
def test_a_call_names_a_phone(time):
    """Of both versions of the telephony log."""
    record = {"context": "authentication", "credits": 2, "phone": "+15550100", "type": "sms", "txid": "t1"} | time
    got = read_one(record)
    assert duo.claims(Fields(record))
    assert ("other", "authentication", "+15550100", "t1") == (got.kind, got.action, got.object, got.correlation_id)


def test_a_time_with_blanks_inside_gives_way_to_the_other():
    """Real ones are written so; a record with neither is refused."""
    assert 1704164645 * 10**9 == read_one(admin(isotimestamp="2024-01-02T03: 04: 05+00: 00")).ts
    with pytest.raises(Malformed, match="missing_time"):
        duo.read(Fields(authlog(isotimestamp=None, timestamp=None)))


def test_an_activity_is_read():
    """Of version 2 of the API."""
    record = {
        "access_device": {"browser": "Chrome", "ip": {"address": "203.0.113.7"}, "os": "Mac OS X"},
        "action": {"name": "webauthncredential_create", "details": None},
        "activity_id": "a1",
        "actor": {"key": "DU1", "name": "ann", "type": "user", "details": '{"email": "ann@example.com"}'},
        "akey": "DA1",
        "outcome": {"result": "FAILURE"},
        "target": {"name": "WA1", "type": "webauthn_credential", "details": '{"user_agent": "Mozilla/5.0"}'},
        "ts": WHEN,
    }
    got = read_one(record)
    assert duo.claims(Fields(record))
    assert ("admin", "webauthncredential_create", "failure", "ann@example.com", "203.0.113.7", "Mozilla/5.0", "a1") == (
        got.kind, got.action, got.outcome, got.account, got.ip, got.user_agent, got.raw_id,
    )  # fmt: skip


def test_a_body_of_the_api_gives_its_records():
    """Under the names of both versions; a page without any gives none."""
    for body in ({"authlogs": [authlog(), authlog("denied")], "metadata": {}}, [admin(), admin()]):
        whole = {"stat": "OK", "response": body}
        assert duo.claims(Fields(whole))
        assert 2 == len(duo.read(Fields(whole)))
    assert [] == duo.read(Fields({"stat": "OK", "response": {"authlogs": []}}))


def test_records_of_one_transaction_are_several():
    """A refused push and the passcode after it share their `txid`; a repeated record is the same."""
    ids = [read_one(one).raw_id for one in (authlog(), authlog("denied", "user_mistake"), authlog())]
    assert (True, True) == (ids[0] == ids[2], ids[0] != ids[1])


def test_elastics_documents_are_read():
    """The names are theirs, the event is the same."""
    document = {
        "@timestamp": WHEN,
        "cisco_duo": {"auth": {"factor": "duo_push", "result": "fraud", "reason": "user_marked_fraud", "txid": "t1",
                               "application": {"name": "VPN"}, "email": "ann@example.com"}},
        "source": {"ip": "203.0.113.7"}, "user": {"name": "ann", "id": "DU1"},
    }  # fmt: skip
    got = read_one(document)
    assert duo.claims(Fields(document))
    assert ("ann@example.com", "203.0.113.7", "failure", "denied", "VPN") == (
        got.account, got.ip, got.outcome, got.mfa, got.app,
    )  # fmt: skip
    change = {"@timestamp": WHEN, "cisco_duo": {"admin": {"action": "user_delete", "action_performed_on": "bob"}},
              "user": {"name": "ann"}}  # fmt: skip
    assert ("user_delete", "ann", "bob") == ((got := read_one(change)).action, got.account, got.object)


def test_other_products_records_are_not_claimed():
    """An `action` and a `username` are anybody's."""
    others = [
        {"action": "Allow", "username": "ann", "object": "x", "timestamp": 1, "description": ""},
        {"action": "login", "username": "ann", "object": "x", "timestamp": 1, "description": ""},
        {"result": "success", "factor": 2, "user": {"name": "x"}},
        {"stat": "OK", "response": [{"a": 1}]},
    ]
    assert [] == [record for record in others if duo.claims(Fields(record))]


KEYS = [*authlog(), *admin(), "response", "stat", "activity_id", "actor", "ts", "cisco_duo", "ip", "name", "error"]


@given(records(*KEYS))
def test_any_values_give_events_or_a_refusal(record):
    """Nothing else leaves the reader."""
    for whole in ({}, authlog(), admin()):
        check(duo, whole | record)


def test_a_real_rule_case_is_claimed(data_dir):
    """Read as its authors do, given the time that theirs lacks."""
    lines = (data_dir / "identity/panther/rule_cases.jsonl").read_text().splitlines()
    cases = [case for case in map(json.loads, lines) if case["log_type"] == "Duo.Authentication"]
    for case in cases:
        got, expected = read_one(case["record"] | {"timestamp": 1}), case["expected"]["normalised"]
        assert duo.claims(Fields(case["record"]))
        assert (expected["user_any_of"][0], expected["ip"], "failure", expected["reason"], expected["factor"]) == (
            got.account, got.ip, got.outcome, got.reason, got.detail["mfa_detail"],
        )  # fmt: skip
    assert [] != cases
