"""Find the files of a log that is being written: the live ones, and those it was rotated into.

A place is a folder (Zeek's `current/`), one file, or a shell pattern. Rotated files are sought beside the live ones,
under a name that begins with the log's own (`conn.log.1`, `conn.2026-11-24-08-00-00.log`, `conn-20261124.gz`), and in
folders named after days, inside or beside the live folder (`2026-11-24/conn.08:00:00-09:00:00.log.gz`, as zeekctl's
archive-log names them). Reads names and status only, never contents; follows no other folder.
"""

import glob
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

DAYS_KEPT = 2
"""Newest day folders that are always listed: a log of before midnight is still being compressed after it."""
FILES_MAX = 65_536
"""Files of one scan. A site writes 60 logs an hour: two days of them are 2,880."""
_DAY = re.compile(r"\d{4}-?\d\d-?\d\d")
_ROTATION = re.compile(r"[-_.](?=\d).*")
_UNFINISHED = (".tmp", ".part", ".partial", ".swp", "~")
_PACKED = (".gz", ".zst", ".xz")


class Found(msgspec.Struct, frozen=True):
    """A file, as it was when it was listed."""

    path: str
    stream: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    is_live: bool
    """It lies where the log is written, not where it is archived."""

    @property
    def is_rotated(self) -> bool:
        """Tell whether the name looks like that of a copy: a number set off, or packed."""
        name = self.path.rpartition("/")[2]
        return name.endswith(_PACKED) or _ROTATION.search(name) is not None


def stream_of(name: str) -> str:
    """Return the log's name in a file's name: what comes before the first dot, or before a number set off by one."""
    return _ROTATION.sub("", name.partition(".")[0]) or name


class Place:
    """Where one or several logs are written."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.dropped = 0
        """Files beyond FILES_MAX, of the last scan."""

    def files(self, since_ns: int | None) -> list[Found]:
        """List the files: plain before packed, older before newer.

        Args:
            since_ns: Day folders older than this are not looked into, but the newest DAYS_KEPT.
        """
        path = Path(self._path)
        found: list[Found] = []
        if path.is_dir():
            found += _folder(path, is_live=True)
            found += _days((path, path.parent), since_ns)
        else:
            live = {str(one) for one in self._live()}
            streams = {stream_of(Path(one).name) for one in live} or {stream_of(path.name)}
            folders = {Path(one).parent for one in live} or {path.parent}
            for folder in sorted(folders):
                beside = [
                    msgspec.structs.replace(one, is_live=one.path in live) for one in _folder(folder, is_live=False)
                ]
                beside += _days((folder, folder.parent), since_ns)
                found += [one for one in beside if one.stream in streams]
        self.dropped = max(0, len(found) - FILES_MAX)
        found.sort(key=lambda one: (one.path.endswith(_PACKED), one.mtime_ns, one.path))
        return found[self.dropped :]

    def _live(self) -> list[str]:
        if any(mark in self._path for mark in "*?["):
            return sorted(glob.glob(self._path))  # noqa: PTH207 - a pattern may be absolute
        return [self._path]


def _days(folders: tuple[Path, ...], since_ns: int | None) -> Iterator[Found]:
    days: dict[str, tuple[str, int]] = {}
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if _DAY.fullmatch(entry.name) and entry.is_dir():
                        days[entry.path] = (entry.name.replace("-", ""), entry.stat().st_mtime_ns)
        except OSError:
            continue
    newest = sorted(days, key=lambda one: days[one])
    for number, path in enumerate(newest):
        if number >= len(newest) - DAYS_KEPT or (since_ns is not None and days[path][1] > since_ns):
            yield from _folder(Path(path), is_live=False)


def _folder(folder: Path, *, is_live: bool) -> Iterator[Found]:
    """List one folder; a file that vanishes meanwhile is left out."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.path for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return
    for path in names:
        if path.endswith(_UNFINISHED):
            continue
        try:
            status = os.stat(path)  # noqa: PTH116 - a Path for each file of each scan costs more than the call
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            stream = stream_of(path.rpartition("/")[2])
            yield Found(path, stream, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, is_live)
