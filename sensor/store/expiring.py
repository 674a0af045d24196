"""Incidents that are over for long enough go, with their evidence, responses and what sinks noted of them."""

import sqlite3

from sensor.store.seals import Seals

_OLD = "SELECT id FROM incidents WHERE state <> 'open' AND last_activity < ?"
_UNFINISHED = "('approved', 'executing', 'unknown')"
"""States of responses that somebody has yet to look at: an incident with one stays."""
MOST = 1_000
"""Incidents a commit."""


def forget_incidents(connection: sqlite3.Connection, seals: Seals, before: str) -> int:
    """Delete closed and expired incidents whose last activity was before a time; return how many.

    Args:
        connection: The state's; durable with the caller's transaction.
        seals: Of the rows that go.
        before: RFC 3339.
    """
    rows = connection.execute(
        f"{_OLD} AND id NOT IN (SELECT incident FROM actions WHERE state IN {_UNFINISHED}) "  # noqa: S608 - our own
        "ORDER BY last_activity LIMIT ?",
        (before, MOST),
    ).fetchall()
    for (incident,) in rows:
        for (evidence,) in connection.execute("SELECT id FROM evidence WHERE incident = ?", (incident,)).fetchall():
            seals.drop("evidence", evidence)
        seals.drop("incident", incident)
        connection.execute("DELETE FROM evidence WHERE incident = ?", (incident,))
        connection.execute("DELETE FROM actions WHERE incident = ?", (incident,))
        for table in ("outbox", "delivered", "verdicts"):
            connection.execute(f"DELETE FROM {table} WHERE incident = ?", (incident,))  # noqa: S608 - our own
        connection.execute("DELETE FROM incidents WHERE id = ?", (incident,))
    return len(rows)
