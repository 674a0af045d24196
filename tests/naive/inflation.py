"""Twins of baselines/inflation.py."""

import math


def watch(scores, points):
    """Share at or beyond the point after each bucket in turn, weights max(1 − 2^(−1/1008), 1/(n + 1))."""
    share = n = 0
    for score, point in zip(scores, points, strict=True):
        if math.isnan(score) or math.isnan(point):
            continue
        share += max(1 - 0.5 ** (1 / 1008), 1 / (n + 1)) * ((score >= point) - share)
        n += 1
    return share, n
