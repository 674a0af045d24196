"""Which files the archive is made of: a list in the state's database, changed only with its commit.

A file that is not listed is not there, so a crash at any point leaves the archive as the last commit made it. A file
that was merged into another, or has expired, stays on disk for KEPT_COMMITS more commits, for readers that have the
list of before.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sensor.store.seals import Seals

FOLDER = "archive"
UNSTAMPED = -(1 << 63)
"""`taken_ns` of a file that waits for its commit."""
KEPT_COMMITS = 64
"""About a minute of `run`, whose reader of the list of before may still open its files."""
_NEVER_NS = (1 << 63) - 1
_COLUMNS = "path, records, place, level, taken_ns, first_ns, last_ns, count, bytes"


class ArchiveFile(msgspec.Struct, frozen=True):
    """One Parquet file of one table."""

    path: str
    """Below the archive's folder."""
    table: str
    place: str
    """Its partition: `site=…/dt=…/hr=…`."""
    level: int
    """How often its rows were merged."""
    taken_ns: int
    """Event time up to which the state had learned when its rows were taken in, of which they age."""
    first_ns: int
    last_ns: int
    """Times of its first and last row."""
    count: int
    size_bytes: int


class Facts(msgspec.Struct, frozen=True):
    """What the archive as a whole says of itself; sealed with each commit."""

    since_ns: int = 0
    """Event time from which on it is whole; 0: it always was."""
    until_ns: int = 0
    """Event time up to which the state had learned at the last commit that it had part in."""
    next_n: int = 0
    """Ordinal of the next record."""
    next_file: int = 0
    """Number of the next file."""
    forgotten: int = 0
    """Rows that have expired."""


class Manifest:
    """The archive's list of files; what is added or dropped is so after the commit."""

    def __init__(self, connection: sqlite3.Connection, seals: Seals) -> None:
        self._connection = connection
        self._seals = seals
        self._added: list[tuple[ArchiveFile, bytes]] = []
        self._dropped: list[str] = []
        self._discarded: list[str] = []
        self._facts: Facts | None = None

    @property
    def facts(self) -> Facts:
        """What the last commit said."""
        text = self._seals.facts()
        return msgspec.json.decode(text, type=Facts) if text else Facts()

    def files(self, table: str | None = None, *, pending: bool = False) -> list[ArchiveFile]:
        """Return the committed files of a table, or of all, by time; `pending` also those that wait for the commit."""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM archive_files WHERE gone IS NULL AND (? IS NULL OR records = ?) "  # noqa: S608
            "ORDER BY records, first_ns, path",
            (table, table),
        )
        return [*(ArchiveFile(*row) for row in rows), *(one for one, _ in self._added if pending)]

    def size(self) -> tuple[int, int]:
        """Return the bytes of all files, those that wait for the commit included, and when the oldest was taken in."""
        row = self._connection.execute(
            "SELECT total(bytes), min(taken_ns) FROM archive_files WHERE gone IS NULL"
        ).fetchone()
        waiting = [one for one, _ in self._added]
        times = [one.taken_ns for one in waiting] + ([] if row[1] is None else [int(row[1])])
        return int(row[0]) + sum(one.size_bytes for one in waiting), min(times, default=_NEVER_NS)

    def crowded(self, fanout: int, rows_max: int) -> list[list[ArchiveFile]]:
        """Return the committed files of each partition and level that holds `fanout` or more of few enough rows."""
        places = self._connection.execute(
            "SELECT records, place, level FROM archive_files WHERE gone IS NULL AND count <= ? "
            "GROUP BY records, place, level HAVING count(*) >= ? ORDER BY records, place, level",
            (rows_max, fanout),
        ).fetchall()
        listed = (
            f"SELECT {_COLUMNS} FROM archive_files WHERE gone IS NULL AND count <= ? "  # noqa: S608 - our own names
            "AND records = ? AND place = ? AND level = ? ORDER BY path"
        )
        return [[ArchiveFile(*row) for row in self._connection.execute(listed, (rows_max, *place))] for place in places]

    def seal(self, file: ArchiveFile, digest: bytes) -> bytes:
        """Return the seal of a file: of what is listed of it, and of its content's digest."""
        return self._seals.digest("file", file.path, msgspec.json.encode(file), digest)

    def add(self, file: ArchiveFile, digest: bytes) -> None:
        """List a file that is on disk, from the commit on, with `digest_of` its bytes."""
        self._added.append((file, digest))

    def stamp(self, clock_ns: int) -> None:
        """Say of files that wait for the commit when their rows were taken in, where that is not known before."""
        self._added = [
            (msgspec.structs.replace(one, taken_ns=clock_ns) if one.taken_ns == UNSTAMPED else one, digest)
            for one, digest in self._added
        ]

    def drop(self, paths: Sequence[str]) -> None:
        """Take files off the list, from the commit on; one that waits for the commit is never listed."""
        waiting = {one.path for one, _ in self._added}.intersection(paths)
        self._added = [item for item in self._added if item[0].path not in waiting]
        self._discarded += sorted(waiting)
        self._dropped += [path for path in paths if path not in waiting]

    def set_facts(self, facts: Facts) -> None:
        """Say what the archive is after the commit."""
        self._facts = facts

    def write_pending(self) -> None:
        """Write what was added and dropped, inside the caller's transaction, and seal the commit."""
        self._connection.executemany(
            f"INSERT INTO archive_files ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own names
            [
                (
                    one.path,
                    one.table,
                    one.place,
                    one.level,
                    one.taken_ns,
                    one.first_ns,
                    one.last_ns,
                    one.count,
                    one.size_bytes,
                )
                for one, _ in self._added
            ],
        )
        for one, digest in self._added:
            self._seals.put("file", one.path, self.seal(one, digest))
        self._write_dropped()
        facts = self._seals.facts() if self._facts is None else msgspec.json.encode(self._facts).decode()
        self._seals.commit(facts)
        self._added, self._dropped, self._facts = [], [], None

    def drop_now(self, facts: Facts) -> list[str]:
        """Commit what was dropped, and nothing else; return every file that nobody will read.

        Args:
            facts: Of them, from when on the archive is whole becomes true now.
        """
        with self._connection:
            self._write_dropped()
            now = msgspec.structs.replace(self.facts, since_ns=facts.since_ns, forgotten=facts.forgotten)
            self._seals.commit(msgspec.json.encode(now).decode())
        self._dropped = []
        with self._connection:
            return self.take_gone(0)

    @property
    def dropped(self) -> frozenset[str]:
        """Listed files that the coming commit takes off the list."""
        return frozenset(self._dropped)

    def leaving_bytes(self) -> int:
        """Return the bytes of files that are off the list, or will be with the commit, and still on disk."""
        row = self._connection.execute("SELECT total(bytes) FROM archive_files WHERE gone IS NOT NULL").fetchone()
        dropped = self.dropped
        more = sum(one.size_bytes for one in self.files() if one.path in dropped) if dropped else 0
        return int(row[0]) + more

    def _write_dropped(self) -> None:
        number = self._number()
        for path in self._dropped:
            self._connection.execute("UPDATE archive_files SET gone = ? WHERE path = ?", (number, path))
            self._seals.drop("file", path)

    def take_gone(self, kept_commits: int = KEPT_COMMITS) -> list[str]:
        """Return the files that nobody reads any more; forgotten with the next commit."""
        rows = self._connection.execute(
            "SELECT path FROM archive_files WHERE gone IS NOT NULL AND gone <= ?", (self._number() - kept_commits,)
        ).fetchall()
        if rows:  # else a transaction would be opened for nothing
            self._connection.executemany("DELETE FROM archive_files WHERE path = ?", rows)
        discarded, self._discarded = self._discarded, []
        return [*(str(path) for (path,) in rows), *discarded]

    def known(self) -> set[str]:
        """Return every file on the list, those that wait to be deleted included."""
        return {str(path) for (path,) in self._connection.execute("SELECT path FROM archive_files")}

    def _number(self) -> int:
        row = self._connection.execute("SELECT max(number) FROM commits").fetchone()
        return 0 if row is None or row[0] is None else int(row[0])


def digest_of(content: bytes | memoryview) -> bytes:
    """Return the digest of a file's bytes that its seal covers."""
    return hashlib.blake2b(content, digest_size=32).digest()


def folder_of(state: Path) -> Path:
    """Return where a state's archive lies."""
    return state / FOLDER
