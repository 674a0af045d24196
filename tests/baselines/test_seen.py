"""Keys ever seen: no key forgotten within its time, few taken for seen, layers that turn and merge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import seen
from baselines.keyed import mix
from baselines.seen import DAYS, FIRST_WORDS, Seen
from tests.naive import seen as naive

SECRET = 9


def keys(first, n):
    words = np.arange(first, first + n, dtype=np.uint64)
    return words, words * np.uint64(7), np.zeros(n, np.uint64)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.booleans()), max_size=60))
def test_a_layer_equals_the_definition(given_keys):
    """What is held, and every bit."""
    words = np.zeros(64, np.uint64)
    a = np.array([key for key, _ in given_keys], np.uint64)
    put, found = np.array([put for _, put in given_keys], np.bool_), np.zeros(len(a), np.bool_)
    seen.visit(words, a, a, a, np.uint64(SECRET), put, found)
    with np.errstate(over="ignore"):
        hashes = [
            (int(mix(k, k, k, np.uint64(SECRET))), int(mix(k, k, k, np.uint64(SECRET) ^ seen._SHIFT)), bool(p))
            for k, p in zip(a, put, strict=True)
        ]
    expected, bits = naive.visit(set(), hashes, 8)

    assert expected == found.tolist()
    assert bits == {(k // 8, k % 8 * 64 + bit) for k in range(64) for bit in range(64) if int(words[k]) >> bit & 1}


def test_no_key_is_forgotten_and_few_are_made_up():
    """200,000 keys through several sizes: all are found, and at most 1 in 200 of others."""
    held = Seen(SECRET)
    before = [held.add(*keys(k * 1_000, 1_000), day=0) for k in range(200)]

    assert held.find(*keys(0, 200_000)).all()
    assert held.find(*keys(10**9, 100_000)).mean() < 1 / 200
    assert np.concatenate(before).mean() < 1 / 200


def test_what_is_used_is_kept_and_the_rest_is_forgotten():
    """After 30 days a used key goes on, an unused one goes within 60."""
    held = Seen(SECRET)
    held.add(*keys(0, 10), day=0)
    for day in range(10, 3 * DAYS, 10):
        held.add(*keys(0, 5), day=day)

    assert [True] * 5 + [False] * 5 == held.find(*keys(0, 10)).tolist()
    assert held.find(*keys(0, 5)).all()


def test_a_key_twice_in_a_batch_is_seen_the_second_time():
    """In order."""
    words = np.array([1, 2, 1], np.uint64)

    assert [False, False, True] == Seen(SECRET).add(words, words, words, day=0).tolist()


def test_merging_is_a_union_in_any_order():
    """What either held is found, however they are merged."""

    def one(k):
        held = Seen(SECRET)
        held.add(*keys(100 * k, 100), day=k)
        return held

    for order in ((0, 1, 2), (2, 0, 1)):
        whole = one(order[0])
        for k in order[1:]:
            whole.merge(one(k))

        assert whole.find(*keys(0, 300)).all()
        assert 300 == len(whole)


def test_save_and_load_is_identity():
    """Layers and their times come back; another version is refused."""
    held, other = Seen(SECRET), Seen(SECRET)
    for k in range(40):
        held.add(*keys(k * 1_000, 1_000), day=k)
    other.load(held.save())
    found = [one.add(*keys(39_500, 1_000), day=45).tolist() for one in (held, other)]

    assert found[0] == found[1]
    assert len(held) == len(other)
    with pytest.raises(ValueError, match="version"):
        other.load({})


def test_layers_are_bounded():
    """However many keys come, the oldest layer goes and is counted."""
    held = Seen(SECRET)
    for k in range(14):
        held.held[-1] = len(held.layers[-1]) * 4
        held.layers[-1] = held.layers[-1][:FIRST_WORDS]
        held.add(*keys(k, 1), day=0)

    assert seen.LAYERS_MAX >= len(held.layers)
    assert held.forgotten > 0
    assert 0 < held.saturation < 1


def test_another_secret_is_another_filter():
    """Who does not know it cannot choose what collides."""
    a, b = Seen(1), Seen(2)
    for held in (a, b):
        held.add(*keys(0, 1), day=0)

    assert not np.array_equal(a.save()["layer0"], b.save()["layer0"])
