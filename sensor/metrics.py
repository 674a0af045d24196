"""Every metric of the program, declared once. Names and labels are those that dashboards and scripts rely on.

A label value never holds an address, a user, a domain or free text. Series whose labels are known exist from the start,
at 0, the ranks 1–50 of every site included. Nothing else declares metrics.
"""

from collections import Counter as Counted
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.openmetrics.exposition import generate_latest

from sensor.model.device import Device
from sensor.model.event import SIGNIN_SOURCES
from sensor.model.result import ReplayResult
from sensor.model.times import parse

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
RANKS = 50
TIERS = ("page", "triage", "digest")
LOCATIONS = ("on_prem", "remote", "both")
LEARNING = ("learning", "ready", "stale")
STAGES = ("read", "resolve", "score", "learn", "link", "commit")
RESULTS = ("success", "failure", "interrupt")
VERDICTS = ("supported", "unsupported", "contradicted", "unknown")
SINK_FAILURES = ("away", "permanent", "refused", "state")
SERIES_MAX = 2000
"""At most, a site."""
_STAGE_BUCKETS = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)
_DELAY_BUCKETS = (10.0, 60.0, 300.0, 900.0, 3600.0, 86_400.0)


class Metrics:
    """The metrics of one process, on a registry of their own."""

    def __init__(self, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        r = self.registry
        self.build_info = Gauge("spanline_build_info", "1, with the version as label", ["version"], registry=r)
        self.build_info.labels(version).set(1)
        edge = ["site", "source"]
        self.packets = Counter("spanline_packets", "Packets read from captures, duplicates included", edge, registry=r)
        self.bytes = Counter("spanline_bytes", "Bytes read", edge, registry=r)
        self.records = Counter("spanline_records", "Records read: accepted, dropped and duplicates", edge, registry=r)
        self.dropped = Counter(
            "spanline_dropped", "Records that were not accepted, by reason", [*edge, "reason"], registry=r
        )
        self.flows = Counter("spanline_flows", "Flows that reached the detectors", ["site"], registry=r)
        self.events = Counter("spanline_events", "Events by kind", [*edge, "kind"], registry=r)
        self.source_lag = Gauge("spanline_source_lag_seconds", "Event time behind the newest seen", edge, registry=r)
        self.source_up = Gauge("spanline_source_up", "1 while the source can read", edge, registry=r)
        self._declare_verdicts(r)
        self._declare_sinks(r)

    def _declare_verdicts(self, r: CollectorRegistry) -> None:
        """Declare what comes of the records: entities, evidence, incidents, their calibration and timing."""
        self.devices = Gauge("spanline_devices", "Devices known", ["site", "location", "learning"], registry=r)
        self.accounts = Gauge("spanline_accounts", "Accounts known", ["learning"], registry=r)
        self.evidence = Counter(
            "spanline_evidence", "Evidence that became part of an incident", ["site", "detector"], registry=r
        )
        self.incidents = Counter("spanline_incidents", "Incidents that reached a tier", ["site", "tier"], registry=r)
        self.incidents_open = Gauge("spanline_incidents_open", "Incidents open now", ["site", "tier"], registry=r)
        self.risk = Gauge(
            "spanline_risk_db", "Decibans of the site's riskiest devices, by rank", ["site", "rank"], registry=r
        )
        self.budget = Gauge(
            "spanline_alert_budget_ratio", "Incidents opened today over the ceiling", ["tier"], registry=r
        )
        self.calibration = Gauge(
            "spanline_calibration_ratio",
            "Observed over expected share of p below alpha",
            ["statistic", "alpha"],
            registry=r,
        )
        self.signins = Counter(
            "spanline_signins", "SaaS sign-ins whose verdict is in", ["source", "result", "corroboration"], registry=r
        )
        self.actions = Counter("spanline_actions", "Responses by state", ["connector", "verb", "state"], registry=r)
        self.saturation = Gauge(
            "spanline_table_saturation_ratio", "Share of a bounded table in use", ["table"], registry=r
        )
        self.last_heard = Gauge(
            "spanline_site_last_heard_timestamp_seconds", "Event time of a site's newest record", ["site"], registry=r
        )
        self.stage = Histogram(
            "spanline_stage_seconds", "Time spent in a stage, by tick", ["stage"], buckets=_STAGE_BUCKETS, registry=r
        )
        self.delay = Histogram(
            "spanline_detection_delay_seconds", "Event time from a finding's first record to its incident",
            buckets=_DELAY_BUCKETS, registry=r,
        )  # fmt: skip

    def _declare_sinks(self, r: CollectorRegistry) -> None:
        """Declare how deliveries go."""
        sink = ["sink"]
        self.sink_sent = Counter("spanline_sink_sent", "Incidents that a sink acknowledged", sink, registry=r)
        self.sink_failures = Counter(
            "spanline_sink_failures", "Attempts to deliver that failed, and incidents refused", [*sink, "reason"],
            registry=r,
        )  # fmt: skip
        self.sink_lag = Gauge("spanline_sink_lag_seconds", "How long the oldest change has waited", sink, registry=r)
        self.sink_up = Gauge("spanline_sink_up", "1 while the sink takes what it is sent", sink, registry=r)

    def expect(
        self, sites: Iterable[str], sources: Iterable[tuple[str, str]], detectors: Iterable[str], tables: Iterable[str],
        reasons: Iterable[str],
    ) -> None:  # fmt: skip
        """Make every series whose labels are known appear at 0.

        Args:
            sites: Site names of the configuration.
            sources: (site, source type) of each configured source.
            detectors: Names of all detectors.
            tables: Names of all bounded tables.
            reasons: Drop reasons that any source may count.
        """
        detectors, reasons = list(detectors), list(reasons)
        for site in sites:
            self.flows.labels(site)
            self.last_heard.labels(site)
            for rank in range(1, RANKS + 1):
                self.risk.labels(site, str(rank))
            for tier in TIERS:
                self.incidents.labels(site, tier)
                self.incidents_open.labels(site, tier)
            for detector in detectors:
                self.evidence.labels(site, detector)
            for location in LOCATIONS:
                for learning in LEARNING:
                    self.devices.labels(site, location, learning)
        for site, source in sources:
            for metric in (self.packets, self.bytes, self.records, self.source_lag, self.source_up):
                metric.labels(site, source)
            for reason in reasons:
                self.dropped.labels(site, source, reason)
        for source in SIGNIN_SOURCES:
            for result in RESULTS:
                for verdict in VERDICTS:
                    self.signins.labels(source, result, verdict)
        for tier in TIERS:
            self.budget.labels(tier)
        for learning in LEARNING:
            self.accounts.labels(learning)
        for stage in STAGES:
            self.stage.labels(stage)
        for table in tables:
            self.saturation.labels(table)

    def expect_sink(self, name: str) -> None:
        """Make the series of a sink, by its name in the configuration, appear at 0."""
        for metric in (self.sink_sent, self.sink_lag, self.sink_up):
            metric.labels(name)
        for reason in SINK_FAILURES:
            self.sink_failures.labels(name, reason)

    def forget_sink(self, name: str) -> None:
        """Take away the series of a sink that is no longer configured."""
        for metric in (self.sink_sent, self.sink_lag, self.sink_up):
            metric.remove(name)
        for reason in SINK_FAILURES:
            self.sink_failures.remove(name, reason)

    def take_run(
        self, result: ReplayResult, devices: Iterable[Device], flows: Mapping[str, int],
        evidence: Mapping[tuple[str, str], int], tiers: Mapping[tuple[str, str], int],
        tables: Mapping[str, float], stage_s: Mapping[str, float],
    ) -> None:  # fmt: skip
        """Set everything from what a run came to; counters grow by it.

        Args:
            result: The run.
            devices: The inventory after it.
            flows: Flows by site.
            evidence: New evidence by (site, detector).
            tiers: Incidents that reached a tier, by (site, tier).
            tables: Share in use of each bounded table.
            stage_s: Seconds by stage.
        """
        self._take_inputs(result)
        for site, count in flows.items():
            self.flows.labels(site).inc(count)
            if result.last_ts is not None:
                self.last_heard.labels(site).set(parse(result.last_ts) / 1e9)
        for (site, detector), count in evidence.items():
            self.evidence.labels(site, detector).inc(count)
        for (site, tier), count in tiers.items():
            self.incidents.labels(site, tier).inc(count)
        open_now = Counted(
            (one.sites[0], one.tier) for one in (*result.incidents, *result.digest) if one.state == "open"
        )
        for (site, tier), count in open_now.items():
            self.incidents_open.labels(site, tier).set(count)
        self._take_devices(devices)
        self.accounts.labels("learning").set(result.accounts)
        for table, share in tables.items():
            self.saturation.labels(table).set(share)
        for stage, seconds in stage_s.items():
            self.stage.labels(stage).observe(seconds)

    def _take_inputs(self, result: ReplayResult) -> None:
        for one in result.inputs:
            labels = (one.site, one.format.partition("-")[0] or "unknown")
            self.records.labels(*labels).inc(one.records)
            self.bytes.labels(*labels).inc(one.bytes)
            self.packets.labels(*labels).inc(one.records if labels[1].startswith("pcap") else 0)
            self.source_up.labels(*labels).set(0 if one.error else 1)
            self.source_lag.labels(*labels).set(0)
            for reason, count in one.rejected.items():
                self.dropped.labels(*labels, reason).inc(count)

    def _take_devices(self, devices: Iterable[Device]) -> None:
        risks: dict[str, list[float]] = {}
        counts: Counted[tuple[str, str, str]] = Counted()
        for device in devices:
            counts[device.site, device.location, device.learning.state] += 1
            risks.setdefault(device.site, []).append(device.risk_db)
        for labels, count in counts.items():
            self.devices.labels(*labels).set(count)
        for site, of_site in risks.items():
            for rank, risk in enumerate(sorted(of_site, reverse=True)[:RANKS], start=1):
                self.risk.labels(site, str(rank)).set(risk)

    def text(self) -> bytes:
        """Return everything as OpenMetrics text."""
        return bytes(generate_latest(self.registry))  # type: ignore[no-untyped-call]
