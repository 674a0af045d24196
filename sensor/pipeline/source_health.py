"""How the sources of a running sensor are, for its site's hub: counted since the hub was told last.

Several sources of one type at a site are one. The site's source is not told of: what a hub hears is said by the feed.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from sensor.model.fleet import SourceHealth
from sensor.model.result import InputResult
from sensor.pipeline.core import Core
from sensor.pipeline.forwarding import Forwarding
from sensor.pipeline.sourcing import Slot

OWN = "site"
"""Type of the source by which a hub hears its sites."""


class SourceTally:
    """What each type of source gave since it was told of."""

    def __init__(self, slots: Callable[[], Iterable[Slot]], lag_s: Callable[[int], float]) -> None:
        """Count nothing yet.

        Args:
            slots: All sources, by number.
            lag_s: How far one, by its number, is behind the newest of any, s.
        """
        self._slots, self._lag_s = slots, lag_s
        self._records, self._dropped = Counter[str](), Counter[str]()

    def serve(self, core: Core) -> None:
        """Let what gathers for the hub ask here, where anything does."""
        if isinstance(core.forwarder, Forwarding):
            core.forwarder.sources = self.tell

    def count(self, source: str, one: InputResult) -> None:
        """Add what a source gave."""
        self._records[source] += one.records
        self._dropped[source] += sum(one.rejected.values())

    def tell(self) -> tuple[SourceHealth, ...]:
        """Return how every type is, and count from nothing again."""
        up: dict[str, bool] = {}
        lag: dict[str, float] = {}
        for number, slot in enumerate(self._slots()):
            if slot.component is not None and slot.type != OWN:
                up[slot.type] = up.get(slot.type, True) and slot.is_up
                lag[slot.type] = max(lag.get(slot.type, 0.0), self._lag_s(number))
        told = tuple(
            SourceHealth(
                source=source, up=is_up, lag_s=round(lag[source], 3), records=self._records[source],
                dropped=self._dropped[source],
            )
            for source, is_up in sorted(up.items())
        )  # fmt: skip
        self._records.clear()
        self._dropped.clear()
        return told
