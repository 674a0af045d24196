"""Repeat the computation behind what is stored, by the naive definition, and say of each number whether it agrees.

A check that cannot be made (records that have expired, a detector that cannot count again, a state of an older release)
is "not verifiable", never a pass. Not here: asking the archive and the detectors (`sensor.pipeline.verifying`).
"""

import math
from collections.abc import Mapping

import msgspec

from sensor.incidents import rank
from sensor.model.evidence import Evidence
from sensor.model.incident import TIERS, Incident

KAPPA = 0.3
DB_MAX = 60.0
"""Of the calibrator e = κ p^(κ − 1), and its cap: the method in force."""
TOLERANCE = 1e-9
"""Relative: what sums in another order differ by."""
SCORE_TOLERANCE = 0.00051
"""A score is stored with three digits."""

Value = float | str | None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One compared value; `again` is None where it cannot be had again, and `why` says why not."""

    evidence: str
    """Evidence, incident, or `archive`."""
    what: str
    stored: Value
    again: Value
    why: str = ""
    absolute: float = 0.0
    """Difference that rounding explains."""
    verdict: str = ""
    """agrees, differs or not verifiable"""

    def judged(self) -> "Check":
        """Return it with its verdict."""
        return msgspec.structs.replace(self, verdict=_verdict(self))

    @property
    def agrees(self) -> bool:
        """Tell that nothing speaks against it."""
        return _verdict(self) != "differs"


class Again(msgspec.Struct, frozen=True):
    """What detectors and archive say of an evidence now; None: they cannot tell."""

    observed: float | None = None
    p: float | None = None
    numbers: Mapping[str, float] | None = None
    """Of its basis, those that follow from the records."""
    why: str = "its detector cannot count again"


def decibans(p: float) -> float:
    """Return 10 log10(κ p^(κ − 1)), at most 60."""
    return min(DB_MAX, 10.0 * (math.log10(KAPPA) + (KAPPA - 1.0) * math.log10(min(1.0, p)))) if p > 1e-90 else DB_MAX


def evidence_checks(evidence: Evidence, row: Mapping[str, object], again: Again) -> list[Check]:
    """Compare one evidence, as the incident shows it and as the state's table has it, with its recomputation.

    Args:
        evidence: As the incident shows it.
        row: The table's row by column; empty where there is none.
        again: What detectors and archive say.
    """
    checks = []
    wanted = {"observed": again.observed, "p": again.p, "db": decibans(evidence.p)}
    for what, recomputed in wanted.items():
        shown = float(getattr(evidence, what))
        held = row.get(what, math.nan)
        for place, stored in (("state", held), ("shown", shown)):
            checks.append(
                Check(
                    evidence=evidence.id,
                    what=f"{what} ({place})",
                    stored=_number(stored),
                    again=recomputed,
                    why="" if recomputed is not None else again.why,
                )
            )
        checks.append(Check(evidence=evidence.id, what=f"{what} (shown as stored)", stored=_number(held), again=shown))
    return [*checks, *_basis_checks(evidence, row, again), *_column_checks(evidence, row)]


def incident_checks(incident: Incident, row: Mapping[str, object]) -> list[Check]:
    """Compare an incident's score, p and tier with what its evidence comes to, and its columns with what it shows."""
    level = rank.LEVEL_MIN_DB if incident.level_db is None else incident.level_db
    weighed = rank.score(incident.evidence, level)
    p = min((one.p for one in incident.evidence if one.family != "sequence"), default=1.0)
    known_level = incident.level_db is not None or not weighed.families
    score = round(weighed.db, 3) if known_level else None
    why = "" if known_level else "the triage level it was weighed by is not stored"
    stored = _number(row.get("score_db", math.nan))
    checks = [
        Check(evidence=incident.id, what=what, stored=held, again=score, why=why, absolute=SCORE_TOLERANCE)
        for what, held in (("score_db (state)", stored), ("score_db (shown)", incident.score_db))
    ]
    checks.append(Check(evidence=incident.id, what="p", stored=incident.p, again=p))
    allowed = _tiers(incident, weighed)
    again = incident.tier if incident.tier in allowed else " or ".join(allowed)
    checks.append(Check(evidence=incident.id, what="tier", stored=incident.tier, again=again))
    for column in ("state", "tier", "verdict", "opened", "last_activity"):
        shown = getattr(incident, column)
        checks.append(Check(evidence=incident.id, what=f"{column} (shown as stored)", stored=_text(row, column),
                            again="none" if shown is None else str(shown)))  # fmt: skip
    return checks


def _tiers(incident: Incident, weighed: rank.Score) -> tuple[str, ...]:
    """Return the tiers that an incident's numbers allow: a page needs numbers that page."""
    pages = rank.pages_identity(weighed) or any(one.p <= rank.PAGE_P for one in incident.evidence)
    return TIERS if pages else TIERS[1:]


def _basis_checks(evidence: Evidence, row: Mapping[str, object], again: Again) -> list[Check]:
    try:
        held = msgspec.json.decode(str(row.get("basis", "{}")), type=dict[str, float])
    except msgspec.DecodeError:
        held = {}
    checks = [
        Check(
            evidence=evidence.id, what=f"basis {name} (shown as stored)", stored=held.get(name, math.nan), again=shown
        )
        for name, shown in evidence.basis.items()
    ]
    checks += [
        Check(evidence=evidence.id, what=f"basis {name} (state)", stored=value, again="none")
        for name, value in held.items()
        if name not in evidence.basis
    ]
    return checks + [
        Check(evidence=evidence.id, what=f"basis {name}", stored=evidence.basis.get(name, math.nan), again=float(value))
        for name, value in (again.numbers or {}).items()
    ]


def _column_checks(evidence: Evidence, row: Mapping[str, object]) -> list[Check]:
    """Compare what else the state's table says of an evidence."""
    shown = {
        "site": evidence.site, "entity_kind": evidence.entity.kind, "entity_id": evidence.entity.id,
        "detector": evidence.detector, "family": evidence.family, "ts": evidence.ts, "model": evidence.model,
    }  # fmt: skip
    return [
        Check(evidence=evidence.id, what=f"{column} (shown as stored)", stored=_text(row, column), again=value)
        for column, value in shown.items()
    ]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _text(row: Mapping[str, object], column: str) -> str:
    value = row.get(column, "missing")
    return "none" if value is None else str(value)


def _verdict(check: Check) -> str:
    stored, again = check.stored, check.again
    if again is None:
        return "not verifiable"
    same = stored == again
    if isinstance(stored, float | int) and isinstance(again, float | int):
        same = math.isclose(stored, again, rel_tol=TOLERANCE, abs_tol=check.absolute)
    return "agrees" if same else "differs"
