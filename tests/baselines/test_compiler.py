"""Machine code comes out of numba with the layout that `baselines._kinds` lays arguments out in."""

from typing import NamedTuple

import numpy as np
import pytest

from baselines import _jit
from baselines._kinds import kind_of, rows

if _jit.JIT_DISABLED:
    pytest.skip("numba compiles nothing with the JIT off", allow_module_level=True)

from numba import types

from baselines import _compiler


class Two(NamedTuple):
    """Columns of two types, and a number."""

    plane: np.ndarray
    records: np.ndarray
    number: int


PAIR = np.dtype([("a", np.int64), ("b", np.uint8)], align=True)
TWO = Two(np.arange(6, dtype=np.float64).reshape(2, 3), np.zeros(2, PAIR), 5)


def test_kinds_are_numba_types_of_values_of_that_kind() -> None:
    """What numba makes of a value itself."""
    import numba

    for value in (TWO.plane, TWO.records, TWO, TWO.number):
        assert numba.typeof(value) == _compiler.numba_type(kind_of(value))
    assert types.Array(types.int32, 1, "A") == _compiler.numba_type(rows(np.int32, strided=True))
    assert types.CPointer(types.uint8) == _compiler.numba_type(_jit.pointer(np.uint8))
    assert types.boolean == _compiler.numba_type("bool")


def test_every_part_of_every_kind_arrives() -> None:
    """Shapes, strides, fields and numbers, within a tuple and beside it."""

    @_jit.kernel(kind_of(TWO), rows(np.int64, strided=True), "float64", "uint64", "bool")
    def told(two, steps, share, word, yes):
        two.records[1]["b"] = len(two.records)
        columns = two.plane.shape[1] * 1000 + steps[2] * 100 + two.number
        return columns, two.plane[1, 2] + share, word, np.int64(1 if yes else 0)

    got = told(TWO, np.arange(9, dtype=np.int64)[::4], 0.25, 2**64 - 1, True)
    assert (3805, 5.25, 2**64 - 1, 1) == got
    assert [(0, 0), (0, 2)] == TWO.records.tolist()


@pytest.mark.parametrize(("value", "kind"), [(7, "int64"), (2.5, "float64"), (True, "bool"), (None, None)])
def test_scalars_come_back(value: object, kind: str | None) -> None:
    """Of each kind, and nothing at all."""

    @_jit.kernel("int64")
    def give(_n):
        return value

    assert value == give(1)
    assert kind == give.routine._returns


def test_a_result_that_has_no_words_is_refused() -> None:
    """An array, or more numbers than a block has room for."""

    @_jit.kernel(rows(np.int64))
    def back(column):
        return column

    @_jit.kernel("int64")
    def five(n):
        return n, n, n, n, n

    for kernel, argument in ((back, np.zeros(1, np.int64)), (five, 1)):
        with pytest.raises(TypeError, match="returns"):
            kernel(argument)


def test_a_status_without_a_note_is_a_system_error() -> None:
    """It says which kernel it was."""
    assert "walk ended with status 3" == str(_compiler.failure("walk", 3, 0))


def test_an_exception_keeps_its_type_and_text() -> None:
    """As it was raised in the kernel."""

    @_jit.kernel("int64")
    def refuse(n):
        if n > 3:
            raise ValueError("too many")
        return n

    assert 3 == refuse(3)
    with pytest.raises(ValueError, match="too many"):
        refuse(4)
