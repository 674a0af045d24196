"""The sites of a state, the one to look at first in front: for the console, the command line and whoever asks."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from sensor.model.fleet import SILENT_NS, VERDICTS_HELD_NS, SiteHealth, SiteLink, SiteRow, SiteView, SourceHealth
from sensor.model.incident import TIERS
from sensor.model.times import MINUTE_NS, SECOND_NS, parse, rfc3339, span
from sensor.store.listing import DeviceSum, Listing, Sites

DROPPED = 0.01
"""Share of a source's records, as the alert on drops has it (prometheus/rules)."""
FULL = 0.95
"""Share of a table, as the alert on full ones has it."""
OFF = (0.5, 2.0)
"""Between them a calibration ratio is right (METHOD in force, self-check)."""
SKEW_NS = MINUTE_NS
"""A clock that is further off makes sign-ins miss the presence that would support them."""


def gather(folder: Path, within: Sites, now_ns: int) -> list[SiteView]:
    """Return what is to be shown of each site.

    Args:
        folder: The state's.
        within: Sites that the reader may see; None for all.
        now_ns: Time of day where the state's sensor runs, else the state's own clock.

    Raises:
        FileNotFoundError: There is no state.
    """
    with Listing(folder) as listing:
        held = {row.site: row for row in listing.fleet(within)}
        opened, devices, accounts = listing.open_by_site(), listing.devices_by_site(), listing.accounts_by_site()
    names = {*held, *(site for site, _ in opened), *(site for site, _ in devices), *accounts}
    by_site: dict[str, dict[str, DeviceSum]] = {}
    for (name, state), found in devices.items():
        by_site.setdefault(name, {})[state] = found
    views = []
    for name in names:
        if name and (within is None or name in within):
            row = held.get(name, SiteRow(site=name))
            here = by_site.get(name, {})
            if not row.heard_ns and here:  # a state of before rows were kept
                seen_ns = max(parse(one.last_seen) for one in here.values())
                row = msgspec.structs.replace(row, heard_ns=seen_ns)
            health = row.health or SiteHealth(
                devices={state: one.devices for state, one in here.items()},
                accounts={"known": accounts[name]} if name in accounts else {},
            )
            risk = max((*health.risks, *(one.risk_db for one in here.values())), default=0.0)
            views.append(_view(row, health, {tier: opened.get((name, tier), 0) for tier in TIERS}, risk, now_ns))
    return [view for _, view in sorted(views, key=lambda one: (one[0], -one[1].risk_db, one[1].site))]


def _view(row: SiteRow, health: SiteHealth, opened: dict[str, int], risk: float, now_ns: int) -> tuple[int, SiteView]:
    """Return how urgent a site is, the least number first, and the site."""
    heard_ns = row.link.received_ns if row.link is not None and row.link.received_ns else row.heard_ns
    lag_ns = max(0, now_ns - row.heard_ns) if row.heard_ns else 0
    silent = heard_ns and now_ns - heard_ns > SILENT_NS
    state = "never" if not heard_ns else "silent" if silent else "behind" if lag_ns > SILENT_NS else "heard"
    low, high = OFF
    view = SiteView(
        site=row.site, state=state, look=(), last_heard=rfc3339(row.heard_ns) if row.heard_ns else None,
        silent_since=rfc3339(heard_ns) if silent else None, silent_s=(now_ns - heard_ns) / SECOND_NS if silent else 0.0,
        lag_s=lag_ns / SECOND_NS, version=health.version,
        reported=rfc3339(row.health_ns) if row.health_ns else None, incidents=opened, risk_db=risk,
        devices=health.devices, accounts=health.accounts, sources=health.sources, budget=health.budget,
        calibration_off=tuple(one for one in health.calibration if not low <= one.ratio <= high),
        nearly_full={table: share for table, share in health.saturation.items() if share > FULL}, link=row.link,
    )  # fmt: skip
    found = sorted(_reasons(view), key=lambda one: one[0])
    return found[0][0] if found else len(_RANKS), msgspec.structs.replace(view, look=tuple(text for _, text in found))


_RANKS = ("page", "silent", "down", "gap", "behind", "triage", "dropped", "budget", "clock", "calibration", "full")
"""What is looked at first: what was found, then what keeps from finding, then what makes it worse."""


def _reasons(view: SiteView) -> Iterator[tuple[int, str]]:
    """Give what there is to look at, each with its rank."""
    for what, text in (*_found(view), *_heard(view), *_working(view)):
        yield _RANKS.index(what), text


def _found(view: SiteView) -> Iterator[tuple[str, str]]:
    for tier in ("page", "triage"):
        if view.incidents[tier]:
            yield tier, f"{view.incidents[tier]:,} {tier} open"


def _heard(view: SiteView) -> Iterator[tuple[str, str]]:
    link, lag_ns = view.link or SiteLink(), int(view.lag_s * SECOND_NS)
    if view.state == "never":
        yield "silent", "never heard"
    elif view.state == "silent":
        silent_ns = int(view.silent_s * SECOND_NS)
        late = (
            f"; sign-ins of more than {span(VERDICTS_HELD_NS)} ago stay unknown" if silent_ns > VERDICTS_HELD_NS else ""
        )
        yield "silent", f"silent for {span(silent_ns)}{late}"
    elif view.state == "behind":
        yield "behind", f"{span(lag_ns)} behind"
    if link.missing:
        yield "gap", f"{sum(last - first + 1 for first, last in link.missing):,} packets missing"
    if link.lost:
        yield "gap", f"{link.lost:,} packets lost at the site"
    if link.skew_ns is not None and abs(link.skew_ns) > SKEW_NS + link.skew_error_ns:
        seen = ", its times are shifted" if link.shift_ns else ""
        yield "clock", f"clock {span(abs(link.skew_ns))} {'ahead' if link.skew_ns > 0 else 'behind'}{seen}"


def _working(view: SiteView) -> Iterator[tuple[str, str]]:
    for source in view.sources_down:
        yield "down", f"{source} down"
    for one in view.sources:
        if one.dropped > DROPPED * one.records:
            yield "dropped", f"{_share(one)} of {one.source} dropped"
    for tier, ratio in view.budget.items():
        if ratio > 1.0 and tier in {"page", "triage"}:
            yield "budget", f"{ratio:.1f} times the budget of {tier}"
    for off in view.calibration_off:
        yield "calibration", f"p-values of {off.statistic} off: {off.ratio:.2g}"
    for table, share in view.nearly_full.items():
        yield "full", f"table {table} {100 * share:.0f} % full"


def _share(one: SourceHealth) -> str:
    return f"{100 * one.dropped / max(1, one.records):.1f} %"
