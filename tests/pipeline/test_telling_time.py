"""What time it is for somebody who looks at a state."""

import time

from sensor.pipeline.telling_time import RUNS_S, time_of
from sensor.store.alive import Alive
from sensor.store.state import State


def test_it_is_the_time_of_day_while_a_sensor_runs(tmp_path):
    """Else that of the state, which may be of last year; a new state has none."""
    with State(tmp_path) as state:
        assert 0 == time_of(state)
        state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={"clock_ns": "7"})
        assert 7 == time_of(state)
        Alive(tmp_path).beat(time.monotonic() - RUNS_S - 1.0)
        assert 7 == time_of(state)
        Alive(tmp_path).beat(time.monotonic() - 1.0)
        assert time_of(state) > 7
