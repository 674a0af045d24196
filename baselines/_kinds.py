"""What kernels take, said without numba, and how a value of Python's lies in the words that a kernel is called with.

A kind is a name of a scalar (`int64`, `uint64`, `float64`, `bool`), a column, a bare pointer, or a named tuple of
those. A scalar is its bits. An array is the address of NumPy's object, which the caller holds for the time of the call:
machine code finds bytes, shape and strides there by NumPy's public layout (`PyArrayObject_fields`, fixed by its ABI);
copying them word by word in Python took 2 microseconds an array. What does not agree with its kind to the letter is
refused, because machine code would read it all the same.
"""

import operator
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike


@dataclass(frozen=True)
class Column:
    """A writable aligned array, C-contiguous unless `strided`."""

    dtype: np.dtype[Any]
    ndim: int = 1
    strided: bool = False


@dataclass(frozen=True)
class Bare:
    """A pointer to items, which only kernels pass to each other."""

    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Together:
    """A named tuple."""

    made: type[tuple[Any, ...]]
    kinds: tuple["Kind", ...]


Kind = str | Column | Bare | Together

ARRAY_DATA = object.__basicsize__
"""Where the address of the bytes stands in an array's object, behind what every object has."""
ARRAY_SHAPE, ARRAY_STRIDES = ARRAY_DATA + 16, ARRAY_DATA + 24
"""Where the addresses of its shape and strides stand."""

RESULT_WORDS = 4
"""Words a result may take, the first of the block that a kernel is called with."""
FAILURE_WORD = RESULT_WORDS
"""The word that takes the address of what numba says of an exception."""
FIRST_ARGUMENT = RESULT_WORDS + 1
"""Where the words of the arguments begin."""
UNUSED = "NRT_MemInfo_call_dtor"
"""What numba's reference counting calls where it frees an array. Ours are passed without an owner: it never does."""


class Code(NamedTuple):
    """A compiled kernel."""

    machine: bytes
    """An object file."""
    symbol: str
    """What is called."""
    returns: tuple[str, ...] | str | None
    """Kinds of a tuple, a scalar, or nothing."""


def rows(dtype: DTypeLike, ndim: int = 1, *, strided: bool = False) -> Column:
    """Return the kind of a column: by default a writable C-contiguous 1-D array of `dtype` (plain or structured)."""
    return Column(np.dtype(dtype), ndim, strided)


def pointer(dtype: DTypeLike) -> Bare:
    """Return the kind of a bare pointer to items of `dtype`."""
    return Bare(np.dtype(dtype))


def kind_of(value: Any) -> Kind:
    """Return the kind of an integer, of a C-contiguous array or of a named tuple of them."""
    if isinstance(value, np.ndarray):
        return Column(value.dtype, value.ndim)
    if isinstance(value, tuple):
        return Together(type(value), tuple(kind_of(item) for item in value))
    if isinstance(value, int):
        return "int64"
    raise TypeError(f"no kind for {type(value).__name__}")


def width(kind: Kind) -> int:
    """Return how many words a value takes."""
    return sum(width(item) for item in kind.kinds) if isinstance(kind, Together) else 1


def flat(kinds: tuple[Kind, ...]) -> list[Kind]:
    """Return the kinds of the words: named tuples taken apart."""
    return [part for kind in kinds for part in (flat(kind.kinds) if isinstance(kind, Together) else [kind])]


def words(kind: Kind, value: Any) -> list[int]:
    """Lay a value out as 64-bit words. Raises TypeError where it is not of the kind."""
    if isinstance(kind, Together) and isinstance(value, kind.made):
        return [word for item, part in zip(kind.kinds, value, strict=True) for word in words(item, part)]
    return [word_of(kind)(value)]


@cache
def word_of(kind: Kind) -> Callable[[Any], int]:
    """Return what lays out a scalar or an array. It raises TypeError where it is given something else."""
    if isinstance(kind, Column):
        return _array(kind)
    if kind == "float64":
        return lambda value: int(struct.unpack("<q", struct.pack("<d", value))[0])
    if kind == "bool":
        return lambda value: int(bool(value))
    if isinstance(kind, str):
        return operator.index

    def refuse(value: Any) -> int:
        raise TypeError(f"{type(value).__name__} is no {kind}")

    return refuse


def _array(kind: Column) -> Callable[[Any], int]:
    dtype, ndim, strided = kind.dtype, kind.ndim, kind.strided

    def lay(array: Any) -> int:
        # What most calls are, in the least time; then all that is allowed.
        if type(array) is np.ndarray and array.dtype is dtype and array.ndim == ndim and array.flags.carray:
            return id(array)
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{type(array).__name__} is no array")
        fits = array.flags.carray or (strided and array.flags.behaved)
        if array.dtype != dtype or array.ndim != ndim or not fits:
            about = f"an array of {array.dtype}, shape {array.shape}, strides {array.strides}"
            raise TypeError(f"{about}, is no {kind}, or is read-only")
        return id(array)

    return lay


def result(kinds: tuple[str, ...] | str | None, found: tuple[int, ...]) -> Any:
    """Return what the words of a result say: a scalar, a tuple of scalars, or None."""
    if kinds is None:
        return None
    if isinstance(kinds, str):
        return _value(kinds, found[0])
    return tuple(_value(kind, word) for kind, word in zip(kinds, found, strict=False))


def _value(kind: str, word: int) -> Any:
    if kind == "int64":
        return word
    if kind == "uint64":
        return word & 0xFFFF_FFFF_FFFF_FFFF
    if kind == "bool":
        return bool(word & 0xFF)
    return struct.unpack("<d", struct.pack("<q", word))[0]
