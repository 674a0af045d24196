"""Other people's SQL over the archive and the state: one SELECT that can change nothing and read no other file.

Tables of the archive are views over its Parquet files, with times as timestamps; those of the state (incidents,
evidence, devices, accounts, signins) are copied into memory where a query names them. The state is opened read-only, so
a sensor may go on writing meanwhile.
"""

import math
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.model.archive import TABLES as ARCHIVED
from sensor.store.archive_reader import locked, source
from sensor.store.hunt_tables import STATE_TABLES, rows_of
from sensor.store.manifest import folder_of
from sensor.store.state import State

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS = 10_000
"""Fetched at a time: an answer of any length takes bounded memory."""

Cell = object


class QueryError(ValueError):
    """A query that cannot be understood, or asks for what is not allowed; its text says where."""


def schema() -> dict[str, dict[str, tuple[str, str]]]:
    """Return every table a query may name: column → (type, meaning)."""
    shown = {
        table: {name: ("timestamp" if kind == "time" else kind, meaning) for name, (kind, meaning) in columns.items()}
        for table, columns in ARCHIVED.items()
    }
    return shown | {table: dict(columns) for table, columns in STATE_TABLES.items()}


class Answer:
    """The columns of an answer, and its rows as they come."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Take a connection on which a query was executed; its first rows are fetched here."""
        self._connection = connection
        self.columns = _distinct([str(one[0]) for one in connection.description or ()])
        self._first = connection.fetchmany(BATCH_ROWS)

    def batches(self) -> Iterator[list[tuple[Cell, ...]]]:
        """Yield the rows, some at a time, as JSON can hold them. Raises QueryError where the work fails half way."""
        import duckdb

        rows = self._first
        while rows:
            yield [tuple(plain(cell) for cell in row) for row in rows]
            try:
                rows = self._connection.fetchmany(BATCH_ROWS)
            except duckdb.Error as error:
                raise QueryError(_said(error)) from error


@contextmanager
def asked(state: State, folder: Path, sql: str, timeout_s: float | None = None) -> Iterator[Answer]:
    """Ask a state and its archive one question.

    Args:
        state: Opened read-only.
        folder: Where it lies.
        sql: One SELECT in DuckDB's SQL.
        timeout_s: When to give the question up; None: never.

    Raises:
        QueryError: It is no SELECT, or cannot be understood or answered.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="spanline-") as scratch, ExitStack() as opened:
        for last in (False, True):
            connection = locked(folder_of(folder), Path(scratch), lambda made: _prepare(made, state, folder, sql))
            opened.callback(connection.close)
            if timeout_s is not None:
                opened.enter_context(_limited(connection, timeout_s))
            try:
                _check(connection, sql)
                answer = Answer(connection.execute(sql))
                break
            except duckdb.IOException as error:  # a merge took away what the list of before named
                if last:
                    raise QueryError(_said(error)) from error
            except duckdb.Error as error:
                raise QueryError(_said(error)) from error
        yield answer


@contextmanager
def _limited(connection: "duckdb.DuckDBPyConnection", timeout_s: float) -> Iterator[None]:
    """Interrupt what a connection does after a time; whoever waits for it gets DuckDB's error."""
    timer = threading.Timer(timeout_s, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _prepare(connection: "duckdb.DuckDBPyConnection", state: State, folder: Path, sql: str) -> None:
    for table, columns in ARCHIVED.items():
        if table in STATE_TABLES:  # the state has what a sign-in has become
            continue
        shown = [_shown(name) if kind == "time" else f'"{name}"' for name, (kind, _) in columns.items()]
        files = source(table, state.manifest.files(table), folder_of(folder))
        connection.execute(f"CREATE VIEW {table} AS SELECT {', '.join(shown)} FROM {files}")  # noqa: S608 - our own
    for table in STATE_TABLES:
        _copy(connection, table, state if table in sql.lower() else None)


def _shown(name: str) -> str:
    return "shown_ts AS ts" if name == "ts" else f"make_timestamptz({name} // 1000) AS {name}"


def _copy(connection: "duckdb.DuckDBPyConnection", table: str, state: State | None) -> None:
    """Make a table of the state in memory; without a state it is empty, for a query that does not name it."""
    import pyarrow as pa

    arrow = {
        "text": pa.string(), "timestamp": pa.string(), "int64": pa.int64(), "double": pa.float64(), "bool": pa.bool_(),
        "text[]": pa.list_(pa.string()),
    }  # fmt: skip
    columns = STATE_TABLES[table]
    rows = [] if state is None else rows_of(table, state)
    held = pa.Table.from_pylist(rows, pa.schema([(name, arrow[kind]) for name, (kind, _) in columns.items()]))
    shown = [
        f"CAST({name} AS TIMESTAMPTZ) AS {name}" if kind == "timestamp" else name for name, (kind, _) in columns.items()
    ]
    connection.register("held", held)
    connection.execute(f"CREATE TABLE {table} AS SELECT {', '.join(shown)} FROM held")  # noqa: S608 - our own names
    connection.unregister("held")


def _check(connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
    """Let nothing but one SELECT through: COPY could write into the archive's folder."""
    import duckdb

    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(_said(error)) from error
    if len(statements) != 1:
        raise QueryError(f"expected one SELECT, not {len(statements)} statements")
    if statements[0].type != duckdb.StatementType.SELECT:
        kind = str(statements[0].type).rpartition(".")[2]
        raise QueryError(f"expected a SELECT, not {kind}: hunting only reads")


def _said(error: Exception) -> str:
    return str(error).strip()


def _distinct(names: Sequence[str]) -> list[str]:
    """Return names of columns such that no two are the same, as one JSON object needs."""
    found: list[str] = []
    for name in names:
        k, one = 1, name
        while one in found:
            one, k = f"{name}_{k}", k + 1
        found.append(one)
    return found


def plain(value: Cell) -> Cell:
    """Return a value as JSON can hold it: times as RFC 3339, UTC; numbers that are none, null; bytes in hex."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, date | time) else str(value)
