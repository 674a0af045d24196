"""The self-check: ratios of p that hold and of p that do not, and when a statistic is demoted."""

import math

import numpy as np
import pytest

from baselines.selfcheck import ALPHAS, DAYS, SelfCheck


def checked(days, n=100_000, power=1.0, seed=0):
    rng = np.random.default_rng(seed)
    check = SelfCheck(2)
    for day in days:
        check.note(1, day, rng.random(n) ** power)
    return check


def test_p_that_hold_have_a_ratio_of_one():
    """Uniform p: within a quarter at 1e-2 and 1e-3; not demoted."""
    check = checked(range(4))

    assert [True, True] == [0.75 < check.ratio(1, alpha) < 1.25 for alpha in (1e-2, 1e-3)]
    assert not check.failing(1)


def test_p_that_are_too_small_or_too_large_fail():
    """p^1.5 is below alpha too often, p^.7 too rarely."""
    assert checked(range(2), power=1.5).failing(1)
    assert checked(range(2), power=0.7).failing(1)
    assert checked(range(2), power=1.5).ratio(1, 1e-3) > 2


def test_the_present_day_does_not_count_yet():
    """One day gives no ratio; it is judged as the next begins. Too few expected p give none either."""
    assert math.isnan(checked([7], power=2).ratio(1, 1e-2))
    assert math.isnan(checked([7, 8], n=1_000).ratio(1, 1e-2))
    assert not math.isnan(checked([7, 8], n=2_001).ratio(1, 1e-2))
    assert math.isnan(checked([7, 8]).ratio(0, 1e-2))


def test_a_week_decides():
    """One day at nine times its share demotes, a week later it says nothing more."""
    rng = np.random.default_rng(0)
    check = SelfCheck(1)
    found = []
    for day in range(16):
        p = rng.random(100_000)
        p[: 9_000 if day == 6 else 0] /= 1e3
        check.note(0, day, p)
        found.append(check.failing(0))

    assert [day in range(7, 14) for day in range(16)] == found


def test_a_floor_above_alpha_does_not_count():
    """Where the pool cannot go below 1e-3, 1e-4 is not asked for; NaN is no p."""
    check = SelfCheck(1)
    for day in (0, 1):
        check.note(0, day, np.append(np.random.default_rng(0).random(300_000).clip(1e-3), np.nan), 1e-3)

    assert [True, False, False] == [check.ratio(0, alpha) > 0.9 for alpha in ALPHAS]
    assert [300_000, 0, 0] == check.tried[0, 0].tolist()


def test_a_late_day_is_left_out_and_merging_is_associative():
    """What is older than its slot's day changes nothing; parts add up in any order."""
    parts = [checked([day, day + 1], 500, seed=day) for day in (0, 1, 7)]

    def joined(order):
        whole = SelfCheck(2)
        for k in order:
            whole.merge(parts[k])
        return whole.tried.tolist(), whole.below.tolist(), whole.day.tolist()

    assert joined((0, 1, 2)) == joined((2, 1, 0)) == joined((1, 0, 2))
    late = checked([DAYS])
    late.note(1, 0, np.zeros(5))
    assert 100_000 == late.tried[1, 0, 0]


def test_save_and_load_is_identity():
    """A loaded check has the same ratios; another shape is refused."""
    check, other = checked(range(3)), SelfCheck(2)
    other.load(check.save())

    assert check.ratio(1, 1e-2) == other.ratio(1, 1e-2)
    with pytest.raises(ValueError, match="shape"):
        SelfCheck(3).load(check.save())
    with pytest.raises(ValueError, match="version"):
        other.load({})
