"""What people decide: verdicts, suppressions with a look at what they would hide, and responses.

Each decision needs a role at every site that it touches, and is the person's: their name goes with it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sensor.console.decisions import MuteWanted
from sensor.console.incident_pages import find
from sensor.console.page import link, render
from sensor.console.visit import Desk, Refused, Visit
from sensor.model.incident import VERDICTS
from sensor.model.times import rfc3339
from sensor.store.actions import KILL_SWITCH, Actions
from sensor.store.state import State

if TYPE_CHECKING:
    from starlette.responses import Response

    from sensor.store.held import Held

DAYS_MAX = 3660
"""As of `spanline mute`."""
REASON_MAX = 2000
HIDES_SHOWN = 50
ROWS = 100
"""Responses a page."""


def close(desk: Desk, visit: Visit) -> "Response":
    """Close an incident with a verdict."""
    _writable(desk)
    with desk.state() as state:
        one = find(visit, state)
    _needs(visit, "analyst", one.sites)
    verdict = visit.form.get("verdict", "")
    if verdict not in VERDICTS:
        raise Refused(400, "Say what the verdict is.")
    _settled(desk.decisions.close(one.id, verdict, _reason(visit), _by(visit)))
    return _to(f"/incidents/{one.id}?done=closed")


def mute(desk: Desk, visit: Visit) -> "Response":
    """Show what a suppression would hide; put it in force where that was asked for."""
    _writable(desk)
    wanted, force = _wanted(visit), visit.form.get("force") == "yes"
    if not wanted.reason:
        raise Refused(400, "Give a reason: somebody will ask.")
    if force:
        desk.decisions.mute(wanted, _by(visit))
        return _to("/mutes?done=muted")
    hides = desk.decisions.preview(wanted)
    with desk.state() as state:
        names = _names(state, [wanted.entity])
    return render(
        desk, visit, "mute.html", wanted=wanted, hides=hides[:HIDES_SHOWN], more=max(0, len(hides) - HIDES_SHOWN),
        evidence=sum(one.evidence for one in hides), closes=sum(one.closes and one.state == "open" for one in hides),
        incidents=len(hides), names=names,
    )  # fmt: skip


def mutes(desk: Desk, visit: Visit) -> "Response":
    """List the suppressions with what each has hidden."""
    with desk.state() as state:
        now = rfc3339(int(state.meta("clock_ns") or 0))
        rows = [(one, *state.judgements.hidden(one.id)) for one in state.judgements.mutes()]
        names = _names(state, [one.entity for one, *_ in rows])
    if visit.within is not None:
        rows = [row for row in rows if not row[0].site or row[0].site in visit.within]
        rows = [
            (one, count, [hid for hid in latest if hid.site in (visit.within or ())]) for one, count, latest in rows
        ]
    rows.sort(key=lambda row: (row[0].expires <= now, row[0].expires))
    return render(
        desk, visit, "mutes.html", rows=rows, now=now, names=names,
        may=lambda one: visit.person.may("analyst", _sites_of(one.site)) and not desk.decisions.readonly,
    )  # fmt: skip


def unmute(desk: Desk, visit: Visit) -> "Response":
    """Take a suppression back."""
    _writable(desk)
    with desk.state() as state:
        held = next((one for one in state.judgements.mutes() if one.id == visit.part), None)
    if held is None:
        raise Refused(404, "There is no such suppression.")
    _needs(visit, "analyst", _sites_of(held.site))
    _settled(desk.decisions.unmute(held.id))
    return _to("/mutes?done=unmuted")


def actions(desk: Desk, visit: Visit) -> "Response":
    """List responses, those that wait for somebody first."""
    with _actions(desk) as held:
        rows = held.all()
    with desk.listing() as listing:
        sites = listing.sites_of([one.incident for one in rows]) if visit.within is not None else None
    if sites is not None and visit.within is not None:
        rows = [one for one in rows if set(sites.get(one.incident, ())) & set(visit.within)]
    order = {"proposed": 0, "approved": 1, "executing": 2, "unknown": 3, "verified": 4}
    rows.sort(key=lambda one: (one.action.connector is None, order.get(one.action.state, 9), one.action.id))
    pages = -(-len(rows) // ROWS) or 1
    page = visit.number("page", 1, pages)
    shown = rows[(page - 1) * ROWS : page * ROWS]
    with desk.state() as state:
        names = _names(state, [one.action.target["id"] for one in shown])
    return render(
        desk, visit, "actions.html", rows=shown, total=len(rows), page=page, pages=pages,
        names=names, at=lambda **changed: link("/actions", visit.query, **changed),
        stopped=(desk.folder / KILL_SWITCH).exists(),
        may=lambda one: (
            visit.person.may("responder", _sites(sites, one)) and not desk.decisions.readonly
        ),
        may_stop=visit.person.may("admin") and not desk.decisions.readonly,
    )  # fmt: skip


def decide(desk: Desk, visit: Visit) -> "Response":
    """Approve or deny a response, or ask to take it back."""
    _writable(desk)
    with _actions(desk) as held:
        one = held.get(visit.part)
    if one is None:
        raise Refused(404, "There is no such response.")
    with desk.state() as state:
        incident = find(visit, state, one.incident)
    _needs(visit, "responder", incident.sites)
    what, reason = visit.form.get("what", ""), visit.form.get("reason", "").strip()[:REASON_MAX]
    if what == "undo":
        _settled(desk.decisions.ask_back(one.action.id, _by(visit), reason))
    elif what in {"approved", "denied"}:
        _settled(desk.decisions.decide(one.action.id, what, _by(visit), reason))
    else:
        raise Refused(400, "Say what to do about it.")
    return _to(f"/incidents/{one.incident}?done={'asked' if what == 'undo' else what}#actions")


def stop(desk: Desk, visit: Visit) -> "Response":
    """Stop every response, or let them go on."""
    _writable(desk)
    _needs(visit, "admin", ())
    stopped = visit.form.get("what") == "stop"
    desk.decisions.stop(stopped=stopped)
    return _to(f"/actions?done={'stopped' if stopped else 'resumed'}")


def _wanted(visit: Visit) -> MuteWanted:
    """Read what a suppression is to hide; its values come percent-encoded, as a form changes line ends."""
    days = visit.form.get("days", "30")
    given = {name: unquote(visit.form.get(name, ""))[:1000] for name in ("entity", "detector", "key", "site")}
    made = MuteWanted(
        **given, days=min(max(int(days), 1), DAYS_MAX) if days.isascii() and days.isdecimal() and len(days) < 6 else 30,
        reason=visit.form.get("reason", "").strip()[:REASON_MAX],
    )  # fmt: skip
    if not (made.entity or made.detector or made.key or made.site):
        raise Refused(400, "Say what to suppress: an entity, a detector, a key or a site.")
    _needs(visit, "analyst", _sites_of(made.site))
    return made


def _needs(visit: Visit, role: str, sites: tuple[str, ...]) -> None:
    if not visit.person.may(role, sites):
        where = f" at {', '.join(sites)}" if sites else " at every site"
        raise Refused(403, f"That needs the role {role}{where}.")


def _names(state: State, ids: Iterable[str]) -> dict[str, str]:
    """Return the names of those ids that are a device's; others say themselves what they are."""
    found = (state.device(key) for key in dict.fromkeys(ids) if key.startswith("dev-"))
    return {one.id: one.name for one in found if one is not None}


def _sites_of(site: str) -> tuple[str, ...]:
    return (site,) if site else ()


def _sites(known: "dict[str, tuple[str, ...]] | None", one: "Held") -> tuple[str, ...]:
    """Return an action's sites; whoever may act everywhere need not have them looked up."""
    return () if known is None else known.get(one.incident, ())


def _reason(visit: Visit) -> str:
    reason = visit.form.get("reason", "").strip()[:REASON_MAX]
    if not reason:
        raise Refused(400, "Give a reason: somebody will ask.")
    return reason


def _by(visit: Visit) -> str:
    return f"user:{visit.person.name}"


def _writable(desk: Desk) -> None:
    if desk.decisions.readonly:
        raise Refused(403, desk.decisions.readonly)


def _settled(wrong: str | None) -> None:
    if wrong is not None:
        raise Refused(409, f"Not done: {wrong}.")


def _actions(desk: Desk) -> Actions:
    return Actions(desk.folder, readonly=True)


def _to(where: str) -> "Response":
    from starlette.responses import RedirectResponse

    return RedirectResponse(where, 303)
