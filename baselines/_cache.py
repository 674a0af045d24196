"""Where compiled kernels are kept, and which text they belong to.

numba's cache looks only at the file that defines a kernel, not at the helpers it inlines from other files. So each
module's folder carries a fingerprint of that module and of all of ours that it imports, of how we compile, and of the
versions that do it. numba keeps helpers there; `baselines._native` keeps machine code beside them.

Neither numba nor LLVM is imported here: a start that finds everything compiled needs no compiler.
"""

import hashlib
import importlib.util
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

_ROOT = Path(__file__).resolve().parent.parent
_IMPORT = re.compile(r"^(?:from|import) ((?:sensor|baselines)[.\w]*)(?: import ([^#\n(]*|\([^)]*\)))?", re.MULTILINE)
_PINNED = re.compile(r"^@(?:entry|kernel)\((?!\)|inline|pin)(?:.*\n)+?def (\w+)", re.MULTILINE)
"""A function that is compiled for its own sake: `baselines._jit` has the two decorators."""
_COMPILER = ("_cache.py", "_compiler.py", "_intrinsics.py", "_jit.py", "_kinds.py", "_native.py")
"""Files of this package that decide what machine code comes out; some are imported only where one compiles."""


@cache
def _text(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _imported(path: Path) -> frozenset[Path]:
    """Return the modules of ours that a module's text imports at its top."""
    found: set[Path] = set()
    for module, names in _IMPORT.findall(_text(path).decode("utf-8")):
        parts = module.split(".")
        found.add(_ROOT.joinpath(*parts).with_suffix(".py"))
        found.update(_ROOT.joinpath(*parts, f"{name}.py") for name in re.findall(r"\w+", names))
    return frozenset(candidate for candidate in found if candidate.is_file())


@cache
def imports(path: Path) -> frozenset[Path]:
    """Return the modules of ours that `path` imports, directly or through others, itself included."""
    seen: set[Path] = set()
    todo = [path]
    while todo:
        here = todo.pop()
        if here not in seen:
            seen.add(here)
            todo += _imported(here)
    return frozenset(seen)


def pinned(path: Path) -> list[str]:
    """Return the names of the kernels and entries with a pinned signature in a module's text."""
    return _PINNED.findall(_text(path).decode("utf-8"))


@cache
def _compilers() -> bytes:
    """Return what tells one version of the compilers from another: imported they would cost half a second."""
    spec = importlib.util.find_spec("numba")
    version = Path(spec.origin).with_name("_version.py") if spec is not None and spec.origin else None
    text = version.read_bytes() if version is not None and version.is_file() else b""
    here = Path(__file__).parent
    return text + np.__version__.encode() + b"".join((here / name).read_bytes() for name in _COMPILER)


def _environment() -> Mapping[str, str]:
    """Return the environment, which decides over the compiler before any configuration is read."""
    return os.environ  # noqa: TID251 - numba reads it too, and `check` shows nothing of compilation


@cache
def folder(path: Path) -> Path:
    """Return the cache folder for the kernels of one module: it belongs to exactly this text of it and its imports."""
    ours = _environment().get("SPANLINE_KERNEL_CACHE") or _environment().get("NUMBA_CACHE_DIR")
    everyone = _environment().get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = Path(ours) if ours else Path(everyone, "spanline", "kernels")
    digest = hashlib.blake2b(_compilers(), digest_size=8)
    for module in sorted(imports(path)):
        digest.update(module.name.encode() + _text(module))
    return base / f"{path.stem}-{digest.hexdigest()}"


def settings() -> str:
    """Return the settings of numba's from the environment that could change what it compiles."""
    ours = (f"{name}={value}" for name, value in _environment().items() if name.startswith("NUMBA_"))
    return " ".join(sorted(entry for entry in ours if not entry.startswith(("NUMBA_CACHE_DIR=", "NUMBA_DISABLE_JIT="))))


def numba_folder(path: Path) -> str:
    """Return the folder that numba is to be given for what Python calls of a module's helpers: tests do."""
    return str(folder(path) / "python")


def forget() -> None:
    """Read files and the environment anew; within a process the answers are kept."""
    for kept in (_text, _imported, imports, _compilers, folder):
        kept.cache_clear()
