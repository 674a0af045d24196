"""What the core counted, as metrics: brought up to date at any moment, whether a run ends there or goes on.

The core counts a run from nothing; what is new since the last look is added to the counters, so that a look may come
after a commit, or between two ticks of a replay. What is known of entities is as the state shows it. Exemplars carry
the id of the incident that moved a counter or fell into a bucket.
"""

import math
from collections import Counter as Counted
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

from sensor.metrics import (
    CAPTURES,
    LEARNING,
    LOCATIONS,
    OTHER,
    RANKS,
    SOURCES_MAX,
    STATISTICS_MAX,
    TABLES_MAX,
    TIERS,
    Metrics,
)
from sensor.model.capture import DROP_REASONS
from sensor.model.event import MFA
from sensor.model.fleet import SourceHealth
from sensor.model.result import InputResult
from sensor.model.times import parse
from sensor.pipeline.core import Core
from sensor.pipeline.riskiest import Riskiest
from sensor.pipeline.site_health import learning_of
from sensor.store.actions import Actions

Key = TypeVar("Key", bound=Hashable)
PCAPNG = "pcapng"


class Observing:
    """One core's metrics."""

    def __init__(
        self, core: Core, metrics: Metrics, sources: Iterable[tuple[str, str]], riskiest: Riskiest | None = None
    ) -> None:  # fmt: skip
        """Have every series appear whose labels are known.

        Args:
            core: What counts; its times are counted in the metrics from here on.
            metrics: Where.
            sources: (site, source) of everything that is read.
            riskiest: Shows the riskiest devices and accounts, where somebody asks for them.
        """
        self._core, self.metrics, self._riskiest = core, metrics, riskiest
        self._before: dict[str, dict[object, int]] = {}
        self._sources: set[tuple[str, str]] = set()
        self._told: set[tuple[str, str]] = set()
        self._expected: set[str] = set()
        core.stages = metrics.stages
        read = set(sources)
        metrics.expect(
            self._sites(), sorted(read), [one.name for one in core.detectors], core.saturation(), DROP_REASONS,
            core.calibration(),
        )  # fmt: skip
        if read and {source for _, source in read} == {"site"}:  # a hub that is no site: it is never heard
            metrics.last_heard.remove(core.config.site)

    def begin(self) -> None:
        """Hear that the core counts from nothing again."""
        for part in ("flows", "events", "mfa", "evidence"):
            self._before.pop(part, None)

    def read(self, source: str, one: InputResult) -> None:
        """Add what was read of an input since the last time."""
        metrics, labels = self.metrics, self.metrics.edge(one.site, source)
        if (one.site, source) not in self._sources:
            self._sources.add((one.site, source))
            metrics.expect_source(one.site, source, DROP_REASONS)
        metrics.records.labels(*labels).inc(one.records)
        metrics.bytes.labels(*labels).inc(one.bytes)
        metrics.packets.labels(*labels).inc(one.records if source in CAPTURES else 0)
        metrics.source_up.labels(*labels).set(0 if one.error else 1)
        for reason, count in one.rejected.items():
            metrics.drop(one.site, source, reason, count)

    def count(self, *, every: bool = False) -> None:
        """Bring everything up to date that costs little.

        Args:
            every: Count sign-ins that still wait for their verdict too: the run ends.
        """
        core, metrics, entities = self._core, self.metrics, self._core.entities
        for site, count in self._grown("flows", core.seen.by_site):
            metrics.flows.labels(entities.site_name(site)).inc(count)
        for (site, source, kind), count in self._grown("events", core.event_counts):
            metrics.event(entities.site_name(site), source, kind, count)
        for (source, mfa), count in self._grown("mfa", core.mfa_counts):
            metrics.mfa.labels(metrics.named("source", source, SOURCES_MAX), mfa if mfa in MFA else OTHER).inc(count)
        for (name, detector), count in self._grown("evidence", core.incidents.evidence_counts):
            metrics.evidence.labels(name, detector).inc(count)
        self._take_fleet()
        for _, count in self._grown("too long", {"": getattr(core.forwarder, "too_long", 0)}):
            metrics.report_too_long.inc(count)
        for (source, result, verdict), count in entities.identity.corroboration.take_counts(every=every).items():
            metrics.signins.labels(metrics.named("source", source, SOURCES_MAX), result, verdict).inc(count)
        self._count_incidents()

    def _take_fleet(self) -> None:
        """Show when each site was heard, and the sources that are read there, as the site last said."""
        metrics, told = self.metrics, dict[tuple[str, str], SourceHealth]()
        for site, row in self._core.fleet.rows.items():
            if site not in self._expected:
                self._expected.add(site)
                metrics.expect_site(site, [one.name for one in self._core.detectors])
            metrics.last_heard.labels(site).set(row.heard_ns / 1e9)
            for one in row.health.sources if row.health is not None else ():
                told[metrics.edge(site, one.source)] = one
        for labels, one in told.items():
            metrics.source_up.labels(*labels).set(1 if one.up else 0)
            metrics.source_lag.labels(*labels).set(one.lag_s)
        for labels in self._told - told.keys():
            metrics.source_up.remove(*labels)
            metrics.source_lag.remove(*labels)
        self._told = set(told)

    def take_stock(self) -> None:
        """Bring up to date what is counted over the whole inventory, and what the state holds."""
        core, metrics = self._core, self.metrics
        for table, share in core.saturation().items():
            metrics.saturation.labels(metrics.named("table", table, TABLES_MAX)).set(share)
        for (statistic, alpha), ratio in core.calibration().items():
            named = metrics.named("statistic", statistic, STATISTICS_MAX)
            metrics.calibration.labels(named, f"{alpha:g}").set(0.0 if math.isnan(ratio) else ratio)
        self._count_devices()
        if self._riskiest is not None:
            self._riskiest.show(metrics, core.inventory(), core.incidents.risk("account"))
        known, now_ns = core.entities.identity.accounts.rows, core.entities.now_ns
        learning = Counted(learning_of(row, now_ns) for row in known)
        for state in LEARNING:
            metrics.accounts.labels(state).set(learning[state])
        with Actions(core.state.folder) as actions:
            for (connector, verb, state), count in self._grown("actions", actions.came_to()):
                metrics.action(connector, verb, state, count)

    def _count_incidents(self) -> None:
        core, metrics = self._core, self.metrics
        for site, tier, key in core.incidents.take_reached():
            named = {"incident": key}
            metrics.incidents.labels(site, tier).inc(1, named)
            case = core.incidents.cases.get(key)
            # A page was triage before, if only for a moment: its delay is counted there.
            if tier == "triage" and case is not None and case.evidence:
                first_ns = min(parse(one.ts) for one in case.evidence.values())
                metrics.delay.observe(max(0.0, (case.opened_ns - first_ns) / 1e9), named)
        held = Counted(
            (site, case.tier) for case in core.incidents.cases.values() if case.is_open
            for site in {case.site, *(one.site for one in case.evidence.values())}
        )  # fmt: skip
        sites = self._sites()
        for site in sites:
            for tier in TIERS:
                metrics.incidents_open.labels(site, tier).set(held[site, tier])
        for tier, ratio in core.incidents.budget_ratios(sites).items():
            metrics.budget.labels(tier).set(ratio)

    def _count_devices(self) -> None:
        metrics, counts = self.metrics, Counted[tuple[str, str, str]]()
        risks: dict[str, list[float]] = {}
        for device in self._core.inventory():
            counts[device.site, device.location, device.learning] += 1
            risks.setdefault(device.site, []).append(device.risk_db)
        for site in self._sites():
            for location in LOCATIONS:
                for learning in LEARNING:
                    metrics.devices.labels(site, location, learning).set(counts[site, location, learning])
            highest = sorted(risks.get(site, ()), reverse=True)[:RANKS]
            for rank, risk in enumerate([*highest, *[0.0] * (RANKS - len(highest))], start=1):
                metrics.risk.labels(site, str(rank)).set(risk)

    def _sites(self) -> list[str]:
        core = self._core
        named = [core.config.site, *core.config.sites, *core.entities.sites, *core.fleet.rows]
        return list(dict.fromkeys(named))

    def _grown(self, part: str, now: Mapping[Key, int]) -> Iterator[tuple[Key, int]]:
        """Give what grew since the last time."""
        before = self._before.get(part, {})
        self._before[part] = {key: count for key, count in now.items()}  # noqa: C416 - of another type
        for key, count in now.items():
            if count > before.get(key, 0):
                yield key, count - before.get(key, 0)


def source_of(one: InputResult) -> str:
    """Return what the metrics call the source of an input that was found by its content."""
    name = one.format.partition("-")[0] or "unknown"
    return "pcap" if name == PCAPNG else name
