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
