"""Which blocks and records of input are already in the state. Implements model.source.Ledger.

Blocks are known by (site, start, content hash), records by (source, their own id). What is noted during a run takes
effect at the commit, in the same transaction as the snapshot: an interrupted run leaves nothing marked as seen that is
not in the state. A record's id is kept as a digest of 16 bytes, for RECORDS_MAX records; then the oldest go.
"""

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable

RECORDS_MAX = 20_000_000
"""About 1 GB of ids: a year of a tenant that writes 50,000 records a day."""
_DIGEST_BYTES = 16


class StateLedger:
    """The ledger of one state; blocks remembered in this run are not known until they are committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._pending: list[tuple[str, int, bytes, int, int]] = []
        self._noted: list[bytes] = []
        self._added = 0
        self._key = b""

    @property
    def key(self) -> bytes:
        """Return the secret under which blocks are named: made with the state, durable with its first commit."""
        if not self._key:
            row = self._connection.execute("SELECT value FROM meta WHERE key = 'ledger_key'").fetchone()
            self._key = bytes.fromhex(row[0]) if row is not None else secrets.token_bytes(_DIGEST_BYTES)
        return self._key

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

    def add_record(self, source: str, identity: bytes) -> bool:
        """Note one record by its own id; False where it is known, from this run or an earlier one."""
        digest = digest_of(source, identity)
        added = self._connection.execute("INSERT OR IGNORE INTO records (digest) VALUES (?)", (digest,)).rowcount > 0
        self._added += added
        return added

    def knows(self, digest: bytes) -> bool:
        """Tell whether a record is in the state, by `digest_of` its id."""
        return self._connection.execute("SELECT 1 FROM records WHERE digest = ?", (digest,)).fetchone() is not None

    def note(self, digests: Iterable[bytes]) -> None:
        """Add records by `digest_of` their ids; it takes effect when the state is committed."""
        self._noted.extend(digests)

    def write_pending(self) -> None:
        """Write what was remembered, inside the caller's transaction."""
        rows = [(digest,) for digest in self._noted]
        self._added += len(rows)
        self._connection.executemany("INSERT OR IGNORE INTO records (digest) VALUES (?)", rows)
        self._noted.clear()
        self._connection.execute("INSERT OR IGNORE INTO meta VALUES ('ledger_key', ?)", (self.key.hex(),))
        self._connection.executemany("INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?, ?)", self._pending)
        self._pending.clear()
        if self._added:
            self._added = 0
            last = self._connection.execute("SELECT max(number) FROM records").fetchone()[0]
            self._connection.execute("DELETE FROM records WHERE number <= ?", (int(last) - RECORDS_MAX,))


def digest_of(source: str, identity: bytes) -> bytes:
    """Return what the ledger keeps of a record's own id."""
    return hashlib.blake2b(source.encode() + b"\0" + identity, digest_size=_DIGEST_BYTES).digest()
