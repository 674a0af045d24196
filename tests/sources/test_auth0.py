"""Auth0's tenant log against its documented codes."""

import json

import pytest
from hypothesis import given

from sensor.errors import Malformed
from sensor.sources import auth0
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records

WHEN = "2024-01-02T03:04:05.678Z"


def entry(code="s", **changes):
    """Build one entry of the log."""
    return {
        "type": code, "date": WHEN, "log_id": "900", "client_id": "C1", "client_name": "App", "ip": "203.0.113.7",
        "user_name": "Ann@Example.com", "user_id": "auth0|1", "user_agent": "Chrome 120", "description": "d",
    } | changes  # fmt: skip


def call(path, method="post", body=None, response=None):
    request = {"method": method, "path": path, "body": body, "auth": {"user": {"email": "boss@example.com"}}}
    return entry("sapi", details={"request": request, "response": {"body": response, "statusCode": 201}})


def read_one(record):
    (event,) = auth0.read(Fields(record))
    return event


def test_every_common_field_is_read():
    """Bare and inside a log stream's `data`."""
    one = read_one(entry())

    assert ("auth0", "signin", "success", "ann@example.com", "203.0.113.7", "900") == (
        one.source, one.kind, one.outcome, one.account, one.ip, one.raw_id,
    )  # fmt: skip
    assert read_time(WHEN) == one.ts
    assert one == read_one({"log_id": "900", "data": entry()})


@pytest.mark.parametrize(
    ("code", "kind", "outcome", "mfa", "reason"),
    [
        ("fp", "signin", "failure", "unknown", "invalid_password"),
        ("fu", "signin", "failure", "unknown", "user_not_found"),
        ("limit_wc", "signin", "failure", "unknown", "account_locked"),
        ("gd_auth_rejected", "signin", "failure", "denied", "user_denied"),
        ("gd_auth_succeed", "signin", "success", "satisfied", None),
        ("gd_unenroll", "admin", "success", None, None),
        ("fapi", "admin", "failure", None, None),
        ("gd_send_pn", "other", "unknown", None, None),
    ],
)
def test_a_code_is_a_kind_and_an_outcome(code, kind, outcome, mfa, reason):
    """Codes that say nothing of either are `other`."""
    one = read_one(entry(code))

    assert (code, kind, outcome, mfa, reason) == (one.action, one.kind, one.outcome, one.mfa, one.reason_code)


def test_a_call_of_the_api_is_named_by_its_path():
    """Who called is the account; whom it names, the target; flags of the answer win."""
    one = read_one(call("/api/v2/tenants/invitations", body={"owners": ["New@Example.org"]}))
    flags = read_one(call("/v2/attack-protection/bot-detection", body={"policy": True}, response={"policy": False}))
    bound = read_one(call("/api/v2/actions/triggers/post-login/bindings", "patch", body={"bindings": []}))

    assert ("sapi post /api/v2/tenants/invitations", "boss@example.com") == (one.action, one.account)
    assert ["New@Example.org"] == one.detail["targets"]
    assert ({"policy": False}, {"bindings": 0}) == (flags.detail["changes"], bound.detail["changes"])


def test_a_record_without_a_time_is_refused():
    """An event has no time but its own."""
    with pytest.raises(Malformed, match="bad_time"):
        auth0.read(Fields(entry(date="soon")))


@given(records(*entry(), "data", "details", "request", "body", "response", "auth", "user", "path", "method", "email"))
def test_any_values_give_events_or_a_refusal(record):
    """Nothing else leaves the reader."""
    for whole in ({}, entry()):
        check(auth0, whole | record)


def test_real_rule_cases_are_claimed(data_dir):
    """Every one of Auth0's that kept its time."""
    with (data_dir / "identity" / "panther" / "rule_cases.jsonl").open() as file:
        cases = [case for case in map(json.loads, file) if case["log_type"].startswith("Auth0")]
    cases = [case for case in cases if {"date", "log_id", "type"} <= case["record"].get("data", {}).keys()]

    assert [] == [case["id"] for case in cases if not auth0.claims(Fields(case["record"]))]
    assert cases
