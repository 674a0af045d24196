"""Nothing that is tracked names a folder of somebody's machine, or a package index other than the public one."""

import re
import shutil
import subprocess

import pytest

from tests.shape.tree import ROOT

# Each is written so that this file does not match itself. Names that documentation uses for anybody are fine.
MACHINE_PATH = re.compile(
    rb"(?<![\w.:/-])/(?:w[o]rk|r[o]ot|U[s]ers|h[o]me/(?!user\b|alice\b|bob\b|spanline\b)[a-z]\w*)/|[A-Z]:\\U[s]ers\\"
)
INDEX_HOST = re.compile(r"https?://([^/\"]+)")
PUBLIC_INDEX = frozenset({"pypi.org", "files.pythonhosted.org"})
LARGEST_BYTES = 4 << 20


def tracked() -> list[str]:
    """Return the paths that git tracks; skip where this is no checkout."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing is tracked")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file()]


def machine_paths(content: bytes) -> list[str]:
    """Return the paths of a machine in a file's content; none where it is binary."""
    return [] if b"\0" in content[:8192] else [found.decode() for found in MACHINE_PATH.findall(content)]


def test_no_path_of_a_machine_is_tracked() -> None:
    """A path that exists on one machine only is of no use to anybody else."""
    found = {path: machine_paths((ROOT / path).read_bytes()) for path in tracked()}
    assert {} == {path: names for path, names in found.items() if names}


def test_no_large_file_is_tracked() -> None:
    """A clone stays small: larger captures are made by a script."""
    assert [] == [path for path in tracked() if (ROOT / path).stat().st_size > LARGEST_BYTES]


def test_the_lock_names_the_public_index_alone() -> None:
    """A lock made behind a mirror would work for nobody else."""
    assert PUBLIC_INDEX >= set(INDEX_HOST.findall((ROOT / "uv.lock").read_text()))


@pytest.mark.parametrize("where", ["w~ork/x", "r~oot/y", "h~ome/jane/z", "U~sers/jane/z"])
def test_a_path_of_a_machine_is_found(where: str) -> None:
    """In prose, in code and at the start of a line."""
    path = b"/" + where.replace("~", "").encode()
    assert [1, 1, 1] == [len(machine_paths(before + path)) for before in (b"", b"see ", b'open("')]


def test_what_only_looks_like_one_is_left_alone() -> None:
    """A part of a longer path or of an address, a made-up user, and binary content."""
    work = b"/" + b"work/"
    for content in (b"https://example.com" + work, b"docs" + work, b"/home/alice/x", b"\0" + work):
        assert [] == machine_paths(content)
