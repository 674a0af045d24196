"""Room on the state's disk: what is left, what the coming commits need, and what is kept in reserve for the worst case.

A commit writes the new snapshot while the old is there, the database's log, and the archive's files. While less than
that is free, the oldest files of the archive give way (`sensor.store.archive`); incidents never do. For a disk that
others have filled to the last byte, a file of RESERVE_BYTES is held: it goes first, so that the list of what goes next
can be written at all.
"""

import contextlib
import errno
import os
import sqlite3
from pathlib import Path

from sensor.store.state import DATABASE

RESERVE = "reserve"
RESERVE_BYTES = 8 << 20
"""The database's log of one small transaction, and its index in shared memory, with room to spare."""
FLUSH_BYTES = 32 << 20
"""What the archive gathers before it writes, as if nothing were compressed."""
TIMES = 2
"""Commits that must fit, so that one that has begun ends, and the next begins, whatever others write meanwhile."""


class Room:
    """One state's disk."""

    def __init__(self, folder: Path) -> None:
        """Take the state's folder."""
        self._folder = folder

    def free(self) -> int:
        """Return the bytes that are left to whoever is not root."""
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize

    def commit_bytes(self) -> int:
        """Return what the next commit writes at most, by the last one."""
        sizes = [0]
        for path in (*self._folder.glob("snapshot-*.npz"), self._folder / f"{DATABASE}-wal"):
            with contextlib.suppress(FileNotFoundError):
                sizes.append(path.stat().st_size)
        return sum(sizes) + FLUSH_BYTES

    def lacking(self) -> int:
        """Return how much more should be free."""
        reserve = 0 if self._has_reserve() else RESERVE_BYTES
        return max(0, TIMES * self.commit_bytes() + reserve - self.free())

    def is_tight(self) -> bool:
        """Tell whether a commit that begins now may find no room."""
        return self.free() < self.commit_bytes()

    def hold(self) -> None:
        """Set the reserve aside where there is room for it again."""
        path = self._folder / RESERVE
        if self._has_reserve() or self.free() < self.commit_bytes() + RESERVE_BYTES:
            return
        with contextlib.suppress(OSError), path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)

    def release(self) -> None:
        """Give the reserve up where it is needed."""
        if self.free() < RESERVE_BYTES:
            (self._folder / RESERVE).unlink(missing_ok=True)

    def _has_reserve(self) -> bool:
        return (self._folder / RESERVE).exists()


def is_full(error: BaseException) -> bool:
    """Tell whether an error says that a disk, or what one may use of it, is full."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
