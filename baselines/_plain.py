"""What kernels see of borrowed arrays when they run as plain Python: numbers that count as compiled ones do.

NumPy's scalars keep their width in arithmetic (NEP 50): 1 << uint8(9) is 0, uint32(0) - 1 is an overflow. Compiled, a
narrow integer becomes 64 bits wide as it is loaded, and what is stored is cut to the width of its place. So here items
of up to 32 bits are loaded as Python's integers, and stored modulo their width. 64-bit ones stay NumPy's, as kernels
say themselves how those are to count. Only `baselines._jit` uses this, and only with NUMBA_DISABLE_JIT=1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def loaded(value: Any) -> Any:
    """Return an item as a kernel has it in a register; an array within a row as a pointer to its first item."""
    if isinstance(value, np.ndarray):
        return Pointer(value)
    if isinstance(value, np.integer) and value.dtype.itemsize < 8:
        return int(value)
    return value


def stored(value: Any, dtype: np.dtype[Any]) -> Any:
    """Return a number cut to the width of the place where it goes."""
    if dtype.kind not in "iu":
        return value
    bits = 8 * dtype.itemsize
    number = int(value) & ((1 << bits) - 1)
    return number - (1 << bits) if dtype.kind == "i" and number >> bits - 1 else number


class Pointer:
    """An array's items, without its length; bounds are checked all the same, and an index below 0 is an error."""

    __slots__ = ("array",)

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return self.array[at]
        if at < 0:
            raise IndexError(f"a kernel reads at {at}")
        return loaded(self.array[at])

    def __setitem__(self, at: Any, value: Any) -> None:
        if at < 0:
            raise IndexError(f"a kernel writes at {at}")
        self.array[at] = stored(value, self.array.dtype)


class Row:
    """One structured row, its fields as attributes."""

    __slots__ = ("_array", "_at")

    def __init__(self, pointer: Pointer, at: Any) -> None:
        array = pointer.array
        if not 0 <= at < len(array):
            raise IndexError(f"a kernel asks for row {at} of {len(array)}")
        object.__setattr__(self, "_array", array)
        object.__setattr__(self, "_at", int(at))

    def __getattr__(self, name: str) -> Any:
        return loaded(self._array[name][self._at])

    def __setattr__(self, name: str, value: Any) -> None:
        column = self._array[name]
        column[self._at] = stored(value, column.dtype)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)
