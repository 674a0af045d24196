"""A hub's state: sites in every condition, incidents across them, a laptop that moved."""

import msgspec

from sensor.model.device import Span
from sensor.model.fleet import META, SiteHealth, SiteLink, SiteRow, SourceHealth, StatisticHealth
from sensor.model.times import HOUR_NS, MINUTE_NS, SECOND_NS
from sensor.store.state import State
from tests.console.desks import CLOCK_NS, EVIL, T, account, device, evidence, incident

HEALTH = SiteHealth(
    version="0.1.0", sources=(SourceHealth(source="span", up=True, records=90_000, lag_s=1.0),),
    devices={"ready": 900, "learning": 30}, accounts={"ready": 700}, incidents={}, risks=(12.0, 3.0),
    budget={"page": 0.0, "triage": 0.4},
)  # fmt: skip
LINK = SiteLink(have=9_000, received_ns=CLOCK_NS - 2 * SECOND_NS, skew_ns=40_000_000, skew_error_ns=20_000_000)


def row(site, *, heard_ns=CLOCK_NS - 12 * SECOND_NS, health=HEALTH, link=LINK):
    """One site."""
    return SiteRow(site=site, heard_ns=heard_ns, health_ns=heard_ns, health=health, link=link)


def rows():
    """ADL well; BNE with a page (by `hub`); CBR silent; DRW behind; HOB with a source down; MEL lossy; NTL never."""
    changed = msgspec.structs.replace
    down = (*HEALTH.sources, SourceHealth(source="zeek", up=False, lag_s=900.0, records=1000, dropped=50))
    off = (StatisticHealth(statistic="volumes", alpha=1e-3, ratio=2.6),)
    dark_ns = CLOCK_NS - 3 * HOUR_NS
    return (
        row("ADL"), row("BNE"),
        row("CBR", heard_ns=dark_ns, link=changed(LINK, received_ns=dark_ns)),
        row("DRW", heard_ns=CLOCK_NS - 40 * MINUTE_NS, link=changed(LINK, waiting=1200)),
        row("HOB", health=changed(HEALTH, sources=down)),
        row("MEL", link=changed(LINK, missing=((9_010, 9_012),), lost=7, duplicates=3, skew_ns=95 * SECOND_NS),
            health=changed(HEALTH, calibration=off, saturation={"devices": 0.97}, budget={"triage": 1.4})),
        SiteRow(site="NTL"), row(EVIL, health=None, link=None),
    )  # fmt: skip


def hub(folder):
    """Fill a state."""
    across = incident(
        "INC-9", ("BNE", "PER"), title="203.0.113.9 was contacted from two sites", actions=(),
        evidence=(
            evidence("EV-a", site="BNE", text="BNE-LT-1 met 203.0.113.9 first"),
            evidence("EV-b", site="PER", text="PER-LT-7 met 203.0.113.9", db=25.0),
            evidence("EV-c", site="PER", text="PER-LT-8 met 203.0.113.9", db=22.0),
        ),
    )  # fmt: skip
    where = (("10.0.0.5", T, T, "SYD"), ("10.0.0.5", "2026-01-02T00:00:00Z", "2026-01-02T08:00:00Z", "PER"),
             ("198.51.100.4", "2026-01-03T00:00:00Z", "2026-01-03T02:00:00Z", None))  # fmt: skip
    moved = msgspec.structs.replace(
        device("dev-7", "SYD", "SYD-LT-0256"), sites=("PER", "SYD"), location="both",
        address_spans=tuple(Span(value=value, first=first, last=last, where=at) for value, first, last, at in where),
    )  # fmt: skip
    with State(folder) as state:
        state.commit(
            columns={}, incidents=[across, incident("INC-1", ("SYD",), "triage")],
            devices=[moved, device("dev-2", "PER", "PER-1")], accounts=[account("ann@ex.com", ("SYD", "PER"))],
            inputs=[],
            meta={"version": "2", "clock_ns": str(CLOCK_NS),
                  **{META + one.site: msgspec.json.encode(one).decode() for one in rows()}},
        )  # fmt: skip
    return folder
