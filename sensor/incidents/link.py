"""Findings become incidents: joined by subject, links and ties, grown, promoted, merged, expired.

Every finding ends as evidence, context, digest or muted, and is counted. One behaviour is one evidence that grows, so
it is one incident. A device's finding opens an incident by its rate; an account's acts do together, as soon as those of
a day (and those tied to them by a key) reach the triage level, sequences among them. What opened nothing is remembered
and becomes part of what opens later. Two open incidents that turn out to be one are merged: the older keeps its id, the
other is closed as its duplicate, and none is ever split. Incidents of accounts expire 14 days after their last
evidence, others 3; a repeated value does not restart that.

Not here: how cases change (`grow`), words (`render`, `explain`), weights (`rank`, `sequence`), the budget (`opening`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.incidents import rank, render
from sensor.incidents.case import Case, node_of
from sensor.incidents.grow import Growth
from sensor.incidents.held import Held, of_incident, pack, unpack
from sensor.incidents.investigate import investigate, signature
from sensor.incidents.mutes import Mutes, hides
from sensor.model.archive import Archive
from sensor.model.evidence import Evidence, Finding
from sensor.model.given import Judged
from sensor.model.incident import Incident, Party
from sensor.model.mute import Mute, Verdict
from sensor.model.sequences import SEQUENCES
from sensor.model.tick import Names
from sensor.model.times import DAY_NS

ASKED_MAX = 16
"""Incidents investigated a commit: some ten queries each, of some hundredths of a second."""
P_NO_LEARNING = 1e-3
"""No learning from what is rarer: the method in force."""


class Closing(msgspec.Struct, frozen=True):
    """An incident that a person closed."""

    incident: str
    evidence: tuple[str, ...]
    verdict: str
    reason: str


class Incidents:
    """All open incidents, and what changed since the last commit.

    Attributes:
        mutes: The suppressions in force, and what they hid.
        verdicts_read: Number of the last verdict taken in.
    """

    def __init__(
        self, names: Names, per_day_per_1000: float, devices: Callable[[str], int],
        weights: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        """Take whom to ask for names, the budget, how to count a site's devices, and log odds of sequences."""
        self._names, self._devices = names, devices
        self._growth = Growth(names, per_day_per_1000, devices, {**SEQUENCES, **(weights or {})})
        self.mutes = Mutes()
        self._now_ns = 0
        self.verdicts_read = 0
        self._closed: list[Closing] | None = None
        self._away: set[str] = set()

    def set_budget(self, per_day_per_1000: float) -> None:
        """Let so many incidents a day open for 1,000 devices from now on."""
        self._growth.opening.set_budget(per_day_per_1000)

    @property
    def changed(self) -> set[str]:
        """Ids of cases to write."""
        return self._growth.changed

    @property
    def context(self) -> dict[str, Evidence]:
        """Evidence that opened and joined nothing, by id, the strongest."""
        return self._growth.context

    @property
    def counts(self) -> dict[str, int]:
        """How many findings ended as evidence, context, digest or muted."""
        return self._growth.counts

    @property
    def opened(self) -> dict[tuple[str, str], int]:
        """How many cases reached a tier in this run, by (site, tier)."""
        return self._growth.opened

    def take_reached(self) -> list[tuple[str, str, str]]:
        """Return (site, tier, id) of what reached a tier since the last call."""
        found = list(self._growth.reached)
        self._growth.reached.clear()
        return found

    def budget_ratios(self, sites: Iterable[str]) -> dict[str, float]:
        """Return how much of the day's ceiling of all sites came to each tier."""
        return self._growth.opening.ratios(sites)

    @property
    def evidence_counts(self) -> dict[tuple[str, str], int]:
        """How much evidence became part of a case in this run, by (site, detector)."""
        return self._growth.evidence_counts

    @property
    def cases(self) -> dict[str, Case]:
        """Open cases, and those that this run finished, by id."""
        return self._growth.cases.held

    def take(self, findings: Sequence[Finding], end_ns: int) -> None:
        """Link a tick's findings."""
        self._advance(end_ns)
        for finding in findings:
            fate = self._take(finding, end_ns)
            self.counts[fate] += 1
        if findings:
            self._growth.page(end_ns)
            self._growth.cases.make_room(self.changed)

    def follow(self, merged: Sequence[tuple[int, int]]) -> None:
        """Let everything go with devices that turned out to be others: (row, row that stands for it)."""
        for gone, kept in merged:
            old, new = (node_of("device", self._names.device_id(row)) for row in (gone, kept))
            self._growth.recent.rename(old, new)
            self._growth.blocks.rename(old, new, kept)
            for case in self._growth.cases.of_node(old):
                self._rename(case, old, new, kept)
            same = [one for one in self._growth.cases.of_node(new) if one.is_incident]
            if len(same) > 1:
                self._growth.merge(same, self._now_ns)

    def expire(self, end_ns: int) -> None:
        """Let incidents go whose last evidence is too old."""
        self._advance(end_ns)
        for case in self._growth.cases.due(end_ns):
            self._growth.finish(case, "expired", None, None, case.deadline_ns)

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
                self._tell_closed(case, verdict.verdict, verdict.reason)
                self._growth.finish(case, "closed", verdict.verdict, verdict.reason, self._now_ns)
        for mute in self.mutes.replace(mutes):
            for case in [case for case in self.cases.values() if case.is_open]:
                self._mute_stored(case, mute)

    def serve_fleet(self, sites: Iterable[str]) -> None:
        """Have one budget for all sites from now on, with a floor for each, and join what sites have in common.

        Args:
            sites: Those that report: what records they have is not known here.
        """
        self._away.update(sites)
        self._growth.opening.fleet = self._growth.homes.fleet = True

    def tell(self) -> tuple[dict[str, Finding], list[Closing]]:
        """Begin to gather for a hub; return what changed since the last time."""
        found, closed = self._growth.told or {}, self._closed or []
        self._growth.told, self._closed = {}, []
        return found, closed

    def tell_no_more(self) -> None:
        """Gather for no hub any more."""
        self._growth.told = self._closed = None

    def close_told(self, closing: Closing) -> None:
        """Close here what a person closed at its site; of an incident of several sites that part is taken back."""
        gone, said = set(closing.evidence), f"closed at its site as {closing.verdict}: {closing.reason}"
        found = {case.id: case for one in closing.evidence if (case := self._growth.cases.of_evidence(one)) is not None}
        for case in [case for case in found.values() if case.is_open]:
            left = [one for one in case.evidence.values() if one.family != "sequence" and one.id not in gone]
            if not left:
                self._growth.finish(case, "closed", closing.verdict, said, self._now_ns)
                continue
            for one in [one for one in case.evidence.values() if one.id in gone and closing.verdict != "true"]:
                told = msgspec.structs.replace(one, text=said, marks=("context", "taken_back"))
                self._growth.take_back(Finding(evidence=told, device=-1, name=one.entity.id), self._now_ns)
            self.changed.add(case.id)

    def hear_hub(self, every: Iterable[Judged]) -> None:
        """Take in what the hub says of sign-ins; of an incident that is over it says nothing."""
        for judged in every:
            held = (self._growth.cases.of_evidence(one) for one in judged.evidence)
            for case in {case.id: case for case in held if case is not None and case.is_open}.values():
                case.hear_hub(judged)
                self.changed.add(case.id)

    def score(self, case: Case) -> float:
        """Return the decibans of a case."""
        return rank.score_db(case.evidence.values(), self._growth.opening.level_db())

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
        grown = self._growth
        return render.incident(
            case, grown.opening.level_db(), self._devices, self._names, grown.blocks.rows, grown.opening.nulls
        )

    def unasked(self) -> list[Case]:
        """Return open incidents whose evidence changed since the records were asked about them, a few at a time."""
        found = [self.cases[key] for key in sorted(self.changed & self.cases.keys())]
        open_now = [case for case in found if case.is_open and case.is_incident]
        return [case for case in open_now if case.asked != signature(case)][:ASKED_MAX]

    def investigate(self, archive: Archive, device_rows: Mapping[str, int]) -> list[Case]:
        """Ask the records about what is `unasked`; return it."""

        def name_of(identity: str) -> str:
            row = device_rows.get(identity, -1)
            return self._names.device_name(row) if row >= 0 else identity

        asked = self.unasked()
        for case in asked:
            case.answers, case.asked = (
                investigate(case, archive, name_of, self._linked(case), self._away),
                signature(case),
            )
        return asked

    def _linked(self, case: Case) -> list[Party]:
        """Return the devices that an incident's accounts are strongly linked to, and nobody else depends on."""
        names, found = self._names, []
        for party in case.members.values():
            row = names.account_row(party.id) if party.kind == "account" else -1
            for device, strength in names.devices_of(row) if row >= 0 else ():
                if strength == "strong" and not self._growth.joins.is_hub(device, self._now_ns):
                    found.append(
                        Party(
                            kind="device", site=names.device_site(device), id=names.device_id(device),
                            name=names.device_name(device), role="peer",
                        )
                    )  # fmt: skip
        return found

    def begin(self) -> None:
        """Start another run on the same state: finished cases are in it, what is counted a run starts at nothing."""
        self._growth.cases.tidy(self.changed)
        self.opened.clear()
        self.evidence_counts.clear()

    def save(self) -> dict[str, NDArray[Any]]:
        """Return everything that a restart needs, as named arrays."""
        grown = self._growth
        held = Held(
            cases=[one for one in self.cases.values() if one.is_open], recent=grown.recent.save(),
            recent_dropped=grown.recent.dropped, spent=grown.cases.spent, dropped=grown.cases.dropped,
            opening=grown.opening.save(), blocks=grown.blocks.save(), degrees=grown.joins.degrees,
            context=list(self.context.values()), counts=self.counts, today=list(grown.today), now_ns=self._now_ns,
            verdicts_read=self.verdicts_read, mutes=list(self.mutes.known),
        )  # fmt: skip
        budget = {f"budget/{name}": column for name, column in self._growth.opening.budget.save().items()}
        return {"held": pack(held), **budget}

    def load(self, state: Mapping[str, NDArray[Any]], device_rows: Mapping[str, int]) -> None:
        """Restore what `save` returned; `device_rows` finds a device's row by its id."""
        held, grown = unpack(state["held"]), self._growth
        for case in held.cases:
            grown.cases.add(case)
        grown.recent.load(held.recent, held.recent_dropped)
        grown.cases.spent, grown.cases.dropped = held.spent, held.dropped
        grown.opening.load(held.opening)
        grown.opening.budget.load({name[7:]: one for name, one in state.items() if name.startswith("budget/")})
        grown.blocks.load(held.blocks)
        self._find_rows(device_rows)
        grown.joins.degrees = held.degrees
        grown.context = {one.id: one for one in held.context}
        grown.counts, grown.today = held.counts, dict.fromkeys(held.today)
        self._now_ns, self.verdicts_read = held.now_ns, held.verdicts_read
        self.mutes.replace(held.mutes)

    def adopt(self, stored: Sequence[Incident], device_rows: Mapping[str, int]) -> None:
        """Take open incidents over from a state that kept them only as they are shown."""
        for incident in stored:
            case = of_incident(incident)
            self._growth.cases.add(case)
            for node in case.members if case.is_incident else ():
                self._growth.blocks.hold(node)
        self._find_rows(device_rows)

    def _find_rows(self, device_rows: Mapping[str, int]) -> None:
        blocks = self._growth.blocks
        for node in blocks.nodes:
            kind, _, identity = node.partition(":")
            of_device = device_rows.get(identity, -1)
            blocks.know(node, of_device if kind == "device" else self._names.account_row(identity))

    def _advance(self, end_ns: int) -> None:
        if end_ns // DAY_NS != self._now_ns // DAY_NS:
            self._growth.today.clear()
        self._now_ns = max(self._now_ns, end_ns)
        self._growth.opening.begin(end_ns)
        self._growth.blocks.advance(end_ns)

    def _take(self, finding: Finding, end_ns: int) -> str:
        """Link one finding; return its fate."""
        evidence = finding.evidence
        if "taken_back" in evidence.marks:
            self._growth.take_back(finding, end_ns)
            return "context"
        mute = self.mutes.of(evidence)
        if mute is not None:
            self.mutes.hide(mute, evidence)
            return "muted"
        homes = self._growth.homes.of(finding, end_ns)
        row = self._growth.cases.of_evidence(evidence.id)
        if homes:
            home = self._growth.merge(homes, end_ns)
            fate = self._growth.add(home, finding, end_ns)
            if row is not None and row.id != home.id and row.is_open:
                self._growth.merge([home, row], end_ns)
            return fate
        if evidence.id in self._growth.cases.spent:  # a person closed what it was of; only more of it
            self._growth.keep_context(evidence)
            return "context"
        if self._growth.may_open(finding, end_ns):
            return self._growth.open(finding, end_ns)
        return self._growth.keep(finding, row, end_ns)

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
            self._tell_closed(case, "benign", mute.reason)
            self._growth.finish(case, "closed", "benign", f"{mute.id} by {mute.author}: {mute.reason}", self._now_ns)

    def _tell_closed(self, case: Case, verdict: str, reason: str) -> None:
        if self._closed is not None:
            self._closed.append(Closing(case.id, tuple(sorted(case.evidence)), verdict, reason))

    def _rename(self, case: Case, old: str, new: str, row: int) -> None:
        party = case.members.pop(old)
        renamed = msgspec.structs.replace(party, id=self._names.device_id(row), name=self._names.device_name(row))
        case.members.setdefault(new, renamed)
        if case.subject.kind == "device" and node_of("device", case.subject.id) == old:
            case.subject = msgspec.structs.replace(renamed, role="subject")
        self._growth.cases.rename(case, old, new)
        self.changed.add(case.id)

    def _flags(self, kind: str, found: Sequence[tuple[int, Finding]], rows: int) -> NDArray[np.bool_]:
        if self._growth.opening.is_surging(self._now_ns):
            return np.ones(rows, np.bool_)
        flags = self._growth.blocks.flags(kind, rows)
        for row, finding in found:
            if 0 <= row < rows and "context" not in finding.evidence.marks:
                flags[row] |= finding.evidence.p < P_NO_LEARNING or finding.opens
        return flags
