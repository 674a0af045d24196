"""What network and account come to together by coincidence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.incidents import nulls
from sensor.incidents.nulls import SHIFTS, Nulls
from tests.incidents.hands import People

LINKS = [(k, k, "strong") for k in range(4)]


def naive(days, links, score):
    """Every pair of an account's day and its device's day a shift later, counted one by one."""
    above = pairs = 0
    last = max(days)
    for account, device, _ in links:
        for day in range(last + 1):
            for shift in SHIFTS:
                if day + shift <= last:
                    acts = days.get(day, ({}, {}))[0].get(f"user{account}@example.com", 0.0)
                    seen = days.get(day + shift, ({}, {}))[1].get(f"dev-{device}", 0.0)
                    pairs += 1
                    above += acts + seen >= score
    return (1 + above) / (1 + pairs), pairs


def filled(days):
    held = Nulls(People(5, 4, LINKS))
    for day, (accounts, devices) in sorted(days.items()):
        held.end_day(day, accounts, devices)
    return held


def test_there_is_none_before_21_days():
    """And none is made up."""
    held = filled({day: ({}, {}) for day in range(20)})
    assert held.p(10.0) is None
    held.end_day(20, {}, {})

    assert held.p(10.0) is not None


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.dictionaries(
        st.integers(0, 30),
        st.tuples(
            st.dictionaries(st.sampled_from([f"user{k}@example.com" for k in range(5)]), st.floats(1, 40)),
            st.dictionaries(st.sampled_from([f"dev-{k}" for k in range(4)]), st.floats(1, 40)),
        ),
    ),
    st.floats(1, 90),
)
def test_the_rank_is_that_of_every_pair_counted(days, score):
    """As the definition counts them, one by one; an account without a device of its own is in no pair."""
    whole = {0: ({}, {}), 30: ({}, {})} | days
    p, pairs = filled(whole).p(score)
    expected = naive(whole, LINKS, score)

    assert (pytest.approx(expected[0]), expected[1]) == (p, pairs)


def test_days_and_entities_are_bounded(monkeypatch):
    """The oldest day goes, and the weakest entity of a day."""
    monkeypatch.setattr(nulls, "ENTITIES_MAX", 2)
    held = filled({day: ({f"user{k}@example.com": float(k + 1) for k in range(4)}, {}) for day in range(60)})

    assert (42, {"user2@example.com", "user3@example.com"}) == (len(held.held.accounts), set(held.held.accounts[59]))
