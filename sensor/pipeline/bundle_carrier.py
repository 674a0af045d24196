"""A site's spool into a folder of bundles, every so often, while the sensor runs: for a diode's sending side.

Implements pipeline.uplink.Carrier. What cannot be written now stays in the spool and is tried again; nothing is lost by
a stop, so a stop does not wait for the next bundle.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable

from sensor.pipeline.bundling import Bundler

RETRY_S = 5.0
"""After what failed, and between two looks for whether it is time."""
_LOG = logging.getLogger(__name__)


class BundleCarrier:
    """It.

    Attributes:
        problem: Why nothing is exported at present; empty while all is well.
        sent: Envelopes that were exported.
        drains: A stop need not wait until everything is exported.
    """

    drains = False

    def __init__(self, open_bundler: Callable[[], Bundler], every_s: float, repeat: int) -> None:
        """Take what opens the spool; nothing is opened yet.

        Args:
            open_bundler: Opens it for a round; the command line may export between two.
            every_s: Between two bundles; 0: none, for they are made by hand.
            repeat: Bundles before, written again with each.
        """
        self._open, self._every_s, self._repeat = open_bundler, every_s, repeat
        self.problem, self.sent = "", 0

    def run(self, stop: threading.Event) -> None:
        """Export until told to stop."""
        if not self._every_s:
            stop.wait()
            return
        due_s = time.monotonic()
        while not stop.is_set():
            if time.monotonic() >= due_s:
                self.round()
                due_s = time.monotonic() + (RETRY_S if self.problem else self._every_s)
            stop.wait(min(RETRY_S, max(0.0, due_s - time.monotonic())))

    def round(self) -> None:
        """Export what is new, and with it what is to be repeated."""
        try:
            bundler = self._open()
            try:
                if bundler.has_fresh():
                    for _ in bundler.repeat(self._repeat):
                        pass
                for one in bundler.fresh():
                    self.sent += one.envelopes
            finally:
                bundler.close()
        except (OSError, ValueError, sqlite3.Error) as error:
            if str(error) != self.problem:
                _LOG.warning("not exported: %s", error)
            self.problem = str(error)
            return
        if self.problem:
            _LOG.warning("exports again")
        self.problem = ""
