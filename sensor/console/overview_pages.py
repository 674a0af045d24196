"""Sign-ins by verdict, messages held back, and how the sensor itself is."""

import json
from typing import TYPE_CHECKING

from sensor.console.page import link, render
from sensor.console.visit import Desk, Visit, Vital
from sensor.model.times import DAY_NS, parse, rfc3339
from sensor.store.archive_reader import ArchiveReader
from sensor.store.listing import WantedSignIns
from sensor.store.quarantine import quarantine as held_messages

if TYPE_CHECKING:
    from starlette.responses import Response

VERDICTS = ("contradicted", "unsupported", "unknown", "supported")
"""The most telling first."""
WINDOWS = {"1": "a day", "7": "7 days", "30": "30 days", "": "all"}
ROWS = 100
PAGES_MAX = 100_000
COUNTRIES = 60
NOWHERE = "-"
"""Stands in an address for sign-ins without a known country."""


def signins(desk: Desk, visit: Visit) -> "Response":
    """Show sign-ins: a matrix of country and verdict, and the rows of what is chosen in it."""
    query = visit.query
    days = query.get("days", "30" if "days" not in query else "")
    country = query.get("country", "")
    with desk.listing() as listing:
        since = _since(listing.last_signin(), days)
        base = WantedSignIns(
            since=since, account=query.get("account", "").strip()[:200], result=query.get("result", "")
        )
        matrix = listing.signin_matrix(base, visit.within)
        wanted = WantedSignIns(
            since=since, account=base.account, result=base.result, verdict=query.get("verdict", ""),
            country=None if not country else "" if country == NOWHERE else country,
        )  # fmt: skip
        page = visit.number("page", 1, PAGES_MAX)
        rows = listing.signins(wanted, visit.within, ROWS, (page - 1) * ROWS)
    total = sum(
        count for (place, verdict), count in matrix.items()
        if wanted.country in {None, place} and wanted.verdict in {"", verdict}
    )  # fmt: skip
    sums: dict[str, int] = {}
    for (place, verdict), count in matrix.items():
        sums[place] = sums.get(place, 0) + count + (10**9 if verdict == "contradicted" else 0)
    places = sorted(sums, key=lambda place: (-sums[place], place))
    return render(
        desk, visit, "signins.html", matrix=matrix, places=places[:COUNTRIES], left=max(0, len(places) - COUNTRIES),
        verdicts=VERDICTS, rows=rows, total=total, page=page, pages=-(-total // ROWS) or 1, wanted=query, days=days,
        windows=WINDOWS, nowhere=NOWHERE, most=max(matrix.values(), default=1),
        at=lambda **changed: link("/signins", {**query, "days": days}, **{"page": "", **changed}),
    )  # fmt: skip


def quarantine(desk: Desk, visit: Visit) -> "Response":
    """Show messages on which a product acted: one row a message and recipient."""
    wanted = visit.query.get("text", "").strip().lower()[:200]
    with desk.state() as state, ArchiveReader(state, desk.folder) as archive:
        rows = held_messages(archive, visit.within)
    shown = [
        one for one in rows
        if not wanted or wanted in f"{one.sender} {one.recipient} {one.subject} {one.message} {one.delivery}".lower()
    ]  # fmt: skip
    pages = -(-len(shown) // ROWS) or 1
    page = visit.number("page", 1, pages)
    return render(
        desk, visit, "quarantine.html", rows=shown[(page - 1) * ROWS : page * ROWS], total=len(shown), page=page,
        pages=pages, wanted=visit.query,
        at=lambda **changed: link("/quarantine", visit.query, **{"page": "", **changed}),
    )  # fmt: skip


def health(desk: Desk, visit: Visit) -> "Response":
    """Show how the sensor is: what it reads, what it could not, what it has learned, what it keeps."""
    with desk.state() as state:
        files = state.manifest.files()
        facts = state.manifest.facts
        learning: dict[str, int] = {}
        for one in state.devices():
            if visit.within is None or set(one.sites) & set(visit.within):
                learning[one.learning.state] = learning.get(one.learning.state, 0) + 1
    with desk.listing() as listing:
        meta, inputs = listing.meta(), listing.inputs(visit.within)
    tables: dict[str, list[int]] = {}
    for file in files:
        held = tables.setdefault(file.table, [0, 0, 0])
        held[0], held[1], held[2] = held[0] + 1, held[1] + file.count, held[2] + file.size_bytes
    vitals: dict[str, list[Vital]] = {}
    for vital in desk.vitals() if desk.vitals is not None and visit.within is None else ():
        vitals.setdefault(vital.group, []).append(vital)
    return render(
        desk, visit, "health.html", clock_ns=int(meta.get("clock_ns", 0)), clock=rfc3339(int(meta.get("clock_ns", 0))),
        meta=meta, inputs=inputs, learning=learning, tables=tables,
        since=rfc3339(facts.since_ns) if facts.since_ns else "",
        vitals=vitals, running=desk.vitals is not None, proposals=_proposals(meta, visit.within),
        signed_in=desk.sessions.people() if visit.person.may("admin") else [],
        held={"archive": sum(file.size_bytes for file in files)},
    )  # fmt: skip


def pulse(desk: Desk, _visit: Visit) -> "Response":
    """Say the number of the last change, for a page that is open to tell that there is something new."""
    from starlette.responses import JSONResponse

    with desk.listing() as listing:
        return JSONResponse({"change": listing.last_change()})


def _proposals(meta: dict[str, str], within: tuple[str, ...] | None) -> list[dict[str, str]]:
    found = json.loads(meta.get("proposals", "[]"))
    return [one for one in found if within is None or one.get("site") in within]


def _since(last: str, days: str) -> str:
    """Return the time so many days before the last sign-in, event time."""
    if not last or days not in WINDOWS or not days:
        return ""
    return rfc3339(parse(last) - int(days) * DAY_NS)
