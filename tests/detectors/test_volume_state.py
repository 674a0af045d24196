"""What volumes hold of a device: its size, and how rows join."""

import numpy as np

from baselines.table import Table
from sensor.detectors import volume_state
from sensor.detectors.volume_state import NOW, SPEC, cells, follow


def test_a_device_takes_less_than_its_cap():
    """Everything that volumes hold of a device is under 3 KiB, of the 16 KiB that all of it may take."""
    assert 3 * 1_024 > volume_state.state_bytes()


def test_rows_that_are_one_device_add_up():
    """Counts add, the day's worst is the worse, the habits are those of who learned more; the other is empty."""
    table = Table(SPEC, 10)
    table.cover(2)
    c = cells(table)
    c["counts"][:] = [[1], [2]]
    c["seen"][:], c["level"][:], c["worst"][:, NOW] = [9, 4], [[9], [4]], [1.0, 7.0]
    c["registers"][:, 3] = [5, 2]
    follow(table, [(0, 1)])

    assert [3.0, 9.0, 9, 7.0, 5] == [
        float(c["counts"][1, 0]), float(c["level"][1, 0]), int(c["seen"][1]), float(c["worst"][1, NOW]),
        int(c["registers"][1, 3]),
    ]  # fmt: skip
    assert (1, 0, 0.0) == (int(c["joined"][0]), int(c["seen"][0]), float(c["counts"][0, 0]))


def test_the_release_before_had_five_features():
    """They go to their places; the sixth begins at nothing."""
    old = {
        "counts": np.ones((1, 5)), "level": np.arange(5.0)[None], "scale": np.ones((1, 5)), "seen": np.array([7]),
        "joined": np.array([1]), "_version": np.array([1, 1, 0]), "_free": np.zeros(0, np.int64),
    }  # fmt: skip
    table = Table(SPEC, 10)
    table.load(volume_state.of_the_release_before(old))

    assert [0, 1, 2, 3, 0, 4] == table.columns["level"][0].tolist()
    assert [7, 7, 7, 7, 0, 7] == table.columns["took"][0].tolist()
