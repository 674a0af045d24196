"""*Sensor*: whether the program keeps up: throughput, drops, lag, stages, tables, calibration, deliveries."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana import palette
from grafana.board import board
from grafana.panels import Steps, Target, bars, lines, number, place, states

_I = 'instance=~"$instance"'
_E = f'site=~"$site",{_I}'
_RATE = "[$__rate_interval]"
_DROPS: Steps = ((None, palette.WELL), (0.001, palette.WATCH), (0.01, palette.BAD))
_FULL: Steps = ((None, palette.WELL), (0.5, palette.WATCH), (0.8, palette.BAD))
"""Tables are hash tables: half full they still find in two looks, at 0.8 what comes anew is turned away soon."""
_TRUE: Steps = ((None, palette.BAD), (0.5, palette.WELL), (2.0, palette.BAD))
"""Outside [.5, 2] for a day a statistic is demoted."""
_SINK = {"1": ("takes", palette.WELL), "0": ("AWAY", palette.BAD)}
_UP = {"1": ("reads", palette.WELL), "0": ("DOWN", palette.BAD)}


def sensor() -> Dashboard:
    """Make it."""
    dropped = f"sum(rate(spanline_dropped_total{{{_E}}}{_RATE}))"
    records = f"sum(rate(spanline_records_total{{{_E}}}{_RATE}))"
    memory = f"spanline_process_resident_memory_bytes{{{_I}}}"
    stages = f"spanline_stage_seconds_sum{{{_I}}}"
    delay = f"spanline_detection_delay_seconds_bucket{{{_I}}}"
    help = "Does the program keep up, does it lose anything, is what it calls rare as rare as it says."
    return place(board("sensor", "sensor", help, hours=6, instances=True), [
        ("", 5, [
            (4, number("Dropped", f"{dropped} / clamp_min({records}, 1e-9)", unit="percentunit", steps=_DROPS,
                       help="Share of records and packets that were not accepted.")),
            (4, number("Records per second", records, decimals=0)),
            (4, number("Furthest behind", f"max(spanline_source_lag_seconds{{{_E}}})", unit="s",
                       steps=((None, palette.WELL), (60, palette.WATCH), (600, palette.BAD)),
                       help="Event time of a source behind the newest of any.")),
            (4, number("Processor", f"sum(rate(spanline_process_cpu_seconds_total{{{_I}}}{_RATE}))",
                       unit="percentunit", decimals=0, help="Of one core.")),
            (4, number("Memory", f"sum({memory})", unit="bytes", decimals=0)),
            (4, number("Release", f"max by (version) (spanline_build_info{{{_I}}})", legend="{{version}}",
                       named=True)),
        ]),
        ("", 8, [
            (8, lines("Records per second", [
                Target(f"sum by (source) (rate(spanline_records_total{{{_E}}}{_RATE}))", "{{source}}"),
            ], stacked=True)),
            (8, lines("Packets per second", [
                Target(f"sum by (source) (rate(spanline_packets_total{{{_E}}}{_RATE}))", "{{source}}"),
            ])),
            (8, lines("Bytes per second", [
                Target(f"sum by (source) (rate(spanline_bytes_total{{{_E}}}{_RATE}))", "{{source}}"),
            ], unit="Bps", stacked=True)),
        ]),
        ("", 8, [
            (8, lines("Dropped per second, by reason", [
                Target(f"sum by (source, reason) (rate(spanline_dropped_total{{{_E}}}{_RATE})) > 0",
                       "{{source}} {{reason}}"),
                Target(dropped, "all"),
            ], colours={"all": palette.PALE})),
            (8, lines("Sources behind the newest", [
                Target(f"max by (site, source) (spanline_source_lag_seconds{{{_E}}})", "{{site}} {{source}}"),
            ], unit="s")),
            (8, states("Sources", f"min by (site, source) (spanline_source_up{{{_E}}})", "{{site}} {{source}}", _UP)),
        ]),
        ("The core", 8, [
            (8, lines("Time by stage", [
                Target(f"sum by (stage) (rate({stages}{_RATE}))", "{{stage}}"),
            ], unit="percentunit", colours=palette.STAGE, stacked=True,
                help="Of one core. At 100 % it keeps up no more.")),
            (8, lines("Slowest steps (99 %), by stage", [
                Target("histogram_quantile(0.99, sum by (le, stage) (rate("
                       f"spanline_stage_seconds_bucket{{{_I}}}{_RATE})))", "{{stage}}"),
            ], unit="s", colours=palette.STAGE)),
            (8, bars("Fullest tables", f"sort_desc(topk(10, max by (table) (spanline_table_saturation_ratio{{{_I}}})))",
                     "{{table}}", unit="percentunit", steps=_FULL, high=1.0, decimals=1.0,
                     help="Share in use. A full table forgets or turns away, and counts what.")),
        ]),
        ("Its judgement", 9, [
            (8, bars("Calibration at 1 %", f'sort_desc(max by (statistic) (spanline_calibration_ratio{{{_I},'
                     'alpha="0.01"}) > 0)', "{{statistic}}", steps=_TRUE, decimals=2.0,
                     help="How often p was below 1 %, over how often it should be: 1 is right; outside 0.5 to 2 for a "
                     "day it is demoted.")),
            (4, bars("Detection delay", " or ".join(
                f'label_replace(histogram_quantile({of}, sum by (le) ({delay})), "of", "{of:.0%}", "", "")'
                for of in (0.5, 0.9)), "{{of}}", unit="s", decimals=1.0,
                     help="Event time from the first record of an incident's evidence to the incident: half of "
                     "them, and nine in ten.")),
            (12, lines("Budget used", [
                Target(f"max by (tier) (spanline_alert_budget_ratio{{{_I}}})", "{{tier}}"),
            ], unit="percentunit", colours=palette.TIER,
                limits=((None, palette.WELL), (1.0, palette.BAD)),
                help="What came to a tier today over the day's ceiling of incidents.")),
        ]),
        ("Deliveries and process", 8, [
            (5, states("Sinks", f"min by (sink) (spanline_sink_up{{{_I}}})", "{{sink}}", _SINK)),
            (5, lines("Deliveries waiting", [
                Target(f"max by (sink) (spanline_sink_lag_seconds{{{_I}}})", "{{sink}}"),
            ], unit="s")),
            (5, lines("Deliveries", [
                Target(f"sum by (sink) (spanline_sink_sent_total{{{_I}}})", "{{sink}} sent"),
                Target(f"sum by (sink, reason) (spanline_sink_failures_total{{{_I}}}) > 0", "{{sink}} {{reason}}"),
            ])),
            (5, lines("Memory", [Target(memory, "{{instance}}")], unit="bytes")),
            (4, number("Disk free", f"min(spanline_disk_free_bytes{{{_I}}})", unit="bytes", decimals=1,
                       steps=((None, palette.BAD), (1 << 30, palette.WATCH), (10 << 30, palette.WELL)),
                       help="Of the state. Full, the archive's oldest goes first; incidents never do.")),
        ]),
    ])  # fmt: skip
