"""What a site was given by its hub: on disk before it is acknowledged, until it is part of the state.

Whoever carries it stores it over a connection of its own; the core reads it between two steps, and the rows go with the
commit that has what followed from them. Bounded: what there is no room for is not stored, and the hub gives it again.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sensor.errors import Transient
from sensor.model.given import Letter, Place
from sensor.store import schema

HELD_MAX, HELD_BYTES = 8192, 16 << 20
"""Twice what a hub holds for a site (`sensor.store.returns`), should the core stand still meanwhile."""
READ_MAX = 64
"""Taken into the core at once."""
BUSY_MS = 60_000
"""As for the spool: a commit takes seconds."""
_DATABASE = "state.sqlite"


class Taker:
    """One connection of whoever carries."""

    def __init__(self, folder: Path) -> None:
        """Open it beside the process that has the state."""
        self._connection = schema.connect(folder / _DATABASE)
        self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def place(self) -> Place:
        """Return how far everything that was given is on disk here."""
        return _place(self._connection)

    def store(self, letters: Sequence[Letter]) -> None:
        """Store what came, in order, on disk when this returns.

        Raises:
            Transient: There is no room now, or the disk does not let it.
        """
        if not letters:
            return
        try:
            with self._connection:
                count, size = self._connection.execute(
                    "SELECT count(*), coalesce(sum(length(body)), 0) FROM returned"
                ).fetchone()
                size += sum(len(one.body) for one in letters)
                if count + len(letters) > HELD_MAX or size > HELD_BYTES:
                    raise Transient("no room at present for what the hub gives")
                self._connection.executemany(
                    "INSERT INTO returned (key, body) VALUES (?, ?)", [(one.key, one.body) for one in letters]
                )
                last = letters[-1]
                self._connection.executemany(
                    "INSERT OR REPLACE INTO spool_marks VALUES (?, ?)",
                    [("given_epoch", last.epoch), ("given_sequence", last.sequence)],
                )
        except sqlite3.OperationalError as error:
            raise Transient(f"what the hub gives is not stored: {error}") from error


class Returned:
    """The core's side: over the state's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take the state's connection."""
        self._connection = connection
        self._taken = 0

    @property
    def place(self) -> Place:
        """Return how far everything that was given is on disk."""
        return _place(self._connection)

    def take(self) -> list[tuple[str, bytes]]:
        """Return what came and was not taken yet by this process: keys and bodies, in order, some at a time."""
        rows = self._connection.execute(
            "SELECT number, key, body FROM returned WHERE number > ? ORDER BY number LIMIT ?", (self._taken, READ_MAX)
        ).fetchall()
        if rows:
            self._taken = int(rows[-1][0])
        return [(str(key), bytes(body)) for _, key, body in rows]

    def committed(self) -> None:
        """Let what was taken go, inside the transaction that has what followed from it."""
        if self._taken:
            self._connection.execute("DELETE FROM returned WHERE number <= ?", (self._taken,))


def _place(connection: sqlite3.Connection) -> Place:
    held = dict(connection.execute("SELECT name, value FROM spool_marks WHERE name LIKE 'given_%'"))
    return Place(int(held.get("given_epoch", 0)), int(held.get("given_sequence", 0)))
