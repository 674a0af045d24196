"""A row for each key that has something to remember now: numpy columns, the key unused longest gives up its row.

For state that few entities have at a time (a ring of refused prompts): an entity without it costs nothing. Keys are
numbers (rows of entities known) or texts (names that are not); each kind has its own cap, so that a flood of unknown
names takes no room from the known.
"""

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from baselines.table import Table

Key = int | str
NAME_MAX = 256
"""Characters of a text key; what is longer is cut, so that a name takes bounded room."""


class Slots:
    """Columns by key.

    Attributes:
        evicted: Keys that gave up their row to make room.
    """

    def __init__(
        self, spec: Mapping[str, tuple[DTypeLike, tuple[int, ...], Any]], known_max: int, unknown_max: int
    ) -> None:
        """Make an empty one; `spec` as for Table."""
        self._table = Table(spec, known_max + unknown_max)
        self._rows: tuple[OrderedDict[Key, int], OrderedDict[Key, int]] = (OrderedDict(), OrderedDict())
        self._caps = (known_max, unknown_max)
        self.evicted = 0

    def __len__(self) -> int:
        """Count the keys that have a row."""
        return len(self._rows[0]) + len(self._rows[1])

    def __contains__(self, key: Key) -> bool:
        """Tell whether a key has a row."""
        return self.find(key) >= 0

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns by name; fetch them anew after `take`."""
        return self._table.columns

    @property
    def saturation(self) -> float:
        """Share of the cap in use, 0 to 1."""
        return len(self) / sum(self._caps)

    def find(self, key: Key) -> int:
        """Return a key's row, −1 where it has none."""
        if isinstance(key, int):
            return self._rows[0].get(key, -1)
        return self._rows[1].get(key[:NAME_MAX], -1)

    def take(self, key: Key) -> int:
        """Return a key's row, a fresh one where it had none; the key is then the one used last."""
        which = 0 if isinstance(key, int) else 1
        key = key if isinstance(key, int) else key[:NAME_MAX]
        held = self._rows[which]
        row = held.get(key)
        if row is not None:
            held.move_to_end(key)
            return row
        if len(held) >= self._caps[which]:
            _, gone = held.popitem(last=False)
            self._table.recycle(gone)
            self.evicted += 1
        row = self._table.add()
        held[key] = row
        return row

    def save(self) -> dict[str, NDArray[Any]]:
        """Return everything as named arrays."""
        keys = [[[key, row] for key, row in held.items()] for held in self._rows]
        return {**self._table.save(), "_keys": np.frombuffer(json.dumps(keys).encode(), np.uint8)}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError as Table.load does."""
        self._table.load(state)
        known, unknown = json.loads(state["_keys"].tobytes())
        self._rows = (OrderedDict(map(tuple, known)), OrderedDict(map(tuple, unknown)))
