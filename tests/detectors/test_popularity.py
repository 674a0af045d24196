"""Popularity: devices by thing, the mass of the rarer, and what happens at the cap."""

import math

import numpy as np

from baselines import novelty
from sensor.detectors import popularity
from sensor.detectors.popularity import Popularity


def given(*things):
    """Columns of (group, thing) pairs."""
    group, thing = (np.array(column, np.int64) for column in zip(*things, strict=True))
    return group, thing.astype(np.uint64), thing.astype(np.uint64)


def test_devices_count_once_each_call():
    """Three devices for one thing, one for another; another group's are its own."""
    one = Popularity(3)
    for part in (((0, 1), (0, 1), (0, 2)), ((0, 1), (5, 1))):
        one.add(*given(*part), now_ns=1)

    assert [3, 1, 1, 0] == one.users(*given((0, 1), (0, 2), (5, 1), (5, 2))).tolist()
    assert [1, 1] == [int(one.sizes[0, 3]), int(one.sizes[0, 1])]
    assert [0, 0] == [int(one.sizes[0, 2]), int(one.sizes[5, 0])]


def test_the_mass_is_that_of_the_process():
    """Of what is new, and of what few use, as the definition has it."""
    one = Popularity(3)
    rng = np.random.default_rng(0)
    draws = rng.zipf(1.5, 500).clip(max=90)
    for k in range(0, 500, 50):
        one.add(*given(*((0, int(thing)) for thing in draws[k : k + 50])), now_ns=k)
    counts = np.bincount(draws)

    for thing in (1, 2, 50, 89):
        users = int(one.users(*given((0, thing)))[0])
        assert counts[thing] == users
        assert math.isclose(novelty.p_at_most(counts, users), one.mass(0, users))


def test_at_the_cap_the_longest_unused_go(monkeypatch):
    """Sizes are counted anew, so that the mass is that of what is kept."""
    monkeypatch.setattr(popularity, "THINGS_MAX", 64)
    one = Popularity(3)
    for k in range(100):
        one.add(*given((0, k)), now_ns=k)

    assert 64 >= one.sizes[0].sum() == sum(one.users(*given((0, k)))[0] > 0 for k in range(100))
    assert 1 == one.users(*given((0, 99)))[0]
    assert 0 < one.saturation <= 1


def test_save_and_load_is_identity():
    """Users and sizes come back; groups beyond the cap share the last."""
    one, other = Popularity(3), Popularity(3)
    one.add(*given((0, 1), (1, 2), (10**6, 3)), now_ns=1)
    other.load(one.save())

    assert np.array_equal(one.sizes, other.sizes)
    assert 1 == other.users(*given((10**7, 3)))[0]
    assert one.mass(10**7, 1) == other.mass(popularity.GROUPS_MAX - 1, 1)
