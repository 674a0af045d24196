"""How the sources of a running sensor are, for its site's hub: counted over the last hours.

Several sources of one type at a site are one. The site's source is not told of: what a hub hears is said by the feed.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from sensor.model.fleet import SourceHealth
from sensor.model.result import InputResult
from sensor.pipeline.core import Core
from sensor.pipeline.forwarding import Forwarding
from sensor.pipeline.sourcing import Slot

HOUR_S = 3600.0
HOURS = 6
"""As often a hub is told without anything having changed (`pipeline.forwarding`)."""
OWN = "site"
"""Type of the source by which a hub hears its sites."""


class SourceTally:
    """What each type of source gave in the last HOURS. Asking changes nothing."""

    def __init__(self, slots: Callable[[], Iterable[Slot]], lag_s: Callable[[int], float]) -> None:
        """Count nothing yet.

        Args:
            slots: All sources, by number.
            lag_s: How far one, by its number, is behind the newest of any, s.
        """
        self._slots, self._lag_s = slots, lag_s
        self._hours: dict[int, tuple[Counter[str], Counter[str]]] = {}

    def serve(self, core: Core) -> None:
        """Let what gathers for the hub ask here, where anything does."""
        if isinstance(core.forwarder, Forwarding):
            core.forwarder.sources = self.tell

    def count(self, source: str, one: InputResult, now_s: float) -> None:
        """Add what a source gave by now, on a steady clock."""
        hour = int(now_s // HOUR_S)
        records, dropped = self._hours.setdefault(hour, (Counter(), Counter()))
        records[source] += one.records
        dropped[source] += sum(one.rejected.values())
        for old in [held for held in self._hours if held <= hour - HOURS]:
            del self._hours[old]

    def tell(self) -> tuple[SourceHealth, ...]:
        """Return how every type is."""
        up: dict[str, bool] = {}
        lag: dict[str, float] = {}
        for number, slot in enumerate(self._slots()):
            if slot.component is not None and slot.type != OWN:
                up[slot.type] = up.get(slot.type, True) and slot.is_up
                lag[slot.type] = max(lag.get(slot.type, 0.0), self._lag_s(number))
        return tuple(
            SourceHealth(
                source=source, up=is_up, lag_s=round(lag[source], 3),
                records=sum(records[source] for records, _ in self._hours.values()),
                dropped=sum(dropped[source] for _, dropped in self._hours.values()),
            )
            for source, is_up in sorted(up.items())
        )  # fmt: skip
