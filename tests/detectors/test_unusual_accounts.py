"""Accounts ranked among those of one run: totals, distinct places, a country that one alone used."""

from sensor.detectors.unusual_accounts import AccountTotals
from tests.detectors.acts_made import act, known, signin, tick_of

PEOPLE = [f"p{k}@corp.example" for k in range(6)]


def listed(*events):
    entities = known()
    totals = AccountTotals(entities)
    if events:
        totals.take(tick_of(entities, list(events)))
    return {one.text.partition(";")[0].partition(" (in")[0]: one for _, _, one in totals.listed()}


def test_who_stands_out_is_ranked_among_the_others():
    """Failures, networks, files: against the middle of the others, p one in so many accounts."""
    everyday = [signin(account=name, hour=9 + k) for name in PEOPLE for k in range(2)]
    odd = [signin(account=PEOPLE[0], outcome="failure", hour=9 + k / 10) for k in range(7)]
    odd += [signin(account=PEOPLE[1], ip="192.0.2.9", country="RO", asn=64511)]
    odd += [act("file", "FileAccessed", account=PEOPLE[2], hour=10 + k / 10) for k in range(5)]
    found = listed(*everyday, *odd)

    assert {
        "p0@corp.example failed to sign in 7 times", "p1@corp.example signed in from 2 networks",
        "p1@corp.example signed in from 2 countries", "p1@corp.example alone of 6 accounts signed in from RO",
        "p2@corp.example had 5 records of files",
    } == set(found)  # fmt: skip
    one = found["p0@corp.example failed to sign in 7 times"]
    assert (1 / 6, 6, "account", "unusual", 0.0) == (
        one.p, one.reference_n, one.entity.kind, one.detector, one.expected,
    )  # fmt: skip


def test_where_all_are_alike_nobody_is_listed():
    """Nor where there is one account, or none."""
    assert {} == listed(*(signin(account=name) for name in PEOPLE))
    assert {} == listed(signin(outcome="failure"), signin(outcome="failure"))
    assert {} == listed()
