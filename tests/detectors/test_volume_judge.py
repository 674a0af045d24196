"""Judging volumes: drift, demotion, and what the pools of days take in, at the level of features."""

import math

import numpy as np

from baselines import drift
from baselines.table import Table
from sensor.detectors.volume_judge import CHECKED, DAY_DRIFT, DAY_NOW, DRIFT_LEAST, WHOLE_DAY, Judge
from sensor.detectors.volume_state import BUCKET_NS, DAY, NOW, SPEC, cells
from sensor.incidents.rank import PAGE_P

FIRST = 20_000


def site(devices, days=30, seed=0):
    """A judge and rows whose rings hold quiet days; the pools know the peers' drift."""
    rng = np.random.default_rng(seed)
    table = Table(SPEC, devices)
    table.cover(devices)
    c, judge = cells(table), Judge()
    level = rng.normal(10, 1, (devices, 1))
    for day in range(FIRST, FIRST + days):
        close(judge, c, day, level + rng.normal(0, 0.3, (devices, 6)))
    return judge, c, level, rng


def close(judge, c, day, levels):
    c["day_x"][:], c["day_any"][:], c["day_n"][:], c["judged"][:], c["flagged"][:] = levels * DAY, DAY, DAY, DAY, 0
    c["worst"][:, NOW] = 2.0
    judge.pools.advance((day + 1) * DAY * BUCKET_NS - 1)
    return judge.day(c, day, 1)


def test_a_poisoning_ramp_is_rare_among_its_peers():
    """×16 over 20 days of one device in 200: p at the pool's floor at its end; quiet devices drift at their rate.

    4,179 quiet device-days at p ≤ .01 are 42 if each is another device's.
    """
    judge, c, level, rng = site(200, days=40)
    told = np.zeros(200)
    for k in range(21):
        levels = level + rng.normal(0, 0.3, (200, 6))
        levels[7, 0] += math.log(16) * k / 20
        p = close(judge, c, FIRST + 40 + k, levels).p
        told += p <= 1e-2
    law = judge.pools.law(DAY_DRIFT, 0)

    assert p[7] <= 2 * max(law.floor, DRIFT_LEAST)
    assert (told[np.arange(200) != 7] > 0).sum() <= 60


def test_only_whole_days_of_unflagged_devices_count():
    """Part of a day, and a day in an incident, are no day to compare with."""
    judge, c, *_ = site(5, days=1)
    before = judge.device_days()
    c["worst"][:, NOW], c["judged"][:] = 3.0, [WHOLE_DAY, WHOLE_DAY - 1, DAY, DAY, DAY]
    c["flagged"][:] = [0, 0, 2, 0, 0]
    c["joined"][:] = [0, 0, 0, 1, 0]
    judge.day(c, FIRST + 1, 1)

    assert (5, 2) == (before, judge.device_days() - before)


def test_a_group_that_drifts_together_drifts_for_nobody():
    """Seven times as much of all; who sends 64 times as much beside still stands out, as nobody else does."""
    judge, c, level, rng = site(60, days=40)
    for k in range(5):
        levels = level + rng.normal(0, 0.3, (60, 6))
        levels[:, 0] += 2.0
        levels[3, 0] += math.log(64)
        found = close(judge, c, FIRST + 40 + k, levels)

    assert 0 in {k for k, *_ in found.commons}
    assert [3] == np.nonzero(found.p <= 1e-3)[0].tolist()
    assert {FIRST + 44} == set(c["drifted"][found.p <= 1e-2].tolist())


def test_no_drift_is_rare_enough_to_page():
    """Three weeks of it can wait for the morning; what is told says so, and is verified so."""
    judge, c, level, rng = site(400, days=60)
    for k in range(21):
        levels = level + rng.normal(0, 0.3, (400, 6))
        levels[7, 0] += math.log(64) * k / 20
        p = close(judge, c, FIRST + 60 + k, levels).p

    assert judge.pools.law(DAY_DRIFT, 0).floor < DRIFT_LEAST
    assert p[7] == DRIFT_LEAST
    assert PAGE_P < DRIFT_LEAST


def test_a_day_that_was_not_seen_whole_is_missing_in_the_ring():
    """No drift is computed from it."""
    judge, c, *_ = site(3, days=2)
    c["day_n"][:], c["judged"][:] = [DAY, WHOLE_DAY - 1, 0], 0
    judge.day(c, FIRST + 2, 1)

    assert [False, True, True] == (c["ring"][:, 0, (FIRST + 2) % drift.RING] < 0).tolist()


def test_a_statistic_whose_p_do_not_hold_is_demoted_and_said():
    """A day of p far too small: none below 1e-3 from the next day on, by name; the channel's own pool too."""
    judge, c, *_ = site(3, days=1)
    for k in (0, len(CHECKED) - 3):
        judge.check.note(k, FIRST + 1, np.full(5_000, 1e-4))
    judge.check.note(0, FIRST + 2, np.ones(1))
    judge.day(c, FIRST + 2, 1)

    assert ["volumes.bytes_out.high", "volumes.now"] == judge.demoted()
    assert {0, DAY_NOW} == judge.pools.demoted
    assert 1e-3 <= judge.pools.law(0, 0).floor


def test_before_the_peers_have_a_hundred_days_there_is_no_p():
    """NaN, not one: nothing is known."""
    judge, _, *_ = site(3, days=1)

    assert np.isnan(judge.of_day(DAY_NOW, np.zeros(2, np.int32), np.array([5.0, -1.0]))).all()


def test_save_and_load_is_identity():
    """Pools, self-check and prior come back."""
    judge, c, level, rng = site(30, days=30)
    other = Judge()
    other.load(judge.save())
    levels = level + rng.normal(0, 0.3, (30, 6))
    mine = close(judge, c, FIRST + 30, levels)
    c["ring"][..., (FIRST + 30) % drift.RING] = -1.0
    theirs = close(other, c, FIRST + 30, levels)

    columns = ((mine.p, theirs.p), (mine.raw, theirs.raw), (mine.score, theirs.score))
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in columns)
    assert judge.ratios().keys() == other.ratios().keys()
