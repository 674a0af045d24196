"""Which parts of a configuration a running sensor takes over, and when there is one to take.

What records are keyed by (tenants, networks of known sites), where the state is and where servers listen stays as it
was until a restart, and is named; everything else changes at once, and sites come and go. A file that is wrong changes
nothing, and is named once.
"""

import logging
import threading
from pathlib import Path

import msgspec

from sensor.config import Config, Site, load
from sensor.errors import ConfigError

LIVE = ("budget", "sources", "sinks", "responses", "guard")
"""Tables that change as the sensor runs; of `archive` how long and how much is kept."""
LOOK_S = 5.0
"""Between two looks at the file."""
_LOG = logging.getLogger(__name__)


class Reloading:
    """One configuration file, and whether to read it again."""

    def __init__(self, path: Path, config: Config) -> None:
        """Take the file and what it said at the start."""
        self._path, self._config = path, config
        self._asked = threading.Event()
        self._seen = self._mark()
        self._looked_s = 0.0

    def ask(self) -> None:
        """Read it again at the next look: SIGHUP."""
        self._asked.set()

    def look(self, now_s: float) -> Config | None:
        """Return what to go on under, where the file changed or somebody asked; None where all stays."""
        asked = self._asked.is_set()
        if not asked and now_s - self._looked_s < LOOK_S:
            return None
        self._asked.clear()
        self._looked_s = now_s
        mark = self._mark()
        if not asked and mark == self._seen:
            return None
        self._seen = mark
        try:
            wanted = load(self._path)
        except ConfigError as error:
            _LOG.error("configuration not taken, the one before stays in force: %s", error)
            return None
        taken, waiting = merged(self._config, wanted)
        if waiting:
            _LOG.warning("configuration needs a restart for: %s", ", ".join(waiting))
        if taken == self._config:
            return None
        self._config = taken
        _LOG.warning("configuration taken path=%s", self._path)
        return taken

    def _mark(self) -> tuple[int, int, int]:
        """Tell one content from another; where it is gone, nothing changed."""
        try:
            found = self._path.stat()
        except OSError:
            return self._seen if hasattr(self, "_seen") else (0, 0, 0)
        return found.st_ino, found.st_mtime_ns, found.st_size


def merged(now: Config, wanted: Config) -> tuple[Config, tuple[str, ...]]:
    """Return what can be taken over of another configuration, and the names of what needs a restart."""
    archive = msgspec.structs.replace(
        now.archive, keep_days=wanted.archive.keep_days, limit_bytes=wanted.archive.limit_bytes
    )
    taken = msgspec.structs.replace(
        now, archive=archive, sites=_sites(now, wanted), **{name: getattr(wanted, name) for name in LIVE}
    )
    names = [field.name for field in msgspec.structs.fields(Config)]
    return taken, tuple(name for name in names if getattr(taken, name) != getattr(wanted, name))


def _sites(now: Config, wanted: Config) -> dict[str, Site]:
    """Return the sites that are wanted, each with the networks that it has here already."""
    return {
        name: one if (held := now.sites.get(name)) is None else msgspec.structs.replace(
            one, local_networks=held.local_networks, egress=held.egress
        )
        for name, one in wanted.sites.items()
    }  # fmt: skip
