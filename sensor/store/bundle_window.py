"""Which bundles of a site were taken: a window against what is recorded on its way and played again.

As the window of RFC 4303 §3.4.3, over the times at which a site made its bundles, no two of which are the same: one in
the window is known or it is not, and one that is older than the window is refused, for nobody can tell. The inbox knows
each envelope of the site's last lives; this holds beyond them, for as long as it is kept. It lies in the inbox's
database, which begins it again where the state was put back.

A key has a window of its own: whoever had a stolen one cannot have filled the window of the next with times to come.
"""

import sqlite3
from pathlib import Path
from typing import Literal

from sensor.errors import Transient
from sensor.store.inbox import BUSY_MS, FILE

WINDOW = 4096
"""Bundles of a site: almost three days at one a minute, and 100 kB."""

_TABLES = """
CREATE TABLE IF NOT EXISTS bundles_taken (
    site TEXT NOT NULL, key BLOB NOT NULL, made_ns INTEGER NOT NULL, PRIMARY KEY (site, key, made_ns)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS bundles_begin_again AFTER INSERT ON sites
BEGIN
    DELETE FROM bundles_taken WHERE site = NEW.site;
END;
"""
"""A site's row is put in anew where the inbox begins again with it: its bundles may then come once more."""

Seen = Literal["new", "taken", "too old"]


class BundleWindow:
    """The windows of all sites, over a connection of their own to an inbox that was opened before."""

    def __init__(self, folder: Path) -> None:
        """Open it beside a state; for one thread at a time, which need not be the one that opens it.

        Raises:
            ValueError: It cannot be used.
        """
        self._connection = sqlite3.connect(folder / FILE, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(_TABLES)
        except sqlite3.Error as error:
            self._connection.close()
            raise ValueError(f"{folder / FILE}: {error}") from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def judge(self, site: str, key: bytes, made_ns: int) -> Seen:
        """Say whether a bundle was taken.

        Args:
            site: Whose it is.
            key: Which of its keys signed, as `sensor.wire.bundle_keys.key_id` names it.
            made_ns: When it was made.
        """
        known = self._connection.execute(
            "SELECT 1 FROM bundles_taken WHERE site = ? AND key = ? AND made_ns = ?", (site, key, made_ns)
        )
        if known.fetchone():
            return "taken"
        count, oldest = self._connection.execute(
            "SELECT count(*), min(made_ns) FROM bundles_taken WHERE site = ? AND key = ?", (site, key)
        ).fetchone()
        return "too old" if count >= WINDOW and made_ns < oldest else "new"

    def take(self, site: str, key: bytes, made_ns: int) -> None:
        """Note a bundle; on disk when this returns. Raises Transient."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("INSERT OR IGNORE INTO bundles_taken VALUES (?, ?, ?)", (site, key, made_ns))
            self._connection.execute(
                "DELETE FROM bundles_taken WHERE site = ?1 AND key = ?2 AND made_ns <= (SELECT made_ns "
                "FROM bundles_taken WHERE site = ?1 AND key = ?2 ORDER BY made_ns DESC LIMIT 1 OFFSET ?3)",
                (site, key, WINDOW),
            )
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Transient(f"{FILE}: {error}") from error
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
