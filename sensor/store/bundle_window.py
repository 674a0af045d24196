"""Which bundles of a site were taken: a window against what is recorded on its way and played again.

As the window of RFC 4303 §3.4.3, over the times at which a site made its bundles, no two of which are the same: one in
the window is known or it is not, and one that is older than the window is refused, for nobody can tell. The inbox knows
each envelope of the site's last lives; this holds beyond them, for as long as it is kept. It lies in the inbox's
database, which begins it again where the state was put back.
"""

import sqlite3
from pathlib import Path
from typing import Literal

from sensor.errors import Transient
from sensor.store.inbox import BUSY_MS, FILE

WINDOW = 4096
"""Bundles of a site: almost three days at one a minute, and 100 kB."""

_TABLES = """
CREATE TABLE IF NOT EXISTS bundles (
    site TEXT NOT NULL, made_ns INTEGER NOT NULL, PRIMARY KEY (site, made_ns)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS bundles_begin_again AFTER INSERT ON sites
BEGIN
    DELETE FROM bundles WHERE site = NEW.site;
END;
"""
"""A site's row is put in anew where the inbox begins again with it: its bundles may then come once more."""

Seen = Literal["new", "taken", "too old"]


class BundleWindow:
    """The windows of all sites, over a connection of their own to an inbox that was opened before."""

    def __init__(self, folder: Path) -> None:
        """Open it beside a state; for one thread at a time, which need not be the one that opens it."""
        self._connection = sqlite3.connect(folder / FILE, isolation_level=None, check_same_thread=False)
        self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def judge(self, site: str, made_ns: int) -> Seen:
        """Say whether a bundle was taken, by when it was made."""
        known = self._connection.execute("SELECT 1 FROM bundles WHERE site = ? AND made_ns = ?", (site, made_ns))
        if known.fetchone():
            return "taken"
        count, oldest = self._connection.execute(
            "SELECT count(*), min(made_ns) FROM bundles WHERE site = ?", (site,)
        ).fetchone()
        return "too old" if count >= WINDOW and made_ns < oldest else "new"

    def take(self, site: str, made_ns: int) -> None:
        """Note a bundle; on disk when this returns. Raises Transient."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("INSERT OR IGNORE INTO bundles VALUES (?, ?)", (site, made_ns))
            self._connection.execute(
                "DELETE FROM bundles WHERE site = ?1 AND made_ns <= "
                "(SELECT made_ns FROM bundles WHERE site = ?1 ORDER BY made_ns DESC LIMIT 1 OFFSET ?2)",
                (site, WINDOW),
            )
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Transient(f"{FILE}: {error}") from error
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
