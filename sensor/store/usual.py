"""What is usual for a device or an account: counted over the last weeks of the archive, and said in a few sentences.

Only shows. What the detectors compare with is their own (`spanline explain` gives its numbers): this counts the records
that were kept, flagged ones as well, in days of the configured time zone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from sensor.model.archive import Archive
from sensor.model.times import DAY_NS, MINUTE_NS, SECOND_NS, rfc3339
from sensor.model.usual import Act, DayOf, Share, Usual
from sensor.store.archive_reader import ArchiveReader
from sensor.store.state import State

WINDOW_DAYS = 28
"""Four whole weeks: what the seasons remember most of."""
SHOWN = 8
"""Entries of a group: what fits beside each other in a terminal."""
_SLOT_NS = 15 * MINUTE_NS
"""No time zone differs from UTC by less than a multiple of it."""
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MOST = 0.95
"""Of the activity: the hours said to be usual hold so much of it."""
_SERVED = "clients"
_NAMES = ("ssl", "http", "quic")
_OF_DEVICES = ("peers", _SERVED, "devices")
"""Groups of devices, by their ids."""


class _Slot(NamedTuple):
    start_ns: int
    made: int
    bytes_out: int
    bytes_in: int


def of_device(state: State, ids: Sequence[str]) -> Usual | None:
    """Count what is usual for a device of a state, whose archive lies beside it; devices it deals with are named."""
    with ArchiveReader(state, state.folder) as archive:
        return _named(device_usual(archive, ids, state.meta("timezone") or "UTC"), state)


def of_account(state: State, account: str) -> Usual | None:
    """Count what is usual for an account of a state; its devices are named."""
    with ArchiveReader(state, state.folder) as archive:
        return _named(account_usual(archive, account, state.meta("timezone") or "UTC"), state)


def acts_of(state: State, account: str, limit: int) -> tuple[Act, ...]:
    """Return the last acts of an account of a state, oldest first."""
    with ArchiveReader(state, state.folder) as archive:
        return account_timeline(archive, account, limit)


def device_usual(archive: Archive, ids: Sequence[str], timezone: str) -> Usual | None:
    """Count what a device did in the window before its last record; None where the archive has nothing of it.

    Args:
        archive: Where to ask.
        ids: Its id, and those of devices that turned out to be it.
        timezone: IANA name.
    """
    mine = {"ids": list(ids)}
    last = _last(archive.rows("SELECT max(ts) FROM flows WHERE list_contains($ids, orig_device)", mine))
    if last is None:
        return None
    asked = {**mine, "from": last - WINDOW_DAYS * DAY_NS, "slot": _SLOT_NS}
    slots = [
        _Slot(*row) for row in archive.rows(
            "SELECT ts // $slot * $slot, count(*) FILTER (fresh), sum(greatest(orig_bytes, 0)), "
            "sum(greatest(resp_bytes, 0)) FROM flows WHERE list_contains($ids, orig_device) AND ts > $from "
            "GROUP BY 1 ORDER BY 1", asked,
        )
    ]  # fmt: skip
    counted = {"ids": list(ids), "from": asked["from"], "day": DAY_NS, "ahead": _ahead(last, timezone), "limit": SHOWN}
    groups = {
        "services": _shares(
            archive, "flows", "coalesce(service, CASE WHEN proto IN ('tcp', 'udp') THEN proto || '/' || resp_p ELSE "
            "proto END)", "list_contains($ids, orig_device) AND fresh", counted,
        ),
        "names": _shares(
            archive, "messages", "query",
            f"list_contains($ids, device) AND query <> '' AND kind IN {_NAMES}", counted,
        ),
        "peers": _shares(
            archive, "flows", "resp_device", "list_contains($ids, orig_device) AND resp_device IS NOT NULL AND fresh",
            counted,
        ),
        _SERVED: _shares(
            archive, "flows", "orig_device",
            "list_contains($ids, resp_device) AND orig_device IS NOT NULL AND fresh AND "
            "conn_state NOT IN ('S0', 'REJ', 'RSTOS0', 'SH', 'OTH')", counted,
        ),
    }  # fmt: skip
    return _usual(archive, slots, timezone, {name: shares for name, shares in groups.items() if shares}, "flows")


def account_usual(archive: Archive, account: str, timezone: str) -> Usual | None:
    """Count an account's sign-ins in the window before its last one; None where the archive has none."""
    mine = {"account": account}
    last = _last(archive.rows("SELECT max(ts) FROM signins WHERE account = $account", mine))
    if last is None:
        return None
    asked = {**mine, "from": last - WINDOW_DAYS * DAY_NS}
    slots = [
        _Slot(start, count, 0, 0) for start, count in archive.rows(
            "SELECT ts // $slot * $slot, count(DISTINCT id) FROM signins WHERE account = $account AND ts > $from "
            "GROUP BY 1 ORDER BY 1", {**asked, "slot": _SLOT_NS},
        )
    ]  # fmt: skip
    counted = {**asked, "day": DAY_NS, "ahead": _ahead(last, timezone), "limit": SHOWN}
    of = "account = $account AND begun"
    columns = {
        "countries": "country", "networks": "'AS' || asn", "apps": "app", "agents": "user_agent", "devices": "device",
    }  # fmt: skip
    groups = {
        name: _shares(archive, "signins", column, f"{of} AND {column} IS NOT NULL AND result = 'success'", counted)
        for name, column in columns.items()
    }
    groups["failures"] = _shares(
        archive, "signins", "coalesce(reason, reason_code, 'no reason given')", f"{of} AND result <> 'success'", counted
    )
    groups["acts"] = _shares(
        archive, "events", "kind", "account_entity = $account AND kind NOT IN ('signin', 'lease')", counted
    )
    return _usual(archive, slots, timezone, {name: shares for name, shares in groups.items() if shares}, "sign-ins")


def account_timeline(archive: Archive, account: str, limit: int) -> tuple[Act, ...]:
    """Return an account's last acts, oldest first: sign-ins as they were judged last, files, mail, rules, changes."""
    rows = archive.rows(
        "SELECT ts, 'signin', coalesce(app, ''), result, "
        "CASE WHEN result = 'success' THEN corroboration ELSE coalesce(reason, reason_code, '') END, "
        "concat_ws(', ', ip, city, country), source, n FROM ("
        "SELECT *, row_number() OVER (PARTITION BY id ORDER BY n DESC) AS latest FROM signins "
        "WHERE account = $account) WHERE latest = 1 UNION ALL "
        "SELECT ts, kind, concat_ws(' ', action, object), outcome, coalesce(reason, ''), "
        "concat_ws(', ', ip, city, country), source, n FROM events "
        "WHERE account_entity = $account AND kind <> 'signin' ORDER BY 1 DESC, 8 DESC LIMIT $limit",
        {"account": account, "limit": limit},
    )
    return tuple(
        Act(ts=rfc3339(ts), kind=kind, what=what, outcome=outcome or "", why=why, where=where, source=source)
        for ts, kind, what, outcome, why, where, source, _ in reversed(rows)
    )


def _zone(timezone: str) -> tzinfo:
    return UTC if timezone == "UTC" else ZoneInfo(timezone)


def _ahead(ts: int, timezone: str) -> int:
    """Return how far local time is ahead of UTC, ns: where it changes within the window a day is cut an hour off."""
    ahead = datetime.fromtimestamp(ts // SECOND_NS, _zone(timezone)).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds()) * SECOND_NS


def _named(usual: Usual | None, state: State) -> Usual | None:
    if usual is None or not any(usual.groups.get(group) for group in _OF_DEVICES):
        return usual
    names = {one.id: one.name for one in state.devices()}
    groups = {
        group: tuple(
            msgspec.structs.replace(one, name=names.get(one.name, one.name)) if group in _OF_DEVICES else one
            for one in shares
        )
        for group, shares in usual.groups.items()
    }  # fmt: skip
    return msgspec.structs.replace(usual, groups=groups)


def _last(rows: Sequence[tuple[int | None]]) -> int | None:
    return rows[0][0] if rows else None


def _shares(archive: Archive, table: str, what: str, where: str, parameters: Mapping[str, object]) -> tuple[Share, ...]:
    """Count values of an expression of ours, those of most days first."""
    rows = archive.rows(
        f"SELECT {what}, count(*), count(DISTINCT (ts + $ahead) // $day) FROM {table} WHERE ts > $from AND {where} "  # noqa: S608 - no one's text but ours
        "GROUP BY 1 ORDER BY 3 DESC, 2 DESC, 1 LIMIT $limit",
        parameters,
    )
    return tuple(Share(name=str(name), count=count, days=days) for name, count, days in rows)


def _usual(
    archive: Archive, slots: Sequence[_Slot], timezone: str, groups: dict[str, tuple[Share, ...]], unit: str
) -> Usual:
    zone = _zone(timezone)
    days: dict[date, list[int]] = {}
    hours, weekdays = [0] * 24, [0] * 7
    for slot in slots:
        local = datetime.fromtimestamp(slot.start_ns // SECOND_NS, zone)
        sums = days.setdefault(local.date(), [0, 0, 0])
        for at, value in enumerate(slot[1:]):
            sums[at] += value
        hours[local.hour] += slot.made
        weekdays[local.weekday()] += slot.made
    told = [DayOf(day=day.isoformat(), count=c, bytes_out=o, bytes_in=i) for day, (c, o, i) in sorted(days.items())]
    return Usual(
        timezone=timezone, whole=archive.since_ns <= slots[0].start_ns, days=tuple(told), hours=tuple(hours),
        weekdays=tuple(weekdays), groups=groups, said=tuple(_said(told, hours, days, groups, timezone, unit)),
    )  # fmt: skip


def _said(
    days: Sequence[DayOf], hours: Sequence[int], dates: Iterable[date], groups: Mapping[str, Sequence[Share]],
    timezone: str, unit: str,
) -> Iterable[str]:  # fmt: skip
    spanned = (date.fromisoformat(days[-1].day) - date.fromisoformat(days[0].day)).days + 1
    first, width = _busy(hours)
    when = "at all hours" if width >= 20 else f"mostly from {first:02}:00 to {(first + width) % 24:02}:00"
    yield f"Seen on {len(days)} of {spanned} days, {_weekdays(dates)}, {when} ({timezone})."
    middle = _between([day.count for day in days], lambda value: f"{value:,}")
    if unit == "flows":
        out = _between([day.bytes_out for day in days], _bytes)
        into = _between([day.bytes_in for day in days], _bytes)
        yield f"On such a day it opens {middle} flows, sends {out} and receives {into}."
    else:
        yield f"On such a day it signs in {middle} times."
    for name, says in _SAYS.items():
        if groups.get(name):
            yield f"{says}: {', '.join(_share(one, len(days)) for one in groups[name][:4])}."


_SAYS = {
    "services": "It uses", "names": "It visits", "countries": "It signs in from", "apps": "It uses",
    "failures": "It fails for",
}  # fmt: skip


def _share(one: Share, days: int) -> str:
    return f"{one.name} ({'every day' if one.days >= days > 1 else f'{one.days} d'}, {one.count:,}×)"


def _busy(hours: Sequence[int]) -> tuple[int, int]:
    """Return the shortest run of hours, round the clock, that holds _MOST of the activity: its start and length."""
    total = sum(hours)
    runs = (
        (width, start) for width in range(1, 25) for start in range(24)
        if sum(hours[(start + i) % 24] for i in range(width)) >= _MOST * total
    )  # fmt: skip
    width, start = next(runs)
    return start, width


def _weekdays(dates: Iterable[date]) -> str:
    seen = Counter(one.weekday() for one in dates)
    names = [_WEEKDAYS[at] for at in sorted(seen)]
    if set(seen) == set(range(5)):
        return "Monday to Friday"
    return "any day of the week" if len(seen) == 7 else ", ".join(names)


def _between(values: Sequence[int], written: Callable[[int], str]) -> str:
    """Say the middle four fifths of values; all of them where they are few."""
    ordered = sorted(values)
    cut = len(ordered) // 10
    low, high = (written(value) for value in (ordered[cut], ordered[-1 - cut]))
    return low if low == high else f"{low} to {high}"


def _bytes(value: int) -> str:
    """Write a number of bytes with a decimal prefix."""
    scaled = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if scaled < 1000:
            return f"{scaled:.0f} {unit}" if unit == "B" or scaled >= 100 else f"{scaled:.1f} {unit}"
        scaled /= 1000
    return f"{scaled:.1f} TB"
