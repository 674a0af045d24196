"""The two ends of what a hub gives its sites, beside the cores: out of the hub's state, into the site's.

Neither asks anything of a core. Not here: the way between, which is the way of what the site tells, and what becomes of
what was given (`sensor.pipeline.taking`).
"""

import logging
import sqlite3
from collections import Counter
from pathlib import Path

from sensor.errors import Malformed, Transient
from sensor.model.given import Place
from sensor.store.returned import Taker
from sensor.store.returns import ReturnsReader
from sensor.wire import site_return

_LOG = logging.getLogger(__name__)


class Postbox:
    """A site's end. Implements wire.site_return.Postbox.

    Attributes:
        failures: What came and was not stored, by reason.
    """

    def __init__(self, folder: Path, site: str) -> None:
        """Open it beside the site's state."""
        self._site, self._taker = site, Taker(folder)
        self.failures: Counter[str] = Counter()

    def place(self) -> Place:
        """Return how far everything that was given is on disk here."""
        return self._taker.place()

    def take(self, content: bytes) -> bool:
        """Store what came; False where that was not possible, which is counted, and the first logged."""
        try:
            self._taker.store(site_return.decode(content, self._site))
        except Malformed as error:
            return self._failed("malformed", error)
        except (Transient, sqlite3.Error) as error:
            return self._failed("not_now", error)
        return True

    def close(self) -> None:
        """Close it."""
        self._taker.close()

    def _failed(self, reason: str, error: Exception) -> bool:
        if not self.failures[reason]:
            _LOG.warning("not taken from the hub site=%s: %s", self._site, error)
        self.failures[reason] += 1
        return False


class Outgoing:
    """A hub's end; what it cannot read now it gives later. May be used by several threads."""

    def __init__(self, folder: Path) -> None:
        """Prepare; the state is opened when a site first asks, for it may not be there yet."""
        self._folder = folder
        self._reader: ReturnsReader | None = None

    def give(self, site: str, taken: Place) -> bytes:
        """Return what a site is given behind what it has, as it goes over the way; empty where that is nothing."""
        try:
            letters = self._opened().after(site, taken)
        except (sqlite3.Error, ValueError) as error:
            _LOG.warning("nothing given site=%s: %s", site, error)
            return b""
        return site_return.encode(site, letters) if letters else b""

    def newest(self, site: str) -> Place:
        """Return the place of the last thing that a site is given."""
        try:
            return self._opened().newest(site)
        except (sqlite3.Error, ValueError):
            return Place()

    def close(self) -> None:
        """Close it."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _opened(self) -> ReturnsReader:
        if self._reader is None:
            self._reader = ReturnsReader(self._folder)
        return self._reader
