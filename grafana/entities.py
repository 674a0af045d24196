"""*Device and account*: the riskiest, by rank (who they are stands in the console), and how far each has learned.

No series names a device or an account: ranks are what there is, so that their number stays bounded.
"""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana import palette
from grafana.board import board
from grafana.panels import Links, Steps, Target, bars, lines, number, place

_S = 'site=~"$site"'
_RISK: Steps = ((None, palette.WELL), (20.0, palette.WATCH), (40.0, palette.BAD))
_DEVICES = Links("Devices in the console", "${console}/devices")
_ACCOUNTS = Links("Accounts in the console", "${console}/accounts")
LOCATION = {"on_prem": palette.SKY, "remote": palette.ORANGE, "both": palette.PURPLE}
RANKS = dict(zip("12345", (palette.VERMILLION, palette.ORANGE, palette.YELLOW, palette.SKY, palette.GREY), strict=True))


def entities() -> Dashboard:
    """Make it."""
    devices, accounts = f"sum(spanline_devices{{{_S}}})", "sum(spanline_accounts)"
    ready = f'sum(spanline_devices{{{_S},learning="ready"}})'
    help = "How risky the riskiest devices are, and how much of the inventory has a baseline."
    return place(board("entities", "device and account", help, hours=24), [
        ("", 5, [
            (4, number("Devices", devices, link=_DEVICES)),
            (4, number("Ready", f"{ready} / clamp_min({devices}, 1)", unit="percentunit", decimals=0,
                       help="Devices whose baseline has 24 h.")),
            (4, number("Devices over 20 dB", f"sum(spanline_risk_db{{{_S}}} > bool 20)",
                       steps=((None, palette.WELL), (1, palette.WATCH)), link=_DEVICES,
                       help="Of the fifty riskiest of each site.")),
            (4, number("Riskiest", f"max(spanline_risk_db{{{_S}}})", unit="dB", decimals=0, steps=_RISK,
                       link=_DEVICES)),
            (4, number("Accounts", accounts, link=_ACCOUNTS)),
            (4, number("Accounts ready", f'sum(spanline_accounts{{learning="ready"}}) / clamp_min({accounts}, 1)',
                       unit="percentunit", decimals=0, help="Accounts known for 24 h of event time.")),
        ]),
        ("", 10, [
            (12, bars("Riskiest devices", f"sort_desc(topk(12, max by (site, rank) (spanline_risk_db{{{_S}}}) > 0))",
                      "{{site}} #{{rank}}", unit="dB", steps=_RISK, link=_DEVICES,
                      help="Decibans of their open incidents, by their rank at their site.")),
            (12, lines("Risk by rank", [
                Target(f'max by (rank) (spanline_risk_db{{{_S},rank=~"[1-5]"}})', "{{rank}}"),
            ], unit="dB", colours=RANKS, limits=_RISK, link=_DEVICES, help="Of the site with the riskiest of each.")),
        ]),
        ("", 8, [
            (8, lines("Devices by learning", [
                Target(f"sum by (learning) (spanline_devices{{{_S}}})", "{{learning}}"),
            ], colours=palette.LEARNING, stacked=True,
                help="learning: under 24 h of history; stale: not seen for 45 days.")),
            (8, lines("Devices by place", [
                Target(f"sum by (location) (spanline_devices{{{_S}}})", "{{location}}"),
            ], colours=LOCATION, stacked=True)),
            (8, lines("Accounts by learning", [
                Target("sum by (learning) (spanline_accounts)", "{{learning}}"),
            ], colours=palette.LEARNING, stacked=True)),
        ]),
        ("", 9, [
            (24, bars("Evidence in the time shown, by detector", "sort_desc(sum by (site, detector) (increase("
                      f"spanline_evidence_total{{{_S}}}[$__range])) > 0)", "{{site}} {{detector}}",
                      help="What became part of an incident.")),
        ]),
    ])  # fmt: skip
