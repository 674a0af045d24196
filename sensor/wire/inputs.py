"""Inputs as they are named on a command line or in a configuration: files, folders, patterns, each with its site."""

import glob
from collections.abc import Sequence
from pathlib import Path

from sensor.wire.opening import is_archive, members

STDIN = "-"


def find_inputs(named: Sequence[str], site: str) -> list[tuple[str, str]]:
    """Return (path, site) of every file named, or found in a named folder.

    In the order given, sorted inside a folder. `SITE=PATH` names the site where no file has that whole name. Hidden
    files are left out; of a zip archive each member is one. A name that is no file is returned as it is: whoever opens
    it says so.
    """
    found: list[tuple[str, str]] = []
    for text in named:
        own, name = site, text
        before, equals, after = text.partition("=")
        if equals and before and after and "/" not in before and not Path(text).exists():
            own, name = before, after
        path = Path(name)
        if name != STDIN and path.is_dir():
            inside = (one for one in path.rglob("*") if one.is_file())
            kept = (one for one in inside if not any(part.startswith(".") for part in one.relative_to(path).parts))
            found += [(inner, own) for one in sorted(kept) for inner in _inside(one)]
        elif name != STDIN:
            found += [(inner, own) for inner in _inside(path)] if path.is_file() else [(name, own)]
        else:
            found.append((name, own))
    return found


def _inside(path: Path) -> list[str]:
    """Return the members of an archive, else the file itself."""
    return list(members(path)) if is_archive(path) else [str(path)]


def match_pattern(pattern: str, site: str) -> list[tuple[str, str]]:
    """Return (path, site) of the files a configured path stands for: a file, a folder or a shell pattern."""
    names = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern))  # noqa: PTH207 - patterns may be absolute
    return [pair for name in names for pair in find_inputs([name], site)]
