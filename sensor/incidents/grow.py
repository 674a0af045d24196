"""How cases change: what opens, grows, is promoted, merged and finished.

Every step keeps the tables that find a case, the counts of findings by fate and what must not be learned in order.
Not here: which incidents a finding is part of (`homes`), and what people decided (`link`).
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from sensor.incidents import rank, sequence, surge
from sensor.incidents.case import Case, node_of, oldest
from sensor.incidents.cases import Cases
from sensor.incidents.homes import JOIN_DB, Homes
from sensor.incidents.joins import Joins
from sensor.incidents.learning import Blocks
from sensor.incidents.opening import Opening
from sensor.incidents.recent import KEEP_NS, Entry, Recent
from sensor.model.evidence import Evidence, Finding
from sensor.model.ids import identify
from sensor.model.incident import TIERS, Party
from sensor.model.tick import Names
from sensor.model.times import DAY_NS, parse

CONTEXT_MAX = 256
REACHED_MAX = 1 << 16
"""Cases that reached a tier, remembered until a commit: a budget of 1 a day and 1,000 devices opens far fewer."""
DEVICE_KEEP_NS = 3 * DAY_NS
"""How far back a device's findings become part of an incident: as long as one of a device stays open."""
AGAIN_NS = 7 * DAY_NS
"""How long a day unlike others waits for another: a drift is told of once a week."""
FATES = ("evidence", "context", "digest", "muted")


class Growth:
    """All cases, and what changes them.

    Attributes:
        changed: Ids of cases to write.
        today: Ids of cases that were touched today.
        context: Evidence that opened and joined nothing, by id, the strongest.
        counts: How many findings ended as what, of FATES.
        opened: How many cases reached a tier by (site, tier), for the metrics.
        reached: Which did, (site, tier, id), since they were last asked for.
        evidence_counts: How much evidence became part of a case by (site, detector), for the metrics.
        told: What became part of a case or was taken back, for a hub, since it was taken; None where there is none.
    """

    told: dict[str, Finding] | None = None

    def __init__(
        self, names: Names, per_day_per_1000: float, devices: Callable[[str], int], weights: Mapping[str, float]
    ) -> None:
        """Take whom to ask for names, the budget, how to count a site's devices, and log odds of sequences."""
        self._names, self._devices, self._weights = names, devices, dict(weights)
        self.cases, self.recent, self.joins = Cases(), Recent(), Joins(names)
        self.homes = Homes(self.cases, self.joins)
        self.opening, self.blocks = Opening(names, per_day_per_1000, devices), Blocks()
        self.today: dict[str, None] = {}
        self.changed: set[str] = set()
        self.context: dict[str, Evidence] = {}
        self.counts: dict[str, int] = dict.fromkeys(FATES, 0)
        self.opened: dict[tuple[str, str], int] = {}
        self.reached: deque[tuple[str, str, str]] = deque(maxlen=REACHED_MAX)
        self.evidence_counts: dict[tuple[str, str], int] = {}

    def add(self, case: Case, finding: Finding, end_ns: int, *, opens: bool = False) -> str:
        """Take a finding into an incident, complete sequences, and see in which tier that leaves it.

        What opened the incident weighs in it, however little.
        """
        evidence = finding.evidence
        node = node_of(evidence.entity.kind, evidence.entity.id)
        weighs = opens or self.homes.weighs(case, evidence)
        before = case.evidence.get(evidence.id)
        if before is not None and evidence.db <= 0.0 and evidence.observed > before.observed:
            self.take_back(finding, end_ns)  # a verdict that was revised
            return "context"
        self._move(node, evidence.id, "evidence" if weighs else "context")
        self._put(case, finding, end_ns, weighs=weighs)
        if before is not None and case.evidence.get(evidence.id, before).db < before.db:
            self._lower(case, end_ns)
        if evidence.entity.kind == "account":
            self._complete(case, evidence.entity.id, end_ns)
        self._retier(case, end_ns)
        return "evidence" if weighs else "context"

    def take_back(self, finding: Finding, end_ns: int) -> None:
        """Let what a detector withdrew weigh nothing any more, and see in which tier that leaves its incident."""
        evidence = finding.evidence
        if self.told is not None:
            self.told[evidence.id] = finding
        self.recent.pop(node_of(evidence.entity.kind, evidence.entity.id), evidence.id)
        self.context.pop(evidence.id, None)
        case = self.cases.of_evidence(evidence.id)
        gone = case.take_back(evidence, end_ns) if case is not None and case.is_open else None
        if case is None or gone is None:
            return
        self.changed.add(case.id)
        self._unmake(case, gone, end_ns)
        self._lower(case, end_ns)

    def may_open(self, finding: Finding, end_ns: int) -> bool:
        """Tell whether a finding, with what its account did before, is an incident."""
        evidence = finding.evidence
        if "context" in evidence.marks:
            return False
        if not rank.is_act(evidence):
            self.opening.observe(evidence, candidate=self.opening.is_candidate(finding))
            return self.opening.may(finding, again=self._is_again(finding, end_ns))
        level = self.opening.level_db()
        if evidence.entity.kind != "account":  # a source that guesses at many, by its own null
            return evidence.db >= level and self.opening.may(finding)
        rows = [evidence, *(one.finding.evidence for one in self._with(finding, end_ns))]
        found = [sequence.evidence_of(one, "", self._weights) for one in sequence.find(rows)]
        weighed = rank.opening_db(rows, found, level)
        self.opening.observe(evidence, weighed)
        return weighed >= level

    def open(self, finding: Finding, end_ns: int) -> str:
        """Open an incident with a finding and with what came before it; in the digest where the budget is spent."""
        evidence = finding.evidence
        node = node_of(evidence.entity.kind, evidence.entity.id)
        beside = self._with(finding, end_ns) if rank.is_act(evidence) else []
        if not self._admitted(finding, beside, end_ns):
            row = self._row(finding, self.cases.of_evidence(evidence.id), end_ns)
            row.held_back = True
            self.recent.put(node, finding, end_ns, "digest")
            return "digest"
        rows = [self.cases.of_evidence(one.id) for one in (evidence, *(entry.finding.evidence for entry in beside))]
        digests = list({one.id: one for one in rows if one is not None}.values())
        case = oldest(digests) if digests else self._new(finding, "triage", end_ns)
        self.promote(case, "triage", end_ns)
        case.family = evidence.family
        if len(digests) > 1:
            self.merge([case, *digests], end_ns)
        counted = {one.finding.evidence.id for one in beside}
        for entry in [*beside, *self._before(finding, end_ns)]:
            self._bring(case, entry, end_ns, weighs=entry.finding.evidence.id in counted)
        fate = self.add(case, finding, end_ns, opens=True)
        for party in [party for party in case.members.values() if party.kind == "account"]:
            self._complete(case, party.id, end_ns)
        self._retier(case, end_ns)
        return fate

    def keep(self, finding: Finding, row: Case | None, end_ns: int) -> str:
        """Remember what opened nothing: as a row of the digest where it is worth one."""
        evidence = finding.evidence
        fate = "digest" if finding.digest or row is not None else "context"
        if fate == "digest":
            self._row(finding, row, end_ns)
        else:
            self.keep_context(evidence)
        self.recent.put(node_of(evidence.entity.kind, evidence.entity.id), finding, end_ns, fate)
        return fate

    def page(self, end_ns: int) -> None:
        """Raise to a page what the whole fleet's entity-days of today agree on."""
        day, count = end_ns // DAY_NS, self._names.count()
        today = [
            case for case in (self.cases.held[key] for key in self.today if key in self.cases.held)
            if case.is_open and case.tier == "triage" and case.worst_day == day
        ]  # fmt: skip
        if not today or count == 0:
            return
        worst = np.ones(max(count, len(today)))
        worst[: len(today)] = [case.worst_p for case in today]
        for case, page in zip(today, rank.pages(worst, self._history_ns())[: len(today)].tolist(), strict=True):
            if page:
                self.promote(case, "page", end_ns)

    def merge(self, cases: Sequence[Case], end_ns: int) -> Case:
        """Make one of cases that turned out to be one; return it. The oldest keeps its id."""
        home = oldest(cases)
        for other in cases:
            if other.id == home.id or not other.is_open or home.is_full_for(other):
                continue
            for node in other.members:
                if home.is_incident and node not in home.members:
                    self.blocks.hold(node)
            tier = min((home.tier, other.tier), key=TIERS.index)
            home.absorb(other, end_ns)
            self.finish(other, "closed", "duplicate", f"it turned out to be {home.id}", end_ns)
            other.evidence, other.context = {}, {}  # they are the home's, and stored as its
            self.cases.index(home)
            if tier != home.tier:
                self.promote(home, tier, end_ns)
            self.changed.add(home.id)
        return home

    def finish(self, case: Case, state: str, verdict: str | None, reason: str | None, end_ns: int) -> None:
        """Close or expire a case; learning resumes at once where it is benign, else after the quarantine."""
        case.state, case.verdict, case.reason = state, verdict, reason
        case.note(end_ns, state, f"{verdict}: {reason}" if verdict else "nothing new for as long as it may stay open")
        self.cases.finish(case)
        self.today.pop(case.id, None)
        self.changed.add(case.id)
        for node in case.members if case.is_incident else ():
            if verdict in {"benign", "duplicate"}:
                self.blocks.free(node)
            else:
                self.blocks.quarantine(node, end_ns)

    def promote(self, case: Case, tier: str, end_ns: int) -> None:
        """Move a case to a more urgent tier."""
        if case.tier == tier:
            return
        if not case.is_incident:
            case.opened_ns, case.held_back = end_ns, False
            for node in case.members:
                self.blocks.hold(node)
        case.note(end_ns, "tier", f"{tier} from here on")
        case.tier = tier
        self._count(case)
        self.today[case.id] = None
        self.changed.add(case.id)

    def keep_context(self, evidence: Evidence) -> None:
        """Remember what is in no incident, for the list of the most unusual; the strongest stay."""
        known = self.context.get(evidence.id)
        if known is None or evidence.db > known.db:
            self.context[evidence.id] = evidence
        if len(self.context) > CONTEXT_MAX:
            del self.context[min(self.context, key=lambda one: (self.context[one].db, one))]

    def _admitted(self, finding: Finding, beside: Sequence[Entry], end_ns: int) -> bool:
        """Tell whether the day's budget allows one more; what would page is never held back."""
        evidence = finding.evidence
        site, group = evidence.site, "account" if rank.is_act(evidence) else "device"
        waiting = any(row.held_back for row in self.cases.of_node(node_of(evidence.entity.kind, evidence.entity.id)))
        if waiting and not self.opening.has_room(site, group):  # it was counted when it was held back
            admitted = False
        else:
            admitted = self.opening.admit(site, group, end_ns)
            if self.opening.surged.get(site) == end_ns:
                self._surge(site, end_ns)
        return admitted or self._would_page(finding, beside)

    def _would_page(self, finding: Finding, beside: Sequence[Entry]) -> bool:
        evidence = finding.evidence
        if rank.is_act(evidence) and evidence.entity.kind == "account":
            return rank.pages_identity(self._weigh([evidence, *(one.finding.evidence for one in beside)]))
        worst = np.ones(max(1, self._names.count()))
        worst[0] = evidence.p
        return bool(rank.pages(worst, self._history_ns())[0])

    def _weigh(self, rows: Sequence[Evidence]) -> rank.Score:
        """Weigh what one account did, the order of its steps included."""
        found = [sequence.evidence_of(one, "", self._weights) for one in sequence.find(rows)]
        return rank.score([*(one for one in rows if rank.is_act(one)), *found], self.opening.level_db())

    def _history_ns(self) -> int:
        count = self._names.count()
        return max((self._names.history_ns(row) for row in (0, count - 1)), default=0) if count else 0

    def _put(self, case: Case, finding: Finding, end_ns: int, *, weighs: bool) -> None:
        evidence = finding.evidence
        node = node_of(evidence.entity.kind, evidence.entity.id)
        if self.told is not None:
            self.told[evidence.id] = finding
        if weighs and evidence.id not in case.evidence:
            key = (evidence.site, evidence.detector)
            self.evidence_counts[key] = self.evidence_counts.get(key, 0) + 1
            self.context.pop(evidence.id, None)
        known = node in case.members
        case.take(finding, end_ns, weighs=weighs)
        self.blocks.know(node, finding.account if evidence.entity.kind == "account" else finding.device)
        if case.is_incident and not known and node in case.members:
            self.blocks.hold(node)
        self.cases.grow(case, evidence.id, node, evidence.keys)
        self.today[case.id] = None
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

    def _is_again(self, finding: Finding, end_ns: int) -> bool:
        """Tell whether what is slow was told of its entity on another day of the week, too.

        A drift looks back on three days, so two of them in less look at the same ones.
        """
        evidence = finding.evidence
        if not finding.slow:
            return False
        ts = parse(evidence.ts)
        for one in self.recent.of(node_of(evidence.entity.kind, evidence.entity.id), end_ns - AGAIN_NS):
            other = one.finding.evidence
            apart = 3 * DAY_NS if evidence.channel == other.channel == "drift" else DAY_NS
            if one.finding.slow and other.id != evidence.id and ts - parse(other.ts) >= apart:
                return True
        return False

    def _with(self, finding: Finding, end_ns: int) -> list[Entry]:
        """Return the account's other findings that count beside this one: of a day, or tied to it by a key."""
        evidence = finding.evidence
        node = node_of(evidence.entity.kind, evidence.entity.id)
        return [
            one for one in self.recent.of(node, end_ns - KEEP_NS)
            if one.finding.evidence.id != evidence.id
            and (end_ns - one.last_ns <= DAY_NS or set(one.finding.evidence.keys) & set(evidence.keys))
        ]  # fmt: skip

    def _before(self, finding: Finding, end_ns: int) -> list[Entry]:
        """Return findings of the subject and of those strongly linked to it, from before its incident."""
        evidence = finding.evidence
        node = node_of(evidence.entity.kind, evidence.entity.id)
        keep_ns = KEEP_NS if evidence.entity.kind == "account" else DEVICE_KEEP_NS
        found = self.recent.of(node, end_ns - keep_ns)
        for other in self.joins.neighbours(finding, end_ns):
            found += [
                one for one in self.recent.of(other, end_ns - DEVICE_KEEP_NS)
                if one.finding.evidence.db >= JOIN_DB and self.homes.speaks(evidence.entity.id, one.finding.evidence)
            ]  # fmt: skip
        return [one for one in found if one.finding.evidence.id != evidence.id]

    def _bring(self, case: Case, entry: Entry, end_ns: int, *, weighs: bool) -> None:
        """Make an earlier finding part of an incident that opens."""
        evidence = entry.finding.evidence
        if evidence.id in case.evidence or evidence.id in case.context:
            return
        weighs = (weighs and "context" not in evidence.marks) or self.homes.weighs(case, evidence)
        if not weighs and (evidence.entity.id != case.subject.id or evidence.db <= 0.0):
            return
        row = self.cases.of_evidence(evidence.id)
        self._move(node_of(evidence.entity.kind, evidence.entity.id), evidence.id, "evidence" if weighs else "context")
        case.begun.setdefault(evidence.id, entry.first_ns)
        self._put(case, entry.finding, end_ns, weighs=weighs)
        if row is not None and row.id != case.id and row.is_open and not row.is_incident:
            self.merge([case, row], end_ns)

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
        if key in self.cases.held or evidence.id in self.cases.spent:  # the same again, after an incident of it ended
            key = identify("INC", evidence.site, evidence.id, end_ns)
        case = Case(
            id=key, site=evidence.site, tier="digest", subject=subject, family=evidence.family, opened_ns=end_ns,
            last_ns=end_ns,
        )  # fmt: skip
        self.cases.add(case)
        if tier != "digest":
            self.promote(case, tier, end_ns)
        return case

    def _retier(self, case: Case, end_ns: int) -> None:
        """Raise an account's incident to a page where its acts are enough."""
        if case.tier == "triage" and rank.pages_identity(rank.score(case.evidence.values(), self.opening.level_db())):
            self.promote(case, "page", end_ns)

    def _unmake(self, case: Case, gone: Evidence, end_ns: int) -> None:
        """Take back the sequences that an account's steps made with what is gone, and do not make without."""
        held = [*case.evidence.values(), *case.context.values()]
        rows = [one for one in held if one.entity.id == gone.entity.id and one.id != gone.id]
        since = case.since if case.is_incident else None
        lost = {one.kind for one in sequence.find([*rows, gone], since)} - {
            one.kind for one in sequence.find(rows, since)
        }
        for one in [one for one in rows if one.id in case.evidence and sequence.kind_of(one) in lost]:
            case.take_back(msgspec.structs.replace(one, text="a step of it was taken back"), end_ns)

    def _lower(self, case: Case, end_ns: int) -> None:
        """Lower an incident's tier where what is left would not have raised it so far."""
        rows, level = list(case.evidence.values()), self.opening.level_db()
        seen = [one for one in rows if not rank.is_act(one)]
        weighed = rank.score(rows, level)
        if case.tier == "page" and not rank.pages_identity(weighed) and all(one.p > rank.PAGE_P for one in seen):
            self._demote(case, "triage", end_ns)
        if case.tier == "triage" and not seen:
            acts = [one for one in rows if one.family != "sequence"]
            made = [one for one in rows if one.family == "sequence"]
            guessed = any(one.entity.kind != "account" and one.db >= level for one in acts)
            if not guessed and rank.opening_db(acts, made, level) < level:
                self._demote(case, "digest", end_ns)

    def _demote(self, case: Case, tier: str, end_ns: int) -> None:
        """Move a case to a less urgent tier; as a row of the digest it waits for what would open it again."""
        case.note(end_ns, "tier", f"{tier} from here on: what is left would not have made it more")
        case.tier = tier
        self.changed.add(case.id)
        if case.is_incident:
            return
        for node in case.members:
            self.blocks.free(node)
        for one in case.evidence.values():
            node = node_of(one.entity.kind, one.entity.id)
            row = self._names.account_row(one.entity.id) if one.entity.kind == "account" else -1
            name = case.members[node].name if node in case.members else one.entity.id
            if one.family != "sequence":
                finding = Finding(evidence=one, device=-1, account=row, name=name)
                self.recent.put(node, finding, end_ns, "digest")

    def _surge(self, site: str, end_ns: int) -> None:
        finding = surge.finding(site, self.opening.wanted(site), self._devices(site), end_ns)
        case = self.cases.of_evidence(finding.evidence.id) or self._new(finding, "triage", end_ns)
        self._put(case, finding, end_ns, weighs=True)

    def _move(self, node: str, evidence: str, fate: str) -> None:
        """Count a remembered finding under what it has become."""
        entry = self.recent.pop(node, evidence)
        if entry is not None and entry.fate != fate:
            self.counts[entry.fate] -= entry.heard
            self.counts[fate] += entry.heard

    def _count(self, case: Case) -> None:
        key = (case.site, case.tier)
        self.opened[key] = self.opened.get(key, 0) + 1
        self.opening.reached(case.site, case.tier)
        self.reached.append((case.site, case.tier, case.id))
