"""Values are laid out as words that machine code reads, and what is not of its kind is refused."""

import ctypes
from typing import NamedTuple

import numpy as np
import pytest

from baselines._kinds import (
    ARRAY_DATA,
    ARRAY_SHAPE,
    ARRAY_STRIDES,
    Bare,
    Column,
    Together,
    flat,
    kind_of,
    pointer,
    result,
    rows,
    width,
    words,
)

PAIR = np.dtype([("a", np.int64), ("b", np.uint8)], align=True)


class Both(NamedTuple):
    """A column and a number."""

    column: np.ndarray
    number: int


def test_an_array_is_the_address_of_its_object() -> None:
    """Plain or of records, of any number of axes, empty too; of an equal type or a derived class."""
    plane, records = np.zeros((3, 4), np.uint16), np.zeros(5, PAIR)
    assert [id(plane)] == words(rows(np.uint16, 2), plane)
    assert [id(records)] == words(rows(np.dtype([("a", np.int64), ("b", np.uint8)], align=True)), records)
    part = records[5:]
    assert [id(part)] == words(rows(PAIR), part)
    derived = plane.view(np.recarray)
    assert [id(derived)] == words(rows(np.uint16, 2), derived)


def test_its_bytes_shape_and_strides_stand_where_numpy_says() -> None:
    """The layout that machine code reads."""
    plane = np.arange(24, dtype=np.int64).reshape(4, 6)[::2, 1:]
    word = [ctypes.c_int64.from_address(id(plane) + at).value for at in (ARRAY_DATA, ARRAY_SHAPE, ARRAY_STRIDES)]
    assert plane.ctypes.data == word[0]
    assert [plane.shape, plane.strides] == [tuple((ctypes.c_int64 * 2).from_address(each)) for each in word[1:]]


def test_an_array_of_another_kind_is_refused() -> None:
    """Type, byte order, axes, layout, alignment, and what may not be written."""
    shut = np.zeros(2, np.int64)
    shut.flags.writeable = False
    others = (
        np.zeros(2, np.int32), np.zeros(2, ">i8"), np.zeros((2, 2), np.int64), np.zeros(4, np.int64)[::2],
        np.frombuffer(bytearray(17), np.uint8)[1:].view(np.int64), shut, [1, 2], None,
    )  # fmt: skip
    for other in others:
        with pytest.raises(TypeError):
            words(rows(np.int64), other)


def test_a_strided_column_may_step_over_items() -> None:
    """Where the kind says so."""
    column = np.zeros((4, 2), np.int64)[:, 1]
    assert [id(column)] == words(rows(np.int64, strided=True), column)
    with pytest.raises(TypeError, match="strides"):
        words(rows(np.int64), column)


def test_scalars_take_a_word() -> None:
    """Python's numbers and NumPy's; a float by its bits, a boolean as 0 or 1."""
    assert [[-5], [2**64 - 1], [1], [0x3FF8 << 48]] == [
        words("int64", np.int16(-5)), words("uint64", np.uint64(2**64 - 1)), words("bool", np.True_),
        words("float64", 1.5),
    ]  # fmt: skip
    with pytest.raises(TypeError):
        words("int64", 1.0)


def test_a_named_tuple_is_its_parts_in_order() -> None:
    """Its kind is found from an example; another tuple is refused."""
    both = Both(np.zeros(2, np.int64), 7)
    kind = kind_of(both)
    assert Together(Both, (Column(np.dtype(np.int64)), "int64")) == kind
    assert [*words(rows(np.int64), both.column), 7] == words(kind, both)
    with pytest.raises(TypeError):
        words(kind, tuple(both))


@pytest.mark.parametrize("kind", ["int64", rows(np.int8), rows(PAIR, 2), kind_of(Both(np.zeros((1, 1, 1)), 0))])
def test_the_width_is_the_number_of_words(kind: object) -> None:
    """Whatever the kind."""
    assert 1 + isinstance(kind, Together) == width(kind) == len(flat((kind,)))


def test_a_kind_of_a_float_or_a_text_is_not_guessed() -> None:
    """Only integers, arrays and tuples of them have one; bare pointers are for kernels alone."""
    for value in (1.5, "text", None):
        with pytest.raises(TypeError):
            kind_of(value)
    assert Bare(np.dtype(np.uint8)) == pointer(np.uint8)
    with pytest.raises(TypeError):
        words(pointer(np.uint8), np.zeros(1, np.uint8))


def test_a_result_is_read_from_its_words() -> None:
    """Signed and unsigned, true and false (one byte counts), a float by its bits, tuples, nothing."""
    assert [-1, 2**64 - 1, True, False, 1.5, (3, 2**64 - 2), None] == [
        result("int64", (-1,)), result("uint64", (-1,)), result("bool", (0x701,)), result("bool", (0x700,)),
        result("float64", (0x3FF8 << 48,)), result(("int64", "uint64"), (3, -2, 9, 9)), result(None, (5,)),
    ]  # fmt: skip
