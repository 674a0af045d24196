"""What a hub gives its sites, all of it: what is common and what is usual in the fleet, and verdicts on sign-ins.

A verdict goes to a site whose evidence is in the same incident as it: the hub corroborates a sign-in with the presence
of all sites, which none of them has. It is given under the ids of the site's own evidence, so that it needs no names.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import NDArray

from sensor.config import Config
from sensor.incidents.case import Case
from sensor.model.evidence import Evidence
from sensor.model.given import Judged
from sensor.model.report import AnyReport
from sensor.model.times import DAY_NS, parse
from sensor.pipeline.calibration_giving import CalibrationGiving
from sensor.pipeline.core import Core
from sensor.pipeline.fleet_giving import FleetGiving
from sensor.pipeline.fleet_telling import fleet_key
from sensor.pipeline.site_feed import source_of
from sensor.store.returns import Given

KEPT_NS = 30 * DAY_NS
"""Twice as long as an incident of an account stays open after its last evidence."""
EVIDENCE_MAX = 16
"""Of a site's, by which it finds its incident again: one would do, were it not that incidents are joined and cut."""
_WEIGHED = "corroboration"


class Giving:
    """One hub's. Implements fleet_ends.Gives."""

    def __init__(self, core: Core) -> None:
        """Go on where the core's state ends."""
        self._core = core
        self.popular = FleetGiving(core.ungiven, core.secret)
        self.calibration = CalibrationGiving(core.ungiven)

    def hear(self, reports: Sequence[AnyReport]) -> None:
        """Take in what sites told in a step."""
        self.popular.hear(reports)
        self.calibration.hear(reports)

    def due(self, now_ns: int) -> list[Given]:
        """Return what sites are given with this commit."""
        incidents = self._core.incidents
        changed = [incidents.cases[key] for key in sorted(incidents.changed & incidents.cases.keys())]
        own = {self._core.config.site}
        return [
            *self.popular.due(now_ns),
            *self.calibration.due(now_ns),
            *verdicts(changed, [site for site in self._core.fleet.rows if site not in own]),
        ]

    def save(self) -> dict[str, NDArray[Any]]:
        """Return what a restart needs, as named arrays."""
        return {**self.popular.save(), **self.calibration.save()}


def verdicts(cases: Iterable[Case], sites: Sequence[str]) -> list[Given]:
    """Return the verdicts on sign-ins in incidents, for the sites that have evidence in them."""
    found = []
    for case in cases:
        said = [one for one in (*case.evidence.values(), *case.context.values()) if one.detector == _WEIGHED]
        here = [one for one in said if "reported" not in one.marks]  # not what a site said itself
        of_site: dict[str, list[str]] = {}
        for one in case.evidence.values():
            if one.site in sites and "reported" in one.marks:
                of_site.setdefault(one.site, []).append(one.id)
        found += [_given(site, ids, one, sites) for site, ids in of_site.items() for one in here]
    return found


def _given(site: str, ids: Sequence[str], one: Evidence, sites: Sequence[str]) -> Given:
    by = next((name for name in sites if re.search(rf"\bat {re.escape(name)}\b", one.text)), "")
    ts = parse(one.ts)
    judged = Judged(
        ts=ts, evidence=tuple(sorted(ids)[:EVIDENCE_MAX]), verdict=one.model.rpartition(":")[2], by=by, text=one.text
    )
    return Given(site, f"judged:{one.id}", judged, ts + KEPT_NS)


def join_fleet(core: Core, config: Config) -> None:
    """Have a core give back to its sites where it is a hub, and know the fleet's things where it has the key.

    Raises:
        ConfigError: The key is not where the configuration says.
    """
    key = fleet_key(config)
    if key is not None:
        core.taking.know(key)
    if source_of(config) is not None:
        core.giver = Giving(core)
    core.ungiven = {}
