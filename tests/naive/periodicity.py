"""Twins of baselines/periodicity.py: the gate from the method's words, over plain lists of times in ns."""

import math
import statistics

S = 10**9


def looks_at(gaps):
    """24, 48, 72, 96, 120, 144, 168, 192, 384, and each doubling of 384."""
    double = 384
    while double < gaps:
        double *= 2
    return gaps in {24, 48, 72, 96, 120, 144, 168, 192} or gaps == double


def correlation(gaps, period):
    """Autocorrelation of counts in half periods at lags 2 and 3, the larger; gaps in s, long ones cut to 8 periods."""
    times = [0.0]
    for gap in gaps:
        times.append(times[-1] + min(gap, 8 * period))
    places = [min(1023, int(time / (period / 2))) for time in times]
    counts = [places.count(k) for k in range(places[-1] + 1)]
    mean = sum(counts) / len(counts)
    own = sum((count - mean) ** 2 for count in counts)
    lagged = [sum((a - mean) * (b - mean) for a, b in zip(counts, counts[lag:], strict=False)) for lag in (2, 3)]
    return max(lagged) / own if own else 0.0


def judge(gaps, merge_s):
    """Return (passes, half-width, share, correlation, period) of at most 48 gaps in s, kept in 1/1024 of a log."""
    codes = [int(1024 * math.log(max(gap * 1e3, 1)) + 0.5) for gap in gaps]
    ordered, half = sorted(codes), len(codes) // 2 + 1
    width = min(b - a for a, b in zip(ordered, ordered[half - 1 :], strict=False)) / 1024 / 2
    period = math.exp(statistics.median(codes) / 1024) / 1e3
    share = merge_s / period
    rho = correlation([math.exp(code / 1024) / 1e3 for code in codes], period)
    limit = 0.165 - 0.219 * share if len(codes) < 48 else 0.281 - 0.338 * share
    return width < limit and share <= 0.45 and rho > 0.1, width, share, rho, period


def observe(events, first_age_ns, again_ns):
    """Return (event, row, scale, gaps) of every look that passes; events are (row, ts)."""
    found, told = [], {}
    runs = {}
    for number, (row, ts) in enumerate(events):
        for scale, merge_s in enumerate((1, 10)):
            mine = runs.setdefault((row, scale), {"latest": ts, "starts": [ts], "passed": 0, "ring": []})
            if number and ts - mine["latest"] >= merge_s * S:
                gap = (ts - mine["starts"][-1]) / S
                place = (len(mine["starts"]) - 1) % 48
                mine["ring"][place : place + 1] = [gap]
                mine["starts"].append(ts)
                n = len(mine["starts"]) - 1
                due = looks_at(n) or (mine["passed"] and ts - told[row] >= again_ns)
                if due and n >= 24 and ts - mine["starts"][0] >= first_age_ns and judge(mine["ring"], merge_s)[0]:
                    found.append((number, row, scale, n))
                    told[row] = ts
                    mine["passed"] += 1
            mine["latest"] = max(mine["latest"], ts)
    return found
