"""Templates into pages. Everything is escaped by the template engine; what comes from records also loses control signs.

Nothing on a page comes from elsewhere, and none has a script or a style of its own: the policy that is sent with it
(`sensor.console.gate`) forbids both.
"""

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import sensor
from sensor.console.visit import Desk, Visit
from sensor.model.text import clean
from sensor.model.times import DAY_NS, HOUR_NS, MINUTE_NS, parse

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.responses import Response

_FOLDER = Path(__file__).parent
STATIC = _FOLDER / "static"
THEMES = ("system", "light", "dark")
SAID = {
    "closed": "The incident is closed.",
    "muted": "The suppression is in force.",
    "unmuted": "The suppression is taken back; what comes is judged again.",
    "approved": "Approved. The running sensor carries it out within seconds.",
    "denied": "Denied.",
    "asked": "Asked. The running sensor takes it back within seconds.",
    "stopped": "All responses are stopped.",
    "resumed": "Responses go on.",
    "out": "You are signed out.",
}
"""What a page says after something was done, by the word in its address."""
_RAREST = 1e-9
"""Below it a number of decades says no more to a person."""
NAV = (
    ("/incidents", "Incidents", "viewer"), ("/devices", "Devices", "viewer"), ("/accounts", "Accounts", "viewer"),
    ("/signins", "Sign-ins", "viewer"), ("/quarantine", "Quarantine", "viewer"), ("/actions", "Responses", "viewer"),
    ("/mutes", "Suppressions", "viewer"), ("/hunt", "Hunt", "analyst"), ("/sites", "Sites", "viewer"),
    ("/health", "Health", "viewer"),
    ("/reveal", "Reveal", "admin"),
)  # fmt: skip


@cache
def environment() -> "Environment":
    """Return the templates with their filters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_FOLDER / "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False, finalize=_final,
    )  # fmt: skip
    made.filters |= {
        "clean": _shown, "moment": moment, "short": short, "number": number, "decibans": decibans, "rare": rare,
        "size": size, "words": lambda text: str(text).replace("_", " "), "query": urlencode,
    }  # fmt: skip
    for name in made.list_templates():  # compiled before somebody waits for it
        made.get_template(name)
    return made


def render(desk: Desk, visit: Visit, template: str, code: int = 200, **values: object) -> "Response":
    """Fill a template for whoever asks."""
    from starlette.responses import HTMLResponse

    person = visit.session.person if visit.session is not None else None
    theme = visit.cookies.get("theme", "system")
    nav = [
        (path, name) for path, name, role in NAV
        if person is not None and (person.may(role) if path in {"/hunt", "/reveal"} else person.may_somewhere(role))
    ]  # fmt: skip
    text = desk.environment.get_template(template).render(
        person=person, csrf=visit.session.csrf if visit.session is not None else "", nav=nav, path=visit.path,
        theme=theme if theme in THEMES else "system", said=SAID.get(visit.query.get("done", ""), ""),
        readonly=desk.decisions.readonly, version=sensor.__version__, **values,
    )  # fmt: skip
    return HTMLResponse(text, code)


def link(path: str, query: Mapping[str, str], **changed: object) -> str:
    """Return an address with a query of which something is changed; what is empty is left out."""
    wanted = {**query, **{name: str(value) for name, value in changed.items()}}
    wanted.pop("done", None)
    kept = {name: value for name, value in wanted.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


def moment(text: object) -> str:
    """Write a time as `2026-11-24 05:13:02`, UTC."""
    return str(text)[:19].replace("T", " ")


def short(text: object) -> str:
    """Write a time as `24 Nov 05:13`, UTC."""
    shown = str(text)
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    if len(shown) < 16 or not shown[5:7].isdecimal():
        return _shown(shown)
    return f"{int(shown[8:10])} {months[int(shown[5:7]) - 1]} {shown[11:16]}"


def ago(text: str, now_ns: int) -> str:
    """Say how long before the state's clock something was: `3 h`, `2 d`."""
    passed = now_ns - parse(text)
    for unit_ns, letter in ((DAY_NS, "d"), (HOUR_NS, "h"), (MINUTE_NS, "min")):
        if passed >= unit_ns:
            return f"{passed // unit_ns} {letter}"
    return "now"


def number(value: object) -> str:
    """Write a number with separators, without digits that say nothing."""
    if value is None:
        return ""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    return f"{int(value):,}" if value == int(value) and abs(value) < 1e15 else f"{value:,.4g}"


def decibans(value: float | None) -> str:
    """Write a weight as `+23`."""
    return "" if value is None else f"{value:+.0f}"


def rare(p: float | None) -> str:
    """Say a probability: `1 in 10,800`."""
    if p is None or not 0 < p <= 1:
        return "–"
    return f"1 in {round(1 / p):,}" if p > _RAREST else "rarer than 1 in 10⁹"


def size(value: float) -> str:
    """Write a number of bytes with a decimal prefix."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _final(value: object) -> object:
    """Make fit whatever a template puts out, also where it forgot to: markup of ours alone is left as it is."""
    return clean(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _shown(text: object) -> str:
    return clean(str(text))
