"""What time it is for whoever looks at a state: the time of day while a sensor runs on it, else the state's own."""

import threading
import time
from pathlib import Path

from sensor.store.alive import age_s
from sensor.store.state import State
from sensor.wire.clock import SystemClock

RUNS_S = 60.0
"""A sign of life that is older is of a sensor that runs no more (`sensor.store.alive`, every 5 s)."""


def time_of(state: State) -> int:
    """Return it, ns since 1970."""
    if runs(state.folder):
        return SystemClock(threading.Event()).now_ns()
    return int(state.meta("clock_ns") or 0)


def runs(folder: Path) -> bool:
    """Tell whether a sensor runs on a state."""
    age = age_s(folder, time.monotonic())
    return age is not None and age < RUNS_S
