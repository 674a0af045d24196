"""Several parts' states as one."""

import numpy as np
import pytest

from baselines.parts import packed, part_of, unpack


class Kept:
    """A part with one array; it refuses a state without it."""

    def __init__(self, value=0):
        self.value = value

    def save(self):
        return {"value": np.array([self.value])}

    def load(self, state):
        if "value" not in state:
            raise ValueError("nothing of it")
        self.value = int(state["value"][0])


def test_parts_come_back_as_they_were():
    """Each under its own name, whatever stands beside; a name that begins alike is another."""
    state = packed([("a", Kept(1)), ("ab", Kept(2))]) | {"day": np.array([7])}
    first, second = Kept(), Kept()
    unpack(state, [("a", first), ("ab", second)])

    assert ["a/value", "ab/value", "day"] == sorted(state)
    assert (1, 2) == (first.value, second.value)
    assert ["value"] == list(part_of(state, "a"))


def test_a_part_that_is_missing_is_an_error_unless_an_older_release_had_none():
    """Then it stays as it is."""
    one = Kept(5)
    with pytest.raises(ValueError, match="nothing of it"):
        unpack({}, [("a", one)])
    unpack({}, [("a", one)], optional=True)

    assert 5 == one.value
