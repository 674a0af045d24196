"""How far another machine's clock is ahead of ours, between two bounds.

What it sent at a time of its own cannot have come before: its clock is ahead by at least `sent − received`. What we
sent at a time of ours it cannot have heard before: ahead by at most `heard − sent`. The bounds of a request and its
reply are as far apart as the two took on the way (as NTP has it, RFC 5905 §8, there with equal ways assumed). Where
things go one way there is no upper bound, and nothing is said. Bounds older than one to two hours are forgotten: a
clock may be set, or drift.
"""

from typing import NamedTuple

from sensor.model.times import HOUR_NS

WINDOW_NS = HOUR_NS
"""A crystal of 100 ppm drifts by .4 s in it, as much as a request over a slow link takes."""


class Estimate(NamedTuple):
    """`skew_ns` is wrong by `error_ns` at most, drift within the window apart."""

    skew_ns: int
    error_ns: int


class Skew:
    """One other machine's clock."""

    def __init__(self) -> None:
        self._least: list[tuple[int, int]] = []
        self._most: list[tuple[int, int]] = []
        self._newest = (0, 0)

    def add(self, sent_ns: int, received_ns: int) -> None:
        """Take what it sent at a time of its own, and we received at one of ours."""
        window, bound = received_ns // WINDOW_NS, sent_ns - received_ns
        if any(bound > most for _, most in self._most):  # the clock was set forward
            self._most = []
        self._newest = (window, bound)
        self._least = _with(self._least, window, bound, largest=True)

    def add_reply(self, sent_ns: int, heard_ns: int) -> None:
        """Take what we sent at a time of ours, and it heard at one of its own."""
        window, bound = sent_ns // WINDOW_NS, heard_ns - sent_ns
        if any(bound < least for _, least in self._least):  # the clock was set back
            self._least, self._most = [self._newest] if bound >= self._newest[1] else [], []
        self._most = _with(self._most, window, bound, largest=False)

    def estimate(self) -> Estimate | None:
        """Return the middle between the bounds; None without one of each."""
        if not self._least or not self._most:
            return None
        least, most = max(bound for _, bound in self._least), min(bound for _, bound in self._most)
        return Estimate((least + most) // 2, (most - least + 1) // 2)


def _with(held: list[tuple[int, int]], window: int, bound: int, *, largest: bool) -> list[tuple[int, int]]:
    """Return the tightest bound of each of the last two windows."""
    known = dict(held)
    before = known.get(window, bound)
    known[window] = max(before, bound) if largest else min(before, bound)
    return sorted(known.items())[-2:]
