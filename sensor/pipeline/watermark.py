"""Up to which event time nothing older is to be expected, where several sources give records side by side.

A source that keeps up is waited for while it gives; one that reads its way through a backlog is waited for too, so
that it is learned from in order. One that stays behind (an audit log that its product delivers an hour late), is
silent, or down, is not: its records come late, and hold up nobody.
"""

import msgspec

from sensor.model.times import SECOND_NS

QUIET_S = 1.5
"""Without a record for so long, a source is not waited for: logs are looked at each second."""
STALL_S = 60.0
"""The same of one that has more: a poll is a second's work, and a busy machine takes many times as long."""
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
    has_more: bool = False
    """It has read only a part of what there is."""


class Watermark:
    """How far every source is; times of the edge are handed in, in seconds of a steady clock."""

    def __init__(self) -> None:
        self._heard: dict[int, _Heard] = {}

    def expect(self, number: int, now_s: float) -> None:
        """Wait for a source that has just been opened: it may have days to tell."""
        self._heard.setdefault(number, _Heard(0, now_s, 0, now_s, has_more=True))

    def looked(self, number: int) -> None:
        """Note that a source that was expected has nothing."""
        one = self._heard.get(number)
        if one is not None and not one.newest_ns:
            del self._heard[number]

    def heard(self, number: int, newest_ns: int, now_s: float, *, has_more: bool = False) -> None:
        """Note that a source gave records, the newest of this event time, and whether it has more at hand."""
        one = self._heard.get(number)
        if one is None or not one.newest_ns:
            self._heard[number] = _Heard(newest_ns, now_s, newest_ns, now_s, has_more=has_more)
            return
        one.newest_ns, one.at_s, one.has_more = max(one.newest_ns, newest_ns), now_s, has_more
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
        """Return how far a source's newest record is behind the newest of all; 0 before it gave any."""
        one = self._heard.get(number)
        return 0 if one is None or not one.newest_ns else self.newest_ns() - one.newest_ns

    def furthest_behind(self) -> int | None:
        """Return the source that has told least; None where none was heard of."""
        return min(self._heard, key=lambda number: (self._heard[number].newest_ns, number), default=None)

    def bound(self, now_s: float) -> int | None:
        """Return the event time below which nothing is expected; None where nobody is waited for."""
        newest_ns = self.newest_ns()
        giving = (one for one in self._heard.values() if now_s - one.at_s < (STALL_S if one.has_more else QUIET_S))
        waited = [one.newest_ns for one in giving if newest_ns - one.newest_ns <= LAG_NS or one.catching_up]
        return min(waited, default=None)
