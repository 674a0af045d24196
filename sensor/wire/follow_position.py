"""How far each file of a followed log was read, in a form that outlives the process.

A file is known by device and inode while it lies where it was, and by its beginning and by what stands before the
position wherever else it turns up: renamed, copied, packed. The position is one text: who commits records in a
transaction commits it with them; who does not has `PositionFile`, written whole or not at all, and fsynced.
"""

import hashlib
import os
from pathlib import Path

import msgspec

HEAD_BYTES = 1024
"""What a file is known by: Zeek's header with its `#open` time, or the first records of a JSON log, with theirs."""
START_BYTES = 256
"""Of that, what is kept as it is, so that a shorter copy of the file can be told: Zeek's `#open` ends before."""
TAIL_BYTES = 256
"""What must stand before the position where reading goes on: a record or two."""
CARRY_MAX_BYTES = 65_536
"""What a reader may keep with a file: a header. Zeek's widest is 3 KB."""
FILES_MAX = 2048
"""Files that are remembered, the oldest forgotten first; 60 logs that rotate every hour fill it in 34 hours."""
VERSION = 1


def digest(piece: bytes) -> str:
    """Name some bytes."""
    return hashlib.blake2b(piece, digest_size=16).hexdigest()


class Known(msgspec.Struct):
    """One file of a log, and how far it was read."""

    number: int
    """Ordinal of the file since following began."""
    stream: str
    path: str
    device: int = 0
    inode: int = 0
    """Both 0 where it is not known to lie anywhere: a file with its contents is waited for."""
    size: int = 0
    """Of the file itself, when it was last looked at."""
    mtime_ns: int = 0
    offset: int = 0
    """Bytes of its text that were handed out."""
    head: int = 0
    head_digest: str = ""
    start: bytes = b""
    tail: int = 0
    tail_digest: str = ""
    is_skipping: bool = False
    """The offset is within a line that is too long."""
    is_cut: bool = False
    """The offset is behind a last line without an end, which was handed out."""
    is_complete: bool = False
    """All of it was handed out, and it can grow no more."""
    carry: str = ""
    """What its reader must know to go on: a header."""

    def begins(self, head: bytes) -> bool:
        """Tell whether a text that begins with `head` can be this file's."""
        return 0 < self.head <= len(head) and digest(head[: self.head]) == self.head_digest

    def covers(self, head: bytes) -> bool:
        """Tell whether a text that is `head` and no more can be a copy of this file's beginning."""
        return 0 < len(head) < self.head and self.start.startswith(head[:START_BYTES])

    def learn(self, head: bytes) -> None:
        """Take what the file is known by from the beginning of its text."""
        self.head, self.head_digest, self.start = len(head), digest(head), head[:START_BYTES]

    def advance(self, piece: bytes) -> None:
        """Move behind some bytes that were read."""
        self.offset += len(piece)
        end = piece[-TAIL_BYTES:]
        self.tail, self.tail_digest = len(end), digest(end)


class Position(msgspec.Struct):
    """How far a place was read."""

    version: int = VERSION
    since_ns: int | None = None
    """Archived files that are no newer than this, and not known, are none of ours; None before the first scan."""
    next_number: int = 0
    forgotten: int = 0
    """Files that were forgotten with something still unread."""
    files: list[Known] = msgspec.field(default_factory=list)

    def forget(self) -> None:
        """Keep to FILES_MAX, letting go of files that lie nowhere first, the oldest first."""
        while len(self.files) > FILES_MAX:
            oldest = min(self.files, key=lambda one: (not one.is_complete, one.inode != 0, one.number))
            self.files.remove(oldest)
            self.forgotten += not oldest.is_complete
            self.since_ns = max(self.since_ns or 0, oldest.mtime_ns)


def encode(position: Position) -> str:
    """Write a position."""
    return msgspec.json.encode(position).decode()


def decode(text: str) -> Position:
    """Read a position. Raises ValueError where it is damaged or of another release."""
    try:
        position = msgspec.json.decode(text.encode(), type=Position)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"the position of a followed log is damaged: {error}") from error
    if position.version != VERSION:
        raise ValueError(f"a position of version {position.version}; this release reads {VERSION}")
    return position


class PositionFile:
    """A position in a file of its own. Between the records' becoming durable and this, a crash repeats records."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def load(self) -> str | None:
        """Return what was saved last; None where nothing was."""
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return None

    def save(self, text: str) -> None:
        """Replace what was saved, durably."""
        fresh = self._path.with_name(self._path.name + ".new")
        with fresh.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
