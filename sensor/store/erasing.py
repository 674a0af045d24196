"""Take a subject out of the state's database and columns: its own rows go, in others something else stands for it.

Every table is looked through, whatever it is called, so that one that is added is not forgotten. All of it is one
transaction with the archive's new list and the new snapshot; then the database is written anew, so that nothing is left
in free pages nor in the log. Not here: what the columns mean (`sensor.pipeline.forgetting`).
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import zstandard

from sensor.model.erasure import Counted, Finder
from sensor.model.site_packet import PACKET_MAX

if TYPE_CHECKING:
    from numpy.typing import NDArray

OWN: dict[str, tuple[str, str]] = {
    "accounts": ("account", "name"), "signins": ("account", "account"), "devices": ("device", "id"),
}  # fmt: skip
"""Table → the kind of subject whose rows go, and the column that says whose a row is."""
SEALED = {"incidents": "incident", "evidence": "evidence"}
"""Table → kind of its rows' seals."""
BUSY_S = 60.0
"""Longest wait for readers, who keep the log of the database from being cut."""


class _Row(NamedTuple):
    table: str
    keys: dict[str, object]
    texts: dict[str, str]
    is_own: bool


def counted(connection: sqlite3.Connection, finder: Finder) -> list[Counted]:
    """Return what would go of each table, changing nothing."""
    found: dict[str, list[int]] = {}
    for row in _rows(connection, finder):
        found.setdefault(row.table, [0, 0])[0 if row.is_own else 1] += 1
    packets = len(_packets(connection, finder))
    return [
        *(Counted(f"table {name}", removed, rewritten) for name, (removed, rewritten) in sorted(found.items())),
        *([Counted("table spool", packets, 0)] if packets else []),
    ]


def rewrite(connection: sqlite3.Connection, finder: Finder, reseal: Callable[[str, str], None]) -> list[Counted]:
    """Take the subject out, inside the caller's transaction.

    Args:
        connection: The state's.
        finder: Of the subject.
        reseal: Seals a row anew, by kind and id.

    Returns:
        What went.
    """
    made = counted(connection, finder)
    for row in list(_rows(connection, finder)):
        where = " AND ".join(f'"{key}" IS ?' for key in row.keys)
        if row.is_own:
            connection.execute(f'DELETE FROM "{row.table}" WHERE {where}', tuple(row.keys.values()))  # noqa: S608
            continue
        told = {name: finder.scrubbed(text) for name, text in row.texts.items()}
        changed = ", ".join(f'"{name}" = ?' for name in told)
        connection.execute(
            f'UPDATE OR REPLACE "{row.table}" SET {changed} WHERE {where}',  # noqa: S608 - names of our own tables
            (*told.values(), *row.keys.values()),
        )
        if row.table in SEALED:
            reseal(SEALED[row.table], str(row.keys["id"]))
    for sequence in _packets(connection, finder):
        connection.execute("DELETE FROM spool WHERE sequence = ?", (sequence,))
    return made


def write_anew(connection: sqlite3.Connection) -> None:
    """Write the database anew and cut its log, so that no page holds what was deleted.

    Raises:
        ValueError: Somebody goes on reading.
    """
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("VACUUM")
    until_s = time.monotonic() + BUSY_S
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > until_s:
            raise ValueError("the database is being read all the time: its log cannot be cut; close what reads it")
        time.sleep(0.1)


def scrubbed(columns: "dict[str, NDArray[Any]]", finder: Finder) -> "tuple[dict[str, NDArray[Any]], int]":
    """Return a snapshot's columns with what stands for the subject in every text, and how many columns changed."""
    made, changed = dict(columns), 0
    for name, column in columns.items():
        new = _column(column, finder)
        if new is not column:
            made[name], changed = new, changed + 1
    return made, changed


def _column(column: "NDArray[Any]", finder: Finder) -> "NDArray[Any]":
    if column.dtype.kind == "S":
        flat = [one.decode("latin-1") for one in column.ravel().tolist()]
        told = [finder.scrubbed(one) if finder.holds(one) else one for one in flat]
        if told == flat:
            return column
        width = column.dtype.itemsize
        cut = [one.encode("latin-1", "replace")[:width] for one in told]
        return np.array(cut, column.dtype).reshape(column.shape)
    if column.dtype != np.uint8 or column.ndim != 1 or not finder.in_bytes(column.tobytes()):
        return column
    content = column.tobytes()
    for decode, encode in (
        (msgspec.json.decode, msgspec.json.encode),
        (msgspec.msgpack.decode, msgspec.msgpack.encode),
    ):
        try:
            held = decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(held, dict | list):
            return np.frombuffer(encode(finder.walked(held)), np.uint8)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return column  # of whatever form: what cannot be read is not changed, and the search tells of it
    return np.frombuffer(finder.scrubbed(text).encode(), np.uint8) if text.replace("\n", "").isprintable() else column


def _rows(connection: sqlite3.Connection, finder: Finder) -> Iterator[_Row]:
    """Give the rows of every table that are the subject's, or name it in a text."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    for (table,) in names.fetchall():
        yield from _rows_of(connection, str(table), finder)


def _rows_of(connection: sqlite3.Connection, table: str, finder: Finder) -> Iterator[_Row]:
    columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    texts = [str(one[1]) for one in columns if str(one[2]).upper() == "TEXT"]
    keys = [str(one[1]) for one in columns if one[5]] or texts
    kind, own = OWN.get(table, ("", ""))
    if not texts:
        return
    named = ", ".join(f'"{name}"' for name in (*keys, *texts))
    sql, given = f'SELECT {named} FROM "{table}"', tuple[str, ...]()  # noqa: S608 - names of our own tables
    if finder.seeds is not None:
        tests = " OR ".join(f'instr(lower("{name}"), ?)' for name in texts for _ in finder.seeds)
        sql, given = f"{sql} WHERE {tests}", tuple(seed for _ in texts for seed in finder.seeds)
    for row in connection.execute(sql, given).fetchall():
        held = dict(zip(texts, row[len(keys) :], strict=True))
        is_own = kind == finder.subject.kind and finder.is_name(held.get(own))
        found = {name: text for name, text in held.items() if isinstance(text, str) and finder.holds(text)}
        if is_own or found:
            yield _Row(table, dict(zip(keys, row, strict=False)), found, is_own)


def _packets(connection: sqlite3.Connection, finder: Finder) -> list[int]:
    """Return the numbers of packets for the hub that name the subject and have not left."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'spool'").fetchone() is None:
        return []
    rows = connection.execute("SELECT sequence, body FROM spool")
    return [int(sequence) for sequence, body in rows if finder.in_bytes(unpacked(bytes(body)))]


def unpacked(body: bytes) -> bytes:
    """Return what was packed by zstandard, nothing where that cannot be had."""
    try:
        return zstandard.ZstdDecompressor().decompress(body, max_output_size=PACKET_MAX)
    except zstandard.ZstdError:
        return b""
