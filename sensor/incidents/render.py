"""A case as it is shown and stored: everything in order, the words written from the numbers.

Not here: what the words are (`explain`), what happened when (`timeline`), what could be done (`proposals`).
"""

from collections.abc import Callable, Mapping

from sensor.incidents import explain, proposals, rank, timeline
from sensor.incidents.case import Case
from sensor.incidents.nulls import DAYS_MIN, Nulls
from sensor.model.incident import Incident, Party
from sensor.model.tick import Names
from sensor.model.times import rfc3339

_NO_RATE = frozenset({"sequence", "corroboration"})
"""Families whose p only says what would weigh as much as their log odds."""


def incident(
    case: Case, level: float, devices: Callable[[str], int], names: Names, rows: Mapping[str, int], nulls: Nulls
) -> Incident:
    """Write a case as it is.

    Args:
        case: The case.
        level: Triage level of accounts, dB.
        devices: How many devices a site has.
        names: Whom to ask who else would be touched by a response.
        rows: Rows of devices and accounts by node.
        nulls: What network and account come to together by coincidence.
    """
    evidence = tuple(sorted(case.evidence.values(), key=lambda one: (-one.db, one.ts, one.id)))
    weighed = rank.score(evidence, level)
    score = round(weighed.db, 3)
    counter = tuple(dict.fromkeys(text for texts in case.counter.values() for text in texts))
    title = explain.title(case, weighed)
    p, priced = _price(case, weighed, nulls)
    return Incident(
        id=case.id, state=case.state, verdict=case.verdict, tier=case.tier,
        sites=tuple(dict.fromkeys([case.site, *(one.site for one in evidence)])),
        opened=rfc3339(case.opened_ns), last_activity=rfc3339(case.last_ns), score_db=score,
        p=p, title=title, summary=explain.summary(case, weighed, devices(case.site), counter) + priced,
        entities=_parties(case),
        techniques=tuple(sorted(case.techniques)), evidence=evidence, counter_evidence=counter,
        actions=proposals.propose(case, names, rows), next_check=explain.next_check(case), reason=case.reason,
        context=tuple(sorted(case.context.values(), key=lambda one: (one.ts, one.id))), timeline=timeline.of(case),
        muted=len(case.muted), merged=tuple(case.merged), investigation=case.answers,
        level_db=level,
    )  # fmt: skip


def _price(case: Case, weighed: rank.Score, nulls: Nulls) -> tuple[float, str]:
    """Return an incident's p, and what to say of it where network and account are in it together."""
    worst = min((one.p for one in case.evidence.values() if one.family not in _NO_RATE), default=1.0)
    if not (weighed.sources.get("network", 0.0) > 0.0 and weighed.account and case.is_incident):
        return worst, ""
    priced = nulls.p(weighed.db)
    if priced is None:
        days = f"{nulls.days} of {DAYS_MIN} days"
        return worst, f" Network and account together: what coincidence makes is not known yet ({days} of data)."
    p, pairs = priced
    return p, f" Network and account together: {p:.2g} of {pairs:,} pairs of shifted days weigh as much by coincidence."


def _parties(case: Case) -> tuple[Party, ...]:
    """Return the subject, then whoever else evidence is about, then peers; each once."""
    subject = (case.subject.kind, case.subject.id)
    found = {subject: case.subject}
    for party in (*case.members.values(), *case.peers.values()):
        found.setdefault((party.kind, party.id), party)
    return tuple(found.values())
