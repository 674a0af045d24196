"""Columns of a tick that are taken together."""

import numpy as np

from sensor.model.tick import Uses


def used(n=4):
    """Uses whose columns can be told apart."""
    ints, words = np.arange(n), np.arange(n).astype(np.uint64)
    return Uses(ints, ints + 10, ints + 20, words + np.uint64(30), words + np.uint64(40), words + np.uint64(50))


def columns(uses):
    return [getattr(uses, name).tolist() for name in ("flow", "category", "device", "key", "hi", "lo")]


def test_some_uses_keep_their_columns_together():
    """By places and by flags."""
    expected = [[1, 3], [11, 13], [21, 23], [31, 33], [41, 43], [51, 53]]

    assert expected == columns(used().at(np.array([1, 3])))
    assert expected == columns(used().at(np.array([False, True, False, True])))


def test_the_same_uses_of_other_things():
    """Only the things change."""
    hi, lo = np.zeros(4, np.uint64), np.ones(4, np.uint64)

    assert [*columns(used())[:4], [0] * 4, [1] * 4] == columns(used().of(hi, lo))
