"""Whether a sensor is at work on a state, for those who look from outside: it writes the time into a file.

The time is that of the machine's steady clock, which all processes share (CLOCK_MONOTONIC, clock_gettime(2)); after a
restart of the machine it begins anew. Does not say that all is well: sources may be down, which the metrics say.
"""

import contextlib
from pathlib import Path

FILE = "alive"
EVERY_S = 5.0
"""Between two signs of life: a look each half minute sees several."""
WRITTEN_S = 0.001
"""To which the time is written: it may be rounded up."""
_WIDTH = 20


class Alive:
    """Signs of life in one state folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._last_s = float("-inf")

    def beat(self, now_s: float) -> None:
        """Give one where the last is a while ago. On a disk that is full it is written over the last."""
        if now_s - self._last_s < EVERY_S:
            return
        self._last_s = now_s
        with contextlib.suppress(OSError), self._path.open("r+b" if self._path.exists() else "wb") as file:
            file.write(f"{now_s:{_WIDTH}.3f}\n".encode())

    def end(self) -> None:
        """Take it away: the process ends in order."""
        self._path.unlink(missing_ok=True)


def age_s(folder: Path, now_s: float) -> float | None:
    """Return how long ago the last sign of life was; None where there is none of this start of the machine."""
    try:
        then_s = float((folder / FILE).read_bytes())
    except (OSError, ValueError):
        return None
    return max(0.0, now_s - then_s) if then_s <= now_s + WRITTEN_S else None
