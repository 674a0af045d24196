"""Twins of baselines/novelty.py: the whole predictive distribution, kind by kind."""


def predictive(counts, alpha=1.0, d=0.25):
    """Return (P(new), {kind: P(kind)}) after drawing each kind as often as `counts` says."""
    seen = {kind: n for kind, n in enumerate(counts) if n}
    total = alpha + sum(seen.values())
    return (alpha + d * len(seen)) / total, {kind: (n - d) / total for kind, n in seen.items()}


def p_at_most(counts, value):
    """Add up P(new), the kinds drawn less often, and half of those drawn as often."""
    new, known = predictive(counts)
    if value == 0:
        return new
    rarer = sum(p for kind, p in known.items() if counts[kind] < value)
    return new + rarer + sum(p for kind, p in known.items() if counts[kind] == value) / 2
