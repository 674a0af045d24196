"""The last findings of each account and device, those that opened nothing too: what later steps are joined to.

A prompt that was refused is nothing by itself, until the rule is written; then it is the incident's first step.
"""

from collections.abc import Iterator

import msgspec

from sensor.model.evidence import Finding
from sensor.model.times import DAY_NS

RING = 16
"""Findings an entity; the weakest goes first, the oldest of equal ones."""
ENTITIES_MAX = 20_000
"""Entities with findings; beyond it the one that was silent longest goes."""
KEEP_NS = 14 * DAY_NS
"""How long a finding may still become part of an incident: as long as one of an account stays open."""


class Entry(msgspec.Struct):
    """A finding that is in no incident yet.

    Attributes:
        last_ns: When it was last seen.
        fate: Under what it is counted: context or digest.
        heard: How often.
    """

    finding: Finding
    first_ns: int
    last_ns: int
    fate: str
    heard: int = 1


class Recent:
    """Rings of findings by entity.

    Attributes:
        dropped: Findings forgotten for room.
    """

    def __init__(self) -> None:
        self._rings: dict[str, dict[str, Entry]] = {}
        self.dropped = 0

    def put(self, node: str, finding: Finding, end_ns: int, fate: str) -> None:
        """Remember a finding of an entity, or how it grew."""
        ring = self._rings.pop(node, {})
        self._rings[node] = ring  # the last in order: silent entities are at the front
        for key in [key for key, one in ring.items() if end_ns - one.last_ns > KEEP_NS]:
            del ring[key]
        known = ring.get(finding.evidence.id)
        if known is None:
            ring[finding.evidence.id] = Entry(finding, end_ns, end_ns, fate)
        else:
            known.last_ns, known.fate, known.heard = end_ns, fate, known.heard + 1
            if finding.evidence.db >= known.finding.evidence.db:
                known.finding = finding
        if len(ring) > RING:
            weakest = min(ring, key=lambda key: (ring[key].finding.evidence.db, ring[key].last_ns, key))
            del ring[weakest]
            self.dropped += 1
        if len(self._rings) > ENTITIES_MAX:
            gone = next(iter(self._rings))
            self.dropped += len(self._rings.pop(gone))

    def of(self, node: str, since_ns: int) -> list[Entry]:
        """Return an entity's findings that were seen since a time, the earliest first."""
        held = self._rings.get(node, {})
        found = [one for one in held.values() if one.last_ns >= since_ns]
        return sorted(found, key=lambda one: (one.first_ns, one.finding.evidence.id))

    def pop(self, node: str, evidence: str) -> Entry | None:
        """Take a finding out: it is part of an incident from now on."""
        ring = self._rings.get(node)
        return None if ring is None else ring.pop(evidence, None)

    def rename(self, old: str, new: str) -> None:
        """Give a ring to the entity that stands for another from now on."""
        gone = self._rings.pop(old, None)
        if gone:
            self._rings[new] = {**gone, **self._rings.get(new, {})}

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Give every finding with its entity's node."""
        for node, ring in self._rings.items():
            for entry in ring.values():
                yield node, entry

    def save(self) -> dict[str, list[Entry]]:
        """Return what is held, in order."""
        return {node: list(ring.values()) for node, ring in self._rings.items() if ring}

    def load(self, held: dict[str, list[Entry]], dropped: int) -> None:
        """Restore what `save` returned."""
        self._rings = {node: {one.finding.evidence.id: one for one in ring} for node, ring in held.items()}
        self.dropped = dropped
