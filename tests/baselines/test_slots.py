"""Rows by key, bounded."""

import numpy as np

from baselines.slots import NAME_MAX, Slots

SPEC = {"n": (np.int64, (), 0), "ring": (np.int64, (2,), -1)}


def test_a_key_has_one_row_and_a_new_one_is_fresh():
    """Numbers and texts are keys of their own kind."""
    held = Slots(SPEC, 4, 4)
    row = held.take(7)
    held.columns["n"][row] = 5

    assert (row, True, False) == (held.take(7), 7 in held, "7" in held)
    assert 0 == held.columns["n"][held.take("7")]
    assert (2, -1) == (len(held), held.find(8))


def test_the_key_unused_longest_gives_up_its_row():
    """Its cells are cleared for the next; unknown names take no room from the known."""
    held = Slots(SPEC, 2, 2)
    for key in (1, 2):
        held.columns["n"][held.take(key)] = key
    held.take(1)
    for name in range(50):
        held.take(f"name{name}")
    row = held.take(3)

    assert ([True, False, True], 0) == ([key in held for key in (1, 2, 3)], held.columns["n"][row])
    assert (4, 49, 1.0) == (len(held), held.evicted, held.saturation)


def test_a_long_name_takes_bounded_room():
    """Only its beginning is kept."""
    held = Slots(SPEC, 1, 2)

    assert held.take("x" * NAME_MAX + "a") == held.take("x" * NAME_MAX + "b")


def test_save_and_load_is_identity():
    """Keys of both kinds, their values, their order."""
    held = Slots(SPEC, 2, 2)
    for key in (1, "a", 2, "b"):
        held.columns["ring"][held.take(key)] = [hash(key) % 97, 1]
    other = Slots(SPEC, 2, 2)
    other.load(held.save())
    other.take(1)
    other.take(3)

    assert ([1, 3], ["a", "b"]) == ([key for key in (1, 2, 3) if key in other], [key for key in "ab" if key in other])
    assert held.columns["ring"][held.find("a")].tolist() == other.columns["ring"][other.find("a")].tolist()
