"""Repeat the computation behind stored evidence from the numbers it kept, by the naive definition.

`observed`, p and decibans must follow from the evidence's `basis`. There is no archive of flows yet, so whether the
basis itself follows from the records cannot be checked here, and the result says so.
"""

import math

import msgspec

from baselines.walk import p_of_walk
from sensor.model.evidence import Evidence

NOT_VERIFIABLE = "the records themselves are not archived: the basis is taken as stored"


class Check(msgspec.Struct, frozen=True):
    """One compared number; `again` is None where it cannot be recomputed."""

    evidence: str
    what: str
    stored: float
    again: float | None

    @property
    def agrees(self) -> bool:
        """Tell whether stored and recomputed are the same number."""
        return self.again is None or math.isclose(self.stored, self.again, rel_tol=1e-9, abs_tol=1e-12)


def _observed(evidence: Evidence) -> float | None:
    key = {
        "scan.hosts/1": "fails", "scan.ports/1": "fails", "scan.dead/1": "tries", "scan.sweep/1": "touches",
        "volumes.ewma/1": "count", "inbound.count/1": "fails", "unusual.rank/1": "value",
    }.get(evidence.model)  # fmt: skip
    if evidence.model == "new_peer.pitman_yor/1":
        return 1.0
    return None if key is None else evidence.basis.get(key)


def _p(evidence: Evidence) -> float | None:
    basis = evidence.basis
    if evidence.model in {"scan.hosts/1", "scan.ports/1"}:
        return p_of_walk(int(basis["net"]), int(basis["walks"]))
    if evidence.model == "scan.dead/1":
        return basis["rate"]
    if evidence.model == "scan.sweep/1":
        rate, head = basis["rate"], 0.0
        for k in range(20):
            head += math.exp(-rate) * rate**k / math.factorial(k)
        return max(1e-6, 1.0 - head)
    if evidence.model == "inbound.count/1":
        return 1.0
    return basis.get("p_pool", basis.get("p_day", basis.get("p_rank")))


def _decibans(p: float) -> float:
    """10 log10(κ p^(κ − 1)) with κ = .3, at most 60."""
    return min(60.0, 10.0 * math.log10(0.3 * p**-0.7)) if p > 1e-90 else 60.0


def verify(evidence: Evidence, observed: float, p: float, db: float) -> list[Check]:
    """Recompute one evidence.

    Args:
        evidence: As the incident shows it.
        observed: The state's own column; so are `p` and `db`.

    Returns:
        Each number of the state, and each the incident shows, against its recomputation.
    """
    again = (_observed(evidence), _p(evidence))
    weight = None if again[1] is None else _decibans(again[1])
    checks = []
    for place, numbers in (("state", (observed, p, db)), ("shown", (evidence.observed, evidence.p, evidence.db))):
        for what, stored, recomputed in zip(("observed", "p", "db"), numbers, (*again, weight), strict=True):
            checks.append(Check(evidence.id, f"{what} ({place})", stored, recomputed))
    return checks
