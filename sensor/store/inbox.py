"""Envelopes that sites sent, on disk before they are acknowledged, until they are part of the state.

A database of its own beside the state's, for it is written while the state is being committed, and by other processes
(`spanline bundle import`). An envelope is in it once, by (site, epoch, sequence); what is more than the limits allow is
left to be sent again. What was handed on and committed is forgotten; what was not is handed on again after a crash.

The state is the truth: it holds the order of each site up to what it is made of (`Position`). An inbox that has
forgotten more than the state knows is one beside a state that was put back: it begins again from there, and the sites
send again what they still have. It is no part of a backup for the same reason.
"""

import contextlib
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from sensor.errors import Transient
from sensor.model.fleet import SiteLink
from sensor.model.site_packet import Envelope, Kind
from sensor.model.times import DAY_NS, SECOND_NS
from sensor.store.schema import connect
from sensor.store.site_order import Order

FILE = "inbox.sqlite"
LIMIT_BYTES = 2_000_000_000
"""Of packed bodies, all sites together: a day of 1,000 sites while the hub's core stands still."""
SHARE = 8
"""A site may fill an eighth: one that sends without end, or with stolen credentials, keeps nobody else out."""
BUSY_MS = 10_000
ONE_WAY_NS = DAY_NS
"""Between a site's last bundle and its last envelope, beyond which it is thought to send otherwise by now."""
META = "position:"
_BEGIN = '{"inbox":'
_VERSION = 2
STEADY_NS = SECOND_NS
"""By how much an estimate may move before reports are shifted otherwise: what they say of contacts is to a tenth of a
second, and an estimate moves by what a request takes on its way."""
_TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE envelopes (
    number INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
    began INTEGER NOT NULL, previous INTEGER NOT NULL, kind TEXT NOT NULL, first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL, raw_bytes INTEGER NOT NULL, received_ns INTEGER NOT NULL, body BLOB NOT NULL,
    shift_ns INTEGER NOT NULL DEFAULT 0,
    UNIQUE (site, epoch, sequence)
) STRICT;
CREATE INDEX envelopes_site ON envelopes (site, number);
CREATE TABLE sites (
    site TEXT PRIMARY KEY, place TEXT NOT NULL, forgotten INTEGER NOT NULL, count INTEGER NOT NULL,
    bytes INTEGER NOT NULL, newest INTEGER NOT NULL, duplicates INTEGER NOT NULL, received_ns INTEGER NOT NULL,
    skew_ns INTEGER, skew_error_ns INTEGER NOT NULL DEFAULT 0, shift_ns INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE bundles (
    site TEXT NOT NULL, made_ns INTEGER NOT NULL, PRIMARY KEY (site, made_ns)
) STRICT, WITHOUT ROWID;
"""
_NEW_IN_2 = (
    "ALTER TABLE envelopes ADD COLUMN shift_ns INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE sites ADD COLUMN shift_ns INTEGER NOT NULL DEFAULT 0",
)
_SITE = "site, place, forgotten, count, bytes, newest, duplicates, received_ns, skew_ns, skew_error_ns"
_HEAD = "site, epoch, sequence, began, previous, kind, first_ns, last_ns, raw_bytes"

_NOTE = f"""
INSERT INTO sites ({_SITE}, shift_ns) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (site) DO UPDATE SET
    place = excluded.place, count = count + excluded.count, bytes = bytes + excluded.bytes,
    newest = max(newest, excluded.newest), duplicates = duplicates + excluded.duplicates,
    received_ns = max(received_ns, excluded.received_ns), skew_ns = coalesce(excluded.skew_ns, skew_ns),
    skew_error_ns = CASE WHEN excluded.skew_ns IS NULL THEN skew_error_ns ELSE excluded.skew_error_ns END,
    shift_ns = excluded.shift_ns
"""  # noqa: S608 - ours


class Have(msgspec.Struct, frozen=True):
    """What is stored of a site: everything up to a sequence of an epoch, but for what is missing."""

    epoch: int
    sequence: int


class Receipt(msgspec.Struct, frozen=True):
    """What became of envelopes; those that are in none of the counts are to be sent again."""

    have: Have
    stored: int = 0
    duplicates: int = 0
    ahead: int = 0
    """Refused, for others are missing before them."""
    is_full: bool = False
    """Refused for want of room: later."""


class Waiting(msgspec.Struct, frozen=True):
    """One that is stored."""

    number: int
    received_ns: int
    """Time of day."""
    head: Envelope
    """Without its body."""
    shift_ns: int = 0
    """By how much its reports' times are moved: decided as it was stored, so that reading it again gives the same."""


class Position(msgspec.Struct):
    """What a state is made of, of each site: (envelopes, their order)."""

    inbox: str = ""
    sites: dict[str, tuple[int, Order]] = {}
    reports: int = 0
    """In all, of all sites: the next one's place among them."""


def read_position(text: str | None) -> Position:
    """Read what `write_position` wrote."""
    return Position() if text is None else msgspec.json.decode(text, type=Position)


def write_position(position: Position) -> str:
    """Write a position as the state's `meta` holds it."""
    return msgspec.json.encode(position).decode()


class Inbox:
    """One connection to it; may be used by several threads."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES, *, durable: bool = True) -> None:
        """Open or create it beside a state, as that state says.

        Args:
            folder: The state's.
            limit_bytes: Of packed bodies that are held.
            durable: Wait for the disk with each change; not for whoever only forgets.

        Raises:
            ValueError: It is no database of ours, or of a newer release.
        """
        self._limit, self._lock = limit_bytes, threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(folder / FILE, check_same_thread=False, isolation_level=None)
        try:
            self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._create(folder)
            self._follow(folder)
        except (sqlite3.Error, ValueError) as error:
            self._connection.close()
            raise ValueError(f"{folder / FILE}: {error}") from error

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    @property
    def name(self) -> str:
        """Return by what a state knows this inbox."""
        return str(self._connection.execute("SELECT value FROM about WHERE key = 'name'").fetchone()[0])

    def take(
        self, site: str, envelopes: Sequence[Envelope], now_ns: int, *, may_skip: bool = False,
        skew: tuple[int, int] | None = None,
    ) -> Receipt:  # fmt: skip
        """Store what is new of a site's envelopes, in their order; on disk when this returns.

        Args:
            site: Whose they are, as the transport proved it.
            envelopes: What it sent.
            now_ns: Time of day.
            may_skip: Nothing can be asked for again: store what is ahead too, and await what is missing.
            skew: How far the site's clock is ahead, and by how much that may be wrong, ns; None: as before.

        Raises:
            ValueError: One is of another site.
            Transient: The disk, or whoever else writes, does not let it now.
        """
        if any(one.site != site for one in envelopes):
            raise ValueError(f"an envelope of another site than {site}")
        with self._transaction() as execute:
            order = self._order(site)
            room, shift_ns = self._room(site), self._shift(site, skew)
            stored, duplicates, size, newest = 0, 0, 0, 0
            ahead, is_full = 0, False
            for one in envelopes:
                judged = order.judge(one)
                if judged == "duplicate":
                    duplicates += 1
                elif judged == "ahead" and not may_skip:
                    ahead += 1
                elif size + len(one.body) > room:
                    is_full = True
                    break
                else:
                    order.take(one)
                    newest = self._insert(one, now_ns, shift_ns)
                    stored, size = stored + 1, size + len(one.body)
            execute(
                _NOTE,
                (
                    site,
                    _written(order),
                    stored,
                    size,
                    newest,
                    duplicates,
                    now_ns if stored else 0,
                    *(skew or (None, 0)),
                    shift_ns,
                ),
            )
        return Receipt(Have(order.epoch, order.have), stored, duplicates, ahead, is_full)

    def have(self, site: str) -> Have:
        """Return what is stored of a site, or was."""
        with self._lock:
            order = self._order(site)
        return Have(order.epoch, order.have)

    def has_room(self, site: str) -> bool:
        """Tell whether anything of a site could be stored now."""
        with self._lock:
            return self._room(site) > 0

    def fill(self) -> float:
        """Return the share of the limit that is in use."""
        with self._lock:
            return self._total() / self._limit

    def give_up(self, site: str, first: int, last: int) -> None:
        """Await a site's sequences of a range no more: the site says that it has them no more. Raises Transient."""
        with self._transaction() as execute:
            order = self._order(site)
            order.give_up(first, last)
            execute("UPDATE sites SET place = ? WHERE site = ?", (_written(order), site))

    def newest(self) -> dict[str, int]:
        """Return the number of the last envelope that was stored of each site of which any is held."""
        with self._lock:
            rows = self._connection.execute("SELECT site, newest FROM sites WHERE count > 0 ORDER BY site").fetchall()
        return {str(site): int(newest) for site, newest in rows}

    def waiting(self, site: str, after: int, count: int) -> list[Waiting]:
        """Return what is held of a site behind a number, in the order in which it came, without the bodies."""
        with self._lock:
            rows = self._connection.execute(
                f"SELECT number, received_ns, shift_ns, {_HEAD} FROM envelopes "  # noqa: S608 - ours
                "WHERE site = ? AND number > ? ORDER BY number LIMIT ?",
                (site, after, count),
            ).fetchall()
        return [_waiting(*row) for row in rows]

    def body(self, number: int) -> bytes:
        """Return the body of one that is held."""
        with self._lock:
            return bytes(
                self._connection.execute("SELECT body FROM envelopes WHERE number = ?", (number,)).fetchone()[0]
            )

    def forget(self, site: str, numbers: Sequence[int], handed: int) -> None:
        """Drop what is committed in the state.

        Args:
            site: Whose.
            numbers: Which of those that are held.
            handed: Envelopes of the site that the state is made of, in all.

        Raises:
            Transient: Not now.
        """
        with self._transaction() as execute:
            count = size = 0
            for number in numbers:
                gone = execute("DELETE FROM envelopes WHERE number = ? RETURNING length(body)", (number,)).fetchone()
                count, size = (count + 1, size + int(gone[0])) if gone else (count, size)
            execute(
                "UPDATE sites SET forgotten = max(forgotten, ?), count = count - ?, bytes = bytes - ? WHERE site = ?",
                (handed, count, size, site),
            )

    def links(self) -> dict[str, SiteLink]:
        """Return how each site is heard."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT site, place, count, duplicates, received_ns, skew_ns, skew_error_ns, shift_ns FROM sites"
            ).fetchall()
            bundles = self._bundles()
        found = {}
        for site, place, count, duplicates, received_ns, skew_ns, skew_error_ns, shift_ns in rows:
            order = msgspec.json.decode(place, type=Order)
            found[str(site)] = SiteLink(
                have=order.have, waiting=count, missing=tuple((first, last) for _, first, last in order.missing),
                lost=order.lost, duplicates=duplicates, received_ns=received_ns,
                skew_ns=skew_ns, skew_error_ns=skew_error_ns, shift_ns=shift_ns,
                one_way=0 < received_ns < bundles.get(str(site), 0) + ONE_WAY_NS,
            )  # fmt: skip
        return found

    def _bundles(self) -> dict[str, int]:
        """Return when the last bundle of each site was made that was taken, where any ever was."""
        if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'bundles_taken'").fetchone():
            return {}
        rows = self._connection.execute("SELECT site, max(made_ns) FROM bundles_taken GROUP BY site")
        return {str(site): int(made_ns) for site, made_ns in rows}

    def _create(self, folder: Path) -> None:
        with self._transaction() as execute:
            version = int(execute("PRAGMA user_version").fetchone()[0])
            if version > _VERSION:
                raise ValueError(f"of version {version}, written by a newer release")
            if version == 0:
                for statement in _TABLES.split(";\n"):
                    execute(statement)
                execute("INSERT INTO about VALUES ('name', ?)", (secrets.token_hex(8),))
            if version == 1:
                for statement in _NEW_IN_2:
                    execute(statement)
            execute(f"PRAGMA user_version = {_VERSION}")
        (folder / FILE).chmod(0o600)

    def _follow(self, folder: Path) -> None:
        """Begin again with each site of which more was forgotten than the state knows, or that it knows otherwise."""
        with self._lock:  # before the state is read: it only ever knows more
            name = self.name
            forgotten = dict(self._connection.execute("SELECT site, forgotten FROM sites").fetchall())
        position = _committed(folder)
        for site in forgotten.keys() | position.sites.keys():
            handed, order = position.sites.get(site, (0, Order()))
            if forgotten.get(site, 0) > handed or (site in position.sites and position.inbox != name):
                with self._transaction() as execute:
                    execute("DELETE FROM envelopes WHERE site = ?", (site,))
                    execute("DELETE FROM bundles WHERE site = ?", (site,))  # those that are kept are taken again
                    execute(
                        f"INSERT OR REPLACE INTO sites ({_SITE}) VALUES (?, ?, ?, 0, 0, 0, 0, 0, NULL, 0)",  # noqa: S608 - ours
                        (site, _written(order), handed),
                    )
        if position.inbox and position.inbox != name:
            with self._transaction() as execute:
                execute("UPDATE about SET value = ? WHERE key = 'name'", (position.inbox,))

    def _insert(self, one: Envelope, now_ns: int, shift_ns: int) -> int:
        cursor = self._connection.execute(
            f"INSERT INTO envelopes ({_HEAD}, received_ns, body, shift_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (
                one.site, one.epoch, one.sequence, one.began, one.previous, one.kind, one.first_ns, one.last_ns,
                one.raw_bytes, now_ns, one.body, shift_ns,
            ),
        )  # fmt: skip
        return int(cursor.lastrowid or 0)

    def _order(self, site: str) -> Order:
        row = self._connection.execute("SELECT place FROM sites WHERE site = ?", (site,)).fetchone()
        return Order() if row is None else msgspec.json.decode(row[0], type=Order)

    def _shift(self, site: str, skew: tuple[int, int] | None) -> int:
        """Return by how much the times of what a site sends now are moved, ns; as before where nothing new is known."""
        row = self._connection.execute("SELECT shift_ns FROM sites WHERE site = ?", (site,)).fetchone()
        return shift_of(0 if row is None else int(row[0]), skew)

    def _room(self, site: str) -> int:
        """Return how many bytes of a site may be stored."""
        row = self._connection.execute("SELECT bytes FROM sites WHERE site = ?", (site,)).fetchone()
        return min(self._limit - self._total(), self._limit // SHARE - (0 if row is None else int(row[0])))

    def _total(self) -> int:
        return int(self._connection.execute("SELECT coalesce(sum(bytes), 0) FROM sites").fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """Hold the lock and a transaction that nobody else can write beside. Raises Transient."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection.execute
                self._connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise Transient(f"{FILE}: {error}") from error
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


def _waiting(
    number: int, received_ns: int, shift_ns: int, site: str, epoch: int, sequence: int, began: int, previous: int,
    kind: Kind, first_ns: int, last_ns: int, raw_bytes: int,
) -> Waiting:  # fmt: skip
    head = Envelope(site, epoch, sequence, began, previous, kind, first_ns, last_ns, raw_bytes, b"")
    return Waiting(number, received_ns, head, shift_ns)


def shift_of(before_ns: int, skew: tuple[int, int] | None) -> int:
    """Return by how much a site's times are to be moved, ns.

    Args:
        before_ns: By how much they were.
        skew: How far its clock is ahead, and by how much that may be wrong, ns; None: not known.
    """
    if skew is None:
        return before_ns
    ahead_ns, room_ns = skew[0], skew[1] + STEADY_NS
    if abs(ahead_ns + before_ns) <= room_ns:
        return before_ns
    return -ahead_ns if abs(ahead_ns) > room_ns else 0


def _committed(folder: Path) -> Position:
    """Return what the state beside an inbox is made of."""
    path = folder / "state.sqlite"
    if not path.is_file():
        return Position()
    with contextlib.closing(connect(path, readonly=True)) as state:
        for (text,) in state.execute("SELECT value FROM meta WHERE key LIKE ?", (f"{META}%",)):
            if str(text).startswith(_BEGIN):
                return read_position(str(text))
    return Position()


def _written(order: Order) -> str:
    return msgspec.json.encode(order).decode()
