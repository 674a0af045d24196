"""*Identity*: sign-ins by what the network says of them, second factors, evidence on accounts, responses."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana import palette
from grafana.board import board, ranged
from grafana.panels import ANY_IS_BAD, NONE_IS_WELL, Column, Links, Target, bars, lines, number, place, rows

DETECTORS = (
    *("administration", "corroboration", "files", "impersonation", "mail_rules", "mailbox", "phishing", "place"),
    *("pressure", "provider_risk", "sequence", "session", "spray"),
)
"""Those that judge what accounts do."""
ACTION_STATES = {
    "proposed": palette.ORANGE, "approved": palette.YELLOW, "executing": palette.PURPLE, "verified": palette.SKY,
    "undone": palette.PALE, "failed": palette.VERMILLION,
}  # fmt: skip
_HOUR = "3600 * "
_SIGNINS = Links("Sign-ins in the console", "${console}/signins")
_ACTIONS = Links("Responses in the console", "${console}/actions")


def identity() -> Dashboard:
    """Make it."""
    detectors = ranged(DETECTORS)
    supported = _in_range('spanline_signins_total{corroboration="supported"}')
    help = "Who signs in, what the network says of it, what was done with accounts, and what was answered."
    return place(board("identity", "identity", help, hours=24), [
        ("", 5, [
            (4, number("Contradicted", _in_range('spanline_signins_total{corroboration="contradicted"}'),
                       steps=ANY_IS_BAD, decimals=0, link=_SIGNINS,
                       help="Signed in elsewhere while the account's own device was in use, in the time shown.")),
            (4, number("Unsupported", _in_range('spanline_signins_total{corroboration="unsupported"}'),
                       steps=NONE_IS_WELL, decimals=0, link=_SIGNINS,
                       help="Claims a monitored place where no device contacted the provider.")),
            (4, number("Second factor refused", _in_range('spanline_signin_mfa_total{mfa=~"denied|timed_out"}'),
                       steps=NONE_IS_WELL, decimals=0, help="Denied or not answered, in the time shown.")),
            (4, number("Failed sign-ins", _in_range('spanline_signins_total{result="failure"}'), decimals=0)),
            (4, number("Supported", f"{supported} / clamp_min({_in_range('spanline_signins_total')}, 1)",
                       unit="percentunit", decimals=0,
                       help="Share of sign-ins that a monitored device explains.")),
            (4, number("Responses proposed", 'sum(spanline_actions_total{state="proposed"})', link=_ACTIONS,
                       help="Since the sensor's state was made; some wait for a decision.")),
        ]),
        ("", 9, [
            (12, lines("Sign-ins an hour, by what the network says", [
                Target(f"{_HOUR}sum by (corroboration) (rate(spanline_signins_total[$__rate_interval]))",
                       "{{corroboration}}"),
            ], colours=palette.VERDICT, stacked=True, bars=True, link=_SIGNINS)),
            (12, lines("Second factors an hour", [
                Target(f"{_HOUR}sum by (mfa) (rate(spanline_signin_mfa_total[$__rate_interval]))", "{{mfa}}"),
            ], colours=palette.MFA, stacked=True, bars=True)),
        ]),
        ("", 8, [
            (8, rows("Sign-ins by source, since the start", "source", "Source", [
                Column(verdict.title(), f'sum by (source) (spanline_signins_total{{corroboration="{verdict}"}}) and '
                       "on (source) (sum by (source) (spanline_signins_total) > 0)",
                       steps=steps) for verdict, steps in (
                    ("contradicted", ANY_IS_BAD), ("unsupported", NONE_IS_WELL), ("unknown", None), ("supported", None))
            ], sort="Supported", link=None)),
            (8, lines("Sign-ins an hour, by result", [
                Target(f"{_HOUR}sum by (result) (rate(spanline_signins_total[$__rate_interval]))", "{{result}}"),
            ], colours=palette.RESULT, stacked=True)),
            (8, lines("Incidents that came to a tier", [
                Target('sum by (tier) (increase(spanline_incidents_total{site=~"$site"}[$__rate_interval]))',
                       "{{tier}}"),
            ], colours=palette.TIER, bars=True, stacked=True, exemplars=True,
                link=Links("Incidents in the console", "${console}/incidents"))),
        ]),
        ("", 9, [
            (12, bars("Evidence on accounts in the time shown", "sort_desc(sum by (detector) (increase("
                      f'spanline_evidence_total{{site=~"$site",detector=~"{detectors}"}}[$__range])) > 0)',
                      "{{detector}}", help="What became part of an incident.")),
            (12, bars("Responses, by what they came to", "sort_desc(sum by (verb, state) (spanline_actions_total) > 0)",
                      "{{verb}} {{state}}", link=_ACTIONS)),
        ]),
    ])  # fmt: skip


def _in_range(series: str) -> str:
    return f"sum(increase({series}[$__range]))"
