"""*Fleet*: every site on one page, for a wall: is anything wrong, where, and who is silent."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana import palette
from grafana.board import board
from grafana.panels import ANY_IS_BAD, NONE_IS_WELL, Column, Links, Steps, Target, lines, number, place, rows, states

SILENT_S = 900
"""As the alert on a silent site has it."""
_S = 'site=~"$site"'
"""A site may be shown twice, by its own sensor and by its hub: of each series the larger counts, never their sum."""
_HEARD = f"max by (site) (spanline_site_last_heard_timestamp_seconds{{{_S}}})"
_SILENT = f"(time() - {_HEARD}) > bool {SILENT_S}"
_DEVICES = f"max by (site, location, learning) (spanline_devices{{{_S}}})"
_READY = f'max by (site, location) (spanline_devices{{{_S},learning="ready"}})'
_PAGES = f'max by (site) (spanline_incidents_open{{{_S},tier="page"}})'
_TRIAGE = f'max by (site) (spanline_incidents_open{{{_S},tier="triage"}})'
_UP = f"min by (site, source) (spanline_source_up{{{_S}}})"
_LEARNING = f'max by (site, location) (spanline_devices{{{_S},learning="learning"}})'
_INCIDENTS = Links("Incidents in the console", "${console}/incidents")
_BUDGET: Steps = ((None, palette.WELL), (0.8, palette.WATCH), (1.0, palette.BAD))
_RISK: Steps = ((None, palette.WELL), (20.0, palette.WATCH), (40.0, palette.BAD))
"""From 20 dB an account's acts are triage, from 40 they page."""
_COLUMNS = [
    Column("Pages", _PAGES, steps=ANY_IS_BAD),
    Column("Triage", _TRIAGE, steps=NONE_IS_WELL),
    Column("Riskiest device", f'max by (site) (spanline_risk_db{{{_S},rank="1"}})', "dB", _RISK, 0),
    Column("Last record", f"time() - ({_HEARD} > 0)", "s", ((None, palette.WELL), (SILENT_S, palette.BAD))),
    Column(
        "Sources down", f"sum by (site) ({_UP} == bool 0)", steps=ANY_IS_BAD,
    ),
    Column("Flows/s", f"sum by (site) (rate(spanline_flows_total{{{_S}}}[$__rate_interval]))", decimals=1),
    Column(
        "Dropped",
        f"sum by (site) (rate(spanline_dropped_total{{{_S}}}[$__rate_interval])) / clamp_min(sum by (site) "
        f"(rate(spanline_records_total{{{_S}}}[$__rate_interval])), 1e-9)",
        "percentunit", ((None, palette.WELL), (0.001, palette.WATCH), (0.01, palette.BAD)),
    ),
    Column("Devices", f"sum by (site) ({_DEVICES})"),
    Column(
        "Ready",
        f"sum by (site) ({_READY}) / clamp_min(sum by (site) ({_DEVICES}), 1)",
        "percentunit", decimals=0,
    ),
]  # fmt: skip


def fleet() -> Dashboard:
    """Make it."""
    help = "All sites at once: what is open, who is silent, whether the budget of alerts holds."
    return place(board("fleet", "fleet", help, hours=6), [
        ("", 5, [
            (4, number("Pages open", f"sum({_PAGES})", steps=ANY_IS_BAD,
                       help="Somebody has to look now. One of several sites counts at each.", link=_INCIDENTS)),
            (4, number("Triage open", f"sum({_TRIAGE})", steps=NONE_IS_WELL,
                       help="To be looked at today.", link=_INCIDENTS)),
            (4, number("Sites silent", f"sum({_SILENT})", steps=ANY_IS_BAD,
                       help=f"No record for {SILENT_S // 60} minutes of event time, or never.")),
            (4, number("Sources down", f"sum({_UP} == bool 0)", steps=ANY_IS_BAD,
                       help="They cannot read.")),
            (4, number("Budget used today", 'max(spanline_alert_budget_ratio{tier="triage"})', unit="percentunit",
                       decimals=0, steps=_BUDGET, help="Incidents that opened over the day's ceiling, of all sites.")),
            (4, number("Dropped per second", f"sum(rate(spanline_dropped_total{{{_S}}}[$__rate_interval]))",
                       decimals=1, steps=((None, palette.WELL), (1, palette.WATCH), (100, palette.BAD)),
                       help="Records and packets that were not accepted.")),
        ]),
        ("", 9, [(24, rows("Sites", "site", "Site", _COLUMNS, sort="Riskiest device",
                           link=Links("This site", "/d/spanline-site?var-site=${__value.text}")))]),
        ("", 8, [
            (12, lines("Incidents that came to a tier", [
                Target(f'sum by (tier) (increase(spanline_incidents_total{{{_S}}}[$__rate_interval]))', "{{tier}}"),
            ], colours=palette.TIER, bars=True, stacked=True, exemplars=True, link=_INCIDENTS,
                help="Each point is a link to its incident, where the Prometheus keeps exemplars.")),
            (12, lines("Riskiest device of each site", [
                Target(f'max by (site) (spanline_risk_db{{{_S},rank="1"}})', "{{site}}"),
            ], unit="dB", limits=_RISK, help="Decibans of its open incidents.")),
        ]),
        ("", 7, [
            (12, lines("Source furthest behind, of each site", [
                Target(f"max by (site) (spanline_source_lag_seconds{{{_S}}})", "{{site}}"),
            ], unit="s", help="Behind the newest record of the site; as the site itself says, at a hub.")),
            (12, lines("Devices still learning", [
                Target(f"sum by (site) ({_LEARNING})", "{{site}}"),
            ])),
        ]),
        ("", 7, [
            (12, states("Who is heard", _SILENT, "{{site}}", {
                "0": ("heard", palette.WELL), "1": ("SILENT", palette.BAD),
            }, help=f"Silent: no record for {SILENT_S // 60} minutes.")),
            (12, lines("Flows per second", [
                Target(f"sum by (site) (rate(spanline_flows_total{{{_S}}}[$__rate_interval]))", "{{site}}"),
            ])),
        ]),
    ])  # fmt: skip
