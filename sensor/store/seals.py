"""Keyed digests over what the state keeps, so that any edit is found, whatever checksums were made again with it.

A seal is a BLAKE2b (RFC 7693) under a key of the state's own over a row's columns or a file's bytes. All seals together
have a root (the exclusive or of keyed digests: Clarke et al. 2003, "Incremental Multiset Hash Functions", section 4.1),
so that a row cannot vanish with its seal; each commit links its root, and facts about the archive, to the one before.

Assumes that who edits the state does not have the key, which is a file of its own, readable by its owner alone. Does
not find a whole state that was put back to an earlier commit of itself.
"""

import hashlib
import itertools
import os
import secrets
import sqlite3
from pathlib import Path

KEY_FILE = "seal.key"
KEY_BYTES = 32
DIGEST_BYTES = 32
COMMITS_KEPT = 1024
"""Links that can be checked: `run` adds one a second."""
_NOTHING = bytes(DIGEST_BYTES)
_ROOT = "root"
"""Kind of the one seal that holds the root and its own digest."""

COLUMNS = {
    "incident": ("incidents", "id, state, tier, verdict, site, opened, last_activity, score_db, body"),
    "evidence": (
        "evidence",
        "id, incident, site, entity_kind, entity_id, detector, family, ts, observed, p, db, model, basis",
    ),
}
"""Kind → table and the columns that its seal covers."""


class Seals:
    """The seals of one state; what is put takes effect with the commit of the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection = connection
        self._path = folder / KEY_FILE
        self._key = b""

    def key(self) -> bytes:
        """Return the key; made where there is none and nothing is sealed yet.

        Raises:
            ValueError: It is gone, or of the wrong length, and what is sealed cannot be checked.
        """
        if not self._key:
            if not self._path.exists() and not self._any():
                _make_key(self._path)
            held = self._path.read_bytes() if self._path.is_file() else b""
            if len(held) != KEY_BYTES:
                raise ValueError(f"{self._path} is missing or damaged: the seals of this state cannot be checked")
            self._key = held
        return self._key

    def digest(self, kind: str, name: str, *content: bytes | memoryview) -> bytes:
        """Return the seal of some content, in one part or several, under a name."""
        made = hashlib.blake2b(digest_size=DIGEST_BYTES, key=self.key())
        made.update(f"{kind}\0{name}\0".encode("utf-8", "surrogateescape"))
        for part in content:
            made.update(part)
        return made.digest()

    def put(self, kind: str, name: str, digest: bytes) -> None:
        """Set a seal, inside the caller's transaction."""
        before = self.held(kind, name)
        self._connection.execute("INSERT OR REPLACE INTO seals VALUES (?, ?, ?)", (kind, name, digest))
        self._turn_root(_number(digest) ^ _number(before or b""))

    def put_row(self, kind: str, name: str) -> None:
        """Seal a row as it stands in its table."""
        content = self.row(kind, name)
        if content is not None:
            self.put(kind, name, self.digest(kind, name, content))

    def drop(self, kind: str, name: str) -> None:
        """Take a seal away, with what it sealed."""
        held = self.held(kind, name)
        if held is not None:
            self._connection.execute("DELETE FROM seals WHERE kind = ? AND id = ?", (kind, name))
            self._turn_root(_number(held))

    def commit(self, facts: str) -> None:
        """Link the present root to the commit before, inside the caller's transaction.

        Args:
            facts: What else the link covers.
        """
        row = self._connection.execute("SELECT number, link FROM commits ORDER BY number DESC LIMIT 1").fetchone()
        number, before = (0, _NOTHING) if row is None else (int(row[0]), bytes(row[1]))
        root = self._root()
        made = self._link(number + 1, root, facts, before)
        self._connection.execute("INSERT INTO commits VALUES (?, ?, ?, ?)", (number + 1, root, facts, made))
        self._connection.execute("DELETE FROM commits WHERE number <= ?", (number + 1 - COMMITS_KEPT,))

    def facts(self) -> str:
        """Return what the last commit's link covers beside the root; empty where there is none."""
        row = self._connection.execute("SELECT facts FROM commits ORDER BY number DESC LIMIT 1").fetchone()
        return "" if row is None else str(row[0])

    def held(self, kind: str, name: str) -> bytes | None:
        """Return the seal under a name, None where there is none."""
        row = self._connection.execute("SELECT digest FROM seals WHERE kind = ? AND id = ?", (kind, name)).fetchone()
        return None if row is None else bytes(row[0])

    def row(self, kind: str, name: str) -> bytes | None:
        """Return what a row's seal covers: the literals of its columns as SQLite writes them; None: no such row."""
        table, columns = COLUMNS[kind]
        written = " || ',' || ".join(f"quote({column})" for column in columns.split(", "))
        found = self._connection.execute(f"SELECT {written} FROM {table} WHERE id = ?", (name,)).fetchone()  # noqa: S608
        return None if found is None else str(found[0]).encode("utf-8", "surrogateescape")

    def chain_fault(self) -> str | None:
        """Return what is wrong with the root or the links, None where nothing is."""
        rows = self._connection.execute("SELECT number, root, facts, link FROM commits ORDER BY number").fetchall()
        for (before, _, _, link), (number, root, facts, made) in itertools.pairwise(rows):
            if number != before + 1 or made != self._link(number, root, facts, link):
                return f"commit {number} does not follow from the one before"
        if rows and rows[0][0] == 1 and rows[0][3] != self._link(1, rows[0][1], rows[0][2], _NOTHING):
            return "the first commit is not as it was made"
        root = 0
        for (one,) in self._connection.execute("SELECT digest FROM seals WHERE kind <> ?", (_ROOT,)):
            root ^= _number(one)
        if root.to_bytes(DIGEST_BYTES, "big") != self._root():
            return "the seals are not those that were set: a row or a file was taken away or put in"
        held = self.held(_ROOT, "")
        if held is not None and held[DIGEST_BYTES:] != self.digest(_ROOT, "", held[:DIGEST_BYTES]):
            return "the root of the seals is not as it was made"
        return None

    def _any(self) -> bool:
        return self.held(_ROOT, "") is not None

    def _root(self) -> bytes:
        held = self.held(_ROOT, "")
        return _NOTHING if held is None else held[:DIGEST_BYTES]

    def _turn_root(self, delta: int) -> None:
        root = (_number(self._root()) ^ delta).to_bytes(DIGEST_BYTES, "big")
        whole = root + self.digest(_ROOT, "", root)
        self._connection.execute("INSERT OR REPLACE INTO seals VALUES (?, '', ?)", (_ROOT, whole))

    def _link(self, number: int, root: bytes, facts: str, before: bytes) -> bytes:
        return self.digest("commit", str(number), root, before, facts.encode())


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "big")


def _make_key(path: Path) -> None:
    """Write a new key durably, readable by its owner only."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
