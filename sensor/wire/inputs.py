"""Inputs as they are named on a command line or in a configuration: files, folders, patterns, each with its site."""

import glob
from collections.abc import Sequence
from pathlib import Path

STDIN = "-"


def find_inputs(named: Sequence[str], site: str) -> list[tuple[str, str]]:
    """Return (path, site) of every file named, or found in a named folder.

    In the order given, sorted inside a folder. `SITE=PATH` names the site where no file has that whole name. Hidden
    files are left out. A name that is no file is returned as it is: whoever opens it says so.
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
            found += [(str(one), own) for one in sorted(kept)]
        else:
            found.append((name, own))
    return found


def match_pattern(pattern: str, site: str) -> list[tuple[str, str]]:
    """Return (path, site) of the files a configured path stands for: a file, a folder or a shell pattern."""
    names = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern))  # noqa: PTH207 - patterns may be absolute
    return [pair for name in names for pair in find_inputs([name], site)]
