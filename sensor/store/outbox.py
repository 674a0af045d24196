"""Which incidents changed, and what each sink has of them.

The outbox has one row an incident: the number of its last change, given by the database in the transaction that wrote
it. However long a sink is away, nothing piles up: it gets each incident as it is when it comes back. Read and written
beside the process that learns, over a connection of one's own; what a sink has acknowledged is on disk before the next
is sent.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sensor.model.incident import Incident
from sensor.model.sink import Delivery
from sensor.store import schema
from sensor.store.state import DATABASE

BUSY_MS = 60_000
"""Longest wait for the process that learns to end its transaction: a commit of 10,000 devices takes seconds."""


class Outbox:
    """One sink's view of it."""

    def __init__(self, folder: Path, sink: str) -> None:
        """Open it. A sink that is new is to get what is open now, and what changes from now on."""
        self._sink = sink
        self._connection = schema.connect(folder / DATABASE)
        self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        with self._connection:
            self._connection.execute(
                "INSERT OR IGNORE INTO cursors SELECT ?, 0, coalesce(max(number), 0) FROM outbox", (sink,)
            )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def last(self) -> int:
        """Return the number of the last change."""
        return int(self._connection.execute("SELECT coalesce(max(number), 0) FROM outbox").fetchone()[0])

    def cursor(self) -> tuple[int, int]:
        """Return the change up to which the sink has everything, and the last one of before it was configured."""
        row = self._connection.execute("SELECT number, since FROM cursors WHERE sink = ?", (self._sink,)).fetchone()
        return int(row[0]), int(row[1])

    def changed(self, after: int, limit: int) -> list[Delivery]:
        """Return the incidents that changed after a number, in order, `limit` at most."""
        return self._read("o.number > ? ORDER BY o.number LIMIT ?", (after, limit))

    def open(self, below: int, limit: int) -> list[Delivery]:
        """Return incidents that are open and that the sink has, the latest changed before a number first."""
        wanted = "i.state = 'open' AND d.note IS NOT NULL AND o.number < ? ORDER BY o.number DESC LIMIT ?"
        return self._read(wanted, (below, limit))

    def acknowledge(self, upto: int, delivered: Sequence[tuple[Delivery, str]]) -> None:
        """Write down what the sink has, and that it needs nothing more up to a number; on disk when this returns."""
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO delivered VALUES (?, ?, ?, ?)",
                [(self._sink, one.incident.id, one.number, note) for one, note in delivered],
            )
            self._connection.execute("UPDATE cursors SET number = max(number, ?) WHERE sink = ?", (upto, self._sink))

    def _read(self, where: str, parameters: tuple[int, ...]) -> list[Delivery]:
        rows = self._connection.execute(
            "SELECT o.number, i.body, d.note FROM outbox o JOIN incidents i ON i.id = o.incident "  # noqa: S608 - ours
            f"LEFT JOIN delivered d ON d.sink = ? AND d.incident = o.incident WHERE {where}",
            (self._sink, *parameters),
        ).fetchall()
        return [_delivery(int(number), str(body), note) for number, body, note in rows]


def _delivery(number: int, body: str, note: str | None) -> Delivery:
    """Name a version by its number and its text: a state that was put back counts its changes anew."""
    incident = msgspec.json.decode(body, type=Incident)
    digest = hashlib.blake2b(body.encode(), digest_size=4).hexdigest()
    return Delivery(f"{incident.id}-{number}-{digest}", number, incident, note)
