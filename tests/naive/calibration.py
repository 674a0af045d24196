"""Twins of baselines/calibration.py: bins by their edges, the largest by sorting, p by the formula."""

import bisect
import math


def absorb(scores, group, edges, bins, top):
    """Return {group: (count by bin, the `top` largest, ascending)}; the outer bins have no outer edge."""
    found = {}
    for score, g in zip(scores, group, strict=True):
        if g < 0 or math.isnan(score):
            continue
        counts, largest = found.setdefault(g, ([0] * bins, []))
        counts[min(bins - 1, max(0, bisect.bisect_right(edges, score) - 1))] += 1
        largest.append(score)
    return {g: (counts, sorted(largest)[-top:]) for g, (counts, largest) in found.items()}


def tail_p(score, log_rank, edges, n, start, share, shape, scale, bend, floor):
    """Return p: a rank, straight in (log score, log p) between edges, or the tail beyond `start`."""
    if math.isnan(score) or n < 1:
        return math.nan
    if score > start:
        y = (score - start) / scale
        if score > bend:
            return floor * math.exp(-(score - bend) / scale)
        return share * math.exp(-y) if abs(shape) < 1e-9 else share * max(0.0, 1 + shape * y) ** (-1 / shape)
    if score <= edges[0]:
        return math.exp(log_rank[0])
    if score >= edges[-1]:
        return math.exp(log_rank[-1])
    k = bisect.bisect_right(edges, score) - 1
    part = math.log(score / edges[k]) / math.log(edges[k + 1] / edges[k])
    return math.exp(log_rank[k] + part * (log_rank[k + 1] - log_rank[k]))
