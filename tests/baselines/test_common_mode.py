"""Common mode: a group that acts as one is found, chance is not."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from baselines import common_mode


@given(st.integers(1, 60), st.integers(0, 60), st.sampled_from([0.05, 0.5]))
def test_the_binomial_tail_is_the_sum_of_its_terms(size, hits, p):
    """By the definition, for small groups."""
    expected = sum(math.comb(size, k) * p**k * (1 - p) ** (size - k) for k in range(hits, size + 1))

    assert math.isclose(expected, common_mode.binomial_tail(hits, size, p), rel_tol=1e-9)


def test_a_group_that_acts_as_one_is_found():
    """6 of 20 and 300 of 1,000 are; 4 of 5 are too few, 19 % of 1,000 too small a share, 5 of 24 may be chance."""
    sizes, hits = (20, 1_000, 5, 1_000, 24), (6, 300, 4, 190, 5)
    p = np.concatenate([np.where(np.arange(n) < k, 0.01, 0.5) for n, k in zip(sizes, hits, strict=True)])
    group = np.repeat(np.arange(5, dtype=np.int32), sizes)

    assert [(0, 6, 20), (1, 300, 1_000)] == [found[:3] for found in common_mode.in_common(p, group, 5)]
    p[:20] = np.nan
    assert [1] == [found[0] for found in common_mode.in_common(p, group, 5)]


def test_chance_is_rarely_taken_for_a_cause():
    """Among 2,000 buckets of 20 groups of independent members, fewer than one in a thousand is."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(20, dtype=np.int32), 30)

    assert 40 > sum(len(common_mode.in_common(rng.random(600), group, 20)) for _ in range(2_000))


def test_members_keep_what_is_beyond_those_that_do_it_too():
    """The median of the eight that do it, though the twelve others do not; a group not in common mode is left alone."""
    score = np.array([10.0] * 7 + [25.0] + [1.0] * 12 + [9.0, 1.0, np.nan])
    p = np.array([1e-3] * 8 + [0.5] * 12 + [1e-3, 0.5, np.nan])
    group = np.repeat(np.arange(2, dtype=np.int32), (20, 3))
    rest = score.copy()

    assert [(0, 8, 20, 10.0)] == common_mode.leave_rest(rest, p, group, 2, whole=False)
    assert [0.0] * 7 + [15.0] + [0.0] * 12 + [9.0, 1.0] == rest[:-1].tolist()
    common_mode.leave_rest(score, p, group, 2, whole=True)
    assert [0.0] * 20 + [9.0, 1.0] == score[:-1].tolist()


def test_huge_groups_do_not_overflow():
    """A hundred thousand members."""
    assert 0.0 == common_mode.binomial_tail(50_000, 100_000, 0.05)
    assert 1.0 == common_mode.binomial_tail(0, 100_000, 0.05)
