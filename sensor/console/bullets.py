"""What was seen beside what is usual, as one small plot an evidence; and the days and hours of an entity as bars.

SVG without a style of its own: classes, which the page's style sheet colours for light and dark. Every mark is also a
shape and a text. A range or an expectation makes a plot of the number itself; where there is none, how rare it is.
"""

import html
import math
from collections.abc import Sequence
from typing import NamedTuple

from sensor.model.evidence import Evidence

WIDTH = 300
_LEFT, _RIGHT = 8, 292
_LOG_FROM = 8.0
"""Beyond so many times the usual a linear axis would squeeze what is usual to a line."""
_RAREST = 1e-12
_WIDE, _BAR_HEIGHT = 360, 40
_MARGIN = 12
"""Room for half a word at either end."""


class Bar(NamedTuple):
    """One bar: what it is, and how much."""

    name: str
    value: float


def bullet(one: Evidence) -> str:
    """Return a plot of an evidence: its number against the usual range, else how rare it is."""
    usual = _usual(one)
    if usual is None or not math.isfinite(one.observed) or one.observed < 0:
        return rarity(one.p)
    low, high = usual
    top = max(one.observed, high, 1e-9) * 1.08
    log = one.observed > _LOG_FROM * max(high, 1e-9)

    def x(value: float) -> float:
        share = math.log1p(max(value, 0.0)) / math.log1p(top) if log else max(value, 0.0) / top
        return _LEFT + (_RIGHT - _LEFT) * min(share, 1.0)

    band = max(x(high) - x(low), 2.0)
    parts = [
        f'<line class="b-axis" x1="{_LEFT}" x2="{_RIGHT}" y1="20" y2="20"/>',
        f'<rect class="b-usual" x="{x(low):.1f}" y="13" width="{band:.1f}" height="14" rx="2"/>',
        _tick(min(max(x(low) + band / 2, 34), 266), f"usual {_span(low, high)}"),
    ]
    if one.expected is not None and math.isfinite(one.expected):
        parts.append(
            f'<line class="b-expected" x1="{x(one.expected):.1f}" x2="{x(one.expected):.1f}" y1="11" y2="29"/>'
        )
    at = x(one.observed)
    parts.append(f'<path class="b-seen" d="M{at:.1f} 12l6 8l-6 8l-6 -8z"/>')
    anchor = "end" if at > WIDTH / 2 else "start"
    parts.append(f'<text class="b-value" x="{at:.1f}" y="8" text-anchor="{anchor}">{_short(one.observed)}</text>')
    label = f"observed {_short(one.observed)}, usual {_span(low, high)}" + (", logarithmic" if log else "")
    return _svg(WIDTH, 44, parts, label)


def rarity(p: float) -> str:
    """Return a plot of a probability on a logarithmic axis, from every time to once in a million million."""
    if not 0 <= p <= 1:
        return ""
    p = max(p, _RAREST)
    most = max(6.0, math.ceil(-math.log10(p)))

    def x(decades: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * decades / most

    parts = [
        f'<line class="b-axis" x1="{_LEFT}" x2="{_RIGHT}" y1="20" y2="20"/>',
        f'<rect class="b-usual" x="{_LEFT}" y="13" width="{x(1.3) - _LEFT:.1f}" height="14" rx="2"/>',
    ]
    step = 2 if most <= 8 else 3
    for decade in range(0, int(most) + 1, step):
        anchor = "start" if decade == 0 else "end" if decade == most else "middle"
        text = "always" if decade == 0 else f"1 in {10**decade:,}" if decade < 4 else f"10⁻{_raised(decade)}"
        parts.append(f'<text class="b-tick" x="{x(decade):.1f}" y="40" text-anchor="{anchor}">{text}</text>')
        parts.append(f'<line class="b-axis" x1="{x(decade):.1f}" x2="{x(decade):.1f}" y1="18" y2="22"/>')
    at = x(-math.log10(p))
    parts.append(f'<path class="b-seen" d="M{at:.1f} 12l6 8l-6 8l-6 -8z"/>')
    return _svg(WIDTH, 44, parts, f"p = {p:.2g}")


def columns(values: Sequence[Bar], label: str, *, every: int = 1) -> str:
    """Return values as columns beside each other, every so many of them named; empty where all are nothing.

    Args:
        values: At most a hundred or so.
        label: What the values are.
        every: Which of the names are written.
    """
    top = max((one.value for one in values), default=0.0)
    if top <= 0:
        return ""
    pitch = _WIDE / len(values)
    parts = []
    for number, one in enumerate(values):
        height = _BAR_HEIGHT * max(one.value, 0.0) / top
        x, width = number * pitch + pitch * 0.1, pitch * 0.8
        parts.append(
            f'<rect class="c-bar" x="{x:.1f}" y="{_BAR_HEIGHT - height:.1f}" width="{width:.1f}" '
            f'height="{max(height, 0.5):.1f}"><title>{_safe(one.name)}: {_short(one.value)}</title></rect>'
        )
        if number % every == 0:
            parts.append(
                f'<text class="b-tick" x="{x + width / 2:.1f}" y="{_BAR_HEIGHT + 13}" text-anchor="middle">'
                f"{_safe(one.name)}</text>"
            )
    return _svg(_WIDE, _BAR_HEIGHT + 16, parts, f"{label}, at most {_short(top)}")


def _usual(one: Evidence) -> tuple[float, float] | None:
    if one.range is not None and all(math.isfinite(value) for value in one.range):
        return max(one.range[0], 0.0), max(one.range[1], 0.0)
    if one.expected is not None and math.isfinite(one.expected) and one.expected >= 0:
        return one.expected, one.expected
    return None


def _tick(x: float, text: str) -> str:
    return f'<text class="b-tick" x="{x:.1f}" y="40" text-anchor="middle">{text}</text>'


def _svg(width: int, height: int, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg class="plot" viewBox="-{_MARGIN} -4 {width + 2 * _MARGIN} {height + 4}" role="img" '
        f'aria-label="{_safe(label)}">{"".join(parts)}</svg>'
    )


def _span(low: float, high: float) -> str:
    return _short(low) if _short(low) == _short(high) else f"{_short(low)}–{_short(high)}"


def _short(value: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.3g} {letter}"
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def _raised(number: int) -> str:
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(one)] for one in str(number))


def _safe(text: str) -> str:
    return html.escape("".join(one if one.isprintable() else "\ufffd" for one in text), quote=True)
