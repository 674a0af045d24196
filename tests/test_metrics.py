"""Metrics: names, labels, what exists from the start, bounds."""

import re

import pytest

from sensor.metrics import SERIES_MAX, SINKS_MAX, SOURCES_MAX, Metrics
from sensor.model.listener import TOP_MAX

NAMES = [
    "build_info",
    "packets_total",
    "bytes_total",
    "records_total",
    "dropped_total",
    "flows_total",
    "events_total",
    "source_lag_seconds",
    "source_up",
    "devices",
    "accounts",
    "evidence_total",
    "incidents_total",
    "incidents_open",
    "risk_db",
    "alert_budget_ratio",
    "calibration_ratio",
    "signins_total",
    "actions_total",
    "table_saturation_ratio",
    "site_last_heard_timestamp_seconds",
    "stage_seconds",
    "detection_delay_seconds",
]
BESIDE = [
    "signin_mfa_total", "disk_free_bytes", "disk_full", "archive_gone_bytes_total", "sink_sent_total",
    "sink_failures_total", "sink_lag_seconds", "sink_up", "spool_bytes", "spool_dropped_total", "report_too_long_total",
    "site_refused_total",
    "device_risk_db", "account_risk_db",
]  # fmt: skip


@pytest.fixture
def metrics():
    """A site's metrics at the start."""
    one = Metrics("1.2.3")
    one.expect(
        ["SYD"], [("SYD", "zeek"), ("SYD", "pcap")], ["scan", "volumes"], ["devices"],
        ["truncated_record", "bad_checksum"], [("volumes.bytes_out.high", 0.01)],
    )  # fmt: skip
    return one


def series(metrics):
    return [line for line in metrics.text().decode().splitlines() if line and line[0] != "#"]


def test_every_documented_metric_is_declared(metrics):
    """By the names others rely on, with their labels and a help."""
    families = {line.split()[2] for line in metrics.text().decode().splitlines() if line.startswith("# TYPE")}

    assert {f"spanline_{name}".removesuffix("_total") for name in [*NAMES, *BESIDE]} == families
    assert sorted(f"spanline_{name}" for name in [*NAMES, *BESIDE]) == sorted(one.name for one in metrics.declared)
    assert all(one.help for one in metrics.declared)


def test_the_reference_names_the_labels_that_are_shown(metrics):
    """What is declared is what the text has."""
    metrics.expect_sink("hook")
    metrics.expect_hub()
    metrics.expect_sites()
    metrics.action(None, "block_address", "proposed", 1)
    metrics.device_risk.labels("SYD", "host-0123456789abcdef").set(1)
    metrics.account_risk.labels("account-0123456789abcdef").set(1)
    shown = {}
    for line in series(metrics):
        name = re.sub(r"_(bucket|sum|count)$", "", line.partition("{")[0].partition(" ")[0])
        shown.setdefault(name, set()).update(re.findall(r'(\w+)="', line))

    assert {one.name: set(one.labels) for one in metrics.declared} == {
        name: labels - {"le"} for name, labels in shown.items()
    }


def test_known_series_exist_at_zero_from_the_start(metrics):
    """Ranks 1–50, tiers, drop reasons, detectors."""
    lines = series(metrics)

    assert 50 == sum(line.startswith("spanline_risk_db{") for line in lines)
    for wanted in (
        'spanline_incidents_open{site="SYD",tier="page"} 0.0', 'spanline_flows_total{site="SYD"} 0.0',
        'spanline_evidence_total{detector="scan",site="SYD"} 0.0', 'spanline_source_up{site="SYD",source="zeek"} 0.0',
        'spanline_dropped_total{reason="bad_checksum",site="SYD",source="pcap"} 0.0',
        'spanline_events_total{kind="signin",site="SYD",source="zeek"} 0.0',
        'spanline_calibration_ratio{alpha="0.01",statistic="volumes.bytes_out.high"} 0.0',
        'spanline_build_info{version="1.2.3"} 1.0',
    ):  # fmt: skip
        found = [
            sorted(re.findall(r'\w+="[^"]*"', line)) for line in lines if line.split("{")[0] == wanted.split("{")[0]
        ]
        assert sorted(re.findall(r'\w+="[^"]*"', wanted)) in found


def test_a_site_has_a_bounded_number_of_series(metrics):
    """Far below the cap, and the text ends as OpenMetrics must."""
    assert len(series(metrics)) < SERIES_MAX / 4
    assert metrics.text().endswith(b"# EOF\n")


def test_the_most_that_any_input_can_make_of_a_site_is_below_the_cap():
    """Every label filled with more values than it may have, and a top of 50."""
    one = Metrics("1.2.3")
    names = [f"n{number}" for number in range(500)]
    one.expect(["SYD"], [("SYD", name) for name in names], names, names, names, [(name, 0.01) for name in names])
    for name in names:
        one.drop("SYD", "pcap", name, 1)
        one.event("SYD", name, name, 1)
        one.action(name, "block_address", name, 1)
        one.mfa.labels(one.named("source", name, SOURCES_MAX), "none")
        one.signins.labels(one.named("source", name, SOURCES_MAX), "success", "unknown")
    for name in names[:SINKS_MAX]:
        one.expect_sink(name)
    one.expect_hub()
    one.expect_sites()
    for number in range(TOP_MAX):
        one.device_risk.labels("SYD", f"host-{number:016x}").set(1)
        one.account_risk.labels(f"account-{number:016x}").set(1)

    count = len(series(one))
    assert SERIES_MAX >= count


def test_a_stage_is_counted_in_the_bucket_that_holds_it(metrics):
    """As Prometheus' histograms: what took no longer, and the sum."""
    for seconds in (0.0001, 0.0002, 100.0):
        metrics.stages.observe("score", seconds)
    found = {
        sample.labels["le"]: sample.value for family in metrics.stages.collect() for sample in family.samples
        if sample.name.endswith("_bucket") and sample.labels["stage"] == "score"
    }  # fmt: skip

    assert {"0.0001": 1, "0.001": 2, "0.01": 2, "0.1": 2, "1.0": 2, "10.0": 2, "+Inf": 3} == found
    assert 100.0003 == pytest.approx(
        metrics.registry.get_sample_value("spanline_stage_seconds_sum", {"stage": "score"})
    )


@pytest.mark.parametrize("value", ["10.1.2.3 x", "a\nb", "kim@example.com", "", "x" * 49, "\u202e"])
def test_what_is_no_name_is_no_label(metrics, value):
    """It is counted as `other`."""
    metrics.drop("SYD", "zeek", value, 1)
    metrics.event("SYD", value, "signin", 1)

    assert 1 == metrics.registry.get_sample_value(
        "spanline_dropped_total", {"site": "SYD", "source": "zeek", "reason": "other"}
    )
    assert 1 == metrics.registry.get_sample_value(
        "spanline_events_total", {"site": "SYD", "source": "other", "kind": "signin"}
    )
