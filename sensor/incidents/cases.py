"""All cases, found by entity, by evidence and by what ties incidents together, whatever their number.

A finding asks for a few keys; a tick asks for what is due. Nothing looks at all cases.
"""

import heapq
from collections.abc import Iterable

from sensor.incidents.case import Case

CASES_MAX = 50_000
"""Cases in memory; beyond it finished ones go first (they are in the state), then the weakest rows of the digest."""
SPENT_MAX = 16_384
"""Evidence of finished cases that is remembered, so that its growth does not open them again."""
_EVICTED = CASES_MAX // 16


class Cases:
    """Open cases and those that this run finished.

    Attributes:
        held: By id, in the order of opening.
        spent: Evidence id → id of the finished case it was of.
        dropped: Rows of the digest forgotten for room.
    """

    def __init__(self) -> None:
        self.held: dict[str, Case] = {}
        self.spent: dict[str, str] = {}
        self.dropped = 0
        self.open_digests = 0
        self._by_node: dict[str, dict[str, None]] = {}
        self._by_key: dict[str, dict[str, None]] = {}
        self._by_evidence: dict[str, str] = {}
        self._due: list[tuple[int, str]] = []

    def add(self, case: Case) -> None:
        """Take a new or restored case in."""
        self.held[case.id] = case
        self.index(case)
        if case.is_open:
            heapq.heappush(self._due, (case.deadline_ns, case.id))

    def index(self, case: Case) -> None:
        """Let a case be found by what it holds now; call after it took something in."""
        for node in case.members:
            self._by_node.setdefault(node, {})[case.id] = None
        for key in case.keys:
            self._by_key.setdefault(key, {})[case.id] = None
        for held in (case.evidence, case.context):
            for identity in held:
                self._by_evidence.setdefault(identity, case.id)

    def grow(self, case: Case, evidence: str, node: str, keys: Iterable[str]) -> None:
        """Let a case be found by one evidence more."""
        self._by_evidence[evidence] = case.id
        if node in case.members:
            self._by_node.setdefault(node, {})[case.id] = None
        for key in keys:
            if key in case.keys:
                self._by_key.setdefault(key, {})[case.id] = None

    def of_evidence(self, evidence: str) -> Case | None:
        """Return the open case that holds an evidence."""
        key = self._by_evidence.get(evidence)
        return None if key is None else self.held.get(key)

    def of_node(self, node: str) -> list[Case]:
        """Return the open cases about an entity, the oldest first."""
        return [self.held[key] for key in self._by_node.get(node, ())]

    def of_key(self, key: str) -> list[Case]:
        """Return the open cases that a key ties to."""
        return [self.held[one] for one in self._by_key.get(key, ())]

    def due(self, end_ns: int) -> list[Case]:
        """Return the open cases whose last evidence is too old, and forget when they were due."""
        found = []
        while self._due and self._due[0][0] < end_ns:
            _, key = heapq.heappop(self._due)
            case = self.held.get(key)
            if case is None or not case.is_open:
                continue
            if case.deadline_ns < end_ns:
                found.append(case)
            else:
                heapq.heappush(self._due, (case.deadline_ns, key))
        return found

    def finish(self, case: Case) -> None:
        """Let a case that is closed or expired be found no more; what it was made of is remembered."""
        self._forget(case)
        if case.verdict != "duplicate":
            for identity in (*case.evidence, *case.context):
                self.spent[identity] = case.id
            while len(self.spent) > SPENT_MAX:
                del self.spent[next(iter(self.spent))]

    def rename(self, case: Case, old: str, new: str) -> None:
        """Let a case be found by a node's new name."""
        self._drop(self._by_node, old, case.id)
        self._by_node.setdefault(new, {})[case.id] = None

    def tidy(self, unsaved: Iterable[str] = ()) -> None:
        """Forget finished cases that are in the state."""
        keep = set(unsaved)
        for key in [key for key, case in self.held.items() if not case.is_open and key not in keep]:
            del self.held[key]

    def make_room(self, unsaved: Iterable[str]) -> list[str]:
        """Hold the cap: forget finished cases that are saved, else the weakest rows of the digest; return their ids."""
        if len(self.held) <= CASES_MAX:
            return []
        self.tidy(unsaved)
        rows = sorted(
            (max((one.db for one in case.evidence.values()), default=0.0), case.last_ns, case.id)
            for case in self.held.values()
            if not case.is_incident
        )
        gone = [key for _, _, key in rows[: max(0, len(self.held) - CASES_MAX + _EVICTED)]]
        for key in gone:
            self._forget(self.held[key])
            del self.held[key]
        self.dropped += len(gone)
        return gone

    def _forget(self, case: Case) -> None:
        for node in case.members:
            self._drop(self._by_node, node, case.id)
        for key in case.keys:
            self._drop(self._by_key, key, case.id)
        for identity in (*case.evidence, *case.context, *case.muted):
            if self._by_evidence.get(identity) == case.id:
                del self._by_evidence[identity]

    @staticmethod
    def _drop(index: dict[str, dict[str, None]], key: str, case: str) -> None:
        held = index.get(key)
        if held is not None:
            held.pop(case, None)
            if not held:
                del index[key]
