"""Questions to the archive: DuckDB in memory over its Parquet files, locked down to read these and nothing else.

The files are those of the last commit when it was opened. Where a merge has taken one of them away since, the list is
read again, once. Implements `sensor.model.archive.Archive`; times are int64 ns.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sensor.model.archive import TABLES
from sensor.store.manifest import ArchiveFile, folder_of
from sensor.store.state import State

if TYPE_CHECKING:
    import duckdb

MEMORY = "1GB"
"""Beyond it DuckDB spills to a folder of its own, deleted at the end."""
_DUCK_TYPES = {
    "int64": "BIGINT", "uint16": "USMALLINT", "uint8": "UTINYINT", "bool": "BOOLEAN", "text": "VARCHAR",
    "time": "BIGINT",
}  # fmt: skip


class ArchiveReader:
    """One state's archive, for asking."""

    def __init__(self, state: State, folder: Path) -> None:
        """Open the archive of a state that lies in a folder."""
        self._state, self._folder = state, folder_of(folder)
        self._scratch = tempfile.TemporaryDirectory(prefix="spanline-")
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of files and memory."""
        self._drop()
        self._scratch.cleanup()

    @property
    def since_ns(self) -> int:
        """Event time from which on every record was kept, ns; 0 where nothing was ever left out.

        What the state learned without an archive is missing: then nothing up to its clock is certain.
        """
        facts, clock_ns = self._state.manifest.facts, int(self._state.meta("clock_ns") or 0)
        return facts.since_ns if facts.until_ns >= clock_ns else clock_ns + 1

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one query; parameters stand for its question marks, or for `$name`.

        Raises:
            ValueError: The query cannot be answered.
        """
        import duckdb

        given = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
        try:
            try:
                return self._open().execute(sql, given).fetchall()
            except duckdb.IOException:
                self._drop()
                return self._open().execute(sql, given).fetchall()
        except duckdb.Error as error:
            raise ValueError(f"the archive cannot answer: {error}") from error

    def _open(self) -> "duckdb.DuckDBPyConnection":
        if self._connection is None:
            self._connection = locked(
                self._folder, Path(self._scratch.name), lambda made: _add_views(made, self._folder, self._state)
            )
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def locked(
    folder: Path, scratch: Path, prepare: Callable[["duckdb.DuckDBPyConnection"], None]
) -> "duckdb.DuckDBPyConnection":
    """Open DuckDB in memory, let it be prepared, and lock it: files of one folder, no others, and no settings.

    A query may still write into that folder (COPY): who passes on other people's SQL lets nothing but SELECT through.

    Args:
        folder: What may be read.
        scratch: Where it may spill to.
        prepare: Makes views and tables.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    for setting in (
        "SET TimeZone='UTC'", "SET python_enable_replacements=false", f"SET memory_limit='{MEMORY}'",
        "SET autoinstall_known_extensions=false", f"SET temp_directory={literal(scratch / 'spilled')}",
        "SET preserve_insertion_order=true",
    ):  # fmt: skip
        connection.execute(setting)
    prepare(connection)
    for setting in (
        f"SET allowed_directories=[{literal(folder.resolve())}]", "SET enable_external_access=false",
        "SET lock_configuration=true",
    ):  # fmt: skip
        connection.execute(setting)
    return connection


def source(table: str, files: Sequence[ArchiveFile], folder: Path) -> str:
    """Return what stands after FROM for a table's files: they have its columns, and `shown_ts`."""
    if not files:
        columns = ", ".join(f"NULL::{_DUCK_TYPES[kind]} AS {name}" for name, (kind, _) in TABLES[table].items())
        return f"(SELECT {columns}, NULL::TIMESTAMPTZ AS shown_ts WHERE false)"
    paths = ", ".join(literal(folder.resolve() / one.path) for one in files)
    return f"read_parquet([{paths}], hive_partitioning=false)"


def literal(value: object) -> str:
    """Write a text as SQL does."""
    return "'" + str(value).replace("'", "''") + "'"


def _add_views(connection: "duckdb.DuckDBPyConnection", folder: Path, state: State) -> None:
    for table, columns in TABLES.items():
        files = state.manifest.files(table)
        # Our own names, and paths from our own list.
        named = ", ".join(f'"{name}"' for name in columns)
        connection.execute(f"CREATE VIEW {table} AS SELECT {named} FROM {source(table, files, folder)}")  # noqa: S608
