"""Findings become incidents: joined by subject and time, grown, promoted, expired.

A scan is one evidence that grows, so it is one incident. Inside an open incident evidence of another family adds at
≥ 10 dB. What opens nothing and is worth a row goes to the digest, one row a subject, family and day; the rest is kept
as context for the list of the most unusual. Incidents expire 3 days after their last evidence, and learning resumes.

Not here yet: links between subjects, hubs, sequences, surges, rotated nulls.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.incidents import explain, rank
from sensor.model.evidence import Evidence, Finding, Peer
from sensor.model.ids import identify
from sensor.model.incident import Incident, Party
from sensor.model.tick import Names
from sensor.model.times import DAY_NS, parse, rfc3339

EXPIRE_NS = 3 * DAY_NS
JOIN_DB = 10.0
P_NO_LEARNING = 1e-3
EVIDENCE_MAX = 256
"""Evidence rows an incident; further ones are context."""
CONTEXT_MAX = 256
PEERS_MAX = 32


class Case(msgspec.Struct):
    """An incident while it is worked on."""

    id: str
    site: str
    tier: str
    subject: Party
    family: str
    opened_ns: int
    last_ns: int
    state: str = "open"
    verdict: str | None = None
    reason: str | None = None
    evidence: dict[str, Evidence] = msgspec.field(default_factory=dict)
    counter: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    peers: dict[tuple[str, str], Party] = msgspec.field(default_factory=dict)
    techniques: set[str] = msgspec.field(default_factory=set)
    check: str = ""


class Incidents:
    """All open incidents, and what changed since the last commit.

    Attributes:
        changed: Ids of cases to write.
        context: Evidence that opened and joined nothing, by id.
        opened: How many cases were opened by (site, tier), for the metrics.
    """

    def __init__(self, names: Names, per_day_per_1000: float, devices: Callable[[str], int]) -> None:
        """Take whom to ask for names, the budget, and how to count a site's devices."""
        self._names = names
        self._budget = per_day_per_1000
        self._devices = devices
        self.cases: dict[str, Case] = {}
        self.changed: set[str] = set()
        self.context: dict[str, Evidence] = {}
        self.opened: dict[tuple[str, str], int] = {}
        self.evidence_counts: dict[tuple[str, str], int] = {}
        self._flag_rows: dict[str, int] = {}

    def take(self, findings: Sequence[Finding], end_ns: int) -> None:
        """Link a tick's findings."""
        for finding in findings:
            case = self._case_for(finding, end_ns)
            if case is None:
                self._keep_context(finding.evidence)
            else:
                self._add(case, finding, end_ns)
        if findings:
            self._page(end_ns)

    def follow(self, merged: Sequence[tuple[int, int]]) -> None:
        """Let open cases go with their subject where a device turned out to be another: (row, row of the other)."""
        for gone, kept in merged:
            old, new = self._names.device_id(gone), self._names.device_id(kept)
            for case in self.cases.values():
                if case.state == "open" and case.subject.id == old:
                    case.subject = msgspec.structs.replace(case.subject, id=new, name=self._names.device_name(kept))
                    self.changed.add(case.id)
                if self._flag_rows.get(case.id) == gone:
                    self._flag_rows[case.id] = kept

    def expire(self, end_ns: int) -> None:
        """Let incidents go whose last evidence is 3 days old."""
        for case in list(self.cases.values()):
            if case.state == "open" and end_ns - case.last_ns > EXPIRE_NS:
                case.state = "expired"
                self.changed.add(case.id)
                self._flag_rows.pop(case.id, None)

    def flagged(self, findings: Sequence[Finding], devices: int) -> NDArray[np.bool_]:
        """Return which device rows must not be learned from: in an open incident, or flagged now."""
        flags = np.zeros(devices, np.bool_)
        for row in self._flag_rows.values():
            flags[row] = True
        for finding in findings:
            if finding.device >= 0 and (finding.evidence.p < P_NO_LEARNING or finding.opens):
                flags[finding.device] = True
        return flags

    def restore(self, stored: Sequence[Incident], row_of: dict[str, int]) -> None:
        """Take open incidents back from the state; `row_of` finds a device's row by its id."""
        for incident in stored:
            subject = next(party for party in incident.entities if party.role == "subject")
            case = Case(
                id=incident.id, site=incident.sites[0], tier=incident.tier, subject=subject,
                family=incident.evidence[0].family, opened_ns=parse(incident.opened),
                last_ns=parse(incident.last_activity), evidence={one.id: one for one in incident.evidence},
                counter={"stored": incident.counter_evidence} if incident.counter_evidence else {},
                peers={(party.kind, party.id): party for party in incident.entities if party.role == "peer"},
                techniques=set(incident.techniques), check=incident.next_check,
            )  # fmt: skip
            self.cases[case.id] = case
            if case.tier != "digest" and subject.id in row_of:
                self._flag_rows[case.id] = row_of[subject.id]

    def render(self, case: Case) -> Incident:
        """Write a case as it is shown and stored."""
        evidence = tuple(sorted(case.evidence.values(), key=lambda one: (-one.db, one.ts, one.id)))
        score = round(rank.score_db(evidence), 3)
        counter = tuple(dict.fromkeys(text for texts in case.counter.values() for text in texts))
        name = case.subject.name
        headline = explain.title(case.family, name, [one for one in evidence if one.family == case.family])
        return Incident(
            id=case.id, state=case.state, verdict=case.verdict, tier=case.tier, sites=(case.site,),
            opened=rfc3339(case.opened_ns), last_activity=rfc3339(case.last_ns), score_db=score,
            p=min(one.p for one in evidence), title=headline,
            summary=explain.summary(evidence, score, self._devices(case.site), counter),
            entities=(case.subject, *case.peers.values()), techniques=tuple(sorted(case.techniques)),
            evidence=evidence, counter_evidence=counter,
            actions=explain.proposals(case.subject, case.tier, 0, case.opened_ns, headline), next_check=case.check,
            reason=case.reason,
        )  # fmt: skip

    def _case_for(self, finding: Finding, end_ns: int) -> Case | None:
        """Find or open the case a finding belongs to; None makes it context."""
        evidence = finding.evidence
        mine = [case for case in self.cases.values() if case.state == "open" and case.subject.id == evidence.entity.id]
        for case in mine:
            if evidence.id in case.evidence:
                return self._promoted(case, finding)
        for case in mine:
            joins = evidence.family == case.family or evidence.db >= JOIN_DB
            if joins and (case.tier != "digest" or finding.opens) and len(case.evidence) < EVIDENCE_MAX:
                return self._promoted(case, finding)
        if self._opens(finding):
            return self._open(finding, "triage", end_ns)
        return self._open(finding, "digest", end_ns) if finding.digest else None

    def _opens(self, finding: Finding) -> bool:
        evidence = finding.evidence
        return finding.opens and rank.may_open(evidence.p, self._devices(evidence.site), self._budget)

    def _promoted(self, case: Case, finding: Finding) -> Case:
        if case.tier == "digest" and self._opens(finding):
            case.tier = "triage"
            case.family = finding.evidence.family
            self._count(case)
            if finding.device >= 0:
                self._flag_rows[case.id] = finding.device
        return case

    def _open(self, finding: Finding, tier: str, end_ns: int) -> Case:
        evidence = finding.evidence
        subject = Party(
            kind=evidence.entity.kind, site=evidence.site, id=evidence.entity.id, name=finding.name, role="subject"
        )
        case = Case(
            id=identify("INC", evidence.site, evidence.id), site=evidence.site, tier=tier, subject=subject,
            family=evidence.family, opened_ns=end_ns, last_ns=end_ns,
        )  # fmt: skip
        self.cases[case.id] = case
        self._count(case)
        if tier != "digest" and finding.device >= 0:
            self._flag_rows[case.id] = finding.device
        return case

    def _add(self, case: Case, finding: Finding, end_ns: int) -> None:
        evidence = finding.evidence
        if evidence.id not in case.evidence:
            key = (evidence.site, evidence.detector)
            self.evidence_counts[key] = self.evidence_counts.get(key, 0) + 1
            self.context.pop(evidence.id, None)
        known = case.evidence.get(evidence.id)
        if known is None or evidence.db >= known.db or evidence.observed > known.observed:
            case.evidence[evidence.id] = evidence
        case.counter.pop("stored", None)
        case.counter[evidence.id] = finding.counter
        case.last_ns = max(case.last_ns, end_ns)
        case.techniques.update(finding.techniques)
        if not case.check or evidence.family == case.family:
            case.check = finding.check
        for peer in finding.peers:
            self._link(case, peer)
        self.changed.add(case.id)

    def _link(self, case: Case, peer: Peer) -> None:
        if (peer.kind, peer.id) in case.peers or len(case.peers) < PEERS_MAX:
            case.peers[peer.kind, peer.id] = Party(
                kind=peer.kind, site=peer.site, id=peer.id, name=peer.name, role="peer"
            )

    def _keep_context(self, evidence: Evidence) -> None:
        known = self.context.get(evidence.id)
        if known is None or evidence.db > known.db:
            self.context[evidence.id] = evidence
        if len(self.context) > CONTEXT_MAX:
            del self.context[min(self.context, key=lambda one: (self.context[one].db, one))]

    def _page(self, end_ns: int) -> None:
        """Raise to a page what the whole fleet's entity-days of today agree on."""
        today = [
            case for case in self.cases.values()
            if case.state == "open" and case.tier == "triage" and case.last_ns // DAY_NS == end_ns // DAY_NS
        ]  # fmt: skip
        count = self._names.count()
        if not today or count == 0:
            return
        history = max((self._names.history_ns(row) for row in (0, count - 1)), default=0)
        worst = np.ones(max(count, len(today)))
        worst[: len(today)] = [min(one.p for one in case.evidence.values()) for case in today]
        for case, page in zip(today, rank.pages(worst, history)[: len(today)].tolist(), strict=True):
            if page:
                case.tier = "page"
                self._count(case)
                self.changed.add(case.id)

    def _count(self, case: Case) -> None:
        key = (case.site, case.tier)
        self.opened[key] = self.opened.get(key, 0) + 1
