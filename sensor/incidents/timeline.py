"""An incident's story in order of time, network and identity together, each step with its numbers."""

from sensor.incidents.case import Case
from sensor.model.evidence import Evidence
from sensor.model.incident import Moment
from sensor.model.times import rfc3339

MOMENTS_MAX = 200
"""Lines of a timeline; beyond it context goes first, then the weakest evidence."""


def of(case: Case) -> tuple[Moment, ...]:
    """Return what happened, the earliest first; evidence stands where it began."""
    lines = [
        *((_moment(case, one, "evidence"), one.db) for one in case.evidence.values()),
        *((_moment(case, one, "context"), -1.0) for one in case.context.values()),
        *((_moment(case, one, "muted"), -1.0) for one in case.muted.values() if one.id not in case.evidence),
        *((one, 1000.0) for one in case.notes),
    ]
    if len(lines) > MOMENTS_MAX:
        lines = sorted(lines, key=lambda line: (-line[1], line[0].ts, line[0].text))[:MOMENTS_MAX]
    return tuple(moment for moment, _ in sorted(lines, key=lambda line: _order(line[0])))


def _order(moment: Moment) -> tuple[str, bool, bool, str]:
    """Order by time; a sequence comes after its steps, what happened to the incident after its reasons."""
    return moment.ts, moment.evidence is None, moment.kind == "sequence", f"{moment.who} {moment.text}"


def _moment(case: Case, one: Evidence, kind: str) -> Moment:
    begun = case.begun.get(one.id)
    ts = one.ts if begun is None else min(one.ts, rfc3339(begun))
    party = next((party for party in case.members.values() if party.id == one.entity.id), case.subject)
    who = party.name if party.id == one.entity.id else one.entity.id
    weighs = "sequence" if one.family == "sequence" and kind == "evidence" else kind
    return Moment(ts=ts, kind=weighs, who=who, text=one.text, db=one.db, p=one.p, evidence=one.id)
