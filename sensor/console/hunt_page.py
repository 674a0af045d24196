"""One question in SQL to the archive and the state, as `spanline hunt` asks it, with the same limits and two more.

An answer shows ROWS rows at most, and is given up after TIMEOUT_S. It may hold records of every site, so whoever asks
is an analyst at all of them.
"""

import json
import time
from typing import TYPE_CHECKING

from sensor.console.page import render
from sensor.console.visit import Desk, Refused, Visit
from sensor.store.hunting import QueryError, asked, schema

if TYPE_CHECKING:
    from starlette.responses import Response

ROWS = 500
"""What a person reads on a page; `spanline hunt` gives all."""
TIMEOUT_S = 30.0
"""A reader gives up sooner; the sensor beside it needs the processors."""
SQL_MAX = 20_000
EXAMPLES = (
    (
        "Failed connections, by server",
        """SELECT resp_h, resp_p, count(*) AS tries FROM flows
WHERE conn_state IN ('S0', 'REJ') GROUP BY ALL ORDER BY tries DESC LIMIT 20""",
    ),
    (
        "Most sent to the outside, by device",
        """SELECT d.name, sum(f.orig_bytes) AS sent FROM flows f JOIN devices d ON d.id = f.orig_device
WHERE NOT f.local_resp GROUP BY ALL ORDER BY sent DESC LIMIT 20""",
    ),
    (
        "Names asked for by one device alone",
        """SELECT query, count(*) AS times, any_value(device) AS device FROM messages
WHERE kind = 'dns' GROUP BY query HAVING count(DISTINCT device) = 1 ORDER BY times DESC LIMIT 50""",
    ),
    (
        "Sign-ins that the network contradicts",
        """SELECT ts, account, ip, country, app, because FROM signins
WHERE corroboration = 'contradicted' ORDER BY ts DESC""",
    ),
    (
        "Evidence by detector",
        """SELECT detector, count(*) AS n, round(max(db), 1) AS strongest FROM evidence
GROUP BY detector ORDER BY n DESC""",
    ),
)
"""What a person may begin with."""


def hunt(desk: Desk, visit: Visit) -> "Response":
    """Show the form; run what it holds where it was sent."""
    if not visit.person.may("analyst"):
        raise Refused(403, "Hunting sees every site: that needs the role analyst at all of them.")
    sql = (visit.form.get("sql") or visit.query.get("sql", "")).strip()[:SQL_MAX]
    columns: list[str] = []
    rows: list[tuple[str, ...]] = []
    wrong, took_s, cut = "", 0.0, False
    if visit.form.get("sql"):
        if not desk.hunts.acquire(timeout=1.0):
            raise Refused(429, "Others are hunting: try again in a moment.")
        begin = time.monotonic()
        try:
            with desk.state() as state, asked(state, desk.folder, sql, TIMEOUT_S) as answer:
                columns = answer.columns
                for batch in answer.batches():
                    rows += [tuple(_cell(cell) for cell in row) for row in batch[: ROWS - len(rows) + 1]]
                    if len(rows) > ROWS:
                        rows, cut = rows[:ROWS], True
                        break
        except QueryError as error:
            wrong = str(error)
        finally:
            desk.hunts.release()
        took_s = time.monotonic() - begin
    return render(
        desk, visit, "hunt.html", sql=sql, columns=columns, rows=rows, wrong=wrong, took_s=took_s, cut=cut, limit=ROWS,
        ran=bool(visit.form.get("sql")), examples=EXAMPLES, tables=schema(),
    )  # fmt: skip


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
