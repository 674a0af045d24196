"""Machine code is kept whole or not at all, and its file's name says for which machine it is."""

import logging
import threading
from pathlib import Path

import pytest

from baselines import _cache, _native
from baselines._kinds import Code
from baselines._native import store, stored

CODE = Code(b"\x7fELF one", "spanline.walk", ("int64", "uint64"))


@pytest.mark.parametrize("returns", [None, "int64", ("int64", "uint64")])
def test_what_is_stored_is_what_comes_back(tmp_path: Path, returns: object) -> None:
    """Machine code, symbol and result, and no other file is left behind."""
    code = CODE._replace(returns=returns)
    path = tmp_path / "new" / "walk.code"
    store(path, code)
    assert code == stored(path)
    assert [path] == list(path.parent.iterdir())


def test_a_damaged_file_is_none(tmp_path: Path) -> None:
    """Cut at any byte, changed in any byte, empty, or a folder: no exception, no code."""
    path = tmp_path / "walk.code"
    store(path, CODE)
    whole = path.read_bytes()
    for at in range(len(whole)):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]):
            path.write_bytes(damaged)
            assert stored(path) is None
    assert stored(tmp_path) is None
    assert stored(tmp_path / "nothing") is None


def test_many_writers_leave_one_whole_file(tmp_path: Path) -> None:
    """Whoever reads meanwhile gets all of one or nothing."""
    path = tmp_path / "walk.code"
    codes = [CODE._replace(machine=bytes([k]) * 10_000) for k in range(8)]
    writers = [threading.Thread(target=lambda code=code: [store(path, code) for _ in range(20)]) for code in codes]
    for writer in writers:
        writer.start()
    seen = {stored(path) for _ in range(200)}
    for writer in writers:
        writer.join()
    assert seen <= {None, *codes}
    assert stored(path) in codes
    assert [path] == list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is raised: the kernel is there, it will only have to be compiled again."""
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING):
        store(tmp_path / "file" / "walk.code", CODE)
    assert [f"kernel_not_kept path={tmp_path}/file/walk.code reason=File exists"] == caplog.messages


def test_the_name_of_a_file_tells_machines_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another processor, other features of it, another LLVM or Python, another setting of the compiler."""
    module = tmp_path / "table.py"
    module.write_text("")

    def name() -> str:
        _native._machine.cache_clear()
        return _native.place(module, "walk").name

    monkeypatch.setattr(_cache, "_ROOT", tmp_path)
    names = [name()]
    monkeypatch.setattr(_native.llvm, "get_host_cpu_name", lambda: "other")
    names.append(name())
    monkeypatch.setattr(_native.llvmlite, "__version__", "0.0")
    names.append(name())
    monkeypatch.setattr(_native.sys, "version", "3.99")
    names.append(name())
    monkeypatch.setenv("NUMBA_OPT", "0")
    names.append(name())
    monkeypatch.undo()
    _native._machine.cache_clear()
    assert 5 == len(set(names))
    assert {"walk-"} == {each[:5] for each in names}
