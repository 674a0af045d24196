"""Loads equal int.from_bytes, signatures stay pinned, and an edit of what a kernel imports starts a fresh cache."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import types

from baselines import _jit
from tests.shape.tree import ROOT, ours, resolve

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


@pytest.mark.skipif(_jit.JIT_DISABLED, reason="plain Python has no entries")
def test_a_helper_pinned_without_an_entry_serves_kernels_alone() -> None:
    """Kernels call it; there is one version of it, whatever literal it is given."""

    @_jit.kernel(pin=(types.int64, types.int64))
    def add(a, b):
        return a + b

    @_jit.kernel()
    def call(a):
        return add(a, 1) + add(a, np.uint8(2))

    assert 23 == call(10)
    assert 1 == len(add.signatures)


def test_a_kernel_calls_an_entry_by_its_address() -> None:
    """The arguments arrive, cast to the entry's types, and what it writes stands in the caller's array."""
    kinds = (types.CPointer(types.int64), types.int64)
    call = _jit.caller(*kinds)

    @_jit.entry(*kinds)
    def double(column, i):
        column[i] *= 2

    address = double if _jit.JIT_DISABLED else double.address

    @_jit.kernel()
    def twice(column, where):
        call(where, _jit.borrow(column), np.uint8(1))
        call(where, _jit.borrow(column), 2)

    column = np.array([3, 4, 5], np.int64)
    twice(column, address)
    assert [3, 8, 10] == column.tolist()


def test_prefetch_changes_nothing() -> None:
    """It is a hint: the column is as it was."""

    @_jit.kernel()
    def touch(column):
        _jit.prefetch(column, 8)
        return column.sum()

    column = np.arange(4, dtype=np.int64)
    assert 6 == touch(column)
    assert [0, 1, 2, 3] == column.tolist()


@pytest.mark.skipif(_jit.JIT_DISABLED, reason="plain Python has no signatures")
def test_a_pinned_kernel_refuses_other_types() -> None:
    """One version is compiled; a column of another type or layout is an error, not a second compilation."""

    @_jit.kernel(_jit.rows(np.int64))
    def total(column):
        return column.sum()

    assert 3 == total(np.array([1, 2], np.int64))
    with pytest.raises(TypeError, match="No matching definition"):
        total(np.array([1.0, 2.0]))
    with pytest.raises(TypeError, match="No matching definition"):
        total(np.arange(4, dtype=np.int64)[::2])


def test_rows_of_a_record_type_are_contiguous_and_writable() -> None:
    """The type pinned for a structured column says so."""
    kind = _jit.rows(np.dtype([("a", np.int64), ("b", np.uint8)], align=True))
    assert isinstance(kind, types.Array)
    assert ("C", 1, True) == (kind.layout, kind.ndim, kind.mutable)


def test_an_edit_of_an_imported_module_starts_a_fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module's cache folder changes with a module that it imports through another, and not with any other."""
    texts = {
        "table": "from sensor.flows import keys\n",
        "keys": "import sensor.flows.words\n",
        "words": "",
        "other": "",
    }
    (tmp_path / "sensor" / "flows").mkdir(parents=True)
    paths = {name: tmp_path / "sensor" / "flows" / f"{name}.py" for name in texts}
    for name, text in texts.items():
        paths[name].write_text(text)
    monkeypatch.setattr(_jit, "_ROOT", tmp_path)
    first = _folder(paths["table"])
    paths["other"].write_text("a = 1\n")
    assert first == _folder(paths["table"])
    paths["words"].write_text("a = 1\n")
    assert first != _folder(paths["table"])


def test_the_imports_found_by_text_are_those_of_the_syntax_tree() -> None:
    """For every module with kernels; the packages' own files hold no kernel and do not count."""
    by_name = {item.name: item for item in ours()}
    names = frozenset(name for name, item in by_name.items() if not item.path.endswith("__init__.py"))
    for item in by_name.values():
        if not item.kernels():
            continue
        expected, waiting = set(), [item.name]
        while waiting:
            name = waiting.pop()
            if name not in expected:
                expected.add(name)
                targets = (resolve(found.target, names) for found in by_name[name].imports() if found.at_top)
                waiting += [target for target in targets if target is not None]
        found = {path.relative_to(ROOT).as_posix() for path in _jit._imports(ROOT / item.path)}
        assert {by_name[name].path for name in expected} == {path for path in found if not path.endswith("__init__.py")}


def test_the_cache_folder_follows_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SPANLINE_KERNEL_CACHE wins over XDG_CACHE_HOME, which wins over ~/.cache."""
    path = tmp_path / "table.py"
    path.write_text("")
    for name in ("XDG_CACHE_HOME", "SPANLINE_KERNEL_CACHE"):
        monkeypatch.delenv(name, raising=False)
    chosen = []
    for name in ("HOME", "XDG_CACHE_HOME", "SPANLINE_KERNEL_CACHE"):
        monkeypatch.setenv(name, f"/nowhere/{name}")
        chosen.append(_folder(path).rpartition("/")[0])
    assert [
        "/nowhere/HOME/.cache/spanline/kernels",
        "/nowhere/XDG_CACHE_HOME/spanline/kernels",
        "/nowhere/SPANLINE_KERNEL_CACHE",
    ] == chosen


def _folder(path: Path) -> str:
    """Ask anew: within a process the answer is kept."""
    _jit._imports.cache_clear()
    _jit._cache_dir.cache_clear()
    folder = _jit._cache_dir(path)
    _jit._imports.cache_clear()
    _jit._cache_dir.cache_clear()
    return folder
