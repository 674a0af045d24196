"""From when to when a device had an address, and where: on site, in a tunnel to it, or elsewhere.

Bounded a device; the address unused longest goes. Not here: who has an address now.
"""

from typing import Any

from sensor.entities.touched import Touched

SPANS_MAX = 32
"""Addresses remembered a row."""
ELSEWHERE = -2
"""Site number of an address outside every site: a home network's 10.0.0.5 is none of ours."""

Where = tuple[int, int, int]


class Spans:
    """Row → (site, hi, lo) → first and last time, ns."""

    def __init__(self, touched: Touched | None = None) -> None:
        """Begin with none; `touched` hears whose addresses change."""
        self._touched = touched
        self._held: dict[int, dict[Where, list[int]]] = {}

    def see(self, row: int, where: Where, ts: int) -> None:
        """Take in that a row had an address at a time."""
        if self._touched is not None:
            self._touched.mark(row)
        spans = self._held.setdefault(row, {})
        span = spans.setdefault(where, [ts, ts])
        span[0], span[1] = min(span[0], ts), max(span[1], ts)
        if len(spans) > SPANS_MAX:
            del spans[min(spans, key=lambda key: (spans[key][1], key))]

    def stretch(self, row: int, where: Where, ts: int) -> None:
        """Let a span that is there last until `ts`."""
        if self._touched is not None:
            self._touched.mark(row)
        span = self._held.get(row, {}).get(where)
        if span is not None:
            span[1] = max(span[1], ts)

    def of(self, row: int) -> dict[Where, list[int]]:
        """Return a row's spans."""
        return self._held.get(row, {})

    def had(self, places: set[Where]) -> list[int]:
        """Return the rows that have or had one of these addresses. O(rows)."""
        return [row for row, spans in self._held.items() if not places.isdisjoint(spans)]

    def save(self) -> list[Any]:
        """Return the state as plain values."""
        return [[row, [[*key, *span] for key, span in spans.items()]] for row, spans in self._held.items()]

    def load(self, held: list[Any]) -> None:
        """Restore what `save` returned."""
        self._held = {row: {(site, hi, lo): [a, b] for site, hi, lo, a, b in spans} for row, spans in held}
