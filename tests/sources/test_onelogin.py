"""OneLogin's events against its documented fields."""

import json

import pytest
from hypothesis import given

from sensor.errors import Malformed
from sensor.sources import onelogin
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records

WHEN = "2024-01-02T03:04:05.678Z"


def event(number=5, **changes):
    """Build one event as the API gives it."""
    return {
        "id": 77, "created_at": WHEN, "account_id": 1, "event_type_id": number, "user_id": 5, "user_name": "Ann Able",
        "actor_user_id": 5, "actor_user_name": "Ann Able", "ipaddr": "203.0.113.7", "risk_score": 12,
    } | changes  # fmt: skip


def read_one(record):
    (one,) = onelogin.read(Fields(record))
    return one


def test_every_common_field_is_read():
    """A sign-in's account is the user."""
    one = read_one(event())

    assert ("onelogin", "signin", "success", "ann able", "5", "203.0.113.7", "77") == (
        one.source, one.kind, one.outcome, one.account, one.account_id, one.ip, one.raw_id,
    )  # fmt: skip
    assert read_time(WHEN) == one.ts


@pytest.mark.parametrize(
    ("number", "kind", "action"),
    [
        ("6", "signin", "failed to log into OneLogin"),
        (72, "admin", "privilege granted"),
        (172, "admin", "otp device removed by administrator"),
        (4711, "other", "event 4711"),
    ],
)
def test_a_number_is_a_kind_and_words(number, kind, action):
    """As a number or a text; what is not known is named by its number."""
    one = read_one(event(number, actor_user_id=9, actor_user_name="Bob Boss"))

    assert (kind, action) == (one.kind, one.action)
    if kind == "admin":
        assert ("bob boss", ["ann able"]) == (one.account, one.detail["targets"])


@pytest.mark.parametrize(("number", "action"), [(3, "assumed user"), (240, "password revealed")])
def test_what_one_does_to_oneself_is_nothing(number, action):
    """Somebody else's password or account is."""
    own, others = read_one(event(number)), read_one(event(number, actor_user_id=9, actor_user_name="Bob Boss"))

    assert (("other", f"own {action}"), ("admin", action)) == ((own.kind, own.action), (others.kind, others.action))


@pytest.mark.parametrize(("score", "expected"), [(50, None), (51, "medium"), (76, "high"), (None, None)])
def test_a_score_is_one_of_four_levels(score, expected):
    """The lower two are none."""
    assert expected == read_one(event(risk_score=score)).detail.get("risk")


def test_a_record_without_a_time_is_refused():
    """An event has no time but its own."""
    with pytest.raises(Malformed, match="missing_time"):
        onelogin.read(Fields(event(created_at=None)))


@given(records(*event(), "privilege_name", "app_name", "uuid"))
def test_any_values_give_events_or_a_refusal(record):
    """Nothing else leaves the reader."""
    for whole in ({}, event()):
        check(onelogin, whole | record)


def test_real_rule_cases_are_claimed(data_dir):
    """Every one of OneLogin's that names an event type."""
    with (data_dir / "identity" / "panther" / "rule_cases.jsonl").open() as file:
        cases = [case for case in map(json.loads, file) if "event_type_id" in case["record"]]

    assert [] == [case["id"] for case in cases if not onelogin.claims(Fields(case["record"]))]
    assert cases
