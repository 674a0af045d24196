"""A folder into which bundles come over a link that goes one way, watched while the hub runs.

What was taken moves into FOLDER/taken, and what was refused into FOLDER/refused: both are bounded, the oldest goes
first. Both are looked at again at the start, and when the keys change: a hub that was put back from a backup takes
again what it kept, and what was refused for want of a key is taken when there is one. A file is refused only when it
has stood unchanged for a while: until then it may be one that is still being copied. Whoever writes into the folder
chooses names and contents; neither makes anything of a file but its signature.
"""

import logging
import sqlite3
import threading
import time
from pathlib import Path

from sensor.errors import ConfigError
from sensor.model.text import clean
from sensor.pipeline.unbundling import Imported, Trust, Unbundler, in_order
from sensor.sources.site import Settings
from sensor.store.bundle_window import BundleWindow
from sensor.store.inbox import Inbox
from sensor.wire import bundle_files
from sensor.wire.bundle_files import Mark
from sensor.wire.clock import SystemClock

LOOK_S = 5.0
"""Between two looks: diodes deliver files, some seconds each."""
SETTLE_S = 60.0
"""A copy that does not grow for so long is over; a diode's own pauses are seconds."""
TAKEN, REFUSED = "taken", "refused"
REFUSED_BYTES = 100_000_000
_STAYS = float("inf")
"""Since when a file is as it is that was taken and could not be moved: it is not looked at again."""
_LOG = logging.getLogger(__name__)


def intake(place: str, settings: Settings, trust: Trust, state: Path) -> "BundleIntake":
    """Begin to watch the folder that a source's options name. Raises ConfigError."""
    try:
        one = BundleIntake(Path(settings.folder), state, trust, settings.limit_bytes, settings.bundles_kept_bytes)
    except (OSError, ValueError) as error:
        raise ConfigError(f"[{place}] {error}") from error
    one.start()
    return one


class BundleIntake(threading.Thread):
    """One folder's thread.

    Attributes:
        problem: Why nothing is taken at present; empty while all is well.
        refused: Files that were not taken, by reason: `broken` is cut short.
        taken: Bundles of which something was new.
    """

    def __init__(self, folder: Path, state: Path, trust: Trust, limit_bytes: int, kept_bytes: int) -> None:
        """Open the inbox beside the state.

        Args:
            folder: Where bundles come; made where it is not there.
            state: The hub's.
            trust: Whose bundles are taken.
            limit_bytes: Of the inbox.
            kept_bytes: Of bundles that were taken, to be kept.

        Raises:
            OSError: The folder cannot be made.
            ValueError: The inbox is none of ours.
        """
        super().__init__(name=f"bundles {folder}", daemon=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._kept_bytes, self._trust = folder, kept_bytes, trust
        self._stop_event = threading.Event()
        self._inbox = Inbox(state, limit_bytes)
        self._window = BundleWindow(state)
        clock = SystemClock(self._stop_event)
        self._unbundler = Unbundler(self._inbox, self._window, trust, clock.now_ns)
        self._seen: dict[Path, tuple[Mark, float]] = {}
        """Files that were not taken: as they were, and since when they are so, s."""
        self._full: dict[str, str] = {}
        """Sites for which the inbox had no room in this round, and what is said of it."""
        self._again, self._stays = True, ""
        self.problem, self.taken, self.refused = "", 0, {"broken": 0, "malformed": 0}

    def trusts(self, trust: Trust) -> None:
        """Take the bundles of these from now on; what was refused is looked at again."""
        self._trust = trust
        self._unbundler.trust = trust
        self._again = True

    def run(self) -> None:
        """Watch until told to stop."""
        while not self._stop_event.is_set():
            try:
                self.round(time.monotonic())
                self._says("")
            except (OSError, sqlite3.Error) as error:
                self._says(str(error))
            self._stop_event.wait(LOOK_S)

    def close(self) -> None:
        """Stop, after the bundle that is being taken."""
        self._stop_event.set()
        if self.ident is not None:
            self.join()
        self._window.close()
        self._inbox.close()

    def round(self, now_s: float) -> list[Imported]:
        """Look once; return what became of each file that is new or changed. Raises OSError: not now."""
        done: list[Imported] = []
        self._full.clear()
        if self._again:  # a state may have been put back since these were put aside, or others are trusted
            self._again = False
            try:
                self._seen = {path: seen for path, seen in self._seen.items() if seen[1] == _STAYS}
                for name in filter(self._has, (TAKEN, REFUSED)):
                    done += self._take(dict(bundle_files.in_folder(self._folder / name)), now_s)
            except OSError:
                self._again = True
                raise
        found = dict(bundle_files.in_folder(self._folder))
        self._seen = {path: seen for path, seen in self._seen.items() if found.get(path) == seen[0]}
        done += self._take({path: mark for path, mark in found.items() if path not in self._seen}, now_s)
        for path, (mark, since_s) in list(self._seen.items()):
            if now_s - since_s >= SETTLE_S:
                self._settle(path, mark)
        return done

    def _has(self, name: str) -> bool:
        return (self._folder / name).is_dir() and not (self._folder / name).is_symlink()

    def _take(self, found: dict[Path, Mark], now_s: float) -> list[Imported]:
        """Take files, and put aside what was taken. Raises Transient where the inbox cannot be written.

        A site for which the inbox has no room keeps no other site waiting.
        """
        ready, done = in_order(self._trust, list(found))
        for site, path in ready:
            if self._stop_event.is_set():
                break
            if site in self._full:
                continue
            one = self._unbundler.take(path)
            done.append(one)
            if one.outcome == "full":
                self._full[site] = one.why
            if one.outcome in {"taken", "known"}:
                self.taken += one.fresh > 0
                if path.parent == self._folder:
                    self._put_aside(path, found[path], TAKEN, self._kept_bytes)
        for one in done:
            if one.outcome in {"incomplete", "refused"} and Path(one.path).parent == self._folder:
                self._seen[Path(one.path)] = (found[Path(one.path)], now_s)
        return done

    def _settle(self, path: Path, mark: Mark) -> None:
        """Try once more what has stood unchanged, and refuse it for good; say why, once. Raises Transient."""
        one = self._unbundler.take(path)
        if one.outcome == "full":
            del self._seen[path]
            return
        if one.outcome in {"taken", "known"}:
            self.taken += one.fresh > 0
            self._put_aside(path, mark, TAKEN, self._kept_bytes)
            return
        self.refused["broken" if one.outcome == "incomplete" else "malformed"] += 1
        _LOG.warning("bundle %s file=%s: %s", one.outcome, clean(path.name), clean(one.why))
        self._put_aside(path, mark, REFUSED, REFUSED_BYTES)

    def _put_aside(self, path: Path, mark: Mark, name: str, limit_bytes: int) -> None:
        """Move a file out of the way, or remove it; where that cannot be, it is not looked at again as it is."""
        self._seen.pop(path, None)
        try:
            bundle_files.put_aside(path, mark, name, limit_bytes)
        except OSError as error:
            self._seen[path] = (mark, _STAYS)
            self._stays = f"{clean(path.name)} and others stay: they cannot be moved to {name}/: {error.strerror}"

    def _says(self, why: str) -> None:
        """Note why nothing is taken, or that files stay that should not."""
        if not why and any(since_s == _STAYS for _, since_s in self._seen.values()):
            why = self._stays
        why = why or "; ".join(self._full.values())
        if why and why != self.problem:
            _LOG.warning("bundles folder=%s: %s", self._folder, why)
        self.problem = why
