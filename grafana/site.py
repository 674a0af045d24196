"""*Site*: one site's traffic, incidents, evidence, sources and learning."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana import palette
from grafana.board import board
from grafana.fleet import SILENT_S
from grafana.panels import ANY_IS_BAD, NONE_IS_WELL, Links, Steps, Target, bars, lines, number, place, states

_S = 'site=~"$site"'
_UP = {"1": ("reads", palette.WELL), "0": ("DOWN", palette.BAD)}
_RISK: Steps = ((None, palette.WELL), (20.0, palette.WATCH), (40.0, palette.BAD))
_INCIDENTS = Links("Incidents in the console", "${console}/incidents?site=${site}")
_DEVICES = Links("Devices in the console", "${console}/devices?site=${site}")
RANKS = {"1": palette.VERMILLION, "2": palette.ORANGE, "3": palette.YELLOW, "5": palette.SKY, "10": palette.GREY}


def site() -> Dashboard:
    """Make it."""
    ready = f'sum(spanline_devices{{{_S},learning="ready"}})'
    devices = f"sum(spanline_devices{{{_S}}})"
    heard = f"max(spanline_site_last_heard_timestamp_seconds{{{_S}}})"
    help = "One site: what is open there, what it is fed with, and how far it has learned."
    return place(board("site", "site", help, hours=6, many_sites=False), [
        ("", 5, [
            (3, number("Pages", f'sum(spanline_incidents_open{{{_S},tier="page"}})', steps=ANY_IS_BAD,
                       link=_INCIDENTS)),
            (3, number("Triage", f'sum(spanline_incidents_open{{{_S},tier="triage"}})', steps=NONE_IS_WELL,
                       link=_INCIDENTS)),
            (3, number("Digest rows", f'sum(spanline_incidents_open{{{_S},tier="digest"}})')),
            (3, number("Riskiest", f'max(spanline_risk_db{{{_S},rank="1"}})', unit="dB", steps=_RISK, decimals=0,
                       help="Decibans of the open incidents of the riskiest device.", link=_DEVICES)),
            (3, number("Last record", f"time() - ({heard} > 0)", unit="s",
                       steps=((None, palette.WELL), (SILENT_S, palette.BAD)), help="How long ago, by event time.")),
            (3, number("Flows/s", f"sum(rate(spanline_flows_total{{{_S}}}[$__rate_interval]))", decimals=1)),
            (3, number("Devices", devices, link=_DEVICES)),
            (3, number("Ready", f"{ready} / clamp_min({devices}, 1)", unit="percentunit", decimals=0,
                       help="Devices whose baseline has 24 h.")),
        ]),
        ("", 8, [
            (12, lines("Incidents that came to a tier", [
                Target(f'sum by (tier) (increase(spanline_incidents_total{{{_S}}}[$__rate_interval]))', "{{tier}}"),
            ], colours=palette.TIER, bars=True, stacked=True, exemplars=True, link=_INCIDENTS)),
            (12, lines("Risk of the riskiest devices, by rank", [
                Target(f'max by (rank) (spanline_risk_db{{{_S},rank=~"{"|".join(RANKS)}"}})', "{{rank}}"),
            ], unit="dB", colours=RANKS, limits=_RISK, link=_DEVICES)),
        ]),
        ("", 8, [
            (8, lines("Flows per second", [
                Target(f"sum(rate(spanline_flows_total{{{_S}}}[$__rate_interval]))", "flows"),
            ])),
            (8, lines("Bytes read per second", [
                Target(f"sum by (source) (rate(spanline_bytes_total{{{_S}}}[$__rate_interval]))", "{{source}}"),
            ], unit="Bps", stacked=True)),
            (8, lines("Events per minute, by kind", [
                Target(f"60 * sum by (kind) (rate(spanline_events_total{{{_S}}}[$__rate_interval])) > 0", "{{kind}}"),
            ])),
        ]),
        ("", 9, [
            (8, bars("Evidence in the time shown", f"sort_desc(sum by (detector) (increase("
                     f"spanline_evidence_total{{{_S}}}[$__range])) > 0)", "{{detector}}",
                     help="What became part of an incident, by detector.")),
            (8, states("Sources", f"min by (source) (spanline_source_up{{{_S}}})", "{{source}}", _UP)),
            (8, lines("Sources behind the newest", [
                Target(f"max by (source) (spanline_source_lag_seconds{{{_S}}})", "{{source}}"),
            ], unit="s")),
        ]),
        ("", 8, [
            (12, lines("Dropped per second, by reason", [
                Target(f"sum by (source, reason) (rate(spanline_dropped_total{{{_S}}}[$__rate_interval])) > 0",
                       "{{source}} {{reason}}"),
                Target(f"sum(rate(spanline_dropped_total{{{_S}}}[$__rate_interval]))", "all"),
            ], colours={"all": palette.PALE})),
            (12, lines("Devices by learning", [
                Target(f"sum by (learning) (spanline_devices{{{_S}}})", "{{learning}}"),
            ], colours=palette.LEARNING, stacked=True, link=_DEVICES)),
        ]),
    ])  # fmt: skip
