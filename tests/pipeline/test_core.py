"""What a core keeps between runs, and its key."""

import math

from sensor import config
from sensor.pipeline.core import Core, secret_of
from sensor.store.state import State


def test_a_secret_file_changes_the_key_only_where_given(tmp_path):
    """The documented key without a file; another with one, the same each time."""
    (tmp_path / "k").write_bytes(b"secret")

    assert secret_of(None) != secret_of(tmp_path / "k") == secret_of(tmp_path / "k")


def test_calibration_is_gathered_from_the_detectors(tmp_path):
    """By statistic and alpha; nothing is known at first."""
    with State(tmp_path, exclusive=True) as state:
        ratios = Core(config.default(), state).calibration()

    assert {1e-2, 1e-3, 1e-4} == {alpha for _, alpha in ratios}
    assert "volumes.now" in {statistic for statistic, _ in ratios}
    assert all(math.isnan(ratio) for ratio in ratios.values())
