"""Findings become incidents: joined by subject, links and ties, grown, promoted, merged, expired.

Every finding ends as evidence, context, digest or muted, and is counted. One behaviour is one evidence that grows, so
it is one incident. A device's finding opens an incident by its rate; an account's acts do together, as soon as those of
a day (and those tied to them by a key) reach the triage level, sequences among them. What opened nothing is remembered
and becomes part of what opens later. Two open incidents that turn out to be one are merged: the older keeps its id, the
other is closed as its duplicate, and none is ever split. Incidents of accounts expire 14 days after their last
evidence, others 3; a repeated value does not restart that.

Not here: words (`render`, `explain`), weights (`rank`, `sequence`), the day's budget (`opening`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.incidents import rank, render, sequence, surge
from sensor.incidents.case import Case, node_of, oldest
from sensor.incidents.cases import Cases
from sensor.incidents.held import Held, pack, unpack
from sensor.incidents.homes import JOIN_DB, Homes
from sensor.incidents.joins import Joins
from sensor.incidents.learning import Blocks
from sensor.incidents.mutes import Mutes, hides
from sensor.incidents.opening import Opening
from sensor.incidents.recent import KEEP_NS, Entry, Recent
from sensor.model.evidence import Evidence, Finding
from sensor.model.ids import identify
from sensor.model.incident import TIERS, Incident, Party
from sensor.model.mute import Mute, Verdict
from sensor.model.tick import Names
from sensor.model.times import DAY_NS

P_NO_LEARNING = 1e-3
CONTEXT_MAX = 256
DEVICE_KEEP_NS = 3 * DAY_NS
"""How far back a device's findings become part of an incident: as long as one of a device stays open."""
FATES = ("evidence", "context", "digest", "muted")


class Incidents:
    """All open incidents, and what changed since the last commit.

    Attributes:
        changed: Ids of cases to write.
        removed: Ids of digest rows to delete from the state, forgotten for room.
        context: Evidence that opened and joined nothing, by id, the strongest.
        counts: How many findings ended as what, of FATES.
        opened: How many cases were opened by (site, tier), for the metrics.
    """

    def __init__(
        self, names: Names, per_day_per_1000: float, devices: Callable[[str], int],
        weights: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        """Take whom to ask for names, the budget, how to count a site's devices, and log odds of sequences."""
        self._names, self._devices = names, devices
        self._weights = {**sequence.WEIGHTS, **(weights or {})}
        self._cases, self._recent, self._joins = Cases(), Recent(), Joins(names)
        self._opening = Opening(names, per_day_per_1000, devices)
        self._blocks, self.mutes, self._homes = Blocks(), Mutes(), Homes(self._cases, self._joins)
        self._today: dict[str, None] = {}
        self._now_ns = 0
        self.verdicts_read = 0
        self.changed: set[str] = set()
        self.removed: set[str] = set()
        self.context: dict[str, Evidence] = {}
        self.counts: dict[str, int] = dict.fromkeys(FATES, 0)
        self.opened: dict[tuple[str, str], int] = {}
        self.evidence_counts: dict[tuple[str, str], int] = {}

    @property
    def cases(self) -> dict[str, Case]:
        """Open cases, and those that this run finished, by id."""
        return self._cases.held

    def take(self, findings: Sequence[Finding], end_ns: int) -> None:
        """Link a tick's findings."""
        self._advance(end_ns)
        for finding in findings:
            fate = self._take(finding, end_ns)
            self.counts[fate] += 1
        if findings:
            self._page(end_ns)
            self.removed.update(self._cases.make_room(self.changed))

    def follow(self, merged: Sequence[tuple[int, int]]) -> None:
        """Let everything go with devices that turned out to be others: (row, row that stands for it)."""
        for gone, kept in merged:
            old, new = (node_of("device", self._names.device_id(row)) for row in (gone, kept))
            self._recent.rename(old, new)
            self._blocks.rename(old, new, kept)
            for case in self._cases.of_node(old):
                self._rename(case, old, new, kept)
            self._merge([one for one in self._cases.of_node(new) if one.is_incident], self._now_ns)

    def expire(self, end_ns: int) -> None:
        """Let incidents go whose last evidence is too old."""
        self._advance(end_ns)
        for case in self._cases.due(end_ns):
            self._finish(case, "expired", None, None, case.deadline_ns)

    def flagged(self, findings: Sequence[Finding], devices: int) -> NDArray[np.bool_]:
        """Return which device rows must not be learned from: in an open incident, flagged now, or all in a surge."""
        return self._flags("device", [(one.device, one) for one in findings], devices)

    def frozen(self, findings: Sequence[Finding], accounts: int) -> NDArray[np.bool_]:
        """Return which account rows must not be learned from, as `flagged` does for devices."""
        return self._flags("account", [(one.account, one) for one in findings], accounts)

    def judge(self, verdicts: Iterable[Verdict], mutes: Sequence[Mute]) -> None:
        """Take in what people decided beside this process: verdicts not read yet, and suppressions in force."""
        for verdict in verdicts:
            self.verdicts_read = max(self.verdicts_read, verdict.number)
            case = self.cases.get(verdict.incident)
            if case is not None and case.is_open:
                self._finish(case, "closed", verdict.verdict, verdict.reason, self._now_ns)
        for mute in self.mutes.replace(mutes):
            for case in [case for case in self.cases.values() if case.is_open]:
                self._mute_stored(case, mute)

    def score(self, case: Case) -> float:
        """Return the decibans of a case."""
        return rank.score_db(case.evidence.values(), self._opening.level_db())

    def risk(self, kind: str) -> dict[str, float]:
        """Return the decibans of the heaviest open incident that each entity of a kind is part of, by its id."""
        found: dict[str, float] = {}
        for case in self.cases.values():
            weight = self.score(case) if case.is_open and case.is_incident else 0.0
            for party in case.members.values() if weight else ():
                if party.kind == kind:
                    found[party.id] = max(weight, found.get(party.id, 0.0))
        return found

    def render(self, case: Case) -> Incident:
        """Write a case as it is shown and stored."""
        return render.incident(case, self._opening.level_db(), self._devices, self._names, self._blocks.rows)

    def begin(self) -> None:
        """Start another run on the same state: finished cases are in it, what is counted a run starts at nothing."""
        self._cases.tidy(self.changed)
        self.opened.clear()
        self.evidence_counts.clear()

    def save(self) -> dict[str, NDArray[Any]]:
        """Return everything that a restart needs, as named arrays."""
        held = Held(
            cases=[one for one in self.cases.values() if one.is_open], recent=self._recent.save(),
            recent_dropped=self._recent.dropped, spent=self._cases.spent, dropped=self._cases.dropped,
            opening=self._opening.save(), blocks=self._blocks.save(), degrees=self._joins.degrees,
            context=list(self.context.values()), counts=self.counts, today=list(self._today), now_ns=self._now_ns,
            verdicts_read=self.verdicts_read, mutes=list(self.mutes.known),
        )  # fmt: skip
        budget = {f"budget/{name}": column for name, column in self._opening.budget.save().items()}
        return {"held": pack(held), **budget}

    def load(self, state: Mapping[str, NDArray[Any]], device_rows: Mapping[str, int]) -> None:
        """Restore what `save` returned; `device_rows` finds a device's row by its id."""
        held = unpack(state["held"])
        for case in held.cases:
            self._cases.add(case)
        self._recent.load(held.recent, held.recent_dropped)
        self._cases.spent, self._cases.dropped = held.spent, held.dropped
        self._opening.load(held.opening)
        self._opening.budget.load({name[7:]: one for name, one in state.items() if name.startswith("budget/")})
        self._blocks.load(held.blocks)
        for node in self._blocks.nodes:
            kind, _, identity = node.partition(":")
            of_device = device_rows.get(identity, -1)
            self._blocks.know(node, of_device if kind == "device" else self._names.account_row(identity))
        self._joins.degrees = held.degrees
        self.context = {one.id: one for one in held.context}
        self.counts, self._today = held.counts, dict.fromkeys(held.today)
        self._now_ns, self.verdicts_read = held.now_ns, held.verdicts_read
        self.mutes.replace(held.mutes)

    def _advance(self, end_ns: int) -> None:
        if end_ns // DAY_NS != self._now_ns // DAY_NS:
            self._today.clear()
        self._now_ns = max(self._now_ns, end_ns)
        self._opening.begin(end_ns)
        self._blocks.advance(end_ns)

    def _take(self, finding: Finding, end_ns: int) -> str:
        """Link one finding; return its fate."""
        evidence = finding.evidence
        mute = self.mutes.of(evidence)
        if mute is not None:
            self.mutes.hide(mute, evidence)
            return "muted"
        homes = self._homes.of(finding, end_ns)
        row = self._cases.of_evidence(evidence.id)
        if homes:
            home = self._merge(homes, end_ns)
            fate = self._add(home, finding, end_ns)
            if row is not None and row.id != home.id and row.is_open:
                self._merge([home, row], end_ns)
            return fate
        if evidence.id in self._cases.spent:  # a person closed what it was of; only more of it
            self._keep_context(evidence)
            return "context"
        if self._may_open(finding, end_ns):
            return self._open(finding, end_ns)
        return self._keep(finding, row, end_ns)

    def _add(self, case: Case, finding: Finding, end_ns: int) -> str:
        """Take a finding into an incident, complete sequences, and see in which tier that leaves it."""
        evidence = finding.evidence
        node = node_of(evidence.entity.kind, evidence.entity.id)
        weighs = self._homes.weighs(case, evidence)
        self._move(node, evidence.id, "evidence" if weighs else "context")
        self._put(case, finding, end_ns, weighs=weighs)
        if evidence.entity.kind == "account":
            self._complete(case, evidence.entity.id, end_ns)
        self._retier(case, end_ns)
        return "evidence" if weighs else "context"

    def _put(self, case: Case, finding: Finding, end_ns: int, *, weighs: bool) -> None:
        evidence = finding.evidence
        node = node_of(evidence.entity.kind, evidence.entity.id)
        if weighs and evidence.id not in case.evidence:
            key = (evidence.site, evidence.detector)
            self.evidence_counts[key] = self.evidence_counts.get(key, 0) + 1
            self.context.pop(evidence.id, None)
        known = node in case.members
        case.take(finding, end_ns, weighs=weighs)
        self._blocks.know(node, finding.account if evidence.entity.kind == "account" else finding.device)
        if case.is_incident and not known and node in case.members:
            self._blocks.hold(node)
        self._cases.grow(case, evidence.id, node, evidence.keys)
        self._today[case.id] = None
        self.changed.add(case.id)

    def _complete(self, case: Case, account: str, end_ns: int) -> None:
        """Add the sequences that an account's steps make, each kind once an incident."""
        rows = [one for held in (case.evidence, case.context) for one in held.values() if one.entity.id == account]
        have = {sequence.kind_of(one) for one in case.evidence.values()}
        for found in sequence.find(rows, case.since if case.is_incident else None):
            if found.kind not in have:
                own = sequence.evidence_of(found, case.id, self._weights)
                name = case.members.get(node_of("account", account), case.subject).name
                self._put(
                    case, Finding(evidence=own, device=-1, name=name, techniques=sequence.techniques(found.kind)),
                    end_ns, weighs=True,
                )  # fmt: skip

    def _may_open(self, finding: Finding, end_ns: int) -> bool:
        """Tell whether a finding, with what its account did before, is an incident."""
        evidence = finding.evidence
        if "context" in evidence.marks:
            return False
        if evidence.entity.kind == "account" and rank.is_act(evidence):
            weighed = self._acts(finding, end_ns)
            self._opening.observe(evidence, weighed)
            return weighed >= self._opening.level_db()
        self._opening.observe(evidence)
        return self._opening.may(finding)

    def _acts(self, finding: Finding, end_ns: int) -> float:
        """Return what an account's acts of the last day, and those tied to this one, weigh with their sequences."""
        rows = [finding.evidence, *(one.finding.evidence for one in self._with(finding, end_ns))]
        found = [
            sequence.evidence_of(one, "", self._weights)
            for one in sequence.find([one for one in rows if one.entity == finding.evidence.entity])
        ]
        acts = [one for one in rows if rank.is_act(one)]
        return rank.score_db([*acts, *found], self._opening.level_db())

    def _with(self, finding: Finding, end_ns: int) -> list[Entry]:
        """Return the account's other findings that count beside this one: of a day, or tied to it by a key."""
        evidence = finding.evidence
        node = node_of(evidence.entity.kind, evidence.entity.id)
        return [
            one for one in self._recent.of(node, end_ns - KEEP_NS)
            if one.finding.evidence.id != evidence.id
            and (end_ns - one.last_ns <= DAY_NS or set(one.finding.evidence.keys) & set(evidence.keys))
        ]  # fmt: skip

    def _open(self, finding: Finding, end_ns: int) -> str:
        """Open an incident with a finding and with what came before it; in the digest where the budget is spent."""
        evidence = finding.evidence
        node = node_of(evidence.entity.kind, evidence.entity.id)
        group = "account" if evidence.entity.kind == "account" else "device"
        beside = self._with(finding, end_ns) if group == "account" and rank.is_act(evidence) else []
        rows = [self._cases.of_evidence(one.id) for one in (evidence, *(entry.finding.evidence for entry in beside))]
        digests = list(dict.fromkeys(one.id for one in rows if one is not None and one.is_open))
        admitted = self._opening.admit(evidence.site, group, end_ns)
        if self._opening.surged.get(evidence.site) == end_ns:
            self._surge(evidence.site, end_ns)
        if not admitted:
            case = self._row(finding, self._cases.of_evidence(evidence.id), end_ns)
            case.held_back = True
            self._move(node, evidence.id, "digest")
            return "digest"
        case = oldest([self.cases[key] for key in digests]) if digests else self._new(finding, "triage", end_ns)
        self._raise(case, "triage", end_ns)
        case.family = evidence.family
        if digests:
            self._merge([case, *(self.cases[key] for key in digests)], end_ns)
        counted = {one.finding.evidence.id for one in beside}
        for entry in [*beside, *self._before(finding, end_ns)]:
            self._bring(case, entry, end_ns, weighs=entry.finding.evidence.id in counted)
        return self._add(case, finding, end_ns)

    def _before(self, finding: Finding, end_ns: int) -> list[Entry]:
        """Return findings of the subject and of those strongly linked to it, from before its incident."""
        evidence = finding.evidence
        node = node_of(evidence.entity.kind, evidence.entity.id)
        keep_ns = KEEP_NS if evidence.entity.kind == "account" else DEVICE_KEEP_NS
        found = self._recent.of(node, end_ns - keep_ns)
        for other in self._joins.neighbours(finding, end_ns):
            found += [
                one for one in self._recent.of(other, end_ns - DEVICE_KEEP_NS) if one.finding.evidence.db >= JOIN_DB
            ]
        return [one for one in found if one.finding.evidence.id != evidence.id]

    def _bring(self, case: Case, entry: Entry, end_ns: int, *, weighs: bool) -> None:
        """Make an earlier finding part of an incident that opens."""
        evidence = entry.finding.evidence
        if evidence.id in case.evidence or evidence.id in case.context:
            return
        weighs = (weighs and "context" not in evidence.marks) or self._homes.weighs(case, evidence)
        if not weighs and evidence.entity.id != case.subject.id:
            return
        row = self._cases.of_evidence(evidence.id)
        self._move(node_of(evidence.entity.kind, evidence.entity.id), evidence.id, "evidence" if weighs else "context")
        case.begun.setdefault(evidence.id, entry.first_ns)
        self._put(case, entry.finding, end_ns, weighs=weighs)
        if row is not None and row.id != case.id and row.is_open and not row.is_incident:
            self._merge([case, row], end_ns)

    def _keep(self, finding: Finding, row: Case | None, end_ns: int) -> str:
        """Remember what opened nothing: as a row of the digest where it is worth one."""
        evidence = finding.evidence
        fate = "digest" if finding.digest or row is not None else "context"
        if fate == "digest":
            self._row(finding, row, end_ns)
        else:
            self._keep_context(evidence)
        self._recent.put(node_of(evidence.entity.kind, evidence.entity.id), finding, end_ns, fate)
        return fate

    def _row(self, finding: Finding, row: Case | None, end_ns: int) -> Case:
        """Write or grow a row of the digest."""
        if row is None:
            row = self._new(finding, "digest", end_ns)
            self._count(row)
        self._put(row, finding, end_ns, weighs=True)
        return row

    def _new(self, finding: Finding, tier: str, end_ns: int) -> Case:
        evidence = finding.evidence
        subject = Party(
            kind=evidence.entity.kind, site=evidence.site, id=evidence.entity.id, name=finding.name, role="subject"
        )
        key = identify("INC", evidence.site, evidence.id)
        if key in self.cases or evidence.id in self._cases.spent:  # the same again, after an incident of it ended
            key = identify("INC", evidence.site, evidence.id, end_ns)
        case = Case(
            id=key, site=evidence.site, tier="digest", subject=subject, family=evidence.family, opened_ns=end_ns,
            last_ns=end_ns,
        )  # fmt: skip
        self._cases.add(case)
        if tier != "digest":
            self._raise(case, tier, end_ns)
        return case

    def _raise(self, case: Case, tier: str, end_ns: int) -> None:
        """Move a case to a more urgent tier."""
        if case.tier == tier:
            return
        if not case.is_incident:
            case.opened_ns, case.held_back = end_ns, False
            for node in case.members:
                self._blocks.hold(node)
        case.note(end_ns, "tier", f"{tier} from here on")
        case.tier = tier
        self._count(case)
        self._today[case.id] = None
        self.changed.add(case.id)

    def _retier(self, case: Case, end_ns: int) -> None:
        """Raise an account's incident to a page where its acts are enough."""
        if case.tier == "triage" and rank.pages_identity(rank.score(case.evidence.values(), self._opening.level_db())):
            self._raise(case, "page", end_ns)

    def _page(self, end_ns: int) -> None:
        """Raise to a page what the whole fleet's entity-days of today agree on."""
        day, count = end_ns // DAY_NS, self._names.count()
        today = [
            case for case in (self.cases[key] for key in self._today if key in self.cases)
            if case.is_open and case.tier == "triage" and case.worst_day == day
        ]  # fmt: skip
        if not today or count == 0:
            return
        history = max((self._names.history_ns(row) for row in (0, count - 1)), default=0)
        worst = np.ones(max(count, len(today)))
        worst[: len(today)] = [case.worst_p for case in today]
        for case, page in zip(today, rank.pages(worst, history)[: len(today)].tolist(), strict=True):
            if page:
                self._raise(case, "page", end_ns)

    def _merge(self, cases: Sequence[Case], end_ns: int) -> Case:
        """Make one of cases that turned out to be one; return it. The oldest keeps its id."""
        home = oldest(cases)
        for other in cases:
            if other.id == home.id or not other.is_open or home.is_full_for(other):
                continue
            for node in other.members:
                if home.is_incident and node not in home.members:
                    self._blocks.hold(node)
            tier = min((home.tier, other.tier), key=TIERS.index)
            home.absorb(other, end_ns)
            self._finish(other, "closed", "duplicate", f"it turned out to be {home.id}", end_ns)
            self._cases.index(home)
            if tier != home.tier:
                self._raise(home, tier, end_ns)
            self.changed.add(home.id)
        return home

    def _finish(self, case: Case, state: str, verdict: str | None, reason: str | None, end_ns: int) -> None:
        """Close or expire a case; learning resumes at once where it is benign, else after the quarantine."""
        case.state, case.verdict, case.reason = state, verdict, reason
        case.note(end_ns, state, f"{verdict}: {reason}" if verdict else "nothing new for as long as it may stay open")
        self._cases.finish(case)
        self._today.pop(case.id, None)
        self.changed.add(case.id)
        for node in case.members if case.is_incident else ():
            if verdict in {"benign", "duplicate"}:
                self._blocks.free(node)
            else:
                self._blocks.quarantine(node, end_ns)

    def _mute_stored(self, case: Case, mute: Mute) -> None:
        """Take out of an open case what a new suppression hides; without any other evidence it is benign."""
        gone = [one for one in case.evidence.values() if hides(mute, one)]
        if not gone:
            return
        for one in gone:
            del case.evidence[one.id]
            case.muted[one.id] = one
            self.mutes.hide(mute, one)
        self.changed.add(case.id)
        if all(one.family == "sequence" for one in case.evidence.values()):
            case.evidence.update({one.id: one for one in gone})  # what it was stays readable
            self._finish(case, "closed", "benign", f"{mute.id} by {mute.author}: {mute.reason}", self._now_ns)

    def _surge(self, site: str, end_ns: int) -> None:
        finding = surge.finding(site, self._opening.wanted(site), self._devices(site), end_ns)
        case = self._cases.of_evidence(finding.evidence.id) or self._new(finding, "triage", end_ns)
        self._put(case, finding, end_ns, weighs=True)

    def _rename(self, case: Case, old: str, new: str, row: int) -> None:
        party = case.members.pop(old)
        renamed = msgspec.structs.replace(party, id=self._names.device_id(row), name=self._names.device_name(row))
        case.members.setdefault(new, renamed)
        if case.subject.kind == "device" and node_of("device", case.subject.id) == old:
            case.subject = msgspec.structs.replace(renamed, role="subject")
        self._cases.rename(case, old, new)
        self.changed.add(case.id)

    def _flags(self, kind: str, found: Sequence[tuple[int, Finding]], rows: int) -> NDArray[np.bool_]:
        if self._opening.is_surging(self._now_ns):
            return np.ones(rows, np.bool_)
        flags = self._blocks.flags(kind, rows)
        for row, finding in found:
            if 0 <= row < rows and "context" not in finding.evidence.marks:
                flags[row] |= finding.evidence.p < P_NO_LEARNING or finding.opens
        return flags

    def _move(self, node: str, evidence: str, fate: str) -> None:
        """Count a remembered finding under what it has become."""
        entry = self._recent.pop(node, evidence)
        if entry is not None and entry.fate != fate:
            self.counts[entry.fate] -= entry.heard
            self.counts[fate] += entry.heard

    def _keep_context(self, evidence: Evidence) -> None:
        known = self.context.get(evidence.id)
        if known is None or evidence.db > known.db:
            self.context[evidence.id] = evidence
        if len(self.context) > CONTEXT_MAX:
            del self.context[min(self.context, key=lambda one: (self.context[one].db, one))]

    def _count(self, case: Case) -> None:
        key = (case.site, case.tier)
        self.opened[key] = self.opened.get(key, 0) + 1
