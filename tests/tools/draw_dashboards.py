"""Draw the dashboards with the data of a Prometheus, to look at: by hand, about what Grafana would show.

    python -m tests.tools.draw_dashboards PROMETHEUS_URL FOLDER [END_S [SPAN_S]]

One page of HTML each, with SVG: 24 columns of 80 pixels, rows of 38, dark, as Grafana lays them out. Positions, titles,
expressions, units, colours, thresholds, words, stacking and legends are the JSON's; fonts and curves are not Grafana's.
"""

import html
import math
import sys
import time
from pathlib import Path

from tests.grafana.asking import Asked, Server, dashboards

CELL_W, CELL_H = 80, 38
PAPER, GROUND, INK, DIM = "#111217", "#181b1f", "#ccccdc", "#8e8e9e"
SHADES = ["#56B4E9", "#8fcbee", "#3d86b0", "#b9dff5", "#2f6888", "#73c0ec", "#4a9fd0", "#a4d5f1"]
GOLDEN = "sans-serif"


def main(url, folder, end_s, span_s):
    """Draw all."""
    server = Server(0)
    server.url = f"{url}/api/v1"
    folder.mkdir(parents=True, exist_ok=True)
    for name, held in dashboards().items():
        site = ".*" if held["uid"] != "spanline-site" else "SYD"
        text = page(held, server, end_s, span_s, site)
        (folder / name.replace(".json", ".html")).write_text(text, encoding="utf-8")


def page(held, server, end_s, span_s, site):
    """Return a dashboard as HTML."""
    drawn = []
    for one in held["panels"]:
        at = one["gridPos"]
        style = (
            f"left:{at['x'] * CELL_W + 4}px;top:{at['y'] * CELL_H + 4}px;"
            f"width:{at['w'] * CELL_W - 8}px;height:{at['h'] * CELL_H - 8}px"
        )
        if one["type"] == "row":
            drawn.append(f'<h2 style="{style}">{html.escape(one["title"])}</h2>')
            continue
        inner = Panel(one, server, held["title"], end_s, span_s, site).svg(at["w"] * CELL_W - 8, at["h"] * CELL_H - 40)
        drawn.append(f'<div class="p" style="{style}"><b>{html.escape(one["title"])}</b>{inner}</div>')
    height = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in held["panels"]) * CELL_H
    return (
        f"<!doctype html><meta charset=utf-8><style>body{{background:{PAPER};color:{INK};font-family:{GOLDEN};margin:0;"
        f"position:relative;width:{24 * CELL_W}px;height:{height + 8}px}}.p{{position:absolute;background:{GROUND};"
        f"border:1px solid #2c3235;box-sizing:border-box}}.p b{{display:block;padding:6px 8px;font-size:15px;"
        f"font-weight:500}}h2{{position:absolute;margin:0;font-size:17px}}table{{width:100%;font-size:19px;"
        f"border-spacing:0}}td,th{{text-align:left;padding:7px 10px;border-bottom:1px solid #2c3235}}</style>"
        f"{''.join(drawn)}"
    )


class Panel:
    """One panel and its data."""

    def __init__(self, held, server, title, end_s, span_s, site):
        self.held, self.server, self.end_s, self.span_s = held, server, end_s, span_s
        self.defaults = held["fieldConfig"]["defaults"]
        self.step_s = max(60 if span_s > 3600 else 1, span_s / (held.get("maxDataPoints") or 600))
        self.series = []
        for target in held["targets"]:
            asked = Asked(title, held["title"], target["expr"], bool(target.get("instant")), target["legendFormat"])
            for labels, values in self._ask(asked, site):
                self.series.append((named(asked.legend, labels), labels, values, target["refId"]))

    def _ask(self, asked, site):
        from tests.grafana.asking import put_in

        rate_s = max(240, 60 + int(self.step_s)) if self.span_s > 3600 else 15
        expr = put_in(asked.expr, site=site, range_s=int(self.span_s), rate_s=rate_s)
        if asked.is_instant:
            return [(labels, [(self.end_s, value)]) for labels, value in self.server.instant(expr, self.end_s)]
        return self.server.over(expr, self.end_s - self.span_s, self.end_s, self.step_s)

    def svg(self, w, h):
        """Draw it."""
        return getattr(self, "_" + self.held["type"].replace("-", "_"))(w, h)

    def _stat(self, w, h):
        options = self.held["options"]
        if not self.series:
            text, colour = "none", DIM
        elif options.get("textMode") == "name":
            text, colour = self.series[0][0], threshold(self.defaults, 0)
        else:
            value = self.series[0][2][-1][1]
            text, colour = (
                shown(value, self.defaults.get("unit", "short"), self.defaults.get("decimals")),
                threshold(self.defaults, value),
            )
        size = min(h * 0.62, 1.7 * w / max(3, len(text)))
        return (
            f"<svg width={w} height={h}><text x={w / 2} y={h * 0.62} text-anchor=middle font-size={size:.0f} "
            f'fill="{colour}">{html.escape(text)}</text></svg>'
        )

    def _bargauge(self, w, h):
        unit = self.defaults.get("unit", "short")
        rows = [(name, values[-1][1]) for name, _, values, _ in self.series]
        most = self.defaults.get("max") or max([value for _, value in rows if not math.isnan(value)] or [1]) or 1
        each = min(44, h / max(1, len(rows)))
        label_w = min(w * 0.4, 11 * max([len(name) for name, _ in rows] or [1]) + 16)
        parts = []
        for k, (name, value) in enumerate(rows):
            y, colour = k * each, threshold(self.defaults, value)
            width = max(2, (w - label_w - 120) * min(1, value / most)) if not math.isnan(value) else 2
            parts.append(
                f'<text x=8 y={y + each * 0.66} font-size={each * 0.45:.0f} fill="{INK}">{html.escape(name)}</text>'
                f'<rect x={label_w} y={y + 4} width={width} height={each - 8} fill="{colour}"/>'
                f"<text x={label_w + width + 8} y={y + each * 0.66} font-size={each * 0.5:.0f} "
                f'fill="{colour}">{shown(value, unit, self.defaults.get("decimals"))}</text>'
            )
        return f"<svg width={w} height={h}>{''.join(parts)}</svg>"

    def _state_timeline(self, w, h):
        words = self.defaults["mappings"][0]["options"]
        label_w, each = 170, min(46, (h - 20) / max(1, len(self.series)))
        parts = []
        for k, (name, _, values, _) in enumerate(self.series):
            parts.append(f'<text x=8 y={k * each + each * 0.62} font-size=15 fill="{INK}">{html.escape(name)}</text>')
            for begin, end, value in runs(values, self.step_s):
                word = words.get(f"{value:g}", {"text": f"{value:g}", "color": DIM})
                x = label_w + (begin - self.end_s + self.span_s) / self.span_s * (w - label_w - 8)
                width = max(2, (end - begin) / self.span_s * (w - label_w - 8))
                parts.append(
                    f'<rect x={x} y={k * each + 5} width={width} height={each * 0.8 - 6} fill="{word["color"]}"/>'
                )
                if width > 60:
                    parts.append(
                        f'<text x={x + 8} y={k * each + each * 0.56} font-size=15 fill="#111">{word["text"]}</text>'
                    )
        return f"<svg width={w} height={h}>{''.join(parts)}</svg>"

    def _timeseries(self, w, h):
        custom = self.defaults["custom"]
        stacked = custom.get("stacking", {}).get("mode") == "normal"
        is_log = custom.get("scaleDistribution", {}).get("type") == "log"
        colours = self._colours()
        legend = [name for name, *_ in self.series]
        lines = math.ceil(sum(len(name) * 8 + 34 for name in legend) / max(1, w)) or 1
        plot_h, left = h - 22 - 20 * min(lines, 4), 64
        sums, drawn, tops = {}, [], []
        for name, _, values, _ in self.series:
            points = [(ts, value) for ts, value in values if not math.isnan(value)]
            if stacked:
                base = [sums.get(round(ts), 0.0) for ts, _ in points]
                points = [(ts, value + low) for (ts, value), low in zip(points, base, strict=True)]
                sums |= {round(ts): value for ts, value in points}
            else:
                base = [0.0] * len(points)
            drawn.append((name, points, base))
            tops += [value for _, value in points]
        high = self.defaults.get("max") or max(tops or [1]) or 1
        steps = [one for one in self.defaults.get("thresholds", {}).get("steps", []) if one.get("value")]
        limits = steps if custom.get("thresholdsStyle") else []
        if limits and not is_log:
            high = max(high, *(min(one["value"], high * 2) for one in limits))
        low = min([value for value in tops if value > 0] or [0.1]) / 1.2 if is_log else 0.0
        high *= 1.05

        def y_of(value):
            if is_log:
                return plot_h * (1 - math.log(max(value, low) / low) / math.log(high / low))
            return plot_h * (1 - value / high)

        def x_of(ts):
            return left + (ts - self.end_s + self.span_s) / self.span_s * (w - left - 8)

        unit = self.defaults.get("unit", "short")
        marks = [low * (high / low) ** (1 - k / 4) if is_log else high * (1 - k / 4) for k in range(5)]
        parts = [
            f'<line x1={left} x2={w - 8} y1={plot_h * k / 4} y2={plot_h * k / 4} stroke="#2c3235"/>'
            f'<text x={left - 6} y={plot_h * k / 4 + 5} font-size=12 fill="{DIM}" text-anchor=end>'
            f"{shown(mark, unit, None)}</text>"
            for k, mark in enumerate(marks)
        ]
        bars = custom.get("drawStyle") == "bars"
        for name, points, base in reversed(drawn):
            colour = colours[name]
            if bars:
                width = max(1.5, (w - left) / self.span_s * self.step_s * 0.9)
                parts += [
                    f'<rect x={x_of(ts):.1f} y={y_of(value):.1f} width={width:.1f} '
                    f'height={max(0, y_of(under) - y_of(value)):.1f} fill="{colour}"/>'
                    for (ts, value), under in zip(points, base, strict=True) if value > under
                ]  # fmt: skip
                continue
            for piece in gaps(points, self.step_s):
                path = " ".join(f"{x_of(ts):.1f},{y_of(value):.1f}" for ts, value in piece)
                if stacked:
                    ends = f"{x_of(piece[-1][0]):.1f},{plot_h} {x_of(piece[0][0]):.1f},{plot_h}"
                    parts.append(f'<polygon points="{path} {ends}" fill="{colour}" fill-opacity=.35 />')
                parts.append(f'<polyline points="{path}" fill=none stroke="{colour}" stroke-width=2 />')
        for one in limits:
            if low <= one["value"] <= high:
                y = y_of(one["value"])
                parts.append(
                    f'<line x1={left} x2={w - 8} y1={y} y2={y} stroke="{one["color"]}" stroke-dasharray="8 6"/>'
                )
        for k in range(5):
            ts = self.end_s - self.span_s * (1 - k / 4)
            clock = time.strftime("%d %b %H:%M" if self.span_s > 86_400 else "%H:%M:%S", time.gmtime(ts))
            parts.append(
                f'<text x={min(x_of(ts), w - 50)} y={plot_h + 15} font-size=12 fill="{DIM}" text-anchor=middle>'
                f"{clock}</text>"
            )
        x, y = left, plot_h + 36
        for name, *_ in self.series[:40]:
            if x + len(name) * 8 + 34 > w:
                x, y = left, y + 20
            parts.append(
                f'<rect x={x} y={y - 8} width=16 height=5 fill="{colours[name]}"/>'
                f'<text x={x + 22} y={y} font-size=14 fill="{INK}">{html.escape(name)}</text>'
            )
            x += len(name) * 8 + 34
        return f"<svg width={w} height={h}>{''.join(parts)}</svg>"

    def _table(self, w, h):
        moves = next(one for one in self.held["transformations"] if one["id"] == "organize")["options"]
        key = min(moves["indexByName"], key=moves["indexByName"].get)
        columns = [name for name in moves["renameByName"] if name.startswith("Value #")]
        rows = {}
        for _, labels, values, ref in self.series:
            rows.setdefault(labels.get(key, ""), {})[f"Value #{ref}"] = values[-1][1]
        overrides = {
            one["matcher"]["options"]: {each["id"]: each["value"] for each in one["properties"]}
            for one in self.held["fieldConfig"]["overrides"]
        }
        head = "".join(f"<th>{html.escape(moves['renameByName'][name])}" for name in (key, *columns))
        body = ""
        for name, found in sorted(rows.items()):
            body += f"<tr><td>{html.escape(name)}"
            for column in columns:
                of = overrides.get(moves["renameByName"][column], {})
                value = found.get(column)
                colour = threshold(of, value) if value is not None and "thresholds" in of else INK
                text = "" if value is None else shown(value, of.get("unit", "short"), of.get("decimals"))
                body += f'<td style="color:{colour}">{text}'
        return f"<table><tr>{head}{body}</table>"

    def _colours(self):
        fixed = {
            one["matcher"]["options"]: each["value"]["fixedColor"]
            for one in self.held["fieldConfig"]["overrides"] for each in one["properties"] if each["id"] == "color"
        }  # fmt: skip
        others = [name for name, *_ in self.series if name not in fixed]
        return fixed | {name: SHADES[k % len(SHADES)] for k, name in enumerate(others)}


def named(legend, labels):
    """Return a series' name, as Grafana makes it of the legend."""
    if legend in {"", "__auto"}:
        return ", ".join(f"{key}={value}" for key, value in labels.items() if key != "__name__") or "value"
    for key in [part.partition("}}")[0] for part in legend.split("{{")[1:]]:
        legend = legend.replace("{{" + key + "}}", labels.get(key, ""))
    return legend


def threshold(defaults, value):
    """Return the colour of a value."""
    colour = INK
    for one in defaults.get("thresholds", {}).get("steps", []):
        if one.get("value") is None or value >= one["value"]:
            colour = one["color"]
    return colour


def shown(value, unit, decimals):
    """Return a value with its unit, about as Grafana writes it."""
    if math.isnan(value):
        return "NaN"
    if unit == "percentunit":
        return f"{100 * value:.{int(decimals) if decimals is not None else (1 if value < 0.1 else 0)}f}%"
    if unit == "s":
        for size, name in ((86_400, " days"), (3600, " h"), (60, " min"), (1, " s")):
            if abs(value) >= size:
                return f"{value / size:.1f}{name}"
        return f"{1000 * value:.3g} ms"
    sign = {"bytes": "B", "Bps": "B/s", "dB": " dB"}.get(unit, "")
    step = 1024 if unit == "bytes" else 1000
    for power, letter in ((3, "G"), (2, "M"), (1, "k")):
        if abs(value) >= step**power and unit != "dB":
            return f"{value / step**power:.3g} {letter}{sign}"
    digits = int(decimals) if decimals is not None else (0 if float(value).is_integer() else 2)
    return f"{value:.{digits}f}{sign}"


def runs(values, step_s):
    """Return (begin, end, value) of what stays the same."""
    found = []
    for ts, value in values:
        if found and found[-1][2] == value and ts - found[-1][1] < 2 * step_s:
            found[-1][1] = ts
        else:
            found.append([ts, ts + step_s, value])
    return found


def gaps(points, step_s):
    """Cut where samples are missing."""
    found = []
    for point in points:
        if not found or point[0] - found[-1][-1][0] > 2.5 * step_s:
            found.append([])
        found[-1].append(point)
    return found


if __name__ == "__main__":
    main(
        sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else time.time(),
        float(sys.argv[4]) if len(sys.argv) > 4 else 6 * 3600.0,
    )  # fmt: skip
