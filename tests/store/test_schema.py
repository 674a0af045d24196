"""The database's schema and its version."""

import contextlib
import sqlite3

import pytest

from sensor.store import schema

NEW = {
    2: ("records", "signins"),
    3: ("actions",),
    4: ("archive_files", "seals", "commits"),
    5: ("mutes", "muted", "verdicts"),
    6: ("outbox", "cursors", "delivered"),
    7: ("spool", "spool_epochs", "spool_counts", "spool_marks"),
    8: ("returns", "returns_last", "returns_epochs", "returned"),
    9: ("orders",),
}
"""Tables that each version of the schema added."""
ACTIONS_BEFORE_9 = "".join(
    [f"DROP INDEX actions_{name};" for name in ("expires", "urgency", "target", "audited")]
    + [f"ALTER TABLE actions DROP COLUMN {name};" for name in ("expires", "urgency")]
)
"""What takes out of the table what version 9 put into it."""


def older(path, version, *statements):
    """Make a database of an older version."""
    connection = schema.connect(path)
    gone = [f"DROP TABLE {table};" for since, tables in NEW.items() if since > version for table in tables]
    if 3 <= version < 9:  # first: SQLite looks at every trigger when a table is altered
        gone.insert(0, ACTIONS_BEFORE_9)
    connection.executescript(" ".join([*gone, f"PRAGMA user_version={version};", *statements]))
    connection.close()


def test_a_new_database_is_durable_strict_and_versioned(tmp_path):
    """WAL, synchronous FULL, STRICT tables, the version set."""
    connection = schema.connect(tmp_path / "x.sqlite")
    strict = connection.execute(
        "SELECT name, strict FROM pragma_table_list WHERE schema='main' AND name NOT LIKE 'sqlite%'"
    )

    first = {"accounts", "devices", "evidence", "incidents", "inputs", "ledger", "meta"}
    assert first.union(*NEW.values()) == {name for name, one in strict if one}
    assert ("wal", 2, schema.VERSION) == tuple(
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "user_version")
    )
    names = [row[1:3] for row in connection.execute("PRAGMA table_info(evidence)")]
    assert {("id", "TEXT"), ("observed", "REAL"), ("p", "REAL"), ("db", "REAL")} <= set(names)
    connection.close()


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_an_older_state_becomes_the_present_one(tmp_path, version):
    """What is in it stays, and what is new is there, and empty."""
    older(tmp_path / "x.sqlite", version, "INSERT INTO meta VALUES ('clock_ns', '5');")
    connection = schema.connect(tmp_path / "x.sqlite")

    assert schema.VERSION == connection.execute("PRAGMA user_version").fetchone()[0]
    assert [("5",)] == connection.execute("SELECT value FROM meta").fetchall()
    for table in [name for tables in NEW.values() for name in tables]:
        assert [] == connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - our own names
    connection.close()


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_incidents_of_an_older_state_are_in_the_outbox_once(tmp_path, version):
    """Where it had none they are put in; where it had one, it is as it was."""
    row = "('INC-1', 'open', 'page', NULL, 'SYD', '2026', '2026', 1.0, '{}')"
    put = f"INSERT INTO incidents VALUES {row};"  # noqa: S608 - our own
    older(tmp_path / "x.sqlite", version, put if version >= 6 else "")
    if version < 6:
        with sqlite3.connect(tmp_path / "x.sqlite") as before:
            before.execute("DROP TRIGGER incidents_changed")
            before.execute(put)
        before.close()
    connection = schema.connect(tmp_path / "x.sqlite")
    assert [("INC-1", 1)] == connection.execute("SELECT * FROM outbox").fetchall()
    connection.close()


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_an_older_state_can_be_read_as_it_is(tmp_path, version):
    """Without being changed: what it lacks is empty."""
    older(tmp_path / "x.sqlite", version)
    before = (tmp_path / "x.sqlite").read_bytes()
    connection = schema.connect(tmp_path / "x.sqlite", readonly=True)

    assert [] == connection.execute("SELECT * FROM signins ORDER BY ts").fetchall()
    assert [] == connection.execute("SELECT * FROM actions").fetchall()
    connection.close()
    assert before == (tmp_path / "x.sqlite").read_bytes()


def test_a_newer_state_and_no_database_are_refused(tmp_path):
    """A state of a newer release is not guessed at; a text file is no state."""
    connection = sqlite3.connect(tmp_path / "x.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ValueError, match="newer release"):
        schema.connect(tmp_path / "x.sqlite")
    (tmp_path / "y.sqlite").write_text("not a database, and longer than its magic number is\n" * 20)
    with pytest.raises(ValueError, match="is no SQLite database"):
        schema.connect(tmp_path / "y.sqlite")


def test_a_database_that_somebody_holds_is_said_to_be_held(tmp_path, monkeypatch):
    """It is one, and waiting helps; nobody should throw it away."""
    schema.connect(tmp_path / "x.sqlite").close()
    opened = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **more: opened(*given, timeout=0.0, **more))
    with contextlib.closing(opened(tmp_path / "x.sqlite")) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ValueError, match="is held by another process"):
            schema.connect(tmp_path / "x.sqlite")
