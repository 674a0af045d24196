"""Rows that turned out to be one device: which row stands for it, why, and how that is taken back.

A row is never renumbered and never lost: `kept` names the row that stands for the device, the one known longest. What
others hold by row goes on; a join made by a hostname alone is watched, and undone where both sides are in use at once,
so often that no laptop which changes its network card explains it: then they are clones with one name.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.distinct import among
from sensor.entities.touched import Touched
from sensor.model.times import MINUTE_NS

BOTH_NS = 5 * MINUTE_NS
"""Both sides in two-way traffic within this time is a turn. A laptop taken from its dock ends its old flows with it."""
TURNS_MAX = 4
"""Turns that undo a join: wired, wireless and back again within 5 minutes each is two hands' work, or two machines."""
WATCHED_MAX = 4096
"""Joins by hostname that are watched; those beyond are not made."""
REASONS_MAX = 1 << 16
"""Rows that are joined at all; further ones stay apart, counted by the caller."""

Rows = NDArray[np.int32]


class Joins:
    """Which rows are one device.

    Attributes:
        reasons: Why a row was joined to the one that stands for it.
        done: Rows that another stands for since `drain`, in order.
    """

    def __init__(self, touched: Touched | None = None) -> None:
        """Begin with none; `touched` hears which rows are joined and parted."""
        self._touched = touched
        self.reasons: dict[int, str] = {}
        self.done: list[int] = []
        self._members: dict[int, list[int]] = {}
        self._watched: dict[int, list[int]] = {}

    def members(self, kept: int) -> list[int]:
        """Return all rows of the device that a row stands for, itself first."""
        return self._members.get(kept, [kept])

    @property
    def any(self) -> bool:
        """Tell whether any rows are joined."""
        return bool(self._members)

    @property
    def has_room(self) -> bool:
        """Tell whether another join by hostname can be watched."""
        return len(self._watched) < WATCHED_MAX

    @property
    def is_full(self) -> bool:
        """Tell whether no more rows can be joined."""
        return len(self.reasons) >= REASONS_MAX

    def join(self, kept: Rows, first: NDArray[np.int64], a: int, b: int, why: str, *, watch: bool = False) -> int:
        """Make two rows one device; return the row that stands for it.

        Args:
            kept: By row, the row that stands for it; changed.
            first: By row, when it was first seen, ns; the earlier stays.
            a: One row; `b` the other.
            why: In a word.
            watch: Undo it where both are in use at once.
        """
        one, other = int(kept[a]), int(kept[b])
        if one == other:
            return one
        if (int(first[other]), other) < (int(first[one]), one):
            one, other = other, one
        moved = self._members.pop(other, [other])
        self._members.setdefault(one, [one]).extend(moved)
        kept[moved] = one
        self.reasons[other] = why
        if watch:
            self._watched[other] = [-1, 0, 0]
        self.done.append(other)
        self._mark(one, *moved)
        return one

    def part(self, kept: Rows, row: int) -> bool:
        """Take a row out of its device, alone; False where it stands for itself."""
        stands = int(kept[row])
        if stands == row:
            return False
        left = self._members[stands]
        left.remove(row)
        if len(left) == 1:
            del self._members[stands]
        kept[row] = row
        self.reasons.pop(row, None)
        self._watched.pop(row, None)
        self._mark(stands, row)
        return True

    def watch(self, kept: Rows, rows: Rows, ts: NDArray[np.int64]) -> list[int]:
        """Take in which rows were in two-way traffic, in order of time; return those that must be parted.

        Args:
            kept: By row, the row that stands for it.
            rows: Rows, int32, shape (n,).
            ts: ns, int64, shape (n,).
        """
        if not self._watched or not len(rows):
            return []
        watched = np.unique(kept[np.array(list(self._watched), np.int32)])
        found = np.nonzero(among(kept[rows], watched))[0]
        found = found[np.lexsort((ts[found], kept[rows[found]]))]
        turns = np.ones(len(found), np.bool_)
        turns[1:] = rows[found][1:] != rows[found][:-1]
        parted = []
        for i in found[turns].tolist():
            row = int(rows[i])
            for member in self.members(int(kept[row])):
                state = self._watched.get(member)
                if state is not None and self._turn(state, row == member, int(ts[i])):
                    parted.append(member)
        return list(dict.fromkeys(parted))

    def _mark(self, *rows: int) -> None:
        if self._touched is not None:
            for row in rows:
                self._touched.mark(row)

    @staticmethod
    def _turn(state: list[int], mine: bool, at: int) -> bool:
        """Count a change of sides that came within BOTH_NS of the other side's last traffic."""
        side, last, turns = state
        if side in {0, 1} and side != mine:
            turns = turns + 1 if at - last <= BOTH_NS else 0
        state[:] = [int(mine), max(last, at), turns]
        return turns >= TURNS_MAX

    def drain(self, kept: Rows) -> list[tuple[int, int]]:
        """Return (row, row that stands for it now) of the joins made since the last call that hold still."""
        done, self.done = dict.fromkeys(self.done), []
        return [(row, int(kept[row])) for row in done if kept[row] != row]

    def save(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "members": list(self._members.items()), "reasons": list(self.reasons.items()),
            "watched": list(self._watched.items()),
        }  # fmt: skip

    def load(self, held: dict[str, Any]) -> None:
        """Restore what `save` returned."""
        self._members = {int(kept): list(rows) for kept, rows in held["members"]}
        self.reasons = {int(row): str(why) for row, why in held["reasons"]}
        self._watched = {int(row): list(state) for row, state in held["watched"]}
