"""Pitman–Yor probabilities of something new and of something seen."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import novelty
from tests.naive import novelty as naive


def test_p_new_follows_the_formula():
    """(1 + K/4) / (1 + N): certain at first, rare for a subject of few habits."""
    p = novelty.p_new(np.array([0, 999, 999]), np.array([0, 4, 900]))

    assert [1.0, 0.002, 0.226] == p.tolist()


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), max_size=12), st.integers(0, 50))
def test_probabilities_add_up_and_the_mass_equals_the_definition(counts, value):
    """P(new) and all P(kind) make 1; what is at most as common is their partial sum."""
    given_counts = np.array(counts, np.int64)
    new, known = naive.predictive(counts)
    total, kinds = np.array([sum(counts)]), np.array([len(known)])

    assert math.isclose(1.0, new + sum(known.values()))
    assert math.isclose(new, float(novelty.p_new(total, kinds)[0]))
    assert math.isclose(naive.p_at_most(counts, value), novelty.p_at_most(given_counts, value))


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.data())
def test_counts_of_counts_give_the_same_mass(counts, data):
    """For a kind that was never drawn, and for each that was; beyond the last size it counts as of it."""
    sizes = np.bincount(counts)
    value = data.draw(st.sampled_from([0, *counts]))

    assert math.isclose(novelty.p_at_most(np.array(counts), value), novelty.p_of_sizes(sizes, value))
    assert novelty.p_of_sizes(sizes, max(counts)) == novelty.p_of_sizes(sizes, 10**9)
    assert 1.0 == novelty.p_of_sizes(np.zeros(5, np.int64), 0)


def test_rarer_kinds_have_smaller_p():
    """Whatever the counts, p grows with how common a kind is, from P(new) to at most 1."""
    counts = np.array([1, 1, 2, 5, 100])
    found = [novelty.p_at_most(counts, value) for value in (0, 1, 2, 5, 100)]

    assert sorted(found) == found
    assert math.isclose((1 + 5 / 4) / 110, found[0])
    assert 1.0 >= found[-1]
    assert 1.0 == novelty.p_at_most(np.zeros(0, np.int64), 0)


def test_a_mid_p_is_uniform_on_its_own_law():
    """The expected mid-p of a draw from the process is one half, the new kind's chance of going lower left out."""
    counts = np.array([1, 3, 3, 9, 50])
    new, known = naive.predictive(counts.tolist())
    mean = sum(p * novelty.p_at_most(counts, int(counts[kind])) for kind, p in known.items()) + new * new / 2

    assert math.isclose(0.5, mean, rel_tol=1e-9)


def test_what_peers_know_is_less_surprising():
    """New to the subject: P(new) times the mass of the peers' rarer kinds."""
    p = novelty.p_hierarchical(np.array([99, 99, 0]), np.array([4, 4, 0]), np.array([1.0, 0.01, 2.0]))

    assert np.allclose([0.02, 0.0002, 1.0], p)
