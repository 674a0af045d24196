"""Devices and accounts: the inventory with its learning, and one of them with what is usual for it and what it did."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from sensor.console.bullets import Bar, columns
from sensor.console.page import link, render, short
from sensor.console.plots import Stay, stays
from sensor.console.visit import Desk, Refused, Visit
from sensor.model.account import Account
from sensor.model.device import Device, Span
from sensor.model.times import parse
from sensor.model.usual import TITLES, Act, Usual
from sensor.store.usual import acts_of, of_account, of_device

if TYPE_CHECKING:
    from starlette.responses import Response

ROWS = 100
ACTS = 200
INCIDENTS = 30
SIGNINS = 30
DAYS = 28
OUTSIDE, ELSEWHERE = "outside", "another site"
Row = TypeVar("Row")


class Place(NamedTuple):
    """Where a device was."""

    name: str
    is_site: bool
    first: str
    last: str
    addresses: tuple[str, ...]


class Habits(NamedTuple):
    """What is usual, drawn."""

    usual: Usual | None
    hours: str
    weekdays: str
    days: str
    bytes_out: str


def devices(desk: Desk, visit: Visit) -> "Response":
    """List devices, the riskiest first."""
    wanted, learning = visit.query.get("text", "").strip().lower()[:200], visit.query.get("learning", "")
    site = visit.query.get("site", "")
    with desk.state() as state:
        every = [one for one in state.devices() if _seen(one.sites, visit.within)]
        clock_ns = int(state.meta("clock_ns") or 0)
    rows = [
        one for one in every
        if (not site or site in one.sites) and (not learning or one.learning.state == learning)
        and (not wanted or wanted in _text_of_device(one))
    ]  # fmt: skip
    order = visit.query.get("order", "risk")
    rows.sort(key=_DEVICE_ORDERS.get(order, _DEVICE_ORDERS["risk"]))
    page, pages, part = _paged(visit, rows)
    return render(
        desk, visit, "devices.html", rows=part, total=len(rows), every=len(every), page=page, pages=pages,
        sites=sorted({name for one in every for name in one.sites}), wanted=visit.query, order=order, clock_ns=clock_ns,
        at=lambda **changed: link("/devices", visit.query, **{"page": "", **changed}),
    )  # fmt: skip


def device(desk: Desk, visit: Visit) -> "Response":
    """Show one device."""
    with desk.state() as state:
        one = state.device(visit.part)
        if one is None or not _seen(one.sites, visit.within):
            raise Refused(404, f"There is no device {visit.part[:60]}.")
        usual = of_device(state, (one.id, *one.aliases))
        clock_ns = int(state.meta("clock_ns") or 0)
    with desk.listing() as listing:
        mine = listing.of_entity((one.id, *one.aliases), visit.within, INCIDENTS)
    return render(
        desk, visit, "device.html", one=one, incidents=mine, habits=_habits(usual, "flows"), titles=TITLES,
        clock_ns=clock_ns, places=_places(one, visit.within), stays=_stays(one, visit.within),
        others=sum(name not in (visit.within or one.sites) for name in one.sites), within=visit.within,
        own_spans=[span for span in one.address_spans if _own(span, visit.within)],
    )  # fmt: skip


def _own(span: Span, within: tuple[str, ...] | None) -> bool:
    return span.where is None or within is None or span.where in within


def _places(one: Device, within: tuple[str, ...] | None) -> list[Place]:
    """Return where a device was, the latest place first; other sites than the reader's are not named."""
    held: dict[str, list[Span]] = {}
    for span in one.address_spans:
        held.setdefault((span.where or OUTSIDE) if _own(span, within) else ELSEWHERE, []).append(span)
    found = [
        Place(
            name, name not in {OUTSIDE, ELSEWHERE}, min(span.first for span in spans), max(span.last for span in spans),
            () if name == ELSEWHERE else tuple(dict.fromkeys(span.value for span in spans)),
        )
        for name, spans in held.items()
    ]  # fmt: skip
    return sorted(found, key=lambda place: place.last, reverse=True)


def _stays(one: Device, within: tuple[str, ...] | None) -> str:
    """Draw where a device was, a bar an address."""
    drawn = []
    for span in one.address_spans:
        own = _own(span, within)
        lane = (span.where or OUTSIDE) if own else ELSEWHERE
        text = f"{span.value if own else ''} at {lane}, {span.first[:16]} to {span.last[:16]}"
        drawn.append(Stay(parse(span.first), parse(span.last), lane, text.strip()))
    return stays(drawn)


def accounts(desk: Desk, visit: Visit) -> "Response":
    """List accounts, those with open incidents first."""
    wanted, kind = visit.query.get("text", "").strip().lower()[:200], visit.query.get("kind", "")
    with desk.state() as state:
        every = [one for one in state.accounts() if _seen(one.sites, visit.within)]
        clock_ns = int(state.meta("clock_ns") or 0)
    with desk.listing() as listing:
        risk = listing.risks("account", visit.within)
    rows = [
        one for one in every if (not kind or one.kind == kind) and (not wanted or wanted in _text_of_account(one))
    ]  # fmt: skip
    rows.sort(key=lambda one: (-risk.get(one.name, 0.0), one.kind != "user", one.name))
    page, pages, part = _paged(visit, rows)
    return render(
        desk, visit, "accounts.html", rows=part, total=len(rows), every=len(every), page=page, pages=pages, risk=risk,
        wanted=visit.query, clock_ns=clock_ns,
        at=lambda **changed: link("/accounts", visit.query, **{"page": "", **changed}),
    )  # fmt: skip


def account(desk: Desk, visit: Visit) -> "Response":
    """Show one account: its timeline of sign-ins with why they failed, files, rules and mail."""
    with desk.state() as state:
        one = state.account(visit.part)
        if one is None or not _seen(one.sites, visit.within):
            raise Refused(404, f"There is no account {visit.part[:60]}.")
        usual = of_account(state, one.name)
        acts = acts_of(state, one.name, ACTS)
        signins = state.signins(one.name, limit=SIGNINS)
        clock_ns = int(state.meta("clock_ns") or 0)
    with desk.listing() as listing:
        mine = listing.of_entity((one.name, *one.names, *one.ids), visit.within, INCIDENTS)
    kinds = sorted({act.kind for act in acts})
    only = visit.query.get("kind", "")
    shown = [act for act in reversed(acts) if not only or act.kind == only]
    return render(
        desk, visit, "account.html", one=one, incidents=mine, habits=_habits(usual, "sign-ins"), titles=TITLES,
        days=_by_day(shown), kinds=kinds, only=only, signins=signins, clock_ns=clock_ns, acts=len(acts),
        at=lambda **changed: link(f"/accounts/{one.name}", visit.query, **changed) + "#timeline",
    )  # fmt: skip


def _habits(usual: Usual | None, unit: str) -> Habits:
    if usual is None:
        return Habits(None, "", "", "", "")
    week = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    by_day = {one.day: one for one in usual.days}
    last = date.fromisoformat(usual.days[-1].day)
    first = max(date.fromisoformat(usual.days[0].day), last - timedelta(days=DAYS - 1))
    every = [(first + timedelta(days=at)).isoformat() for at in range((last - first).days + 1)]
    counts = [Bar(_day(day), by_day[day].count if day in by_day else 0) for day in every]
    sent = [Bar(_day(day), by_day[day].bytes_out if day in by_day else 0) for day in every]
    step = -(-len(every) // 7)
    return Habits(
        usual, columns([Bar(f"{hour:02}", n) for hour, n in enumerate(usual.hours)], f"{unit} by hour", every=3),
        columns([Bar(name, n) for name, n in zip(week, usual.weekdays, strict=True)], f"{unit} by day of the week"),
        columns(counts, f"{unit} a day", every=step), columns(sent, "bytes sent a day", every=step),
    )  # fmt: skip


def _day(text: str) -> str:
    """Write a date as `9 Nov`."""
    return short(f"{text}T00:00")[:-6]


def _by_day(acts: Iterable[Act]) -> list[tuple[str, list[tuple[Act, int]]]]:
    """Return acts by day; what was done again right after is one, with how often."""
    days: dict[str, list[tuple[Act, int]]] = {}
    for act in acts:
        day = days.setdefault(act.ts[:10], [])
        if day and msgspec.structs.replace(day[-1][0], ts=act.ts) == act:
            day[-1] = (day[-1][0], day[-1][1] + 1)
        else:
            day.append((act, 1))
    return list(days.items())


def _seen(sites: tuple[str, ...], within: tuple[str, ...] | None) -> bool:
    return within is None or bool(set(sites) & set(within))


def _paged(visit: Visit, rows: list[Row]) -> tuple[int, int, list[Row]]:
    pages = -(-len(rows) // ROWS) or 1
    page = visit.number("page", 1, pages)
    return page, pages, rows[(page - 1) * ROWS : page * ROWS]


def _text_of_device(one: Device) -> str:
    return " ".join(
        (one.id, one.name, *one.addresses, *one.macs, *one.accounts, *one.aliases, one.vendor or "", one.role or "")
    ).lower()


def _text_of_account(one: Account) -> str:
    return " ".join((one.name, *one.names, *one.ids, *(link.device_name or "" for link in one.links))).lower()


_DEVICE_ORDERS: dict[str, Callable[[Device], tuple[object, ...]]] = {
    "risk": lambda one: (-one.risk_db, one.site, one.name),
    "name": lambda one: (one.name.lower(), one.id),
    "seen": lambda one: (_reversed(one.last_seen), one.id),
    "flows": lambda one: (-one.flows, one.id),
}


def _reversed(text: str) -> tuple[int, ...]:
    """Return a key that sorts times the latest first."""
    return tuple(-ord(character) for character in text)
