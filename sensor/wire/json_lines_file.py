"""A file of JSON lines that only grows, survives a crash, and is put aside when it is large.

A line is on disk when `append` returns. After a crash a last line without its end is cut off, and what the file already
ends with is not written again: each line has a key, and the last lines' keys are read at the start.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

REMEMBERED = 256
"""Lines whose keys are read at the start: more than were ever sent and not acknowledged (a batch)."""
_BLOCK = 1 << 16


class JsonLinesFile:
    """An open file and those that were put aside: `NAME`, `NAME.1` (the latest) … `NAME.n`."""

    def __init__(self, path: Path, rotate_bytes: int, keep: int, key_of: Callable[[bytes], str | None]) -> None:
        """Open the file, making it and its folder where there is none.

        Args:
            path: The file.
            rotate_bytes: Size from which it is put aside; 0: never.
            keep: How many of those put aside are kept.
            key_of: Reads the key from a line; None where it is no line of ours.

        Raises:
            OSError: It cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._rotate_bytes, self._keep = path, rotate_bytes, keep
        self._fd = self._opened()
        self._mend()
        lines = _last_lines(path, REMEMBERED)
        if len(lines) < REMEMBERED and self._aside(1).exists():
            lines = _last_lines(self._aside(1), REMEMBERED - len(lines)) + lines
        self._keys = dict.fromkeys(key for line in lines if (key := key_of(line)) is not None)

    def append(self, lines: Sequence[tuple[str, bytes]]) -> None:
        """Write lines (key, JSON) that are not there yet; on disk when this returns. Raises OSError."""
        fresh = [(key, text) for key, text in lines if key not in self._keys]
        if self._rotate_bytes and os.fstat(self._fd).st_size >= self._rotate_bytes:
            self._rotate()
        if not os.path.samestat(os.fstat(self._fd), self._stat()):  # somebody else put it aside
            os.close(self._fd)
            self._fd = self._opened()
        size = os.fstat(self._fd).st_size
        try:
            _write(self._fd, b"".join(text + b"\n" for _, text in fresh))
            os.fsync(self._fd)
        except OSError:  # a full disk: no half line stays
            os.ftruncate(self._fd, size)
            raise
        self._keys.update((key, None) for key, _ in fresh)
        for key in list(self._keys)[: max(0, len(self._keys) - 2 * REMEMBERED)]:
            del self._keys[key]

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)

    def _stat(self) -> os.stat_result:
        try:
            return self._path.stat()
        except FileNotFoundError:
            return os.stat_result([0] * 10)

    def _opened(self) -> int:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
        folder = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        return fd

    def _mend(self) -> None:
        """Cut off a last line that has no end."""
        size = os.fstat(self._fd).st_size
        end = size
        while end > 0:
            start = max(0, end - _BLOCK)
            found = os.pread(self._fd, end - start, start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._fd, end)

    def _rotate(self) -> None:
        os.close(self._fd)
        self._aside(self._keep).unlink(missing_ok=True)
        for number in range(self._keep - 1, 0, -1):
            if self._aside(number).exists():
                self._aside(number).rename(self._aside(number + 1))
        self._path.rename(self._aside(1))
        self._fd = self._opened()

    def _aside(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _write(fd: int, text: bytes) -> None:
    while text:
        text = text[os.write(fd, text) :]


def _last_lines(path: Path, count: int) -> list[bytes]:
    """Return the last lines of a file, read from its end."""
    held = b""
    with path.open("rb") as file:
        at = file.seek(0, os.SEEK_END)
        while at > 0 and held.count(b"\n") <= count:
            step = min(_BLOCK, at)
            at -= step
            file.seek(at)
            held = file.read(step) + held
    return held.splitlines()[-count:]
