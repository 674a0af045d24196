"""How fast a replay goes: as fast as it can, or at a multiple of the time at which its records came.

Waiting is at the edge, before a step; what the step does is the same at any speed. The state is committed at the end,
as by any replay.
"""

import re
import time
from collections.abc import Callable

from sensor.model.times import SECOND_NS

_TIMES = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)x")


def speed_of(text: str) -> float | None:
    """Return how much faster than the records' own time; None for `max`. Raises ValueError."""
    if text == "max":
        return None
    found = _TIMES.fullmatch(text)
    if found is None or float(found[1]) == 0:
        raise ValueError(f"{text!r}: expected max, or a number and x, as 1x or 60x")
    return float(found[1])


class Paced:
    """Waits before each step until its time has come."""

    def __init__(
        self, speed: float, sleep: Callable[[float], None] = time.sleep, now_s: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        """Begin with the first step, whenever that is.

        Args:
            speed: Event time in a time of the same length.
            sleep: Waits.
            now_s: A steady clock.
        """
        self._speed, self._sleep, self._now_s = speed, sleep, now_s
        self._begin: tuple[int, float] | None = None

    def wait(self, end_ns: int) -> None:
        """Wait for the end of a step's time; one that is late already is not waited for."""
        now_s = self._now_s()
        if self._begin is None:
            self._begin = end_ns, now_s
        first_ns, begin_s = self._begin
        due_s = begin_s + (end_ns - first_ns) / SECOND_NS / self._speed
        if due_s > now_s:
            self._sleep(due_s - now_s)
