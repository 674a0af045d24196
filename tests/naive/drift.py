"""Twins of baselines/drift.py."""

import math
import statistics


def drift(value_of, day):
    """Return (distance, unrest, before) for `value_of(day)`, NaN where it is not known."""
    pairs = [(value_of(day - k), value_of(day - 21 - k)) for k in range(7)]
    pairs = [pair for pair in pairs if not any(math.isnan(value) for value in pair)][:3]
    if len(pairs) < 3:
        return math.nan, math.nan, math.nan
    now, then = zip(*pairs, strict=True)
    distance = sum(now) / 3 - sum(then) / 3
    steps = [value_of(day - k) - value_of(day - k - 7) for k in range(21)]
    steps = [step for step in steps if not math.isnan(step)]
    if math.isnan(distance) or len(steps) < 7:
        return math.nan, math.nan, sum(then) / 3
    middle = statistics.median(steps)
    mad = statistics.median(abs(step - middle) for step in steps)
    return distance, max(0.2, 1.4826 * mad) / math.sqrt(3), sum(then) / 3
