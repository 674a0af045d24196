"""Twins of baselines/drift.py."""

import math
import statistics


def drift(value_of, day, peers=()):
    """Return (distance, unrest, before) for `value_of(day)`, NaN where it is not known.

    `peers`: the scales of its peers, its own among them.
    """
    pairs = [(value_of(day - k), value_of(day - 21 - k)) for k in range(7)]
    pairs = [pair for pair in pairs if not any(math.isnan(value) for value in pair)]
    if len(pairs) >= 5:  # the first of equal ones goes
        steps = [now - then for now, then in pairs]
        gone = {steps.index(max(steps)), steps.index(min(steps))}
        pairs = [pairs[at] for at in range(len(pairs)) if at not in gone]
    if len(pairs) < 3:
        return math.nan, math.nan, math.nan
    now, then = zip(*pairs, strict=True)
    distance = (sum(now) - sum(then)) / len(pairs)
    own, count = scale(value_of, day)
    if math.isnan(distance) or count < 7:
        return math.nan, math.nan, sum(then) / len(pairs)
    middle = statistics.median(peers or [own])
    unrest = math.sqrt((count * own**2 + 28 * middle**2) / (count + 28))
    return distance, unrest / math.sqrt(len(pairs)), sum(then) / len(pairs)


def scale(value_of, day):
    """Return a row's own scale of a weekly difference, and how many differences it rests on."""
    steps = [value_of(day - k) - value_of(day - k - 7) for k in range(21)]
    steps = [step for step in steps if not math.isnan(step)]
    middle = statistics.median(steps or [0.0])
    return max(0.2, 1.4826 * statistics.median([abs(step - middle) for step in steps] or [0.0])), len(steps)
