"""Recent packets on disk: pcap files one after the other, the oldest removed where they grow beyond a limit.

Written in large blocks and never synced: what a power failure takes is the newest, which the sensor has read already.
A disk that fails or is full ends the keeping and nothing else.
"""

import contextlib
import os
import struct
from collections import deque
from pathlib import Path

FILES = 32
"""A file is this part of the limit: what is removed at once."""
LINK_ETHERNET, LINK_RAW = 1, 101
"""LINKTYPE_ of https://www.tcpdump.org/linktypes.html."""
SNAPLEN = 262_144
_NANOSECONDS = 0xA1B23C4D
SUFFIX = ".pcap"


def listed(folder: Path) -> list[Path]:
    """Return the files of a folder, oldest first."""
    found = []
    for path in folder.glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError):  # removed meanwhile
            found.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(found)]


class PacketFiles:
    """Files that one process writes.

    Attributes:
        problem: Why nothing more is kept; empty while all is well.
    """

    def __init__(self, folder: Path, name: str, limit_bytes: int, linktype: int = LINK_ETHERNET) -> None:
        """Go on where an earlier process of this name ended.

        Args:
            folder: Where; must be there.
            name: How their names begin; no other process's may.
            limit_bytes: Of all its files together.
            linktype: LINKTYPE_ of the frames.
        """
        self.problem = ""
        self._folder, self._name, self._limit = folder, name, limit_bytes
        self._header = struct.pack("<IHHiIII", _NANOSECONDS, 2, 4, 0, 0, SNAPLEN, linktype)
        self._files: deque[tuple[Path, int]] = deque()
        self._total = self._size = 0
        self._path = folder
        self._open: int | None = None
        for path in listed(folder):
            if path.name.startswith(name + "-"):
                self._files.append((path, path.stat().st_size))
        self._total = sum(size for _, size in self._files)

    def write(self, records: memoryview, first_ns: int) -> None:
        """Append whole records.

        Args:
            records: pcap records of nanoseconds, little-endian.
            first_ns: Time of the first, ns; names a new file.
        """
        if self.problem:
            return
        try:
            if self._open is None or self._size + len(records) > max(self._limit // FILES, len(self._header)):
                self._next(first_ns)
            if self._open is not None:
                self._size += _all(self._open, records)
            while self._files and self._total + self._size > self._limit:
                path, size = self._files.popleft()
                self._total -= size
                path.unlink(missing_ok=True)
        except OSError as error:
            self.problem = f"{self._folder}: {error.strerror}"
            self.close()

    def close(self) -> None:
        """Close the newest file."""
        if self._open is not None:
            os.close(self._open)
            self._open = None

    def _next(self, first_ns: int) -> None:
        if self._open is not None:
            self.close()
            self._files.append((self._path, self._size))
            self._total += self._size
        self._path = self._folder / f"{self._name}-{first_ns:020d}{SUFFIX}"
        self._open = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._size = _all(self._open, memoryview(self._header))


def _all(descriptor: int, content: memoryview) -> int:
    done = 0
    while done < len(content):
        done += os.write(descriptor, content[done:])
    return done
