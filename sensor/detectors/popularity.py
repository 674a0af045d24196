"""How common something is at a site: by how many of its devices it was ever used. The base measure of novelty.

A thing is a destination or a service, two words. Each device counts once for each thing; a site's process has as many
draws as there are such pairs. Bounded: the half not used for longest goes. No detector.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.keyed import KeyedTable
from baselines.novelty import p_of_sizes

THINGS_MAX = 1 << 20
"""Things of all sites: 44 MB at most."""
USERS_MAX = 1_023
"""What more devices use counts as of so many: it is common in any case."""
GROUPS_MAX = 1 << 12
"""Groups (site and category); further ones share the last."""

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]


class Popularity:
    """Devices by thing, and how many things have how many.

    Attributes:
        sizes: Things by group and number of devices, int64, shape (groups, USERS_MAX + 1).
    """

    def __init__(self, secret: int) -> None:
        self._things = KeyedTable({"users": (np.int32, (), 0)}, THINGS_MAX, secret)
        self.sizes = np.zeros((1, USERS_MAX + 1), np.int64)
        self._evicted = 0

    @property
    def saturation(self) -> float:
        """Share of the cap in use, 0 to 1."""
        return self._things.saturation

    def users(self, group: Ints, hi: Words, lo: Words) -> Ints:
        """Return how many devices of its group ever used each thing, int64, shape (n,)."""
        found = self._things.find(_cut(group), hi, lo)
        return np.where(found >= 0, self._things.columns["users"][found], 0).astype(np.int64)

    def mass(self, group: int, users: int) -> float:
        """Return the mass of a group's things that at most as many devices use; what is new is 0 of them."""
        return p_of_sizes(self.sizes[min(group, len(self.sizes) - 1)], users)

    def add(self, group: Ints, hi: Words, lo: Words, now_ns: int) -> None:
        """Count a further device for each thing, in order."""
        if not len(group):
            return
        cut = _cut(group)
        self._grow(int(cut.max()))
        before = len(self._things)
        rows = self._things.insert(cut, hi, lo)
        columns = self._things.columns
        columns["users"][rows[rows >= before]] = 0
        columns["last"][rows] = now_ns
        if self._things.evicted != self._evicted:
            np.add.at(columns["users"], rows, 1)
            self._count()
            return
        touched, first, times = np.unique(rows, return_index=True, return_counts=True)
        at = cut[first].astype(np.int64)
        old = columns["users"][touched].astype(np.int64)
        new = old + times
        columns["users"][touched] = new
        known = old > 0
        np.subtract.at(self.sizes, (at[known], np.minimum(old[known], USERS_MAX)), 1)
        np.add.at(self.sizes, (at, np.minimum(new, USERS_MAX)), 1)

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        return self._things.save()

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        self._things.load(state)
        self._count()

    def _grow(self, group: int) -> None:
        if group >= len(self.sizes):
            more = np.zeros((group + 1 - len(self.sizes), USERS_MAX + 1), np.int64)
            self.sizes = np.concatenate([self.sizes, more])

    def _count(self) -> None:
        """Count the sizes anew, where things went."""
        self._evicted = self._things.evicted
        keys = self._things.columns["keys"][: len(self._things), 0].astype(np.int64)
        users = self._things.columns["users"][: len(self._things)]
        self.sizes = np.zeros((int(keys.max(initial=0)) + 1, USERS_MAX + 1), np.int64)
        np.add.at(self.sizes, (keys, np.minimum(users, USERS_MAX)), 1)


def _cut(group: Ints) -> Words:
    return np.minimum(group, GROUPS_MAX - 1).astype(np.uint64)
