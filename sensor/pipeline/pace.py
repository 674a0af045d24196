"""When a running sensor commits: often while that is cheap, and never for more than a tenth of its time.

A commit writes the whole of what was learned, so that what it costs grows with the site: with each second's commit, a
sensor of 10,000 devices would do little else. What opened or raised an incident is committed at once.
"""

COMMIT_S = 1.0
"""Between two commits at least: what a person waits for, and what is read again after a power cut."""
COMMIT_MAX_S = 60.0
"""Between two commits at most while there is something to commit."""
SHARE = 9.0
"""Time between two commits over what the last one cost."""
URGENT_SHARE = 1.0
"""The same where somebody is to be told: half of the time at most."""


class Pace:
    """When the last commit was, and what it cost; seconds of a steady clock."""

    def __init__(self, now_s: float) -> None:
        self._last_s, self._cost_s = now_s, 0.0

    def is_due(self, now_s: float, *, urgent: bool) -> bool:
        """Tell whether to commit now what there is to commit."""
        since_s = now_s - self._last_s
        if urgent:
            return since_s >= URGENT_SHARE * self._cost_s
        return since_s >= min(max(COMMIT_S, SHARE * self._cost_s), max(COMMIT_MAX_S, self._cost_s))

    def committed(self, begin_s: float, end_s: float) -> None:
        """Note a commit."""
        self._last_s, self._cost_s = end_s, end_s - begin_s
