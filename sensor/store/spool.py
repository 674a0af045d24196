"""What a site has to tell its hub, in the state, until the hub has it: never lost, never doubled, bounded.

Packets are put in by the transaction that commits what they tell of, each under the next sequence number. What the hub
has acknowledged is kept for a while (`keep_bytes`): a hub that is put back from a backup asks for it again. Where all
of it would be more than `limit_bytes`, the least valuable goes first: what the hub has, flows, state, health but for
the newest, signals, the newest health, incidents; the oldest of each first. What went without the hub having it is
counted, logged, and seen by the hub in the envelope that follows (`previous`), so that it never waits for it.

Sequences go on for ever; the epoch is another in every process that writes (`sensor.store.site_order` says why). Rows
bear a digest: one that is damaged on disk is passed over, and logged, when it is read.
"""

import hashlib
import logging
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec
import zstandard

from sensor.model.site_packet import PACKET_MAX, Envelope, Kind, Packet
from sensor.store import schema

LIMIT_BYTES = 1_000_000_000
"""A month without a link for a site of 1,000 devices."""
KEEP_BYTES = 128_000_000
"""Of what the hub has: days, and a hub is backed up daily."""
LEVEL = 3
"""Of zstandard: 256 KiB of reports in a millisecond."""
EPOCHS_MAX = 256
"""Processes whose numbers are known apart: the hub acknowledges one of the last few."""
BUSY_MS = 60_000
"""As for the outbox: a commit takes seconds."""
_DATABASE = "state.sqlite"
_LOST_FIRST = (
    "kind = 'flows'",
    "kind = 'state'",
    "kind = 'health' AND sequence < (SELECT max(sequence) FROM spool WHERE kind = 'health')",
    "kind = 'signals'",
    "kind = 'health'",
    "kind = 'incidents'",
)
_ROW = "sequence, epoch, kind, first_ns, last_ns, raw_bytes, body, digest"
_LOG = logging.getLogger(__name__)


class Amount(msgspec.Struct, frozen=True):
    """How much of one kind."""

    count: int
    bytes: int


class Spool:
    """The writer: part of the state's transactions.

    Attributes:
        limit_bytes: Of all that is held.
        keep_bytes: Of what the hub has already.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take the state's connection."""
        self._connection = connection
        self.limit_bytes, self.keep_bytes = LIMIT_BYTES, KEEP_BYTES
        self._epoch = 0

    def put(self, packets: Sequence[Packet]) -> None:
        """Add packets in order, inside the caller's transaction, and make room for them.

        Raises:
            ValueError: One is longer than PACKET_MAX.
        """
        if not packets:
            return
        last = self._mark("last")
        self._begin_epoch(last)
        packer = zstandard.ZstdCompressor(level=LEVEL)
        for sequence, packet in enumerate(packets, last + 1):
            if len(packet.body) > PACKET_MAX:
                raise ValueError(f"a packet of {len(packet.body)} bytes; at most {PACKET_MAX}")
            row = (sequence, self._epoch, packet.kind, packet.first_ns, packet.last_ns, len(packet.body))
            body = packer.compress(packet.body)
            self._connection.execute(
                f"INSERT INTO spool (size, {_ROW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - ours
                (len(body), *row, body, _digest(row, body)),
            )
            self._count(packet.kind, "put", 1, len(body))
        self._connection.execute("INSERT OR REPLACE INTO spool_marks VALUES ('last', ?)", (last + len(packets),))
        self._make_room()

    def _begin_epoch(self, last: int) -> None:
        """Note an epoch of this process, before its first packet."""
        if not self._epoch:
            self._epoch = secrets.randbits(62) + 1
        execute = self._connection.execute
        if execute("INSERT OR IGNORE INTO spool_epochs VALUES (?, ?)", (self._epoch, last)).rowcount:
            execute(
                "DELETE FROM spool_epochs WHERE epoch NOT IN (SELECT epoch FROM spool) AND epoch NOT IN "
                "(SELECT epoch FROM spool_epochs ORDER BY began DESC, rowid DESC LIMIT ?)",
                (EPOCHS_MAX,),
            )

    def _make_room(self) -> None:
        acked = self._mark("acked")
        over = self._sum("sequence <= ?", acked) - self.keep_bytes
        self._drop("sequence <= ?", acked, over, "kept")
        over = self._sum("?", 1) - self.limit_bytes
        over -= self._drop("sequence <= ?", acked, over, "kept")
        for least in _LOST_FIRST:
            if over <= 0:
                return
            over -= self._drop(f"{least} AND sequence > ?", acked, over, "dropped")

    def _drop(self, which: str, acked: int, over: int, what: str) -> int:
        """Drop rows, the oldest first, until so many bytes are free; return how many are."""
        if over <= 0:
            return 0
        gone: list[tuple[int]] = []
        freed, lost = 0, dict[Kind, Amount]()
        for sequence, kind, size in self._connection.execute(
            f"SELECT sequence, kind, size FROM spool WHERE {which} ORDER BY sequence",  # noqa: S608 - ours
            (acked,),
        ):
            before = lost.get(kind, Amount(0, 0))
            lost[kind] = Amount(before.count + 1, before.bytes + size)
            gone.append((sequence,))
            freed += size
            if freed >= over:
                break
        self._connection.executemany("DELETE FROM spool WHERE sequence = ?", gone)
        for kind, held in lost.items():
            self._count(kind, what, held.count, held.bytes)
            if what == "dropped":
                _LOG.warning("spool full: dropped kind=%s packets=%d bytes=%d", kind, held.count, held.bytes)
        return freed

    def _count(self, kind: Kind, what: str, count: int, size: int) -> None:
        self._connection.execute(
            "INSERT INTO spool_counts VALUES (?, ?, ?, ?) ON CONFLICT (kind, what) DO UPDATE SET "
            "count = count + excluded.count, bytes = bytes + excluded.bytes",
            (kind, what, count, size),
        )

    def _mark(self, name: str) -> int:
        return _mark(self._connection, name)

    def _sum(self, which: str, value: int) -> int:
        summed = f"SELECT coalesce(sum(size), 0) FROM spool WHERE {which}"  # noqa: S608 - ours
        return int(self._connection.execute(summed, (value,)).fetchone()[0])


class SpoolReader:
    """The spool for whoever carries it to the hub, over a connection of its own: beside the process that writes it."""

    def __init__(self, folder: Path, site: str, *, readonly: bool = False) -> None:
        """Open it.

        Args:
            folder: The state's.
            site: What the site is called in its envelopes.
            readonly: Acknowledge nothing.
        """
        self._site = site
        self._connection = schema.connect(folder / _DATABASE, readonly=readonly)
        self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self._damaged: set[int] = set()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def bounds(self) -> tuple[int, int]:
        """Return the first sequence that is held (0 for none), and the last that was ever given."""
        first = self._connection.execute("SELECT coalesce(min(sequence), 0) FROM spool").fetchone()[0]
        return int(first), _mark(self._connection, "last")

    def acked(self) -> int:
        """Return the sequence up to which the hub has everything, as it said the last time."""
        return _mark(self._connection, "acked")

    def after(self, epoch: int, have: int) -> int:
        """Return the sequence up to which nothing need be sent, by what the hub says that it has.

        Args:
            epoch: Of the last that it has; 0 for none.
            have: That one's sequence.
        """
        if not epoch:
            return 0
        row = self._connection.execute("SELECT began, rowid FROM spool_epochs WHERE epoch = ?", (epoch,)).fetchone()
        if row is None:  # of another life of this site, after what the state was put back to
            return self.acked()
        ended = self._connection.execute(
            "SELECT min(began) FROM spool_epochs WHERE rowid > ?", (int(row[1]),)
        ).fetchone()[0]
        return min(have, _mark(self._connection, "last") if ended is None else int(ended))

    def read(self, after: int, count: int, limit_bytes: int) -> list[Envelope]:
        """Return what follows a sequence, in order.

        Args:
            after: The last that is not wanted.
            count: How many at most.
            limit_bytes: Of their bodies together, but one at least.
        """
        before = self._connection.execute(
            "SELECT coalesce(max(sequence), 0) FROM spool WHERE sequence <= ?", (after,)
        ).fetchone()[0]
        previous, size, found = int(before), 0, list[Envelope]()
        for row in self._connection.execute(
            f"SELECT {_ROW}, (SELECT began FROM spool_epochs e WHERE e.epoch = spool.epoch) FROM spool "  # noqa: S608
            "WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (after, count),
        ):
            *said, body, digest, began = row
            size += len(body)
            if found and size > limit_bytes:
                break
            if digest != _digest(tuple(said), body):
                self._pass_over(int(said[0]))
                continue
            sequence, epoch, kind, first_ns, last_ns, raw_bytes = said
            found.append(
                Envelope(self._site, epoch, sequence, began, previous, kind, first_ns, last_ns, raw_bytes, body)
            )
            previous = sequence
        return found

    def acknowledge(self, sequence: int) -> None:
        """Write down what the hub has, on disk when this returns; less than before where it was put back."""
        if sequence != self.acked():
            with self._connection:
                self._connection.execute("INSERT OR REPLACE INTO spool_marks VALUES ('acked', ?)", (sequence,))

    def held(self) -> dict[Kind, Amount]:
        """Return what is held and the hub does not have, by kind."""
        return self._held("sequence > ?")

    def size(self) -> int:
        """Return the bytes of all that is held."""
        return sum(one.bytes for one in self._held("? >= 0").values())

    def oldest_ns(self) -> int | None:
        """Return the event time of the oldest that the hub does not have; None where it has everything."""
        row = self._connection.execute(
            "SELECT last_ns FROM spool WHERE sequence > ? ORDER BY sequence LIMIT 1", (self.acked(),)
        ).fetchone()
        return None if row is None else int(row[0])

    def counts(self) -> dict[tuple[Kind, str], Amount]:
        """Return what was ever `put`, what went as the hub had it (`kept`), and what was `dropped` for want of room."""
        rows = self._connection.execute("SELECT kind, what, count, bytes FROM spool_counts")
        return {(kind, what): Amount(count, size) for kind, what, count, size in rows}

    def _held(self, which: str) -> dict[Kind, Amount]:
        rows = self._connection.execute(
            f"SELECT kind, count(*), sum(size) FROM spool WHERE {which} GROUP BY kind",  # noqa: S608 - ours
            (self.acked(),),
        )
        return {kind: Amount(count, size) for kind, count, size in rows}

    def _pass_over(self, sequence: int) -> None:
        if sequence not in self._damaged:
            self._damaged.add(sequence)
            _LOG.error("damaged on disk, passed over: spool sequence=%d", sequence)


def _mark(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT value FROM spool_marks WHERE name = ?", (name,)).fetchone()
    return 0 if row is None else int(row[0])


def _digest(row: tuple[object, ...], body: bytes) -> bytes:
    return hashlib.blake2b(repr(row).encode() + body, digest_size=16).digest()
