"""A case as it is shown and stored: everything in order, the words written from the numbers.

Not here: what the words are (`explain`), what happened when (`timeline`), what could be done (`proposals`).
"""

from collections.abc import Callable, Mapping

from sensor.incidents import explain, proposals, rank, timeline
from sensor.incidents.case import Case
from sensor.model.incident import Incident, Party
from sensor.model.tick import Names
from sensor.model.times import rfc3339


def incident(
    case: Case, level: float, devices: Callable[[str], int], names: Names, rows: Mapping[str, int]
) -> Incident:
    """Write a case as it is.

    Args:
        case: The case.
        level: Triage level of accounts, dB.
        devices: How many devices a site has.
        names: Whom to ask who else would be touched by a response.
        rows: Rows of devices and accounts by node.
    """
    evidence = tuple(sorted(case.evidence.values(), key=lambda one: (-one.db, one.ts, one.id)))
    weighed = rank.score(evidence, level)
    score = round(weighed.db, 3)
    counter = tuple(dict.fromkeys(text for texts in case.counter.values() for text in texts))
    title = explain.title(case, weighed)
    return Incident(
        id=case.id, state=case.state, verdict=case.verdict, tier=case.tier,
        sites=tuple(dict.fromkeys([case.site, *(one.site for one in evidence)])),
        opened=rfc3339(case.opened_ns), last_activity=rfc3339(case.last_ns), score_db=score,
        p=min((one.p for one in evidence if one.family != "sequence"), default=1.0), title=title,
        summary=explain.summary(case, weighed, devices(case.site), counter), entities=_parties(case),
        techniques=tuple(sorted(case.techniques)), evidence=evidence, counter_evidence=counter,
        actions=proposals.propose(case, title, names, rows), next_check=explain.next_check(case), reason=case.reason,
        context=tuple(sorted(case.context.values(), key=lambda one: (one.ts, one.id))), timeline=timeline.of(case),
        muted=len(case.muted), merged=tuple(case.merged), investigation=case.answers,
        level_db=level,
    )  # fmt: skip


def _parties(case: Case) -> tuple[Party, ...]:
    """Return the subject, then whoever else evidence is about, then peers; each once."""
    subject = (case.subject.kind, case.subject.id)
    found = {subject: case.subject}
    for party in (*case.members.values(), *case.peers.values()):
        found.setdefault((party.kind, party.id), party)
    return tuple(found.values())
