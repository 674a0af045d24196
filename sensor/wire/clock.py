"""The time of day, for edges that ask a server for what is new and must say until when.

The core never sees it: records carry their own time. Whoever needs the clock is given one, so that tests give another.
"""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What time it is, and a way to wait."""

    def now_ns(self) -> int:
        """Return the time, ns since 1970."""

    def sleep(self, seconds: float) -> bool:
        """Wait; return False where the wait was cut short because the program ends."""


class SystemClock:
    """The machine's clock; a wait ends early when `stopped` is set."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped

    def now_ns(self) -> int:
        """Return the time, ns since 1970."""
        return time.time_ns()  # noqa: TID251 - an edge: the server wants to be told a time of day

    def sleep(self, seconds: float) -> bool:
        """Wait; return False where the wait was cut short because the program ends."""
        return not self._stopped.wait(max(seconds, 0.0))
