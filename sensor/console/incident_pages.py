"""The list of incidents, sorted by what to look at first, and one incident's page: story, evidence, decisions."""

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from sensor.console.bullets import bullet
from sensor.console.page import link, render
from sensor.console.report import timeline
from sensor.console.visit import Desk, Refused, Visit
from sensor.model.evidence import Evidence
from sensor.model.incident import TIERS, VERDICTS, Action, Incident
from sensor.model.response import VERBS
from sensor.store.listing import Wanted
from sensor.store.state import State

if TYPE_CHECKING:
    from starlette.responses import Response

PAGE_ROWS = 50
PAGES_MAX = 100_000
STATES = ("open", "closed", "expired")
_TYING = ("destination", "source", "address", "object", "device", "account", "query", "rule")
"""Kinds of keys that a suppression may be held to: a session or message never comes again."""


class Shown(NamedTuple):
    """An evidence with its plot, and whether it counts."""

    evidence: Evidence
    plot: str
    weighs: bool


class AtSite(NamedTuple):
    """An incident's part at one site."""

    site: str
    evidence: int
    strongest_db: float
    first: str
    last: str
    who: tuple[tuple[str, str], ...]
    """Name and page of whom the evidence is about."""


class Decidable(NamedTuple):
    """An action, and what whoever asks may do about it."""

    action: Action
    decides: bool
    takes_back: bool
    meaning: str


def home(_desk: Desk, _visit: Visit) -> "Response":
    """Go to the incidents."""
    from starlette.responses import RedirectResponse

    return RedirectResponse("/incidents", 303)


def incidents(desk: Desk, visit: Visit) -> "Response":
    """List incidents, by default those that are open and worth an alert, the most urgent first."""
    query = visit.query
    tier = query.get("tier", "")
    wanted = Wanted(
        state=_one_of(query.get("state", "open"), STATES), tier=_one_of(tier, TIERS), site=query.get("site", ""),
        text=query.get("text", "").strip()[:200], order=query.get("order", "urgency"),
    )  # fmt: skip
    page = visit.number("page", 1, PAGES_MAX)
    with desk.listing() as listing:
        total, rows = listing.incidents(wanted, visit.within, PAGE_ROWS, (page - 1) * PAGE_ROWS)
        counts, meta = listing.counts(visit.within), listing.meta()
    kept = {**query, "state": query.get("state", "open")}
    open_counts = dict.fromkeys(TIERS, 0)
    for (_, state, name), count in counts.items():
        open_counts[name] = open_counts.get(name, 0) + (count if state == "open" else 0)
    return render(
        desk, visit, "incidents.html", rows=rows, total=total, page=page, pages=-(-total // PAGE_ROWS) or 1,
        wanted=wanted, tiers=TIERS, states=STATES, sites=sorted({site for site, _, _ in counts}),
        open_counts=open_counts,
        at=lambda **changed: link("/incidents", kept, **{"page": "", **changed}), clock_ns=int(meta.get("clock_ns", 0)),
        first=(page - 1) * PAGE_ROWS + 1,
    )  # fmt: skip


def incident(desk: Desk, visit: Visit) -> "Response":
    """Show one incident."""
    with desk.state() as state:
        one = find(visit, state)
        clock_ns = int(state.meta("clock_ns") or 0)
    with desk.listing() as listing:
        related = listing.related(one, visit.within)
    ordered = sorted(one.evidence, key=lambda evidence: -evidence.db)
    shown = [Shown(evidence, bullet(evidence), weighs=True) for evidence in ordered]
    shown += [Shown(evidence, bullet(evidence), weighs=False) for evidence in one.context]
    return render(
        desk, visit, "incident.html", one=one, shown=shown, plot=timeline(one), related=related, clock_ns=clock_ns,
        actions=[_decidable(visit, one, action) for action in one.actions], verdicts=VERDICTS,
        may_judge=visit.person.may("analyst", one.sites) and not desk.decisions.readonly,
        may_mute=_may_mute(visit, one) and not desk.decisions.readonly, scopes=_scopes(one),
        at_sites=_at_sites(one), site_of={held.id: held.site for held in (*one.evidence, *one.context)},
        within=visit.within, parties=_parties(one), stories=_story(one),
        names={party.id: party.name for party in one.entities},
    )  # fmt: skip


def find(visit: Visit, state: State, key: str = "") -> Incident:
    """Return the incident that is asked for. Raises Refused where there is none, or none that whoever asks may see."""
    one = state.incident(key or visit.part)
    if one is None:
        raise Refused(404, f"There is no incident {(key or visit.part)[:40]}.")
    if visit.within is not None and not set(visit.within) & set(one.sites):
        raise Refused(404, f"There is no incident {(key or visit.part)[:40]}.")
    return one


def _decidable(visit: Visit, one: Incident, action: Action) -> Decidable:
    verb = VERBS.get(action.verb)
    may = visit.person.may("responder", one.sites)
    return Decidable(
        action,
        decides=may and action.state == "proposed",
        takes_back=may and action.state in {"verified", "unknown"} and verb is not None and verb.reversible,
        meaning=verb.text if verb is not None else "",
    )


def _may_mute(visit: Visit, one: Incident) -> bool:
    return visit.person.may("analyst", one.sites)


def _scopes(one: Incident) -> dict[str, list[str]]:
    """Return what a suppression of an incident can be held to: whose evidence, which detector, what it is tied to."""
    keys = [key for evidence in one.evidence for key in evidence.keys if key.partition(":")[0] in _TYING]
    return {
        "entity": list(dict.fromkeys(evidence.entity.id for evidence in one.evidence)),
        "detector": list(dict.fromkeys(evidence.detector for evidence in one.evidence)),
        "key": list(dict.fromkeys(keys))[:50],
    }


def _parties(one: Incident) -> list[tuple[str, str, str, str, str]]:
    """Return who takes part: role, kind, name, page and site; subjects first."""
    pages = {"device": "/devices/", "account": "/accounts/"}
    pages |= dict.fromkeys(("address", "domain", "service"), "/incidents?state=all&text=")
    found = []
    for party in sorted(one.entities, key=lambda party: party.role != "subject"):
        page = f"{pages[party.kind]}{quote(party.id, safe='')}" if party.kind in pages else ""
        found.append((party.role, party.kind, party.name, page, party.site or ""))
    return found


def _at_sites(one: Incident) -> list[AtSite]:
    """Return what there is at each of its sites, the strongest first; nothing of an incident of one site."""
    if len(one.sites) < 2:
        return []
    names = {party.id: party.name for party in one.entities}
    pages = {"device": "/devices/", "account": "/accounts/"}
    found = []
    for site in one.sites:
        here = [held for held in one.evidence if held.site == site]
        who = {
            held.entity.id: f"{pages[held.entity.kind]}{quote(held.entity.id, safe='')}"
            for held in here if held.entity.kind in pages
        }  # fmt: skip
        found.append(
            AtSite(
                site, len(here), max((held.db for held in here), default=0.0),
                min((held.ts for held in here), default=""), max((held.ts for held in here), default=""),
                tuple((names.get(key, key), page) for key, page in who.items()),
            )
        )  # fmt: skip
    return sorted(found, key=lambda held: (-held.strongest_db, held.site))


def _story(one: Incident) -> list[tuple[str, list[object]]]:
    """Return the timeline by day."""
    days: dict[str, list[object]] = {}
    for moment in one.timeline:
        days.setdefault(moment.ts[:10], []).append(moment)
    return list(days.items())


def _one_of(text: str, known: tuple[str, ...]) -> str:
    return text if text in known else ""
