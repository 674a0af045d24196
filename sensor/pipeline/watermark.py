"""Up to which event time nothing older is to be expected, where several sources give records side by side.

A source that keeps up is waited for while it gives; one that reads its way through a backlog is waited for too, so
that it is learned from in order. One that stays behind (an audit log that its product delivers an hour late), is
silent, or down, is not: its records come late, and hold up nobody.
"""

import msgspec

from sensor.model.times import SECOND_NS

QUIET_S = 1.5
"""Without a record for so long, a source is not waited for: logs are looked at each second."""
LAG_NS = 30 * SECOND_NS
"""What a source may be behind and still count as keeping up: three ticks."""
LOOK_S = 5.0
"""Over which it is judged whether a source that is behind catches up."""
CATCHING_UP = 2.0
"""Event time a source must give in a time of the same length, to be catching up."""


class _Heard(msgspec.Struct):
    """What is known of one source."""

    newest_ns: int
    at_s: float
    mark_ns: int
    mark_s: float
    catching_up: bool = True
    """Whoever begins is given LOOK_S to show it."""


class Watermark:
    """How far every source is; times of the edge are handed in, in seconds of a steady clock."""

    def __init__(self) -> None:
        self._heard: dict[int, _Heard] = {}

    def heard(self, number: int, newest_ns: int, now_s: float) -> None:
        """Note that a source gave records, the newest of this event time."""
        one = self._heard.get(number)
        if one is None:
            self._heard[number] = _Heard(newest_ns, now_s, newest_ns, now_s)
            return
        one.newest_ns, one.at_s = max(one.newest_ns, newest_ns), now_s
        if now_s - one.mark_s >= LOOK_S:
            one.catching_up = one.newest_ns - one.mark_ns > CATCHING_UP * (now_s - one.mark_s) * SECOND_NS
            one.mark_ns, one.mark_s = one.newest_ns, now_s

    def forget(self, number: int) -> None:
        """Let go of a source that is no more."""
        self._heard.pop(number, None)

    def newest_ns(self) -> int:
        """Return the newest event time of all; 0 before any."""
        return max((one.newest_ns for one in self._heard.values()), default=0)

    def lag_ns(self, number: int) -> int:
        """Return how far a source's newest record is behind the newest of all."""
        one = self._heard.get(number)
        return 0 if one is None else self.newest_ns() - one.newest_ns

    def bound(self, now_s: float) -> int | None:
        """Return the event time below which nothing is expected; None where nobody is waited for."""
        newest_ns = self.newest_ns()
        waited = [
            one.newest_ns for one in self._heard.values()
            if now_s - one.at_s < QUIET_S and (newest_ns - one.newest_ns <= LAG_NS or one.catching_up)
        ]  # fmt: skip
        return min(waited, default=None)
