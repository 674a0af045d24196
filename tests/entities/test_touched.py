"""Marks of what changed."""

import numpy as np
import pytest

from sensor.entities import touched as module
from sensor.entities.touched import Touched


def test_marks_stay_until_they_are_cleared():
    """Rows one by one and by column, no row for -1, places and MACs; then none of it."""
    touched = Touched(8)
    touched.mark(-1)
    touched.mark(3)
    touched.mark_rows(np.array([-1, 5, 5]))
    touched.mark_place((0, 0, 1))
    touched.mark_mac(7)
    assert ([3, 5], {(0, 0, 1)}, {7}, False) == (
        np.nonzero(touched.rows)[0].tolist(), touched.places, touched.macs, touched.whole,
    )  # fmt: skip
    touched.clear()

    assert (0, set(), set(), False) == (touched.rows.sum(), touched.places, touched.macs, touched.whole)


@pytest.mark.parametrize("mark", ["mark_place", "mark_mac"])
def test_marks_are_bounded(mark, monkeypatch):
    """Beyond so many places or MACs everything counts as changed."""
    monkeypatch.setattr(module, "MARKS_MAX", 2)
    touched = Touched(1)
    for value in range(3):
        getattr(touched, mark)(value)

    assert touched.whole
