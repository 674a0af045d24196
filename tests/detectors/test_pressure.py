"""Pressure: refused prompts, wrong secrets, lockouts; and what is none of it."""

import numpy as np
import pytest

from sensor.detectors.place import detector as place
from sensor.detectors.pressure import AGAIN, DENIED_RATE, OWN_P, again, detector
from sensor.model.times import TICK_NS
from tests.detectors.acts_made import ANN, SAFARI, act, known, office, run, signin, tick_of
from tests.scenes import SECRET

AWAY = {"ip": "203.0.113.5", "country": "US", "asn": 64500, "user_agent": SAFARI}
DAY = 20


def refused(hour=10.0, **fields):
    own = {"day": DAY, "outcome": "failure", "mfa": "denied", "reason_code": "500121", **AWAY}
    return signin(hour=hour, **own | fields)


def wrong(k, **fields):
    own = {"day": DAY, "outcome": "failure", "reason_code": "50126", "ip": "203.0.113.5"}
    return [signin(hour=1 + n / 60, **own | fields) for n in range(k)]


def found(*events, history=(), **fields):
    entities = known()
    both = [place(entities, SECRET), detector(entities, SECRET)]
    if history is not None:
        run(entities, both, office(days=DAY, **fields))
    return [one for one in run(entities, both, list(events)) if one.evidence.detector == "pressure"]


def test_two_refused_prompts_are_the_rate_and_a_fifth_of_it():
    """Assumed, and said so, without days of the tenant's own."""
    first, second = found(refused(), history=None), found(refused(), refused(hour=10.1), history=None)

    assert [DENIED_RATE, DENIED_RATE * AGAIN] == [one.evidence.p for (one,) in (first, second)]
    assert ("denied",) == second[0].evidence.marks
    assert ("entry", True, ("T1621",)) == (second[0].evidence.stage, second[0].opens, second[0].techniques)
    assert "2 refused" in second[0].evidence.text
    assert "assumed: one in 500" in second[0].evidence.text
    assert np.isclose(again(second[0].evidence), second[0].evidence.p)


def test_one_flows_rows_and_one_pushs_copies_count_once():
    """By correlation id, or within two seconds of each other."""
    flow = [refused(hour=10 + k / 100, correlation_id="f") for k in range(3)]
    push = [refused(hour=10 + k / 7200) for k in range(3)]

    assert [1.0, 1.0] == [found(*rows, history=None)[0].evidence.observed for rows in (flow, push)]


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": "interrupt", "mfa": "unknown", "reason_code": "50074"},
        {"mfa": "none", "reason_code": "50055"},
        {"mfa": "none", "reason_code": "50173", "category": "non_interactive"},
        {"mfa": "denied", "reason": "MFA denied; invalid verification code"},
    ],
)
def test_interrupts_expiry_noise_and_a_mistyped_code_are_no_pressure(fields):
    """They are a client's or a user's own business."""
    assert [] == found(refused(**fields), refused(hour=11, **fields))


def test_prompts_without_an_answer_weigh_less():
    """A phone lies in the other room."""
    (one,) = found(refused(mfa="timed_out"), history=None)

    assert one.evidence.p > DENIED_RATE
    assert () == one.evidence.marks
    assert "1 unanswered" in one.evidence.text


def test_a_success_after_two_refusals_from_there_is_marked():
    """Also from a place that is rare, after one; from anywhere else it is not."""
    good = signin(day=DAY, hour=10.2, mfa="satisfied", **AWAY)
    rare = signin(day=DAY, hour=10.2, mfa="satisfied", **AWAY | {"ip": "192.0.2.9", "asn": 64501})
    home = signin(day=DAY, hour=10.2, mfa="satisfied")
    marks = [
        found(*refusals, last)[0].evidence.marks
        for refusals, last in (
            ([refused(), refused(hour=10.1)], good), ([refused()], rare), ([refused(), refused(hour=10.1)], home),
        )
    ]  # fmt: skip

    assert [("denied", "success", "success_after_denial")] * 2 + [("denied",)] == marks


def test_only_the_first_success_counts():
    """Later sign-ins of the day, from wherever, leave its address and time as they are."""
    good = signin(day=DAY, hour=10.2, mfa="satisfied", **AWAY)
    later = signin(day=DAY, hour=15, mfa="satisfied", **AWAY | {"ip": "192.0.2.9", "asn": 64501})
    (one,) = found(refused(), refused(hour=10.1), good, later)

    assert "address:203.0.113.5" in one.evidence.keys
    assert "192.0.2.9" not in one.evidence.text


def test_on_a_known_device_a_success_after_refusals_is_the_users_own():
    """The refusal itself says that the device is known."""
    own = {"device_id": "D1"}
    (one,) = found(refused(**own), refused(hour=10.1, **own), signin(day=DAY, hour=10.2, **AWAY, **own), **own)

    assert ("denied", "known_device") == one.evidence.marks


def test_wrong_secrets_are_a_power_and_a_lockout_a_factor():
    """From five on, each sign-in once."""
    assert [] == found(*wrong(4))
    (nine,) = found(*wrong(9))
    (ten,) = found(*wrong(10))

    assert np.isclose(0.6**9, nine.evidence.p)
    assert np.isclose(again(nine.evidence), nine.evidence.p)
    assert ("T1110.001",) == nine.techniques
    assert np.isclose(0.6**10, ten.evidence.p)
    last = signin(day=DAY, hour=2, outcome="failure", reason_code="50053", ip="203.0.113.5")
    (shut,) = found(*wrong(9), last)
    assert np.isclose(0.6**10 / 200, shut.evidence.p)
    assert "until it was locked" in shut.evidence.text
    assert np.isclose(again(shut.evidence), shut.evidence.p)


def test_another_logs_rows_of_the_same_sign_ins_count_nothing():
    """Microsoft 365 tells of twelve failures again, when the last four alone are remembered by name."""
    entities = known()
    pressure = detector(entities, SECRET)
    rows = wrong(12, day=DAY)
    (told,) = run(entities, [pressure], rows)
    copies = [
        signin(day=DAY, hour=1 + (n + 0.02) / 60, source="m365", outcome="failure", reason_code="50126",
               ip="203.0.113.5", correlation_id=row.correlation_id)
        for n, row in enumerate(rows)
    ]  # fmt: skip
    late = tick_of(entities, copies, end_ns=rows[-1].ts + 300 * TICK_NS)
    found = pressure.score(late)

    assert (12.0, 12) == (told.evidence.observed, len(late.signins))
    assert [] == found


def test_a_saved_password_that_is_out_of_date_weighs_little():
    """Hundreds of failures from the account's own network open nothing."""
    (one,) = found(*wrong(40, ip="198.51.100.7"))

    assert (OWN_P, False) == (one.evidence.p, one.opens)
    assert one.counter


def test_a_lockouts_own_record_is_told():
    """Of the account that was locked."""
    (one,) = found(act("admin", "user.account.lock", source="okta", outcome="failure", day=DAY), history=None)

    assert (ANN, 1 / 200) == (one.evidence.entity.id, one.evidence.p)


def test_a_tenants_own_rate_replaces_the_assumed_one():
    """A refusal a week of everybody's is no news there."""
    habit = [
        refused(day=day, account=f"p{1 + day % 7}@corp.example", ip="198.51.100.7", country="AU", asn=None)
        for day in range(DAY * 4)
    ]
    entities = known()
    both = [place(entities, SECRET), detector(entities, SECRET)]
    run(entities, both, office(days=DAY * 4) + habit)
    (one,) = [
        finding for finding in run(entities, both, [refused(day=DAY * 4)]) if finding.evidence.detector == "pressure"
    ]

    assert one.evidence.p > 0.05
    assert "here one in" in one.evidence.text


def test_save_and_load_is_identity():
    """A restart forgets no refusal."""
    entities = known()
    one = detector(entities, SECRET)
    run(entities, [one], [refused()])
    other = detector(entities, SECRET)
    other.load(one.save())
    (finding,) = run(entities, [other], [refused(hour=10.1)])

    assert 2.0 == finding.evidence.observed
