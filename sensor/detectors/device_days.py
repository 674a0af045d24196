"""Device-days of each site: what a rate is a rate of.

A day counts once it is over, with as many devices as the site had then. Columns are a table's own, beside what else a
detector counts by site.
"""

from typing import Any

import numpy as np

from baselines.distinct import values_of
from baselines.table import Table
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS

COLUMNS: dict[str, Any] = {"device_days": (np.int64, (), 0), "day": (np.int64, (), -1)}
SITES_MAX = 1 << 16
P_OPENS = 6.6e-3
"""10 dB: from where evidence weighs enough to join others; what weighs less by a site's own rates opens nothing."""
WEIGHT = 200
"""Device-days that an assumed rate weighs: the shrinkage of the method in force."""


def count_days(sites: Table, names: Names, tick: Tick) -> None:
    """Add the day that is over to each site of a tick, once."""
    today = (tick.end_ns - 1) // DAY_NS
    for site in values_of(tick.site).tolist():
        sites.cover(site + 1)
        columns = sites.columns
        if columns["day"][site] < today:
            columns["device_days"][site] += names.site_devices(site) if columns["day"][site] >= 0 else 0
            columns["day"][site] = today


def shrunk(assumed: float, seen: int, days: int) -> float:
    """Return a site's rate: the assumed one and what was seen, weighed by device-days."""
    return (assumed * WEIGHT + seen) / (WEIGHT + days)
