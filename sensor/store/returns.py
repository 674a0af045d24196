"""What a hub gives back to its sites, in its state until something newer takes its place: never lost, bounded.

It is put in by the transaction that commits what it follows from, under the next sequence of its site, and one of the
same key that was there goes. Nothing is taken out because a site has it: a site that is put back from a backup says
that it has less, and is given the rest again; what expires goes a while after. Sequences go on for ever, the epoch is
another in every process that writes, so that a hub that is put back is not taken for having given what it has not.
"""

import logging
import secrets
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sensor.model.given import KEY_MAX, AnyGiven, Letter, Place, encode
from sensor.store import schema

LETTERS_MAX, LETTERS_BYTES = 4096, 8 << 20
"""Of one site: 30 days of verdicts at 100 a day, and a fleet's popularity (`sensor.pipeline.fleet_state`)."""
EPOCHS_MAX = 64
"""Processes of the hub whose numbers are known apart, a site."""
READ_MAX, READ_BYTES = 128, 256 << 10
"""At once: a message of NATS is best of 64 to 256 KiB."""
_DATABASE = "state.sqlite"
_LOG = logging.getLogger(__name__)


class Given(msgspec.Struct, frozen=True):
    """Something for a site, to be put in with a commit."""

    site: str
    key: str
    given: AnyGiven
    expires_ns: int = 0


class Returns:
    """The writer: part of the state's transactions.

    Attributes:
        dropped: Of this process, for want of room.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take the state's connection."""
        self._connection = connection
        self._epoch = 0
        self.dropped = 0

    def put(self, site: str, key: str, given: AnyGiven, expires_ns: int = 0) -> None:
        """Give a site something, inside the caller's transaction; no row changes where it has just this already.

        Args:
            site: Whom.
            key: What it replaces and is replaced by.
            given: What.
            expires_ns: Event time from which on nobody needs it; 0: never.

        Raises:
            ValueError: It is longer than any may be.
        """
        body, execute = encode(given), self._connection.execute
        if not 0 < len(key) <= KEY_MAX:
            raise ValueError(f"a key of {len(key)} characters")
        if execute("SELECT 1 FROM returns WHERE site = ? AND key = ? AND body = ?", (site, key, body)).fetchone():
            return
        self._epoch = self._epoch or secrets.randbits(62) + 1
        last = execute("SELECT coalesce(max(last), 0) FROM returns_last WHERE site = ?", (site,)).fetchone()[0]
        if execute("INSERT OR IGNORE INTO returns_epochs VALUES (?, ?, ?)", (site, self._epoch, last)).rowcount:
            execute(
                "DELETE FROM returns_epochs WHERE site = ? AND epoch NOT IN (SELECT epoch FROM returns_epochs "
                "WHERE site = ? ORDER BY began DESC, rowid DESC LIMIT ?)",
                (site, site, EPOCHS_MAX),
            )
        execute("INSERT OR REPLACE INTO returns_last VALUES (?, ?)", (site, last + 1))
        execute("DELETE FROM returns WHERE site = ? AND key = ?", (site, key))
        execute("INSERT INTO returns VALUES (?, ?, ?, ?, ?, ?)", (site, last + 1, self._epoch, key, expires_ns, body))
        self._make_room(site)

    def commit(self, every: Sequence[Given], now_ns: int) -> None:
        """Give sites everything that follows from a commit, inside its transaction, and drop what expired by then."""
        for one in every:
            self.put(one.site, one.key, one.given, one.expires_ns)
        if every:
            self.expire(now_ns)

    def expire(self, now_ns: int) -> None:
        """Drop what nobody needs any more, inside the caller's transaction."""
        self._connection.execute("DELETE FROM returns WHERE expires_ns > 0 AND expires_ns <= ?", (now_ns,))

    def _make_room(self, site: str) -> None:
        """Drop what was given longest ago, orders last, where a site's are more than may be held."""
        execute = self._connection.execute
        while True:
            count, size = execute(
                "SELECT count(*), coalesce(sum(length(body)), 0) FROM returns WHERE site = ?", (site,)
            ).fetchone()
            if count <= LETTERS_MAX and size <= LETTERS_BYTES:
                return
            execute(
                "DELETE FROM returns WHERE rowid IN (SELECT rowid FROM returns WHERE site = ? "
                "ORDER BY key LIKE 'order:%', sequence LIMIT 1)",
                (site,),
            )
            self.dropped += 1
            _LOG.warning("no room for what sites are given: dropped the oldest site=%s", site)


class ReturnsReader:
    """What is given, for whoever carries it: over a connection of its own, beside the process that writes it."""

    def __init__(self, folder: Path) -> None:
        """Open it, read only; may be used by several threads. Raises ValueError where there is no state."""
        self._lock = threading.Lock()
        try:
            self._connection = schema.connect(folder / _DATABASE, readonly=True, any_thread=True)
        except sqlite3.OperationalError as error:
            raise ValueError(f"{folder / _DATABASE}: {error}") from error

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def newest(self, site: str) -> Place:
        """Return the place of the last thing that a site is given."""
        with self._lock:
            row = self._connection.execute(
                "SELECT epoch, sequence FROM returns WHERE site = ? ORDER BY sequence DESC LIMIT 1", (site,)
            ).fetchone()
        return Place() if row is None else Place(int(row[0]), int(row[1]))

    def after(self, site: str, place: Place) -> list[Letter]:
        """Return what follows of a site, in order, READ_BYTES at most but one at least."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT epoch, sequence, key, body FROM returns WHERE site = ? AND sequence > ? "
                "ORDER BY sequence LIMIT ?",
                (site, self._known(site, place), READ_MAX),
            ).fetchall()
        found, size = list[Letter](), 0
        for row in rows:
            size += len(row[3])
            if found and size > READ_BYTES:
                break
            found.append(Letter(*row))
        return found

    def waiting(self, site: str, place: Place) -> int:
        """Return how much a site that has so much does not have."""
        with self._lock:
            return int(
                self._connection.execute(
                    "SELECT count(*) FROM returns WHERE site = ? AND sequence > ?", (site, self._known(site, place))
                ).fetchone()[0]
            )

    def _known(self, site: str, place: Place) -> int:
        """Return the sequence up to which a site has everything: of what was given in that epoch, and no later."""
        row = self._connection.execute(
            "SELECT began, rowid FROM returns_epochs WHERE site = ? AND epoch = ?", (site, place.epoch)
        ).fetchone()
        if row is None:  # nothing yet, or of a life of the hub that this state knows nothing of
            return 0
        ended = self._connection.execute(
            "SELECT min(began) FROM returns_epochs WHERE site = ? AND rowid > ?", (site, row[1])
        ).fetchone()[0]
        return place.sequence if ended is None else min(place.sequence, int(ended))
