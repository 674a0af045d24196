"""Which blocks of input are already in the state, by (site, start, content hash). Implements model.source.Ledger.

What is remembered during a run takes effect at the commit, in the same transaction as the snapshot: an interrupted run
leaves no block marked as seen whose records are not in the state.
"""

import sqlite3


class StateLedger:
    """The ledger of one state; blocks remembered in this run are not known until they are committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._pending: list[tuple[str, int, bytes, int, int]] = []

    def lengths(self, site: str, offset: int) -> list[int]:
        """Return the byte lengths of known blocks that start at this byte offset, longest first."""
        rows = self._connection.execute(
            "SELECT DISTINCT length FROM ledger WHERE site = ? AND start = ? ORDER BY length DESC", (site, offset)
        )
        return [int(length) for (length,) in rows]

    def records(self, site: str, offset: int, digest: bytes) -> int | None:
        """Return how many records a known block held, or None where it is not known."""
        row = self._connection.execute(
            "SELECT records FROM ledger WHERE site = ? AND start = ? AND digest = ?", (site, offset, digest)
        ).fetchone()
        return None if row is None else int(row[0])

    def remember(self, site: str, offset: int, digest: bytes, length: int, records: int) -> None:
        """Add a block; it takes effect when the state is committed."""
        self._pending.append((site, offset, digest, length, records))

    def write_pending(self) -> None:
        """Write what was remembered, inside the caller's transaction."""
        self._connection.executemany("INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?, ?)", self._pending)
        self._pending.clear()
