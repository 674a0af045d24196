"""Look for a subject in everything that a state's folder holds: whatever file it is, packed or not, deleted or not.

The database is read as bytes, its free pages and its log with it; the archive and snapshots are unpacked. Assumes that
the folder is the state's: what was copied elsewhere (backups, what sinks were sent) is out of reach.
"""

import contextlib
import mmap
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sensor.model.archive import TABLES
from sensor.model.erasure import Finder
from sensor.store import snapshot
from sensor.store.erasing import unpacked
from sensor.store.erasing_archive import names_in
from sensor.store.manifest import FOLDER
from sensor.store.schema import connect
from sensor.store.state import DATABASE

PACKED = {DATABASE: ("spool", "body"), "inbox.sqlite": ("envelopes", "body")}
"""Database → table and column of what is packed in it."""
REQUEST = "erase.json"
"""The request itself, which has to name the subject until it is carried out."""


class Searched(msgspec.Struct, frozen=True):
    """What was looked through, and where something was found."""

    files: int
    bytes: int
    found: tuple[str, ...]
    """Paths below the folder; of a database its table, too."""


def search(folder: Path, finder: Finder) -> Searched:
    """Look through every file of a folder."""
    files, size, found = 0, 0, []
    for path in sorted(one for one in folder.rglob("*") if one.is_file() and not one.is_symlink()):
        if path == folder / REQUEST:
            continue
        files, size = files + 1, size + path.stat().st_size
        found += [f"{path.relative_to(folder)}{place}" for place in _places(folder, path, finder)]
    return Searched(files, size, tuple(found))


def _places(folder: Path, path: Path, finder: Finder) -> Iterator[str]:
    """Give where in a file it is, the empty text for the file as a whole."""
    if _in_file(path, finder):
        yield ""
    elif path.suffix == ".parquet" and path.is_relative_to(folder / FOLDER):
        table = path.relative_to(folder / FOLDER).parts[0]
        if table in TABLES and names_in(path, table, finder):
            yield ""
    elif path.suffix == ".npz" and any(finder.in_bytes(one.tobytes()) for one in snapshot.peek(path).values()):
        yield ""
    elif path.name in PACKED:
        table, column = PACKED[path.name]
        with _reading(path) as connection:
            if any(finder.in_bytes(unpacked(bytes(body))) for body in _values(connection, table, column)):
                yield f": {table}"


def _in_file(path: Path, finder: Finder) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return finder.in_bytes(content)


def _values(connection: sqlite3.Connection, table: str, column: str) -> Iterator[bytes]:
    known = connection.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", (table, column)).fetchone()
    for (value,) in connection.execute(f'SELECT "{column}" FROM "{table}"') if known else ():  # noqa: S608 - ours
        yield value


def _reading(path: Path) -> contextlib.closing[sqlite3.Connection]:
    if path.name == DATABASE:
        return contextlib.closing(connect(path, readonly=True))
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))
