"""What people decided: verdicts on incidents, and suppressions with what they hid.

Given by the command line beside the process that learns, which reads them before each commit. One verdict is one row
with a number, so that the other knows which it has seen.
"""

import sqlite3
from collections.abc import Iterable

import msgspec

from sensor.model.mute import Mute, Muted, Verdict

MUTED_MAX = 10_000
"""Hidden evidence kept whole, the latest; how often each suppression hid something is kept for good."""


class Judgements:
    """The tables of verdicts and suppressions of one state."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def verdicts(self, after: int) -> list[Verdict]:
        """Return the verdicts that were given after one of that number."""
        rows = self._connection.execute(
            "SELECT number, incident, verdict, reason, author FROM verdicts WHERE number > ? ORDER BY number", (after,)
        )
        return [Verdict(number=n, incident=i, verdict=v, reason=r, author=a) for n, i, v, r, a in rows]

    def judge(self, incident: str, verdict: str, reason: str, author: str) -> None:
        """Write a verdict down; durable with the caller's transaction."""
        self._connection.execute(
            "INSERT INTO verdicts (incident, verdict, reason, author) VALUES (?, ?, ?, ?)",
            (incident, verdict, reason, author),
        )

    def mutes(self) -> list[Mute]:
        """Return the suppressions there are, expired ones too, by id."""
        rows = self._connection.execute("SELECT body FROM mutes ORDER BY id")
        return [msgspec.json.decode(body, type=Mute) for (body,) in rows]

    def add(self, mutes: Iterable[Mute]) -> None:
        """Add suppressions; the same id again replaces reason and author."""
        self._connection.executemany(
            "INSERT INTO mutes (id, body, hidden) VALUES (?, ?, 0) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            [(one.id, msgspec.json.encode(one).decode()) for one in mutes],
        )

    def remove(self, key: str) -> bool:
        """Remove a suppression, durably; what it hid stays written. False where there is none of that id."""
        with self._connection:
            return self._connection.execute("DELETE FROM mutes WHERE id = ?", (key,)).rowcount > 0

    def hide(self, rows: Iterable[Muted]) -> None:
        """Write down what suppressions hid, each evidence once; durable with the caller's transaction."""
        for one in rows:
            added = self._connection.execute(
                "INSERT OR IGNORE INTO muted (mute, evidence, ts, body) VALUES (?, ?, ?, ?)",
                (one.mute, one.evidence, one.ts, msgspec.json.encode(one).decode()),
            ).rowcount
            self._connection.execute("UPDATE mutes SET hidden = hidden + ? WHERE id = ?", (added, one.mute))
        self._connection.execute("DELETE FROM muted WHERE number <= (SELECT max(number) FROM muted) - ?", (MUTED_MAX,))

    def hidden(self, key: str) -> tuple[int, list[Muted]]:
        """Return how much evidence a suppression hid, and the latest of it."""
        row = self._connection.execute("SELECT hidden FROM mutes WHERE id = ?", (key,)).fetchone()
        rows = self._connection.execute("SELECT body FROM muted WHERE mute = ? ORDER BY number DESC LIMIT 100", (key,))
        return (0 if row is None else int(row[0])), [msgspec.json.decode(body, type=Muted) for (body,) in rows]
