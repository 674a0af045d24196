"""A cache folder belongs to one text of a module, of what it imports, and of the compilers."""

from pathlib import Path

import pytest

from baselines import _cache
from tests.shape.tree import ROOT, ours, resolve


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
    monkeypatch.setattr(_cache, "_ROOT", tmp_path)
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
        found = {path.relative_to(ROOT).as_posix() for path in _cache.imports(ROOT / item.path)}
        assert {by_name[name].path for name in expected} == {path for path in found if not path.endswith("__init__.py")}


def test_the_cache_folder_follows_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SPANLINE_KERNEL_CACHE wins over NUMBA_CACHE_DIR, that over XDG_CACHE_HOME, and that over ~/.cache."""
    path = tmp_path / "table.py"
    path.write_text("")
    for name in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "SPANLINE_KERNEL_CACHE"):
        monkeypatch.delenv(name, raising=False)
    chosen = []
    for name in ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "SPANLINE_KERNEL_CACHE"):
        monkeypatch.setenv(name, f"/nowhere/{name}")
        chosen.append(_folder(path).rpartition("/")[0])
    assert [
        "/nowhere/HOME/.cache/spanline/kernels",
        "/nowhere/XDG_CACHE_HOME/spanline/kernels",
        "/nowhere/NUMBA_CACHE_DIR",
        "/nowhere/SPANLINE_KERNEL_CACHE",
    ] == chosen


def test_pinned_kernels_are_found_in_the_text(tmp_path: Path) -> None:
    """Entries and kernels with a signature, however it is broken into lines; not helpers."""
    path = tmp_path / "table.py"
    path.write_text(
        "@kernel()\ndef a(x): ...\n@kernel(inline=True)\ndef b(x): ...\n@kernel(pin=(INT,))\ndef c(x): ...\n"
        "@kernel(\n    BYTES,\n    rows(np.int64),\n)  # fmt: skip\ndef d(x, y): ...\n"
        "@entry(*_ARGUMENTS)\ndef e(x): ...\n"
        "def f(x): ...\n"
    )
    assert ["d", "e"] == _cache.pinned(path)


def test_settings_of_the_compiler_count_and_those_of_its_cache_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """NUMBA_OPT makes other code; NUMBA_CACHE_DIR keeps the same elsewhere."""
    monkeypatch.setenv("NUMBA_OPT", "1")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/nowhere")
    assert "NUMBA_OPT=1" in _cache.settings().split()
    assert "/nowhere" not in _cache.settings()


def _folder(path: Path) -> str:
    """Ask anew: within a process the answer is kept."""
    _cache.forget()
    folder = str(_cache.folder(path))
    _cache.forget()
    return folder
