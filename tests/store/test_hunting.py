"""Other people's SQL."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest

from sensor.store.hunting import QueryError, asked, plain, schema
from sensor.store.state import State
from tests.store.archives import Writer, on_disk, rows_over
from tests.store.test_state import commit, device, incident


@pytest.fixture
def folder(tmp_path):
    """An archive of six flows, and a state of one incident and one device."""
    Writer(tmp_path).take(rows_over(2)).commit().close()
    with State(tmp_path) as state:
        commit(state, [incident()], [device()])
    return tmp_path


def ask(folder, sql):
    with State(folder, readonly=True) as state, asked(state, folder, sql) as answer:
        return answer.columns, [row for batch in answer.batches() for row in batch]


def test_archive_and_state_are_asked_together(folder):
    """Flows with times as timestamps; incidents, evidence, devices and accounts beside them."""
    columns, rows = ask(folder, "SELECT uid, ts, tick FROM flows ORDER BY n LIMIT 1")
    assert (["uid", "ts", "tick"], [("C0-0", "2023-11-14T00:00:00.000000Z", "2023-11-14T00:00:10.000000Z")]) == (
        columns, rows,
    )  # fmt: skip
    assert [("INC-1", "triage", ["T1046"])] == ask(folder, "SELECT id, tier, techniques FROM incidents")[1]
    assert [("EV-INC-1", "INC-1", 9.0)] == ask(folder, "SELECT id, incident, observed FROM evidence")[1]
    assert [("PC", ["10.0.0.5"], 3)] == ask(folder, "SELECT name, addresses, flows FROM devices")[1]
    assert [(1, 0)] == ask(folder, "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM signins)")[1]


def test_every_documented_column_is_there(folder):
    """And no other; timestamps are such, and numbers numbers."""
    kinds = {
        "text": "VARCHAR", "int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN", "text[]": "VARCHAR[]",
        "uint16": "USMALLINT", "uint8": "UTINYINT",
    }  # fmt: skip
    for table, documented in schema().items():
        _, rows = ask(folder, f"SELECT column_name, column_type FROM (DESCRIBE FROM {table})")  # noqa: S608
        assert list(documented) == [name for name, _ in rows]
        for name, kind in rows:
            wanted = documented[name][0]
            assert kind.startswith("TIMESTAMP") if wanted == "timestamp" else kind == kinds[wanted]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FRM flows", "LINE 1"),
        ("SELECT nosuch FROM flows", "nosuch"),
        ("SELECT * FROM nosuch", "nosuch"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("", "0 statements"),
        ("COPY flows TO 'x.csv'", "COPY"),
        ("EXPLAIN ANALYZE COPY flows TO 'x.csv'", "EXPLAIN"),
        ("DROP VIEW flows", "DROP"),
        ("SET threads = 1", "SET"),
        ("ATTACH 'x.db'", "ATTACH"),
        ("SELECT * FROM read_text('/etc/passwd')", "disabled by configuration"),
        ("SELECT * FROM glob('/tmp/*')", "disabled by configuration"),
        ("SELECT 'x'::INTEGER", "Could not convert"),
    ],
)
def test_what_cannot_be_answered_is_said_and_changes_nothing(folder, sql, said):
    """With the position in the SQL where DuckDB knows it."""
    before = on_disk(folder)
    with pytest.raises(QueryError, match=said):
        ask(folder, sql)
    assert before == on_disk(folder)


def test_copy_into_the_archive_is_refused(folder):
    """Its folder may be read, and DuckDB would let it be written."""
    with pytest.raises(QueryError, match="only reads"):
        ask(folder, f"COPY (SELECT 1) TO '{folder / 'archive' / 'x.parquet'}'")
    assert not (folder / "archive" / "x.parquet").exists()


def test_columns_of_one_name_are_told_apart(folder):
    """As a JSON object needs it."""
    assert ["n", "n_1", "n_2"] == ask(folder, "SELECT a.n, b.n, a.n FROM flows a JOIN flows b USING (n)")[0]


def test_long_answers_come_in_batches(folder):
    """More rows than are fetched at a time."""
    assert 25_000 == len(ask(folder, "SELECT * FROM range(25000)")[1])


def test_values_become_what_json_can_hold():
    """Times, decimals, bytes, lists, structs; no number is null."""
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    cases = [
        (moment, "2024-01-01T00:00:00.000000Z"), (float("nan"), None), (float("inf"), None), (Decimal(3), 3),
        (Decimal("0.5"), 0.5), (b"\x01", "01"), ([moment, None], ["2024-01-01T00:00:00.000000Z", None]),
        ({"a": Decimal(1)}, {"a": 1}), (dt.timedelta(seconds=90), 90.0), (dt.date(2024, 1, 1), "2024-01-01"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"), (True, True), (7, 7), ("x", "x"),
    ]  # fmt: skip

    assert [wanted for _, wanted in cases] == [plain(value) for value, _ in cases]


def test_a_question_without_end_is_given_up(folder):
    """After the time it was given, saying so."""
    endless = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range + b.range % 7 = 3"
    with (
        State(folder, readonly=True) as state,
        pytest.raises(QueryError, match=r"(?i)interrupt"),
        asked(state, folder, endless, 0.2),
    ):
        pass
