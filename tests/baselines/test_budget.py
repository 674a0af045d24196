"""The budget's threshold: it holds a rate, forgives a storm, forgets, and merges."""

import math

import numpy as np
import pytest

from baselines.budget import DAYS_MIN, WINDOW_DAYS, Budget
from baselines.evidence import KAPPA


def maxima(rng, n, chances=20):
    """Decibans of the smallest of `chances` calibrated p-values an entity-day."""
    p = 1 - (1 - rng.random(n)) ** (1 / chances)
    return np.clip(10 * (np.log10(KAPPA) + (KAPPA - 1) * np.log10(p)), 0, 60)


def learned(devices, days, seed=0):
    rng = np.random.default_rng(seed)
    budget = Budget(1)
    for day in range(days):
        budget.observe(0, day, maxima(rng, devices))
    return budget, rng


def test_below_a_thousand_entity_days_there_is_no_threshold():
    """999 entity-days give NaN, the thousandth a number."""
    budget = Budget(2)
    budget.observe(1, 5, np.zeros(DAYS_MIN - 1))

    assert math.isnan(budget.threshold(1, 1e-3))
    budget.observe(1, 5, np.zeros(1))
    assert (0.0, DAYS_MIN, 0) == (budget.threshold(1, 1e-3), budget.days(1), budget.days(0))


def test_a_large_site_stays_within_30_percent():
    """10,000 devices over 28 days: one a day per 1,000 exceeds it in the days after."""
    budget, rng = learned(10_000, WINDOW_DAYS)
    threshold = budget.threshold(0, 1e-3)

    exceeded = np.mean([(maxima(rng, 10_000) > threshold).sum() for _ in range(200)])

    assert 7 < exceeded < 13


def test_small_histories_hold_the_rate_on_average():
    """1,000 entity-days and a rate of 1e-3: over 200 sites the mean is within a half, no site far beyond."""
    rates = []
    for seed in range(200):
        budget, rng = learned(100, 10, seed)
        rates.append((maxima(rng, 50_000) > budget.threshold(0, 1e-3)).mean())

    assert 5e-4 < np.mean(rates) < 1.6e-3
    assert np.quantile(rates, 0.95) < 4e-3


def test_a_storm_does_not_raise_the_threshold_for_weeks():
    """A day on which every tenth device weighs 50 dB moves it by less than 3 dB, and what comes next is still seen."""
    quiet, _ = learned(1_000, 27)
    stormy, _ = learned(1_000, 27)
    day = np.zeros(1_000)
    day[:100] = 50.0
    stormy.observe(0, 27, day)

    assert abs(stormy.threshold(0, 1e-3) - quiet.threshold(0, 1e-3)) < 3.0


def test_equal_decibans_do_not_exceed_themselves():
    """An atom at a pool's floor that more than the rate reach opens nothing by itself."""
    budget = Budget(1)
    for day in range(10):
        budget.observe(0, day, np.where(np.arange(1_000) < 50, 25.7, 0.0))

    assert 25.7 <= budget.threshold(0, 1e-3) < 25.95


def test_days_older_than_the_window_are_forgotten():
    """The 29th day drops the first; an entity-day that comes too late is counted, not learned."""
    budget, _ = learned(100, WINDOW_DAYS + 1)

    assert 100 * WINDOW_DAYS == budget.days(0)
    budget.observe(0, 0, np.ones(7))
    assert (100 * WINDOW_DAYS, 7) == (budget.days(0), budget.late)


def test_a_rarer_rate_has_a_higher_threshold():
    """Whatever the history, thresholds fall as the rate grows."""
    for devices, days in ((100, 10), (1_000, 28)):
        budget, _ = learned(devices, days)
        found = [budget.threshold(0, rate) for rate in (1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 0.1, 0.5)]

        assert sorted(found, reverse=True) == found


def test_merging_is_associative_and_commutative():
    """Three workers' days give the same histogram in any order and grouping."""
    rng = np.random.default_rng(0)
    days = [(day, maxima(rng, 50)) for day in (0, 3, 28, 29, 40, 3)]

    def one(which):
        budget = Budget(1)
        for k in which:
            budget.observe(0, *days[k])
        return budget

    def joined(*parts):
        first = parts[0]
        for other in parts[1:]:
            first.merge(other)
        return first.counts.tolist(), first.day.tolist()

    a, b, c = (0, 1), (2, 3), (4, 5)
    nested = one(b)
    nested.merge(one(c))

    assert joined(one(a), one(b), one(c)) == joined(one(a), nested) == joined(one(c), one(a), one(b))


def test_save_and_load_is_identity():
    """A loaded budget answers the same; another layout is refused."""
    budget, _ = learned(200, 9)
    other = Budget(1)
    other.load(budget.save())

    assert budget.threshold(0, 1e-3) == other.threshold(0, 1e-3)
    with pytest.raises(ValueError, match="shape"):
        Budget(2).load(budget.save())
    with pytest.raises(ValueError, match="version None"):
        other.load({})


def test_nan_and_negative_decibans_are_nothing():
    """They count as entity-days without evidence."""
    budget = Budget(1)
    budget.observe(0, 1, np.array([np.nan, -5.0, 1e12, 0.0]))

    assert [3, 1] == [int(budget.counts[0, 1, 0]), int(budget.counts[0, 1, -1])]
