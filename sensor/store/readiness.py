"""Figures of the readiness report, counted from a state and its archive: nothing is estimated here."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from sensor.model.archive import Archive
from sensor.model.device import Device
from sensor.model.incident import Incident
from sensor.model.readiness import (
    NOT_SHOWN,
    PARTLY,
    SHOWN,
    BudgetDay,
    Capability,
    LogSource,
    Ratio,
    Readiness,
    SiteAssets,
    amount,
)
from sensor.model.times import DAY_NS, rfc3339
from sensor.store import schema
from sensor.store.actions import Actions
from sensor.store.archive_reader import ArchiveReader
from sensor.store.audit import verify
from sensor.store.state import DATABASE, State

YEAR_DAYS = 365
IDENTITY = ("entra", "m365", "okta", "google", "duo", "adfs", "onelogin", "auth0")
ENDPOINT = ("sysmon", "windows", "defender", "osquery", "ecs")
_INDUSTRIAL_ROLES = ("PLC", "HMI")
_COUNTED = "count(*), min(ts), max(ts), count(DISTINCT ts // $day)"


def gather(state: State, folder: Path, since_ns: int, until_ns: int, minutes_per_question: float) -> Readiness:
    """Count everything of a period of event time.

    Args:
        state: Opened read-only.
        folder: Where it lies.
        since_ns: Begin, ns.
        until_ns: End, ns.
        minutes_per_question: How long a person would take for one question; an assumption.
    """
    since, until = rfc3339(since_ns), rfc3339(until_ns)
    devices = state.devices()
    incidents = [one for one in state.incidents(digest=True) if since <= one.last_activity and one.opened <= until]
    shown = [one for one in incidents if one.tier != "digest"]
    with ArchiveReader(state, folder) as archive:
        sources = tuple(_sources(archive, since_ns, until_ns))
        whole_since = rfc3339(archive.since_ns) if archive.since_ns else None
    files = state.manifest.files()
    kept_ns = max((one.last_ns for one in files), default=0) - min((one.first_ns for one in files), default=0)
    with Actions(folder, readonly=True) as held:
        actions = dict(Counter(one.action.state for one in held.all()))
    per_1000 = float(state.meta("budget_per_1000") or 1.0)
    made = Readiness(
        since=since, until=until, sites=tuple(_sites(devices, sources)), sources=sources,
        accounts=len(state.accounts()), capabilities=(), incidents=dict(Counter(one.tier for one in incidents)),
        verdicts=dict(Counter(_fate(one) for one in shown)),
        questions=sum(found.answered for one in shown for found in one.investigation),
        minutes_per_question=minutes_per_question, actions=actions,
        budget=tuple(_budget(shown, devices, per_1000, since, until)),
        calibration=msgspec.json.decode(state.meta("calibration") or "[]", type=tuple[Ratio, ...]),
        techniques=dict(Counter(name for one in shown for name in one.techniques).most_common()),
        kept_days=kept_ns / DAY_NS, kept_bytes=sum(one.size_bytes for one in files), whole_since=whole_since,
    )  # fmt: skip
    return msgspec.structs.replace(made, capabilities=tuple(_capabilities(made, shown, devices, state, folder)))


def _sources(archive: Archive, since_ns: int, until_ns: int) -> Iterator[LogSource]:
    """Count records by site and source: flows, events by product, messages of controllers."""
    asked = {"day": DAY_NS, "since": since_ns, "until": until_ns}
    within = "ts >= $since AND ts <= $until"
    for sql in (
        f"SELECT site, 'flows', {_COUNTED} FROM flows WHERE fresh AND {within} GROUP BY 1",  # noqa: S608 - ours
        f"SELECT coalesce(site, ''), source, {_COUNTED} FROM events WHERE {within} GROUP BY 1, 2",  # noqa: S608
        f"SELECT site, 'controllers', {_COUNTED} FROM messages WHERE kind = 'industrial' AND {within} GROUP BY 1",  # noqa: S608
    ):
        for site, source, records, first, last, days in sorted(archive.rows(sql, asked)):
            if source:
                yield LogSource(
                    site=site, source=source, records=records, first=rfc3339(first), last=rfc3339(last), days=days
                )


def _sites(devices: Sequence[Device], sources: Sequence[LogSource]) -> Iterator[SiteAssets]:
    for site in sorted({one.site for one in devices} | {one.site for one in sources if one.site}):
        own = [one for one in devices if one.site == site]
        yield SiteAssets(
            site=site, devices=len(own), ready=sum(one.learning.state == "ready" for one in own),
            roles=dict(Counter(one.role or "not clear" for one in own).most_common()),
            last_heard=max((one.last for one in sources if one.site == site), default=None),
        )  # fmt: skip


def _fate(incident: Incident) -> str:
    return incident.verdict or incident.state


def _budget(
    shown: Sequence[Incident], devices: Sequence[Device], per_1000: float, since: str, until: str
) -> Iterator[BudgetDay]:
    """Count incidents by the site and day on which they were opened; duplicates are part of others."""
    size = Counter(one.site for one in devices)
    opened = Counter(
        (one.sites[0] if one.sites else "", one.opened[:10])
        for one in shown if since <= one.opened <= until and one.verdict != "duplicate"
    )  # fmt: skip
    for (site, day), count in sorted(opened.items()):
        yield BudgetDay(site=site, day=day, opened=count, ceiling=max(1.0, per_1000 * size[site] / 1000.0))


def _capabilities(
    made: Readiness, shown: Sequence[Incident], devices: Sequence[Device], state: State, folder: Path
) -> Iterator[Capability]:
    """Say of each capability what there is; the figures are the ones the page shows."""
    flows = [one for one in made.sources if one.source == "flows"]
    watched, sites = len({one.site for one in flows}), len(made.sites)
    ready = sum(one.ready for one in made.sites)
    yield _told(
        "assets", full=bool(devices),
        figures=f"{len(devices):,} devices and {made.accounts:,} accounts; {ready:,} devices with a baseline",
    )  # fmt: skip
    yield _told("flows", full=bool(flows), figures=f"{sum(one.records for one in flows):,} flows kept")
    yield _told(
        "network", full=0 < sites == watched, some=bool(watched), figures=f"network seen at {watched} of {sites} sites"
    )
    yield _told("logs", full=len(made.sources) > 1, some=bool(made.sources), figures=_named(made.sources))
    for name, kinds in (("identity", IDENTITY), ("endpoint", ENDPOINT), ("industrial", ("controllers",))):
        found = [one for one in made.sources if one.source in kinds]
        yield _told(name, full=bool(found), figures=_named(found))
    controllers = sum(one.role in _INDUSTRIAL_ROLES for one in devices)
    yield _told("industrial assets", full=controllers > 0, figures=f"{controllers:,} controllers and panels")
    yield from _kept(made, state, folder)
    yield from _handled(made, shown, folder)


def _told(name: str, *, full: bool, some: bool = False, figures: str) -> Capability:
    return Capability(name=name, state=SHOWN if full else PARTLY if some else NOT_SHOWN, figures=figures)


def _kept(made: Readiness, state: State, folder: Path) -> Iterator[Capability]:
    days = made.kept_days
    kept = f"records of {days:,.0f} days, {amount(made.kept_bytes)}"
    kept += f"; whole since {made.whole_since[:10]}" if made.whole_since else "; nothing was left out"
    yield _told("retention", full=days > 0, figures=kept)
    yield _told("year", full=days >= YEAR_DAYS, some=days > 0, figures=f"{kept}; asked: {YEAR_DAYS} days")
    try:
        fault = state.seals.chain_fault()
    except ValueError as error:
        fault = str(error)
    yield _told("integrity", full=fault is None, figures=fault or "every commit's seals hold")
    problems, lines = verify(folder) if (folder / "audit.jsonl").exists() else ([], 0)
    figures = problems[0] if problems else f"{lines:,} lines, chained and signed"
    yield _told("actions", full=bool(lines) and not problems, some=not problems, figures=figures)


def _handled(made: Readiness, shown: Sequence[Incident], folder: Path) -> Iterator[Capability]:
    judged = sum(made.verdicts.get(name, 0) for name in ("true", "benign", "duplicate"))
    over = len(shown) - made.verdicts.get("open", 0)
    several = sum(len({one.source for one in incident.evidence}) > 1 for incident in shown)
    listed = sum(any(one.detector == "indicators" for one in incident.evidence) for incident in shown)
    yield _told(
        "incidents", full=bool(shown), some=True, figures=f"{len(shown):,} incidents, {made.questions:,} questions"
    )
    yield _told(
        "verdicts", full=over > 0 and judged == over, some=judged > 0,
        figures=f"{judged:,} of {over:,} incidents that are over have a person's verdict",
    )  # fmt: skip
    yield _told(
        "analysis", full=made.questions > 0,
        figures=f"{made.questions:,} questions were asked of the records about {len(shown):,} incidents",
    )  # fmt: skip
    yield _told(
        "correlation", full=several > 0, figures=f"{several:,} of {len(shown):,} incidents rest on several sources"
    )
    yield _told(
        "intelligence", full=listed > 0, figures=f"{listed:,} of {len(shown):,} incidents have a listed indicator"
    )
    sent = _delivered(folder)
    yield _told("delivery", full=sum(sent.values()) > 0, figures=_sent(sent))
    done = made.actions.get("verified", 0) + made.actions.get("undone", 0)
    proposed = sum(made.actions.values())
    yield _told(
        "containment", full=done > 0, some=proposed > 0, figures=f"{done:,} of {proposed:,} proposed actions were done"
    )


def _named(sources: Sequence[LogSource]) -> str:
    sums: Counter[str] = Counter()
    for one in sources:
        sums[one.source] += one.records
    return ", ".join(f"{name} {count:,}" for name, count in sums.most_common()) or "none"


def _delivered(folder: Path) -> dict[str, int]:
    """Return how many incidents each sink acknowledged."""
    connection = schema.connect(folder / DATABASE, readonly=True)
    try:
        return dict(connection.execute("SELECT sink, count(*) FROM delivered GROUP BY sink").fetchall())
    finally:
        connection.close()


def _sent(sent: dict[str, int]) -> str:
    return ", ".join(f"{sink}: {count:,} incidents" for sink, count in sorted(sent.items())) or "no sink was sent any"
