"""What an evidence keeps of the pool that judged it, and its p from that again, in plain Python.

The law of a pool goes with the evidence as it was at that moment: it can be computed again when the pool has moved on.
No detector.
"""

import math

import numpy as np

from baselines.calibration import BINS, HIGH, LOW, Law, p_floor


def law_numbers(law: Law, score: float, prefix: str) -> dict[str, float]:
    """Return what a p follows from: the pool's law, as far as this score needs it."""
    held = {"n": law.n, "start": min(law.start, 1e300), "share": law.share, "shape": law.shape, "scale": law.scale,
            "bend": min(law.bend, 1e300), "least": p_floor(law.n)}  # fmt: skip
    if score <= law.start:
        place = min(float(BINS), max(0.0, (np.log10(max(score, 10.0**LOW)) - LOW) / (HIGH - LOW) * BINS))
        at = min(BINS - 1, int(place))
        held |= {"at": at, "log_rank": float(law.log_rank[at]), "log_rank_next": float(law.log_rank[at + 1])}
    return {f"{prefix}_{name}": float(value) for name, value in {**held, "floor": law.floor}.items()}


def p_of_law(basis: dict[str, float], prefix: str, score: float) -> float:
    """Return the p of a score without its floor: a rank between two bins, or the Pareto tail beyond `start`."""
    law = {name: basis.get(f"{prefix}_{name}", math.nan) for name in ("start", "share", "shape", "scale", "bend", "at")}
    if math.isnan(score):
        return math.nan
    if score > law["start"]:
        y = (score - law["start"]) / law["scale"]
        least = basis[f"{prefix}_least"]
        bend = 1e300 if law["shape"] >= 0.0 else (
            law["start"] + law["scale"] / law["shape"] * ((least / law["share"]) ** -law["shape"] - 1.0)
        )  # fmt: skip
        bend = same(bend, law["bend"])
        if math.isnan(bend) or score > bend:
            return least * math.exp(-(score - bend) / law["scale"])
        if abs(law["shape"]) < 1e-9:
            return law["share"] * math.exp(-y)
        return float(law["share"] * max(0.0, 1.0 + law["shape"] * y) ** (-1.0 / law["shape"]))
    place = min(float(BINS), max(0.0, (math.log10(max(score, 10.0**LOW)) - LOW) / (HIGH - LOW) * BINS))
    if min(BINS - 1, int(place)) != law["at"]:
        return math.nan
    low, high = basis[f"{prefix}_log_rank"], basis[f"{prefix}_log_rank_next"]
    return math.exp(low + (place - law["at"]) * (high - low))


def same(computed: float, stored: float, tolerance: float = 1e-6) -> float:
    """Return the stored number where it is what was computed, within rounding; else NaN, which equals nothing."""
    return stored if math.isclose(computed, stored, rel_tol=tolerance, abs_tol=tolerance) else math.nan
