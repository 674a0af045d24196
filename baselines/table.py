"""Growable state: named columns, one row an entity, rows recycled, saved as named arrays with a version.

Columns are plain numpy arrays that kernels take as they are. A table never knows what a row stands for.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

VERSION = 1
"""Of the layout that `save` writes."""

_FIRST_ROWS = 64
"""A table starts this long and doubles: small captures stay small."""


class Table:
    """Columns of equal length with a hard cap.

    Attributes:
        columns: By name; shape (capacity, ...). They are replaced when the table grows: fetch them anew at each use.
        rows: Rows handed out so far, recycled ones included.
        limit_rows: Hard cap.
        refused: How many rows were asked for beyond the cap.
    """

    def __init__(self, spec: Mapping[str, tuple[DTypeLike, tuple[int, ...], Any]], limit_rows: int) -> None:
        """Make an empty table.

        Args:
            spec: Name → (dtype, shape of one cell, value of a fresh cell).
            limit_rows: Hard cap of rows.
        """
        self.spec = dict(spec)
        self.limit_rows = limit_rows
        self.rows = 0
        self.refused = 0
        self._free: list[int] = []
        first = min(_FIRST_ROWS, limit_rows)
        self.columns: dict[str, NDArray[Any]] = {
            name: _fresh((first, *shape), fill, dtype) for name, (dtype, shape, fill) in self.spec.items()
        }

    @property
    def capacity(self) -> int:
        """Rows the columns now have room for."""
        return len(next(iter(self.columns.values())))

    @property
    def saturation(self) -> float:
        """Share of the cap in use, 0 to 1."""
        return (self.rows - len(self._free)) / self.limit_rows

    def add(self) -> int:
        """Return a fresh row, recycled if there is one; -1 where the table is full (counted in `refused`)."""
        if self._free:
            row = self._free.pop()
        elif self.rows < self.limit_rows:
            row = self.rows
            self.rows += 1
            self.reserve(self.rows)
        else:
            self.refused += 1
            return -1
        self.clear(row)
        return row

    def clear(self, row: int) -> None:
        """Make a row's cells those of a fresh one."""
        for name, (_, _, fill) in self.spec.items():
            self.columns[name][row] = fill

    def recycle(self, row: int) -> None:
        """Give a row back; its cells are cleared when it is handed out again."""
        self._free.append(row)

    def reserve(self, rows: int) -> None:
        """Make room for `rows` rows in all, up to the cap; amortised O(1) a row."""
        rows = min(rows, self.limit_rows)
        if rows <= self.capacity:
            return
        before = self.capacity
        size = min(self.limit_rows, max(rows, 2 * before))
        for name, (dtype, shape, fill) in self.spec.items():
            grown = _fresh((size, *shape), fill, dtype)
            grown[:before] = self.columns[name]
            self.columns[name] = grown

    def cover(self, rows: int) -> None:
        """Hand out rows until there are `rows` in all: for state kept beside another table's rows."""
        if rows <= self.rows:
            return  # as nearly always: each detector asks at each tick
        self.reserve(rows)
        self.rows = max(self.rows, min(rows, self.limit_rows))

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the rows in use as arrays, with the version and the free list."""
        state = {name: self.columns[name][: self.rows].copy() for name in self.spec}
        state["_version"] = np.array([VERSION, self.rows, self.refused], np.int64)
        state["_free"] = np.array(self._free, np.int64)
        return state

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `save` returned.

        A column the state lacks starts fresh; one this table no longer has is left out.

        Raises:
            ValueError: The version is unknown, or a column has another cell shape.
        """
        head = state.get("_version")
        if head is None or int(head[0]) != VERSION:
            found = None if head is None else int(head[0])
            raise ValueError(f"table state of version {found}; this program reads {VERSION}")
        rows = int(head[1])
        self.reserve(rows)
        for name, (dtype, shape, _) in self.spec.items():
            if name not in state:
                continue
            if state[name].shape != (rows, *shape):
                raise ValueError(f"column {name} has shape {state[name].shape}, not {(rows, *shape)}")
            self.columns[name][:rows] = state[name].astype(dtype, copy=False)
        self.rows, self.refused = rows, int(head[2])
        self._free = [int(row) for row in state["_free"]]


def _fresh(shape: tuple[int, ...], fill: Any, dtype: DTypeLike) -> NDArray[Any]:
    """Return fresh cells; zeros are asked of the system, which gives memory only to rows that are written."""
    if np.full(1, fill, dtype).view(np.uint8).any():
        return np.full(shape, fill, dtype)
    return np.zeros(shape, dtype)
