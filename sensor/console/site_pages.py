"""The fleet: every site with what to look at there, and one site with its sources, its numbers and the way to it."""

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from sensor.console.page import link, render
from sensor.console.visit import Desk, Refused, Visit
from sensor.model.fleet import SiteView
from sensor.model.incident import TIERS
from sensor.model.times import rfc3339
from sensor.store.fleet import gather
from sensor.store.listing import Wanted

if TYPE_CHECKING:
    from starlette.responses import Response

ROWS = 100
INCIDENTS, MOVED = 20, 30
STATES = ("never", "silent", "behind", "heard")


class Sums(NamedTuple):
    """All sites together."""

    sites: int
    states: dict[str, int]
    page: int
    down: int
    """Kinds of source at a site that cannot be read."""
    devices: int
    learning: int
    missing: int
    """Sites of which packets are missing, or were lost."""


def sites(desk: Desk, visit: Visit) -> "Response":
    """List sites, the one to look at first in front."""
    wanted, state = visit.query.get("text", "").strip().lower()[:200], visit.query.get("state", "")
    every = gather(desk.folder, visit.within, _now_ns(desk))
    rows = [
        one for one in every
        if (not state or one.state == state) and (not wanted or wanted in " ".join((one.site, *one.look)).lower())
    ]  # fmt: skip
    pages = -(-len(rows) // ROWS) or 1
    page = visit.number("page", 1, pages)
    return render(
        desk, visit, "sites.html", rows=rows[(page - 1) * ROWS : page * ROWS], total=len(rows), sums=_sums(every),
        page=page, pages=pages, wanted=visit.query, state=state, states=STATES, tiers=TIERS, live=_is_live(desk),
        now=rfc3339(_now_ns(desk)), page_of=page_of,
        at=lambda **changed: link("/sites", visit.query, **{"page": "", **changed}),
    )  # fmt: skip


def site(desk: Desk, visit: Visit) -> "Response":
    """Show one site."""
    found = [one for one in gather(desk.folder, visit.within, _now_ns(desk)) if one.site == visit.part]
    if not found:
        raise Refused(404, f"There is no site {visit.part[:60]}.")
    with desk.listing() as listing:
        _, incidents = listing.incidents(Wanted(state="open", site=visit.part), visit.within, INCIDENTS)
        moved = listing.moved(visit.part, MOVED)
        inputs = [one for one in listing.inputs(visit.within) if one.site == visit.part]
    return render(
        desk, visit, "site.html", one=found[0], incidents=incidents, moved=moved, inputs=inputs, tiers=TIERS,
        live=_is_live(desk), within=visit.within,
    )  # fmt: skip


def page_of(name: str) -> str:
    """Return the address of a site's page."""
    return f"/sites/{quote(name, safe='')}"


def _sums(every: list[SiteView]) -> Sums:
    return Sums(
        len(every), {state: sum(one.state == state for one in every) for state in STATES},
        sum(one.incidents["page"] > 0 for one in every), sum(len(one.sources_down) for one in every),
        sum(sum(one.devices.values()) for one in every), sum(one.devices.get("learning", 0) for one in every),
        sum(one.link is not None and bool(one.link.missing or one.link.lost) for one in every),
    )  # fmt: skip


def _is_live(desk: Desk) -> bool:
    return desk.today_ns is not None


def _now_ns(desk: Desk) -> int:
    """Return the time of day where a sensor runs, else the state's own: a replay of last year is not silent."""
    if desk.today_ns is not None:
        return desk.today_ns()
    with desk.state() as state:
        return int(state.meta("clock_ns") or 0)
