"""How far the clock of a sign-in log is from a site's.

Learned from how long before or after a sign-in the account's own device contacts the provider.
The offsets of a right clock lie within a minute of none. Those of a wrong one lie around its error. Contacts that have
nothing to do with a sign-in lie anywhere, so the error is believed where half of the offsets lie together.
"""

import msgspec

from sensor.model.times import MINUTE_NS, SECOND_NS

REACH_NS = 10 * MINUTE_NS
"""Further off no clock is looked for: with minutes between contacts everything would coincide."""
STEP_NS = 30 * SECOND_NS
STEPS = 2 * REACH_NS // STEP_NS
TOGETHER = 5
"""Steps that a contact may spread over: it comes within about a minute before or after."""
OFFSETS_MIN = 12
"""With fewer, half of them together would still be chance: of 12 spread over 40 steps 6 in one place is p < 1e-3."""
RIGHT_NS = MINUTE_NS
"""An offset up to here is no error: a name is asked for up to a minute before the password is typed."""
FORGET = 240


class Clock(msgspec.Struct):
    """Counts of offsets in steps of STEP_NS from −REACH_NS to REACH_NS."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * STEPS)
    found_ns: int = 0

    def add(self, offset_ns: int) -> None:
        """Take one offset in: how long after the sign-in its device's contact nearest to it was."""
        if not -REACH_NS <= offset_ns < REACH_NS:
            return
        self.counts[(offset_ns + REACH_NS) // STEP_NS] += 1
        if sum(self.counts) >= FORGET:
            self.counts = [count // 2 for count in self.counts]
        self.found_ns = self._find()

    @property
    def is_known(self) -> bool:
        """Whether enough is known to say that it is right, or by how much it is not."""
        return sum(self.counts) >= OFFSETS_MIN

    @property
    def seen(self) -> int:
        """How many offsets it rests on."""
        return sum(self.counts)

    def offset(self) -> int:
        """Return what is to be added to the log's times, ns."""
        return self.found_ns

    def _find(self) -> int:
        total = sum(self.counts)
        sums = [sum(self.counts[at : at + TOGETHER]) for at in range(STEPS - TOGETHER + 1)]
        best = max(range(len(sums)), key=lambda at: (sums[at], -abs(at + TOGETHER // 2 - STEPS // 2)))
        if total < OFFSETS_MIN or 2 * sums[best] < total:
            return 0
        inside = self.counts[best : best + TOGETHER]
        middle = sum(at * count for at, count in enumerate(inside)) / sums[best] + 0.5
        found = int((best + middle) * STEP_NS) - REACH_NS
        return 0 if abs(found) <= RIGHT_NS else found
