"""`spanline hunt`: SQL over all that was kept: flows, messages, events, sign-ins, evidence, incidents, devices."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor.cli import show
from sensor.cli.options import BAD_USAGE, echo_json, fail, json_option, open_state, state_option

if TYPE_CHECKING:
    from sensor.store.hunting import Answer

_EXAMPLES = """\b
Examples:
  spanline hunt --schema
  spanline hunt "SELECT resp_h, resp_p, count(*) AS tries FROM flows
    WHERE conn_state IN ('S0', 'REJ') GROUP BY ALL ORDER BY tries DESC LIMIT 10"
  spanline hunt "SELECT d.name, sum(f.orig_bytes) AS sent FROM flows f JOIN devices d ON d.id = f.orig_device
    WHERE NOT f.local_resp AND f.ts >= '2024-05-02' GROUP BY ALL ORDER BY sent DESC"
  spanline hunt --json "SELECT f.* FROM evidence e, unnest(e.uids) AS u(uid) JOIN flows f USING (uid)"
  spanline hunt "SELECT query, count(DISTINCT device) FROM messages WHERE kind = 'dns' GROUP BY query"
  spanline hunt "SELECT ts, account, ip, country FROM signins WHERE result = 'success' AND country <> 'AU'"
"""


@click.command(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXAMPLES)
@click.argument("sql", required=False, metavar="'SQL'")
@click.option("--schema", is_flag=True, help="Print every table and column with what it means.")
@click.option("--limit", type=click.IntRange(1), help="At most so many rows; default: all.")
@state_option
@json_option
def hunt(*, sql: str | None, schema: bool, limit: int | None, state_dir: Path, as_json: bool) -> None:
    """Ask the archive and the state one SELECT in DuckDB's SQL. Times are UTC; nothing can be changed."""
    from sensor.store.hunting import QueryError, asked
    from sensor.store.hunting import schema as tables

    if schema:
        _print_schema(tables(), as_json=as_json)
        return
    if not sql or not sql.strip():
        fail("no SQL: `spanline hunt --schema` shows what there is, `spanline hunt -h` examples", BAD_USAGE)
    try:
        with open_state(state_dir) as state, asked(state, state_dir, sql) as answer:
            if as_json:
                _print_json(answer, limit)
            else:
                _print_table(answer, limit)
    except QueryError as error:
        fail(str(error), BAD_USAGE)


def _print_schema(tables: dict[str, dict[str, tuple[str, str]]], *, as_json: bool) -> None:
    if as_json:
        echo_json(
            {
                table: [{"column": name, "type": kind, "meaning": meaning} for name, (kind, meaning) in columns.items()]
                for table, columns in tables.items()
            }
        )
        return
    for table, columns in tables.items():
        show.heading(table)
        for name, (kind, meaning) in columns.items():
            click.echo(f"  {name:15} {kind:10} {meaning}")


def _rows(answer: "Answer", limit: int | None) -> Iterator[tuple[object, ...]]:
    left = limit
    for batch in answer.batches():
        yield from batch if left is None else batch[:left]
        left = None if left is None else left - len(batch)
        if left is not None and left <= 0:
            return


def _print_json(answer: "Answer", limit: int | None) -> None:
    """Print one list of objects, each as it comes."""
    click.echo("[", nl=False)
    for number, row in enumerate(_rows(answer, limit)):
        document = dict(zip(answer.columns, row, strict=True))
        click.echo(f"{',' if number else ''}\n  {json.dumps(document, ensure_ascii=False)}", nl=False)
    click.echo("\n]")


def _print_table(answer: "Answer", limit: int | None) -> None:
    rows = [tuple("" if cell is None else _cell(cell) for cell in row) for row in _rows(answer, limit)]
    show.table(answer.columns, rows)
    click.echo(f"{len(rows)} row{'' if len(rows) == 1 else 's'}", err=True)


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
