"""Bundles as files: written whole or not at all, and opened without trusting what lies in a folder.

A file is written beside its place under a hidden name, which no reader takes, brought to disk, and then renamed. What
is opened is a regular file and no link; its name decides nothing but the order in which files are looked at. Whoever
puts files into a folder chooses their names: the signature alone says what one is.
"""

import contextlib
import heapq
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sensor.errors import Malformed
from sensor.wire.bundles import Head, Read, Writer

SUFFIX = ".bundle"
FOUND_MAX = 10_000
"""Files of a folder that are looked at in one round."""
_PART = ".part"
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")
_NAME_MAX = 60
"""Characters of a site's name in a file's: the rest has 55, and a file system takes 255 bytes."""


class Mark(NamedTuple):
    """What tells one version of a file from another without reading it."""

    inode: int
    bytes: int
    mtime_ns: int
    ctime_ns: int


class Found(NamedTuple):
    """An open file."""

    read: Read
    bytes: int
    mark: Mark


def name_of(head: Head) -> str:
    """Return the name of a bundle's file: a site's sort as they follow each other."""
    return f"{_begin(head.site)}{head.first:012d}-{head.epoch:x}{SUFFIX}"


def write(folder: Path, writer: Writer, envelopes: Iterable[bytes]) -> tuple[Path, int]:
    """Write a bundle into a folder; it is on disk under its name when this returns, or nothing of it is there.

    Args:
        folder: Made where there is none.
        writer: Plans it.
        envelopes: As planned.

    Returns:
        The file and its bytes.

    Raises:
        OSError: It cannot be written.
        ValueError: The envelopes are not those that were planned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name_of(writer.head)
    part = folder / f".{path.name}{_PART}"
    part.unlink(missing_ok=True)  # of one that was killed
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:
        with os.fdopen(handle, "wb") as file:
            file.seek(writer.body_at)
            for envelope in envelopes:
                file.write(writer.record(envelope))
            size = file.tell()
            file.seek(0)
            file.write(writer.front())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync(folder)
    return path, size


def clear(folder: Path, site: str) -> None:
    """Remove what exports of a site that were killed left in a folder, which others may use too."""
    ours = re.compile(re.escape(f".{_begin(site)}") + r"[0-9]+-[0-9a-f]+" + re.escape(f"{SUFFIX}{_PART}"))
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as listed:
        for name in [one.name for one in listed if ours.fullmatch(one.name)]:
            with contextlib.suppress(OSError):
                (folder / name).unlink()


def room_taken(folder: Path) -> int:
    """Return the bytes of the bundles that lie in a folder."""
    total = 0
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as listed:
        for one in listed:
            if one.name.endswith(SUFFIX):
                with contextlib.suppress(FileNotFoundError):
                    total += one.stat(follow_symlinks=False).st_size
    return total


def sync(folder: Path) -> None:
    """Bring to disk which files a folder has. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def in_folder(folder: Path, most: int = FOUND_MAX) -> list[tuple[Path, Mark]]:
    """Return the files of a folder that may be bundles, by name, so many at most. Raises OSError."""
    with os.scandir(folder) as listed:
        names = heapq.nsmallest(
            most, (one.name for one in listed if one.name.endswith(SUFFIX) and not one.name.startswith("."))
        )
    found = []
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            path = folder / name
            found.append((path, _mark(path.lstat())))
    return found


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Found]:
    """Open a file for reading. Raises OSError, and Malformed where it is none: a link, a pipe, a device."""
    if path.is_symlink():
        raise Malformed("it is a link, and links are not followed")
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise Malformed("it is no file")

        def read(at: int, count: int) -> bytes:
            parts = []
            while count > 0 and (part := os.pread(handle, count, at)):
                parts.append(part)
                at, count = at + len(part), count - len(part)
            return b"".join(parts)

        yield Found(read, status.st_size, _mark(status))
    finally:
        os.close(handle)


def put_aside(path: Path, mark: Mark, name: str, limit_bytes: int) -> None:
    """Move a file that is still the one that was looked at into a folder beside it, and bound what lies there.

    Args:
        path: The file.
        mark: As it was looked at; another one is left where it is.
        name: The folder, in the file's own; made where there is none, and it must be no link.
        limit_bytes: Of that folder, the oldest goes first; 0: the file is removed.

    Raises:
        OSError: It cannot be moved.
    """
    try:
        if _mark(path.lstat()) != mark:
            return
        if not limit_bytes:
            path.unlink()
            return
        with contextlib.suppress(FileExistsError):
            (path.parent / name).mkdir(0o750)
        aside = os.open(path.parent / name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:  # somebody took it away
        return
    try:
        os.rename(path, path.name, dst_dir_fd=aside)
        _bound(aside, limit_bytes)
    finally:
        os.close(aside)


def _bound(folder: int, limit_bytes: int) -> None:
    """Remove the oldest files of an open folder until the rest fits."""
    held: list[tuple[int, str, int]] = []
    with os.scandir(folder) as listed:
        for one in listed:
            with contextlib.suppress(FileNotFoundError):
                status = one.stat(follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode):
                    held.append((status.st_mtime_ns, one.name, status.st_size))
    over, count = sum(size for *_, size in held) - limit_bytes, len(held)
    for _, name, size in sorted(held):
        if over <= 0 and count <= FOUND_MAX:
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        over, count = over - size, count - 1


def _begin(site: str) -> str:
    """Return how the names of a site's files begin."""
    plain = "".join(one if one in _PLAIN else "".join(f"%{byte:02X}" for byte in one.encode()) for one in site)
    return f"spanline-{plain[:_NAME_MAX]}-"


def _mark(status: os.stat_result) -> Mark:
    return Mark(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
