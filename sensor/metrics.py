"""Every metric of the program, declared once. Names and labels are those that dashboards and scripts rely on.

A label value is a name of ours or of the configuration, never an address, a user, a domain or free text; beside that
each set of values has a maximum, and what would be one more is counted as `other`. Series whose labels are known exist
from the start, at 0, the ranks 1–50 of every site included. Nothing else declares metrics; `pipeline.observing` sets
most of them.
"""

import bisect
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client import generate_latest as generate_plain
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from sensor.model.event import EVENT_KINDS, MFA, SIGNIN_SOURCES
from sensor.model.site_packet import KINDS

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN_TYPE = "text/plain; version=0.0.4; charset=utf-8"
RANKS = 50
TIERS = ("page", "triage", "digest")
LOCATIONS = ("on_prem", "remote", "both")
LEARNING = ("learning", "ready", "stale")
STAGES = ("read", "resolve", "score", "learn", "link", "commit")
RESULTS = ("success", "failure", "interrupt")
VERDICTS = ("supported", "unsupported", "contradicted", "unknown")
SINK_FAILURES = ("away", "permanent", "refused", "state")
SITE_REFUSALS = (
    *("broken", "handshake_failed", "malformed", "not_now", "refused_certificate", "too_many_connections", "too_slow"),
    *("unknown_site", "status_403", "status_404", "status_405", "status_411", "status_413"),
)
CAPTURES = ("pcap", "pcapng", "span")
"""Sources of packets: the reasons of `expect` are theirs."""
LOG_REASONS = (
    *("bad_time", "column_count", "cut_short", "damaged_compression", "line_too_long", "missing_time", "not_a_record"),
    *("not_recognised", "queue_full", "record_too_long", "unsupported_log"),
)
"""Why most sources of records refuse one; those of one product's own records appear when they come up."""
SERIES_MAX = 2000
"""At most, a site, whatever the input. What is bounded below comes to 1,971, the riskiest included."""
OTHER = "other"
SOURCES_MAX, DETECTORS_MAX, TABLES_MAX, STATISTICS_MAX, SINKS_MAX = 48, 64, 128, 64, 16
"""Values of one label. The release has some 30 sources, 40 detectors, 40 tables and 14 statistics."""
PAIRS_MAX = 360
"""Series of `dropped` and of `events`, each a site."""
ACTIONS_MAX = 100
NO_CONNECTOR = "none"
"""An action that nobody is configured to carry out."""
STAGE_BUCKETS = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)
"""A step of a quiet office takes some 0.1 ms a stage, a commit of 10,000 devices seconds."""
DELAY_BUCKETS = (10.0, 60.0, 300.0, 900.0, 3600.0, 86_400.0)
"""A tick; what a person waits for; the bar for loud attacks; a day, as for what is weighed by days."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,47}")


class Declared(NamedTuple):
    """One metric as the reference shows it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


PROCESS = (
    Declared("spanline_process_cpu_seconds_total", "counter", (), "Processor time of the sensor"),
    Declared("spanline_process_resident_memory_bytes", "gauge", (), "Its memory"),
    Declared("spanline_process_virtual_memory_bytes", "gauge", (), "Its address space"),
    Declared("spanline_process_start_time_seconds", "gauge", (), "When it was started"),
    Declared("spanline_process_open_fds", "gauge", (), "Its open files and sockets"),
    Declared("spanline_process_max_fds", "gauge", (), "How many it may open"),
)
"""What `watch_process` adds, on Linux."""


class StageTimes(Collector):
    """Time spent by stage, as a histogram that costs the core a few additions a step."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._counts = {stage: [0] * (len(STAGE_BUCKETS) + 1) for stage in STAGES}

    def observe(self, stage: str, seconds: float) -> None:
        """Count one step of a stage."""
        self.seconds[stage] += seconds
        self._counts[stage][bisect.bisect_left(STAGE_BUCKETS, seconds)] += 1

    def collect(self) -> Iterator[Metric]:
        """Give it as Prometheus has it: counts of what took no longer."""
        family = HistogramMetricFamily("spanline_stage_seconds", _STAGE_HELP, labels=["stage"])
        for stage, counts in self._counts.items():
            upto, buckets = 0, []
            for edge, count in zip((*map(str, STAGE_BUCKETS), "+Inf"), tuple(counts), strict=True):
                upto += count
                buckets.append((edge, float(upto)))
            family.add_metric([stage], buckets, self.seconds[stage])
        yield family


_STAGE_HELP = "Time spent in a stage of the core, a step"


class Metrics:
    """The metrics of one process, on a registry of their own.

    Attributes:
        declared: All of them, for the reference.
        stages: Where the core counts its time.
    """

    def __init__(self, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.declared: list[Declared] = []
        self._known: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
        edge = ("site", "source")
        self._gauge("build_info", "1, with the version as label", "version").labels(version).set(1)
        self.packets = self._counter("packets", "Packets read from captures and spans, duplicates included", *edge)
        self.bytes = self._counter("bytes", "Bytes read", *edge)
        self.records = self._counter("records", "Records read: accepted, dropped and duplicates", *edge)
        self.dropped = self._counter("dropped", "Records that were not accepted, by reason", *edge, "reason")
        self.flows = self._counter("flows", "Flows that reached the detectors", "site")
        self.events = self._counter("events", "Events that reached the detectors, by kind", *edge, "kind")
        self.source_lag = self._gauge(
            "source_lag_seconds", "How far the event time of a source is behind the newest of any", *edge
        )
        self.source_up = self._gauge("source_up", "1 while the source can read", *edge)
        self._declare_verdicts()
        self._declare_workings()

    def _declare_verdicts(self) -> None:
        """Declare what comes of the records: entities, evidence, incidents, sign-ins, responses."""
        self.devices = self._gauge(
            "devices", "Devices known, by where they are and how far their baseline is", "site", "location", "learning"
        )
        self.accounts = self._gauge("accounts", "Accounts known, by how far their history is", "learning")
        self.evidence = self._counter("evidence", "Evidence that became part of an incident", "site", "detector")
        self.incidents = self._counter(
            "incidents", "Incidents that reached a tier; exemplars name them", "site", "tier"
        )
        self.incidents_open = self._gauge("incidents_open", "Open incidents, at each of their sites", "site", "tier")
        self.risk = self._gauge(
            "risk_db", "Decibans of the open incidents of the site's riskiest devices, by rank", "site", "rank"
        )
        self.device_risk = self._gauge(
            "device_risk_db", "Decibans of the open incidents of one of the riskiest devices, by its pseudonym; "
            "only with `[metrics] top`", "site", "device",
        )  # fmt: skip
        self.account_risk = self._gauge("account_risk_db", "The same of one of the riskiest accounts", "account")
        self.budget = self._gauge(
            "alert_budget_ratio", "Incidents that reached a tier today over the day's ceiling of incidents", "tier"
        )
        self.signins = self._counter(
            "signins", "SaaS sign-ins, when the network's verdict on them is in", "source", "result", "corroboration"
        )
        self.mfa = self._counter(
            "signin_mfa", "Sign-ins by what became of the second factor, a row of any log each", "source", "mfa"
        )
        self.actions = self._counter(
            "actions", "Responses that came to a state; connector `none` where nobody carries them out",
            "connector", "verb", "state",
        )  # fmt: skip
        self.delay = Histogram(
            "spanline_detection_delay_seconds",
            self._declare(
                "detection_delay_seconds", "histogram",
                "Event time from the first record of an incident's evidence to the incident; exemplars name it",
            ),
            buckets=DELAY_BUCKETS, registry=self.registry,
        )  # fmt: skip

    def _declare_workings(self) -> None:
        """Declare how the program itself does."""
        self.calibration = self._gauge(
            "calibration_ratio", "Observed over expected share of p below alpha; 0 until it is known",
            "statistic", "alpha",
        )  # fmt: skip
        self.saturation = self._gauge("table_saturation_ratio", "Share of a bounded table in use", "table")
        self.last_heard = self._gauge(
            "site_last_heard_timestamp_seconds", "Event time of a site's newest record, to the tick of 10 s", "site"
        )
        self.stages = StageTimes()
        self._declare("stage_seconds", "histogram", _STAGE_HELP, "stage")
        self.registry.register(self.stages)
        self.disk_free = self._gauge("disk_free_bytes", "Bytes free on the disk of the state")
        self.disk_full = self._gauge("disk_full", "1 while nothing is read, for the state's disk has no room to commit")
        self.archive_gone = self._counter(
            "archive_gone_bytes", "Bytes of the archive's oldest files that gave way to a full disk"
        )
        self.sink_sent = self._counter("sink_sent", "Incidents that a sink acknowledged; of the hub, envelopes", "sink")
        self.sink_failures = self._counter(
            "sink_failures", "Attempts to deliver that failed, and incidents refused", "sink", "reason"
        )
        self.sink_lag = self._gauge("sink_lag_seconds", "How long the oldest change has waited", "sink")
        self.sink_up = self._gauge("sink_up", "1 while the sink takes what it is sent", "sink")
        self.spool_bytes = self._gauge("spool_bytes", "Bytes that wait for the hub, by kind", "kind")
        self.spool_dropped = self._counter(
            "spool_dropped", "Packets dropped for want of room before the hub had them, by kind", "kind"
        )
        self.report_too_long = self._counter(
            "report_too_long", "Reports that no packet to the hub holds, and that it is not told"
        )
        self.site_refused = self._counter(
            "site_refused", "Requests and connections of sites that this hub refused, by reason", "reason"
        )

    def watch_process(self) -> None:
        """Show this process's memory, processor time and open files too: those of a sensor that goes on."""
        ProcessCollector(namespace="spanline", registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(
            f"spanline_{name}", self._declare(f"{name}_total", "counter", text, *labels), labels, registry=self.registry
        )

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"spanline_{name}", self._declare(name, "gauge", text, *labels), labels, registry=self.registry)

    def _declare(self, name: str, kind: str, text: str, *labels: str) -> str:
        self.declared.append(Declared(f"spanline_{name}", kind, labels, text))
        return text

    def expect(
        self, sites: Iterable[str], sources: Iterable[tuple[str, str]], detectors: Iterable[str], tables: Iterable[str],
        reasons: Sequence[str], statistics: Iterable[tuple[str, float]] = (),
    ) -> None:  # fmt: skip
        """Make every series whose labels are known appear at 0.

        Args:
            sites: Site names of the configuration.
            sources: (site, source type) of each configured source.
            detectors: Names of all detectors.
            tables: Names of all bounded tables.
            reasons: Why a capture's packets may be dropped.
            statistics: Whose calibration is checked, and at which alpha.
        """
        detectors = list(detectors)
        for site in sites:
            self.expect_site(site, detectors)
        for site, source in sources:
            self.expect_source(site, source, reasons)
        for source in SIGNIN_SOURCES:
            for mfa in MFA:
                self.mfa.labels(source, mfa)
            for result in RESULTS:
                for verdict in VERDICTS:
                    self.signins.labels(source, result, verdict)
        for tier in TIERS:
            self.budget.labels(tier)
        for learning in LEARNING:
            self.accounts.labels(learning)
        for table in tables:
            self.saturation.labels(self.named("table", table, TABLES_MAX))
        for statistic, alpha in statistics:
            self.calibration.labels(self.named("statistic", statistic, STATISTICS_MAX), f"{alpha:g}")

    def expect_source(self, site: str, source: str, reasons: Sequence[str]) -> None:
        """Make the series of a site's source appear at 0; `reasons` are those of captures."""
        for metric in (self.packets, self.bytes, self.records, self.source_lag, self.source_up):
            metric.labels(*self.edge(site, source))
        for reason in (*(reasons if source in CAPTURES else LOG_REASONS), OTHER):
            self.drop(site, source, reason, 0)
        for kind in () if source in CAPTURES else EVENT_KINDS:
            self.event(site, source, kind, 0)

    def expect_site(self, site: str, detectors: Iterable[str]) -> None:
        """Make the series of a site appear at 0, those of its sources apart."""
        self.flows.labels(site)
        self.last_heard.labels(site)
        for rank in range(1, RANKS + 1):
            self.risk.labels(site, str(rank))
        for tier in TIERS:
            self.incidents.labels(site, tier)
            self.incidents_open.labels(site, tier)
        for detector in detectors:
            self.evidence.labels(site, self.named("detector", detector, DETECTORS_MAX))
        for location in LOCATIONS:
            for learning in LEARNING:
                self.devices.labels(site, location, learning)

    def expect_sink(self, name: str) -> None:
        """Make the series of a sink, by its name in the configuration, appear at 0."""
        for metric in (self.sink_sent, self.sink_lag, self.sink_up):
            metric.labels(name)
        for reason in SINK_FAILURES:
            self.sink_failures.labels(name, reason)

    def expect_hub(self) -> None:
        """Make the series of a site's spool appear at 0."""
        for kind in KINDS:
            self.spool_bytes.labels(kind)
            self.spool_dropped.labels(kind)

    def expect_sites(self) -> None:
        """Make the series of what sites send to a hub appear at 0."""
        for reason in (*SITE_REFUSALS, OTHER):
            self.site_refused.labels(reason)

    def forget_sink(self, name: str) -> None:
        """Take away the series of a sink that is no longer configured."""
        for metric in (self.sink_sent, self.sink_lag, self.sink_up):
            metric.remove(name)
        for reason in SINK_FAILURES:
            self.sink_failures.remove(name, reason)

    def edge(self, site: str, source: str) -> tuple[str, str]:
        """Return the labels of a site's source."""
        return site, self.named("source", source, SOURCES_MAX)

    def drop(self, site: str, source: str, reason: str, count: int) -> None:
        """Count records that were not accepted."""
        edge = self.edge(site, source)
        self.dropped.labels(*edge, self._last(("dropped", site), edge, reason, PAIRS_MAX)).inc(count)

    def event(self, site: str, source: str, kind: str, count: int) -> None:
        """Count events."""
        edge = self.edge(site, source)
        self.events.labels(*edge, self._last(("events", site), edge, kind, PAIRS_MAX)).inc(count)

    def action(self, connector: str | None, verb: str, state: str, count: int) -> None:
        """Count responses that came to a state."""
        named = self.named("connector", connector or NO_CONNECTOR, SINKS_MAX)
        self.actions.labels(named, verb, self._last(("actions",), (named, verb), state, ACTIONS_MAX)).inc(count)

    def named(self, label: str, value: str, most: int) -> str:
        """Return a label's value as it may be shown: a name, of which there are so many at most."""
        return self._last((label,), (), value, most)

    def _last(self, of: tuple[str, ...], before: tuple[str, ...], value: str, most: int) -> str:
        known, key = self._known.setdefault(of, set()), (*before, value)
        if key not in known:
            if len(known) >= most or not _NAME.fullmatch(value):
                return OTHER
            known.add(key)
        return value

    def text(self) -> bytes:
        """Return everything as OpenMetrics text."""
        return bytes(generate_latest(self.registry))  # type: ignore[no-untyped-call]

    def plain(self) -> bytes:
        """Return everything as the older Prometheus text has it, without exemplars."""
        return bytes(generate_plain(self.registry))
