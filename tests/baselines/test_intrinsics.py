"""Loads equal int.from_bytes, stores int.to_bytes, and borrowed rows are the rows: compiled and as plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines import _jit

LOADS = {
    "be16": (_jit.be16, 2, "big"),
    "be32": (_jit.be32, 4, "big"),
    "le16": (_jit.le16, 2, "little"),
    "le32": (_jit.le32, 4, "little"),
    "ule32": (_jit.ule32, 4, "little"),
    "ube32": (_jit.ube32, 4, "big"),
    "ube64": (_jit.ube64, 8, "big"),
    "ule64": (_jit.ule64, 8, "little"),
}


def _through_a_kernel(load):
    @_jit.kernel()
    def call(buf, offset):
        return load(buf, offset)

    return call


COMPILED = {name: _through_a_kernel(load) for name, (load, _, _) in LOADS.items()}


@pytest.mark.parametrize("name", LOADS)
@given(content=st.binary(min_size=24, max_size=24), offset=st.integers(0, 16))
def test_a_load_reads_what_from_bytes_reads(name: str, content: bytes, offset: int) -> None:
    """At any alignment, with the top bit set or not, never negative."""
    _, size, order = LOADS[name]
    expected = int.from_bytes(content[offset : offset + size], order)
    assert expected == int(COMPILED[name](np.frombuffer(content, np.uint8).copy(), offset))


PAIR = np.dtype([("a", np.int64), ("b", np.uint8)], align=True)
row = _jit.row_loader(PAIR)


@_jit.kernel()
def _put(buf, offset, value, bits):
    if bits == 16:
        _jit.put16(buf, offset, value)
    elif bits == 32:
        _jit.put32(buf, offset, value)
    else:
        _jit.put64(buf, offset, value)


@pytest.mark.parametrize("bits", [16, 32, 64])
@given(value=st.integers(-(2**63), 2**63 - 1), offset=st.integers(0, 8))
def test_a_store_writes_the_low_bits_and_nothing_else(bits: int, value: int, offset: int) -> None:
    """At any alignment, little-endian, two's complement."""
    expected = bytearray(b"\xaa" * 16)
    expected[offset : offset + bits // 8] = (value % 2**bits).to_bytes(bits // 8, "little")
    buf = np.full(16, 0xAA, np.uint8)
    _put(buf, offset, value, bits)
    assert bytes(expected) == buf.tobytes()


@_jit.kernel()
def _tabs(buf, start):
    return _jit.marks(buf, start, 9, 200)


@given(content=st.lists(st.sampled_from([9, 10, 34, 92, 200]), min_size=80, max_size=80), offset=st.integers(0, 16))
def test_marks_are_the_places_of_two_values(content: list[int], offset: int) -> None:
    """Bit i stands for the byte at offset + i; 64 bytes are looked at, no more."""
    expected = sum(1 << i for i, byte in enumerate(content[offset : offset + 64]) if byte in {9, 200})
    assert expected == int(_tabs(np.array(content, np.uint8), offset))


@_jit.kernel()
def _trailing(word):
    return _jit.ctz64(word)


@given(st.integers(0, 2**64 - 1))
def test_trailing_zeros_are_counted(word: int) -> None:
    """A word of zero has 64."""
    written = f"{word:064b}"
    assert len(written) - len(written.rstrip("0")) == int(_trailing(np.uint64(word)))


def test_borrowed_rows_are_the_rows_themselves() -> None:
    """What is written through the pointer stands in the array; only that row and that field."""

    @_jit.kernel()
    def write(rows, i):
        row(_jit.borrow(rows), i)["b"] = 7
        return row(_jit.borrow(rows), i)["a"]

    rows = np.zeros(3, PAIR)
    rows["a"] = 10, 20, 30
    assert 20 == write(rows, 1)
    assert [(10, 0), (20, 7), (30, 0)] == rows.tolist()


def test_a_borrowed_column_reads_as_the_column() -> None:
    """A pointer to plain items is indexed like the array."""

    @_jit.kernel()
    def third(column):
        return _jit.borrow(column)[2]

    assert 4 == third(np.array([0, 2, 4], np.int64))


def test_prefetch_changes_nothing() -> None:
    """It is a hint: the column is as it was."""

    @_jit.kernel()
    def touch(column):
        _jit.prefetch(column, 8)
        return column.sum()

    column = np.arange(4, dtype=np.int64)
    assert 6 == touch(column)
    assert [0, 1, 2, 3] == column.tolist()
