"""The readiness report as one self-contained page, fit for print: no script, nothing from elsewhere.

Controls are named by id and by what they ask for in our words; the figures beside them are the store's. It says what is
shown, never that a control is fulfilled: that is an auditor's to judge.
"""

from itertools import groupby

from sensor.console.plots import bars
from sensor.console.report import printed
from sensor.model.readiness import CONTROLS, Readiness, amount

TECHNIQUES_MAX = 15
DAYS_MAX = 31


def page(report: Readiness, version: str) -> str:
    """Write the page.

    Args:
        report: The figures.
        version: Of the program.
    """
    frameworks = [(name, list(group)) for name, group in groupby(CONTROLS, key=lambda one: one.framework)]
    over = [one for one in report.budget if one.opened > one.ceiling]
    judged = report.verdicts.get("true", 0) + report.verdicts.get("benign", 0)
    return printed(
        "readiness.html", report=report, version=version, frameworks=frameworks, over=over, judged=judged,
        amount=amount, days=report.budget[-DAYS_MAX:],
        techniques=bars([(one, float(n)) for one, n in list(report.techniques.items())[:TECHNIQUES_MAX]], "×"),
        uncalibrated=[one for one in report.calibration if not 0.5 <= one.ratio <= 2.0],
    )  # fmt: skip
