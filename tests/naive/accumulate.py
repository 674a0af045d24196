"""Twins of baselines/accumulate.py."""

import math


def accumulate(xs, reference, largest):
    """Sum after each x in turn, from 0: the largest sum of x − reference over a run that ends here, or 0."""
    kept = [min(largest, x) - reference for x in xs if not math.isnan(x)]
    return max([0.0, *(math.fsum(kept[start:]) for start in range(len(kept)))])
