"""Twins of baselines/volumes.py: a weighted mean and variance kept as the definition has it."""

import math


def jitter(h):
    """U from a 64-bit hash: its top 53 bits as a fraction."""
    return (h >> 11) / 2**53


def score(x, level, scale, floor, seen):
    """Z of one cell; NaN below two learned buckets."""
    return math.nan if seen < 2 else (x - level) / max(scale, floor)


def learn(xs, floor, half_life=432, winsor=3.0):
    """Mean and standard deviation after each x in turn, with weights max(1 − 2^(−1/half_life), 1/(n + 1))."""
    mean, variance = xs[0], 0.0
    for n, value in enumerate(xs[1:], start=1):
        x = value
        weight = max(1 - 0.5 ** (1 / half_life), 1 / (n + 1))
        if n >= 2:
            reach = winsor * max(math.sqrt(variance), floor)
            x = min(mean + reach, max(mean - reach, x))
        new_mean = (1 - weight) * mean + weight * x
        variance = (1 - weight) * (variance + (mean - new_mean) ** 2) + weight * (x - new_mean) ** 2
        mean = new_mean
    return mean, math.sqrt(variance)
