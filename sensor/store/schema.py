"""The tables of STATE/state.sqlite, and how an older state becomes this one.

STRICT tables, WAL, synchronous=FULL: what is committed is on disk before it is acknowledged
(https://sqlite.org/pragma.html).
"""

import sqlite3
from pathlib import Path

VERSION = 9
"""user_version of the file; a migration raises it by one."""

_NEW_IN_2 = """
CREATE TABLE records (number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE signins (
    id TEXT PRIMARY KEY, ts TEXT NOT NULL, account TEXT NOT NULL, corroboration TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX signins_account ON signins (account, ts);
CREATE INDEX signins_ts ON signins (ts);
"""
_NEW_IN_3 = """
CREATE TABLE actions (
    id TEXT PRIMARY KEY, incident TEXT NOT NULL, state TEXT NOT NULL, target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL, intent_ns INTEGER, next_ns INTEGER, audited INTEGER NOT NULL, request TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX actions_incident ON actions (incident);
CREATE INDEX actions_state ON actions (state, next_ns);
CREATE INDEX actions_intent ON actions (intent_ns);
"""
_NEW_IN_4 = """
CREATE TABLE archive_files (
    path TEXT PRIMARY KEY, records TEXT NOT NULL, place TEXT NOT NULL, level INTEGER NOT NULL,
    taken_ns INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, count INTEGER NOT NULL,
    bytes INTEGER NOT NULL, gone INTEGER
) STRICT;
CREATE INDEX archive_files_place ON archive_files (records, place, level);
CREATE TABLE seals (
    kind TEXT NOT NULL, id TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE commits (number INTEGER PRIMARY KEY, root BLOB NOT NULL, facts TEXT NOT NULL, link BLOB NOT NULL) STRICT;
"""
_NEW_IN_5 = """
CREATE TABLE mutes (id TEXT PRIMARY KEY, body TEXT NOT NULL, hidden INTEGER NOT NULL) STRICT;
CREATE TABLE muted (
    number INTEGER PRIMARY KEY, mute TEXT NOT NULL, evidence TEXT NOT NULL, ts TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (mute, evidence)
) STRICT;
CREATE TABLE verdicts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, incident TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL,
    author TEXT NOT NULL
) STRICT;
"""
_NEW_IN_6 = """
CREATE TABLE outbox (incident TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE) STRICT;
CREATE TABLE cursors (sink TEXT PRIMARY KEY, number INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;
CREATE TABLE delivered (
    sink TEXT NOT NULL, incident TEXT NOT NULL, number INTEGER NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (sink, incident)
) STRICT, WITHOUT ROWID;
"""
_NEW_IN_7 = """
CREATE TABLE spool (
    sequence INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, kind TEXT NOT NULL, first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL, raw_bytes INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE INDEX spool_kind ON spool (kind, sequence, size);
CREATE INDEX spool_size ON spool (sequence, size);
CREATE TABLE spool_epochs (epoch INTEGER NOT NULL UNIQUE, began INTEGER NOT NULL) STRICT;
CREATE TABLE spool_counts (
    kind TEXT NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (kind, what)
) STRICT, WITHOUT ROWID;
CREATE TABLE spool_marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
_NEW_IN_8 = """
CREATE TABLE returns (
    site TEXT NOT NULL, sequence INTEGER NOT NULL, epoch INTEGER NOT NULL, key TEXT NOT NULL,
    expires_ns INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (site, key)
) STRICT;
CREATE INDEX returns_sequence ON returns (site, sequence);
CREATE TABLE returns_last (site TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE returns_epochs (
    site TEXT NOT NULL, epoch INTEGER NOT NULL, began INTEGER NOT NULL, UNIQUE (site, epoch)
) STRICT;
CREATE TABLE returned (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, body BLOB NOT NULL) STRICT;
"""
_NEW_IN_9 = """
ALTER TABLE actions ADD COLUMN expires TEXT NOT NULL DEFAULT '';
ALTER TABLE actions ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0;
UPDATE actions SET expires = json_extract(body, '$.expires');
CREATE INDEX actions_expires ON actions (state, expires);
CREATE INDEX actions_urgency ON actions (state, urgency, next_ns, id);
CREATE INDEX actions_target ON actions (target_id, state);
CREATE INDEX actions_audited ON actions (audited);
CREATE TABLE orders (
    way TEXT NOT NULL, id TEXT NOT NULL, site TEXT NOT NULL, body BLOB NOT NULL, action TEXT NOT NULL,
    state TEXT NOT NULL, detail TEXT NOT NULL, ts_ns INTEGER NOT NULL, live INTEGER NOT NULL, told INTEGER NOT NULL,
    handed INTEGER NOT NULL, PRIMARY KEY (way, site, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_handed ON orders (handed, way);
CREATE INDEX orders_live ON orders (live, way);
"""
_OUTBOX_SINCE = 6
_OUTBOX = """
CREATE TRIGGER IF NOT EXISTS incidents_changed BEFORE INSERT ON incidents
WHEN NOT EXISTS (SELECT 1 FROM incidents WHERE id = NEW.id AND body = NEW.body)
BEGIN
    INSERT OR REPLACE INTO outbox VALUES (NEW.id, (SELECT coalesce(max(number), 0) + 1 FROM outbox));
END;
"""
"""Whoever writes an incident that says something new puts it into the outbox, in the same transaction."""
_TABLES = f"""
CREATE TABLE evidence (
    id TEXT PRIMARY KEY, incident TEXT NOT NULL, site TEXT NOT NULL, entity_kind TEXT NOT NULL, entity_id TEXT NOT NULL,
    detector TEXT NOT NULL, family TEXT NOT NULL, ts TEXT NOT NULL, observed REAL NOT NULL, p REAL NOT NULL,
    db REAL NOT NULL, model TEXT NOT NULL, basis TEXT NOT NULL
) STRICT;
CREATE INDEX evidence_incident ON evidence (incident);
CREATE TABLE incidents (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, tier TEXT NOT NULL, verdict TEXT, site TEXT NOT NULL,
    opened TEXT NOT NULL, last_activity TEXT NOT NULL, score_db REAL NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX incidents_open ON incidents (state, tier);
CREATE TABLE devices (id TEXT PRIMARY KEY, site TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX devices_name ON devices (name);
CREATE TABLE accounts (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE ledger (
    site TEXT NOT NULL, start INTEGER NOT NULL, digest BLOB NOT NULL, length INTEGER NOT NULL, records INTEGER NOT NULL,
    PRIMARY KEY (site, start, digest)
) STRICT, WITHOUT ROWID;
{_NEW_IN_2}
{_NEW_IN_3}
{_NEW_IN_4}
{_NEW_IN_5}
{_NEW_IN_6}
{_NEW_IN_7}
{_NEW_IN_8}
{_NEW_IN_9}
CREATE TABLE inputs (
    number INTEGER PRIMARY KEY, path TEXT NOT NULL, site TEXT NOT NULL, format TEXT NOT NULL, records INTEGER NOT NULL,
    accepted INTEGER NOT NULL, duplicates INTEGER NOT NULL, rejected TEXT NOT NULL
) STRICT;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""

_MIGRATIONS = {
    1: _NEW_IN_2, 2: _NEW_IN_3, 3: _NEW_IN_4, 4: _NEW_IN_5, 5: _NEW_IN_6, 6: _NEW_IN_7, 7: _NEW_IN_8, 8: _NEW_IN_9,
}  # fmt: skip
"""What makes a database of a version one of the next."""


def connect(path: Path, *, readonly: bool = False, any_thread: bool = False) -> sqlite3.Connection:
    """Open the state's database, creating or migrating it unless `readonly`; then what an older one lacks is empty.

    A source may ask the ledger from the thread that reads ahead; SQLite serialises the two (sqlite3.threadsafety 3).

    Raises:
        ValueError: It was written by a newer release, is no database of ours, or cannot be opened now.
    """
    if readonly:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=not any_thread)
    else:
        connection = sqlite3.connect(path, check_same_thread=False)
    try:
        if not readonly:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError as error:
        connection.close()
        raise ValueError(f"{path} {_unopened(error)}") from error
    if version > VERSION:
        connection.close()
        raise ValueError(f"{path} is of schema {version}, written by a newer release; this one reads {VERSION}")
    if readonly and 0 < version < VERSION:  # nothing is written: what an older state lacks is there, and empty
        statements = ";".join(_MIGRATIONS[step] for step in range(version, VERSION)).split(";")
        tables = [one for one in statements if one.strip().startswith("CREATE TABLE")]
        connection.executescript(";".join(tables).replace("CREATE TABLE", "CREATE TEMP TABLE"))
    if version < VERSION and not readonly:
        steps = _TABLES if version == 0 else "".join(_MIGRATIONS[step] for step in range(version, VERSION))
        with connection:
            filled = "INSERT INTO outbox SELECT id, row_number() OVER (ORDER BY opened, id) FROM incidents;"
            filled = filled if version < _OUTBOX_SINCE else ""
            connection.executescript(f"BEGIN; {steps} {_OUTBOX} {filled} PRAGMA user_version={VERSION}; COMMIT;")
    return connection


def _unopened(error: sqlite3.DatabaseError) -> str:
    """Say why a database was not opened: one that somebody holds, or cannot be read, is a database all the same."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_NOTADB) & 0xFF  # the primary code of an extended one
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return f"is held by another process, try again: {error}"
    return f"is no SQLite database: {error}" if code == sqlite3.SQLITE_NOTADB else f"cannot be opened: {error}"
