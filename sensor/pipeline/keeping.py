"""Keeps room on the state's disk as a sensor runs: the archive gives way, and where that is not enough, reading waits.

While reading waits, files and APIs keep what they have, a live port counts what it drops, and the metrics, the console
and the deliveries go on. What is on disk stays as the last commit made it. Does not find out who fills the disk.
"""

import logging
import time

from sensor.metrics import Metrics
from sensor.pipeline.core import Core
from sensor.store.room import Room

LOOK_S = 0.5
"""Between two looks at the disk."""
_LOG = logging.getLogger(__name__)


class Keeping:
    """The disk of one core's state."""

    def __init__(self, core: Core, metrics: Metrics) -> None:
        """Look at it from now on."""
        self._core, self._metrics = core, metrics
        self._room = core.room = Room(core.state.folder)
        self._looked_s, self._is_full, self._counted = 0.0, False, 0

    def has_room(self, *, now: bool = False) -> bool:
        """Tell whether a commit that is made now finds room, after what can give way did; looks again if `now`."""
        now_s = time.monotonic()
        if not now and now_s - self._looked_s < LOOK_S:
            return not self._is_full
        self._looked_s = now_s
        if self._room.is_tight():
            self._room.release()
            self._core.give_way()
            self._count()
        self._say(is_full=self._room.is_tight())
        return not self._is_full

    def committed(self) -> None:
        """Hear that a commit was made."""
        self._room.hold()
        self._count()

    def _say(self, *, is_full: bool) -> None:
        if is_full:
            _LOG.error("disk full, nothing is read until it has room folder=%s", self._core.state.folder)
        elif self._is_full:
            _LOG.warning("disk has room again folder=%s", self._core.state.folder)
        self._is_full = is_full
        self._metrics.disk_full.set(is_full)
        self._metrics.disk_free.set(self._room.free())

    def _count(self) -> None:
        more = self._core.gone_bytes - self._counted
        if more:
            self._counted += more
            self._metrics.archive_gone.inc(more)
            _LOG.warning("archive gave way to a full disk bytes=%d", more)
