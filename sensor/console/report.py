"""One self-contained page of what a replay came to: no script, nothing from elsewhere, fit for print.

Everything that came from records is escaped. The page says what was visible, what it was made of and what could not be
judged, as the command line does.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sensor.console.plots import Mark, Series, bars, lines, marks
from sensor.model.account import SignIn
from sensor.model.device import Device
from sensor.model.incident import Incident
from sensor.model.result import ReplayResult
from sensor.model.times import parse

if TYPE_CHECKING:
    from jinja2 import Environment

SIGNINS_MAX = 200
DEVICES_MAX = 200
DIGEST_MAX = 50
_TEMPLATES = Path(__file__).parent / "templates"


class Traffic(msgspec.Struct, frozen=True):
    """Bytes over time of one site: (time ns, bytes that left, bytes that came)."""

    site: str
    points: list[tuple[int, float, float]]


class Shown(msgspec.Struct, frozen=True):
    """An incident with its plot."""

    incident: Incident
    plot: str


def page(
    answer: ReplayResult, devices: Sequence[Device], signins: Sequence[SignIn], traffic: Sequence[Traffic], version: str
) -> str:
    """Write the page.

    Args:
        answer: What the replay came to.
        devices: The inventory.
        signins: Sign-ins, the latest first.
        traffic: By site.
        version: Of the program.
    """
    ranked = sorted(devices, key=lambda one: (-one.risk_db, one.site, one.name))
    return printed(
        "report.html", answer=answer, version=version,
        incidents=[Shown(one, timeline(one)) for one in answer.incidents],
        digest=answer.digest[:DIGEST_MAX],
        devices=ranked[:DEVICES_MAX], devices_left=max(0, len(ranked) - DEVICES_MAX),
        signins=signins[:SIGNINS_MAX], signins_left=max(0, len(signins) - SIGNINS_MAX),
        verdicts=verdicts(signins),
        traffic=[(one.site, _traffic(one)) for one in traffic],
        unusual=bars([(clean(one.text)[:40], one.db) for one in answer.unusual if one.db > 0], "dB"),
    )  # fmt: skip


def printed(template: str, **values: object) -> str:
    """Write a page that needs nothing beside itself; every value is escaped, and what is missing is an error."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    """Return what reads the templates, and holds those that it compiled."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters["clean"] = clean
    made.filters["moment"] = lambda text: str(text)[:19].replace("T", " ")
    return made


def timeline(incident: Incident) -> str:
    """Return an incident's evidence on a time line, a lane a source, or a site of several; nothing of a single one."""
    if len(incident.evidence) < 2:
        return ""
    several = len(incident.sites) > 1
    return marks([
        Mark(parse(one.ts), one.site if several else one.source, one.db, f"{one.ts[:16]} {one.text}")
        for one in incident.evidence
    ])  # fmt: skip


def verdicts(signins: Sequence[SignIn]) -> list[tuple[str, dict[str, int]]]:
    """Return how often each verdict was given, by account, those with contradictions first."""
    counts: dict[str, Counter[str]] = {}
    for one in signins:
        counts.setdefault(one.account, Counter())[one.corroboration] += 1
    order = sorted(counts, key=lambda name: (-counts[name]["contradicted"], -counts[name]["unsupported"], name))
    return [(name, dict(counts[name])) for name in order[:50]]


def clean(text: object) -> str:
    """Make control characters visible."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))


def _traffic(one: Traffic) -> str:
    return lines(
        [
            Series("out", [(ts, out) for ts, out, _ in one.points]),
            Series("in", [(ts, back) for ts, _, back in one.points]),
        ],
        "payload bytes in 10 minutes",
    )
