"""Sprays: many accounts failing where they never succeeded, told by source and by client."""

import numpy as np

from baselines.rates import poisson_tail
from sensor.detectors.place import detector as place
from sensor.detectors.spray import LAMBDA, SOURCES_MAX, again, detector
from tests.detectors.acts_made import CHROME, known, office, run, signin
from tests.scenes import SECRET

DAY = 15
SOURCE = "203.0.113.66"


def fail(n, hour=2.0, **fields):
    own = {"day": DAY, "outcome": "failure", "reason_code": "50126", "ip": SOURCE, "country": "RU"}
    return signin(hour=hour + n / 100, account=f"p{n}@corp.example", **own | fields)


def found(*events, people=12):
    entities = known()
    both = [place(entities, SECRET), detector(entities, SECRET)]
    run(entities, both, office(days=DAY, people=people))
    return [one for one in run(entities, both, list(events)) if one.evidence.detector == "spray"]


def test_four_accounts_failing_at_one_source_are_a_spray():
    """Poisson's tail; each account and the source are keys; two accounts are none."""
    (one,) = found(*(fail(n) for n in range(1, 5)))
    evidence = one.evidence

    assert np.isclose(poisson_tail(4, LAMBDA), evidence.p)
    assert np.isclose(again(evidence), evidence.p)
    assert ("address", SOURCE, "entry", True) == (evidence.entity.kind, evidence.entity.id, evidence.stage, one.opens)
    assert {f"source:{SOURCE}", "account:p4@corp.example"} <= set(evidence.keys)
    assert [] == found(fail(1), fail(2))


def test_one_accounts_many_failures_are_no_spray():
    """They are pressure on it."""
    assert [] == found(*(fail(1, hour=n) for n in range(1, 12)))


def test_failures_at_the_accounts_own_place_do_not_count():
    """A Monday morning at the office; nor do interrupts, expired passwords and refused prompts."""
    office_place = {"ip": "198.51.100.7", "country": "AU"}
    kinds = [
        {"outcome": "interrupt", "reason_code": "50074"}, {"reason_code": "50055"},
        {"mfa": "denied", "reason_code": "500121"}, office_place,
    ]  # fmt: skip

    assert [[], [], [], []] == [found(*(fail(n, **fields) for n in range(1, 9))) for fields in kinds]


def test_names_that_no_account_has_are_counted_and_named_stuffing():
    """Guessing of unknown names is one evidence that grows."""
    ghosts = [fail(n, account_id=None, reason_code="50034") for n in range(20, 60)]
    (one,) = found(*ghosts)

    assert ("T1110.004",) == one.techniques
    assert "at least 32" in one.evidence.text


def test_a_success_at_the_spraying_source_is_an_act():
    """Not of an account that is at home there."""
    sprayed = [fail(n) for n in range(1, 6)]
    good = signin(day=DAY, hour=3, account="p3@corp.example", ip=SOURCE, country="RU")
    seen = found(*sprayed, good)
    (success,) = [one for one in seen if "sprayed_success" in one.evidence.marks]

    assert ("p3@corp.example", "act") == (success.evidence.entity.id, success.evidence.stage)
    assert f"source:{SOURCE}" in success.evidence.keys
    home = [signin(day=day, account="p3@corp.example", ip=SOURCE, country="RU") for day in range(5)]
    entities = known()
    both = [place(entities, SECRET), detector(entities, SECRET)]
    run(entities, both, office(days=DAY, people=12) + home)
    assert not [one for one in run(entities, both, [*sprayed, good]) if "sprayed_success" in one.evidence.marks]


def test_a_spray_over_many_sources_with_one_client_is_seen():
    """One failure a source; everyday clients need more of them."""
    sources = [fail(n, ip=f"203.0.{n}.9", user_agent="python-requests/2.28") for n in range(1, 9)]
    (one,) = found(*sources)

    assert ("site", 8.0) == (one.evidence.entity.kind, one.evidence.observed)
    assert "python-requests/2.28" in one.evidence.text
    assert [] == found(*(fail(n, ip=f"203.0.{n}.9", user_agent=f"{CHROME}{n}") for n in range(1, 9)))


def test_floods_of_names_and_sources_take_bounded_room():
    """The source unused longest is forgotten, and counted."""
    entities = known()
    one = detector(entities, SECRET)
    flood = [
        fail(n % 50, hour=n / 5000, account_id=None, ip=f"{1 + n // 62500}.{n // 250 % 250}.{n % 250}.9")
        for n in range(SOURCES_MAX + 500)
    ]
    run(entities, [one], flood)

    assert SOURCES_MAX >= len(one._sources)
    assert one._sources.evicted > 0
    assert 0 == entities.account_count()


def test_save_and_load_is_identity():
    """A restart forgets no failure."""
    entities = known()
    one, other = detector(entities, SECRET), detector(entities, SECRET)
    run(entities, [one], [fail(n) for n in range(1, 4)])
    other.load(one.save())
    (finding,) = run(entities, [other], [fail(4)])

    assert 4.0 == finding.evidence.observed
