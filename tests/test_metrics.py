"""Metrics: names, labels, what exists from the start, bounds."""

import re

import pytest

from sensor.metrics import SERIES_MAX, Metrics

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
    "sink_sent_total",
    "sink_failures_total",
    "sink_lag_seconds",
    "sink_up",
]


@pytest.fixture
def metrics():
    """A site's metrics at the start."""
    one = Metrics("1.2.3")
    one.expect(["SYD"], [("SYD", "zeek")], ["scan", "volumes"], ["devices"], ["truncated_record", "bad_checksum"])
    return one


def series(metrics):
    return [line for line in metrics.text().decode().splitlines() if line and line[0] != "#"]


def test_every_documented_metric_is_declared(metrics):
    """By the names others rely on."""
    families = {line.split()[2] for line in metrics.text().decode().splitlines() if line.startswith("# TYPE")}

    assert {f"spanline_{name}".removesuffix("_total") for name in NAMES} == families


def test_known_series_exist_at_zero_from_the_start(metrics):
    """Ranks 1–50, tiers, drop reasons, detectors."""
    lines = series(metrics)

    assert 50 == sum(line.startswith("spanline_risk_db{") for line in lines)
    for wanted in (
        'spanline_incidents_open{site="SYD",tier="page"} 0.0', 'spanline_flows_total{site="SYD"} 0.0',
        'spanline_evidence_total{detector="scan",site="SYD"} 0.0', 'spanline_source_up{site="SYD",source="zeek"} 0.0',
        'spanline_dropped_total{reason="bad_checksum",site="SYD",source="zeek"} 0.0',
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
