"""One file of a followed log, open: its text at any offset, plain or packed, however its name changes meanwhile.

Offsets count the bytes of the text. A packed file is decoded from its beginning, and only forward; going back starts it
over. What can be decoded of a packed file that is still being written is its text so far.
"""

import logging
import os
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Protocol

_SKIP_BYTES = 1 << 16
_LOG = logging.getLogger(__name__)


class Stream(Protocol):
    """What an opener returns (`sensor.packets.inflate.open_stream`)."""

    compression: str
    problem: str

    def readinto(self, view: memoryview) -> int:
        """Fill some of `view`; 0 at the end."""


Opener = Callable[[BinaryIO], Stream]


class Text:
    """A file's text. Owns the open file."""

    def __init__(self, path: str, opener: Opener) -> None:
        """Open a file. Raises OSError."""
        self._file: BufferedReader = Path(path).open("rb")  # noqa: SIM115 - held open; `close` closes it
        self._opener = opener
        self._stream: Stream | None = None
        self._at = 0
        self._ahead = b""
        """Decoded bytes from offset `_at` on, which may be asked for again."""
        status = os.fstat(self._file.fileno())
        self.identity = (status.st_dev, status.st_ino)
        stream = opener(self._file)
        self.is_packed = bool(stream.compression)
        if self.is_packed:
            self._stream = stream

    @property
    def problem(self) -> str:
        """Say why a packed text ended before its end; empty while all is well."""
        return self._stream.problem if self._stream is not None else ""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def size(self) -> int:
        """Return the file's own size now."""
        return os.fstat(self._file.fileno()).st_size

    def restart(self) -> None:
        """Decode from the beginning at the next read: a packed file has grown."""
        if self.is_packed:
            self._file.seek(0)
            self._stream, self._at, self._ahead = self._opener(self._file), 0, b""

    def read_at(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset`; fewer at the end of what there is, or where the disk fails."""
        try:
            return self._packed(offset, count) if self.is_packed else self._plain(offset, count)
        except OSError as error:
            _LOG.warning("log cannot be read path=%s: %s", self._file.name, error.strerror)
            return b""

    def _plain(self, offset: int, count: int) -> bytes:
        pieces = []
        while count:
            piece = os.pread(self._file.fileno(), count, offset)
            if not piece:
                break
            pieces.append(piece)
            offset, count = offset + len(piece), count - len(piece)
        return b"".join(pieces)

    def _packed(self, offset: int, count: int) -> bytes:
        if offset < self._at:
            self.restart()
        while offset > self._at + len(self._ahead):
            self._at, self._ahead = self._at + len(self._ahead), self._decode(_SKIP_BYTES)
            if not self._ahead:
                return b""
        self._ahead, self._at = self._ahead[offset - self._at :], offset
        if len(self._ahead) < count:
            self._ahead += self._decode(count - len(self._ahead))
        return self._ahead[:count]

    def _decode(self, count: int) -> bytes:
        """Return the next bytes of a packed text."""
        if self._stream is None:
            return b""
        room = bytearray(count)
        view, have = memoryview(room), 0
        while have < count:
            got = self._stream.readinto(view[have:])
            if not got:
                break
            have += got
        return bytes(view[:have])
