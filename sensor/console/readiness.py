"""The readiness report as one self-contained page, fit for print: no script, nothing from elsewhere.

Controls are named by id and by what they ask for in our words; the figures beside them are the store's. It says what is
shown, never that a control is fulfilled: that is an auditor's to judge.
"""

from itertools import groupby
from pathlib import Path

from sensor.console.plots import bars
from sensor.console.report import clean
from sensor.model.readiness import CONTROLS, Readiness, amount

_TEMPLATES = Path(__file__).parent / "templates"
TECHNIQUES_MAX = 15
DAYS_MAX = 31


def page(report: Readiness, version: str) -> str:
    """Write the page.

    Args:
        report: The figures.
        version: Of the program.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["clean"] = clean
    environment.filters["amount"] = amount
    environment.filters["moment"] = lambda text: str(text)[:16].replace("T", " ")
    frameworks = [(name, list(group)) for name, group in groupby(CONTROLS, key=lambda one: one.framework)]
    over = [one for one in report.budget if one.opened > one.ceiling]
    judged = report.verdicts.get("true", 0) + report.verdicts.get("benign", 0)
    return environment.get_template("readiness.html").render(
        report=report, version=version, frameworks=frameworks, over=over, judged=judged,
        days=report.budget[-DAYS_MAX:],
        techniques=bars([(one, float(n)) for one, n in list(report.techniques.items())[:TECHNIQUES_MAX]], "×"),
        uncalibrated=[one for one in report.calibration if not 0.5 <= one.ratio <= 2.0],
    )  # fmt: skip
