"""Small plots as SVG, without a library: lines over time, bars, and evidence on a time line.

Colours are of Okabe and Ito's palette (2008, "Color universal design"), which the colour-blind can tell apart; every
colour is also a shape or a label. What is not a number is left out. Times are ns.
"""

import html
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

WIDTH, HEIGHT = 900, 150
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 10, 24
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_SHAPES = ("circle", "square", "diamond", "triangle")
_POINTS_MAX = 2_000
"""Points of one plot; of more, the largest of each of so many slots are drawn."""
_TICKS = 6
LANES_MAX = 8
"""Lanes that are told apart in a plot of this height."""
_NAME_MAX = 9
"""Letters that fit left of it."""


class Series(NamedTuple):
    """One line: its name, and (time, value) in order of time."""

    name: str
    points: Sequence[tuple[int, float]]


class Mark(NamedTuple):
    """One piece of evidence on a time line."""

    ts: int
    lane: str
    value: float
    text: str


class Stay(NamedTuple):
    """From when to when somebody was at a place."""

    first: int
    last: int
    lane: str
    text: str


def lines(series: Sequence[Series], unit: str) -> str:
    """Return a plot of values over time; empty where there is nothing to draw.

    Args:
        series: Lines of one axis.
        unit: What the values are, for the axis.
    """
    drawn = [Series(one.name, _thinned(one.points)) for one in series]
    every = [point for one in drawn for point in one.points]
    if len(every) < 2:
        return ""
    first, last = min(ts for ts, _ in every), max(ts for ts, _ in every)
    top = max(*(value for _, value in every), 1e-9)
    parts = [_axis(first, last), _scale(top, unit)]
    for number, one in enumerate(drawn):
        colour, dash = COLOURS[number % len(COLOURS)], "" if number % 2 == 0 else ' stroke-dasharray="5 3"'
        path = " ".join(f"{_x(ts, first, last):.1f},{_y(value, top):.1f}" for ts, value in one.points)
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.5"{dash} points="{path}">'
            f"<title>{_safe(one.name)}</title></polyline>"
        )
    return _whole(parts, [one.name for one in drawn], unit)


def marks(found: Sequence[Mark]) -> str:
    """Return evidence on a time line, one lane a source, larger where it weighs more; empty where there is none."""
    if not found:
        return ""
    lanes = list(dict.fromkeys(one.lane for one in found))
    first, last = min(one.ts for one in found), max(one.ts for one in found)
    margin = max((last - first) // 40, 60 * 10**9)
    first, last = first - margin, last + margin
    parts = [_axis(first, last)]
    step = (HEIGHT - TOP - BOTTOM) / len(lanes)
    for number, lane in enumerate(lanes):
        y = TOP + step * (number + 0.5)
        parts.append(f'<line class="lane" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="name" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_safe(lane)}</text>')
    for one in found[:_POINTS_MAX]:
        number = lanes.index(one.lane)
        size = 3.0 + 0.15 * min(max(one.value, 0.0), 60.0)
        x, y = _x(one.ts, first, last), TOP + step * (number + 0.5)
        parts.append(_shape(_SHAPES[number % len(_SHAPES)], x, y, size, COLOURS[number % len(COLOURS)], one.text))
    return _whole(parts, [], "evidence over time")


def stays(found: Sequence[Stay]) -> str:
    """Return where somebody was from when to when, one lane a place; empty where there is none."""
    if not found:
        return ""
    lanes = list(dict.fromkeys(one.lane for one in found))[:LANES_MAX]
    first, last = min(one.first for one in found), max(one.last for one in found)
    margin = max((last - first) // 40, 60 * 10**9)
    first, last = first - margin, last + margin
    parts, step = [_axis(first, last)], (HEIGHT - TOP - BOTTOM) / len(lanes)
    high = min(14.0, 0.6 * step)
    for number, lane in enumerate(lanes):
        y = TOP + step * (number + 0.5)
        parts.append(f'<line class="lane" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        name = lane if len(lane) <= _NAME_MAX else f"{lane[: _NAME_MAX - 1]}…"
        parts.append(f'<text class="name" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_safe(name)}</text>')
    for one in found[:_POINTS_MAX]:
        if one.lane in lanes:
            number = lanes.index(one.lane)
            x, y = _x(one.first, first, last), TOP + step * (number + 0.5) - high / 2
            width = max(3.0, _x(one.last, first, last) - x)
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{high:.1f}" rx="2" fill-opacity=".75" '
                f'fill="{COLOURS[number % len(COLOURS)]}"><title>{_safe(one.text)}</title></rect>'
            )
    return _whole(parts, [], "places over time")


def bars(values: Sequence[tuple[str, float]], unit: str) -> str:
    """Return horizontal bars, as many as there are values (at most 20); empty without any."""
    shown = [(name, value) for name, value in values if math.isfinite(value)][:20]
    top = max((value for _, value in shown), default=0.0)
    if top <= 0:
        return ""
    row, left = 20, 260
    parts = []
    for number, (name, value) in enumerate(shown):
        y, width = number * row, (WIDTH - left - 90) * value / top
        parts.append(f'<text class="name" x="{left - 8}" y="{y + 14}" text-anchor="end">{_safe(name[:40])}</text>')
        parts.append(f'<rect x="{left}" y="{y + 3}" width="{width:.1f}" height="{row - 6}" fill="{COLOURS[0]}"/>')
        parts.append(f'<text class="tick" x="{left + width + 6:.1f}" y="{y + 14}">{_short(value)} {_safe(unit)}</text>')
    height = row * len(shown)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{_safe(unit)}">{"".join(parts)}</svg>'


def _whole(parts: Sequence[str], names: Sequence[str], label: str) -> str:
    legend = []
    for number, name in enumerate(names):
        x = LEFT + 8 + 150 * number
        legend.append(f'<rect x="{x}" y="{TOP}" width="10" height="3" fill="{COLOURS[number % len(COLOURS)]}"/>')
        legend.append(f'<text class="tick" x="{x + 14}" y="{TOP + 5}">{_safe(name)}</text>')
    inside = "".join([*parts, *legend])
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{_safe(label)}">{inside}</svg>'


def _axis(first: int, last: int) -> str:
    parts = [f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>']
    whole_days = last - first > 2 * 86_400 * 10**9
    for k in range(_TICKS + 1):
        ts = first + (last - first) * k // _TICKS
        moment = datetime.fromtimestamp(ts // 10**9, UTC)
        text = moment.strftime("%b %d" if whole_days else "%b %d %H:%M")
        anchor = "end" if k == _TICKS else "start" if k == 0 else "middle"
        parts.append(
            f'<text class="tick" x="{_x(ts, first, last):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{text}</text>'
        )
    return "".join(parts)


def _scale(top: float, unit: str) -> str:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = _y(top * share, top)
        parts.append(f'<line class="lane" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(top * share)}</text>'
        )
    return "".join(parts) + f"<title>{_safe(unit)}</title>"


def _shape(kind: str, x: float, y: float, size: float, colour: str, text: str) -> str:
    points = {
        "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)), "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
        "triangle": ((0, -1.2), (1.2, 1), (-1.2, 1)),
    }  # fmt: skip
    title = f"<title>{_safe(text)}</title>"
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" fill="{colour}" fill-opacity=".8">{title}</circle>'
    corners = " ".join(f"{x + dx * size:.1f},{y + dy * size:.1f}" for dx, dy in points[kind])
    return f'<polygon points="{corners}" fill="{colour}" fill-opacity=".8">{title}</polygon>'


def _thinned(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    finite = [(ts, value) for ts, value in points if math.isfinite(value)]
    if len(finite) <= _POINTS_MAX:
        return finite
    slot = -(-len(finite) // _POINTS_MAX)
    return [max(finite[at : at + slot], key=lambda point: point[1]) for at in range(0, len(finite), slot)]


def _x(ts: int, first: int, last: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (ts - first) / max(last - first, 1)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _short(value: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.3g}"


def _safe(text: str) -> str:
    return html.escape("".join(c if c.isprintable() else "\ufffd" for c in text), quote=True)
