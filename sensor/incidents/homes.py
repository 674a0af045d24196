"""Which open incidents a finding is part of, and whether it adds to them or is only listed.

Not here: opening one, and what happens to several that turn out to be one.
"""

import ipaddress

from sensor.incidents import rank
from sensor.incidents.case import Case, node_of
from sensor.incidents.cases import Cases
from sensor.incidents.joins import Joins, holds
from sensor.model.evidence import Evidence, Finding
from sensor.model.times import HOUR_NS

JOIN_DB = rank.ADDS_DB
"""Evidence below this adds to an open incident only by a key that it shares."""

ALIKE_MIN, ALIKE_NS = 5, HOUR_NS
"""Entities of a site that do the same within an hour have one cause: as many as make a common mode
(`baselines.common_mode`)."""

OWN_BUSINESS = frozenset({"novelty", "volume"})
"""Families of a device that say nothing of the account that uses it: every day somebody opens a new page, and who
travels leaves a quiet laptop behind (ten days of one, at 16 dB each, were most of a traveller's incident). In somebody
else's incident they weigh only by a key in common (an address, a session)."""


class Homes:
    """Looks findings' incidents up: a few keys each, whatever is open."""

    def __init__(self, cases: Cases, joins: Joins) -> None:
        self._cases, self._joins = cases, joins
        self.fleet = False

    def of(self, finding: Finding, end_ns: int) -> list[Case]:
        """Return the incidents that a finding is part of: its own, its subject's, and those it is tied to."""
        evidence = finding.evidence
        homes: dict[str, Case] = {}
        held = self._cases.of_evidence(evidence.id)
        if held is not None and held.is_incident:
            homes[held.id] = held
        for case in self._cases.of_node(node_of(evidence.entity.kind, evidence.entity.id)):
            if case.is_incident:
                homes[case.id] = case
        if "context" not in evidence.marks:
            for case in (*self._linked(finding, end_ns), *self._alike(evidence, end_ns)):
                homes[case.id] = case
        return list(homes.values())

    def weighs(self, case: Case, evidence: Evidence) -> bool:
        """Tell whether a finding adds to an incident, or is only listed in its timeline."""
        if "context" in evidence.marks or evidence.db <= 0.0 or case.repeats(evidence):
            return False
        return evidence.id in case.evidence or self._adds(case, evidence)

    @staticmethod
    def speaks(subject: str, evidence: Evidence) -> bool:
        """Tell whether an evidence says something of an entity without a key in common."""
        return evidence.family not in OWN_BUSINESS or evidence.entity.id == subject

    def _linked(self, finding: Finding, end_ns: int) -> list[Case]:
        """Return incidents of entities linked strongly to the subject, and of those that share a tie."""
        evidence = finding.evidence
        found = [
            case
            for node in self._joins.neighbours(finding, end_ns)
            for case in self._cases.of_node(node)
            if case.is_incident and self._adds(case, evidence)
        ]
        for key in self._joins.ties(evidence):
            found += [
                case for case in self._cases.of_key(key)
                if case.is_incident and self._reaches(key, case, evidence) and holds(key, case.keys[key], end_ns)
            ]  # fmt: skip
        return found

    def _reaches(self, key: str, case: Case, evidence: Evidence) -> bool:
        """Tell whether a key joins the sites of a case and of an evidence.

        A destination joins the devices of a site, and in a fleet those of all, where it is the same to all: no inside
        address, no bare name. A program's fingerprint joins only sites: within one, an update brings it to many.
        """
        kind, _, value = key.partition(":")
        if kind == "fingerprint":
            return self.fleet and case.site != evidence.site
        if kind != "destination" or case.site == evidence.site:
            return True
        return self.fleet and _is_outside(value)

    def _alike(self, evidence: Evidence, end_ns: int) -> list[Case]:
        """Return the incidents of others that do the same now, where they are many with this one: one, from here on."""
        found: dict[str, Case] = {}
        for key in [key for key in evidence.keys if key.startswith("alike:")]:
            cases = [
                case for case in self._cases.of_key(key)
                if case.is_incident and case.site == evidence.site and end_ns - case.keys[key] <= ALIKE_NS
            ]  # fmt: skip
            who = {one.entity.id for case in cases for one in case.evidence.values() if key in one.keys}
            if len(who | {evidence.entity.id}) >= ALIKE_MIN:
                found |= {case.id: case for case in cases}
        return list(found.values())

    def _adds(self, case: Case, evidence: Evidence) -> bool:
        return (evidence.db >= JOIN_DB and self.speaks(case.subject.id, evidence)) or case.shares(evidence)


def _is_outside(place: str) -> bool:
    """Tell whether a destination is the same everywhere: a global address, or a name with a public form."""
    try:
        return ipaddress.ip_address(place).is_global
    except ValueError:
        last = place.rpartition(".")[2]
        return "." in place and last not in {"local", "lan", "internal", "corp", "home", "arpa"}
