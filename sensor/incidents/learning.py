"""Who must not be learned from: whoever is in an open incident, and for 48 hours after it ended.

A benign verdict ends it at once. Rows of devices and accounts are counted in columns, so that a tick's answer costs the
same whatever is open.
"""

import heapq

import numpy as np
from numpy.typing import NDArray

from sensor.incidents.held import BlocksHeld
from sensor.model.times import HOUR_NS

QUARANTINE_NS = 48 * HOUR_NS
"""After an incident ended otherwise than benign: the method in force."""
KINDS = ("device", "account")


class Blocks:
    """Counts of reasons not to learn, by row."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self._reasons: dict[str, int] = {}
        self._counts = {kind: np.zeros(64, np.int32) for kind in KINDS}
        self._until: list[tuple[int, str]] = []

    def know(self, node: str, row: int) -> None:
        """Say which row a node is; −1 where it is none."""
        if row < 0:
            return
        before = self.rows.get(node)
        if before == row:
            return
        reasons = self._reasons.get(node, 0)
        if before is not None:
            self._add(node, before, -reasons)
        self.rows[node] = row
        self._add(node, row, reasons)

    def hold(self, node: str) -> None:
        """Add a reason."""
        self._reasons[node] = self._reasons.get(node, 0) + 1
        if node in self.rows:
            self._add(node, self.rows[node], 1)

    def free(self, node: str) -> None:
        """Take a reason away."""
        left = self._reasons.get(node, 0) - 1
        if left < 0:
            return
        if node in self.rows:
            self._add(node, self.rows[node], -1)
        if left:
            self._reasons[node] = left
        else:
            del self._reasons[node]
            self.rows.pop(node, None)

    def quarantine(self, node: str, end_ns: int) -> None:
        """Turn a reason into one that goes by itself after QUARANTINE_NS."""
        heapq.heappush(self._until, (end_ns + QUARANTINE_NS, node))

    def advance(self, end_ns: int) -> None:
        """Let quarantines end."""
        while self._until and self._until[0][0] <= end_ns:
            self.free(heapq.heappop(self._until)[1])

    def rename(self, old: str, new: str, row: int) -> None:
        """Give one node's reasons to another that stands for it from now on."""
        for _ in range(self._reasons.get(old, 0)):
            self.hold(new)
            self.free(old)
        self._until = [(until, new if node == old else node) for until, node in self._until]
        heapq.heapify(self._until)
        self.know(new, row)

    def flags(self, kind: str, rows: int) -> NDArray[np.bool_]:
        """Return which rows of a kind must not be learned from, bool, shape (rows,)."""
        held = self._counts[kind]
        flags = np.zeros(rows, np.bool_)
        n = min(rows, len(held))
        flags[:n] = held[:n] > 0
        return flags

    def save(self) -> BlocksHeld:
        """Return what is held; rows are found again by their ids."""
        return BlocksHeld(reasons=self._reasons, until=sorted(self._until))

    def load(self, held: BlocksHeld) -> None:
        """Restore what `save` returned; rows are said by `know` afterwards."""
        self._reasons, self._until = dict(held.reasons), list(held.until)

    @property
    def nodes(self) -> list[str]:
        """Nodes with a reason, for their rows to be found again."""
        return list(self._reasons)

    def _add(self, node: str, row: int, count: int) -> None:
        kind = node.partition(":")[0]
        if kind not in self._counts:
            return
        held = self._counts[kind]
        if row >= len(held):
            self._counts[kind] = held = np.concatenate([held, np.zeros(max(row + 1, len(held)), np.int32)])
        held[row] += count
