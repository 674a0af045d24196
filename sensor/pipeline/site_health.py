"""What a site says of itself to the hub: what it reads, whom it knows, what is open, and whether its numbers hold."""

import math
from collections import Counter
from collections.abc import Iterable

import sensor
from sensor.entities.accounts import Row
from sensor.entities.devices import AGE_NS
from sensor.model.fleet import RISKS_MAX, SiteHealth, SourceHealth, StatisticHealth
from sensor.model.times import DAY_NS
from sensor.pipeline.core import Core

HALF_FULL = 0.5
"""A table that is emptier says nothing that somebody has to act on."""


def health_of(core: Core, site: str, sources: Iterable[SourceHealth] = ()) -> SiteHealth:
    """Sum up one site of a core, as it stands between two steps.

    Args:
        core: Of which process; accounts and tables are of the whole of it.
        site: Name of the site.
        sources: How its sources are, by who reads them.
    """
    devices = [one for one in core.devices() if one.site == site]
    now_ns = core.entities.now_ns
    accounts = Counter(learning_of(row, now_ns) for row in core.entities.identity.accounts.rows)
    held = Counter(case.tier for case in core.incidents.cases.values() if case.is_open and case.site == site)
    return SiteHealth(
        version=sensor.__version__, sources=tuple(sorted(sources, key=lambda one: one.source)),
        devices=dict(sorted(Counter(one.learning.state for one in devices).items())),
        accounts=dict(sorted(accounts.items())),
        incidents=dict(sorted(held.items())),
        risks=tuple(sorted((one.risk_db for one in devices if one.risk_db), reverse=True)[:RISKS_MAX]),
        budget=core.incidents.budget_ratios([site]),
        calibration=tuple(
            StatisticHealth(statistic=name, alpha=alpha, ratio=round(ratio, 4))
            for (name, alpha), ratio in sorted(core.calibration().items()) if math.isfinite(ratio)
        ),
        saturation={
            table: round(share, 3) for table, share in sorted(core.saturation().items()) if share >= HALF_FULL
        },
    )  # fmt: skip


def learning_of(row: Row, now_ns: int) -> str:
    """Tell an account's state as a device's: ready after 24 h of history, stale as devices are."""
    if now_ns - row.last_ns > AGE_NS:
        return "stale"
    return "ready" if row.last_ns - row.first_ns >= DAY_NS else "learning"
