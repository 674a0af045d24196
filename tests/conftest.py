"""Fixtures shared by all tests, what a marker demands of the machine, and how property tests choose examples."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sensor import warming

ROOT = Path(__file__).resolve().parent.parent

# Kernels compile inside the first example, so no deadline. The same examples every time, so that a change that fails
# is the change's fault; `make fuzz` looks for new ones.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=5000)
settings.load_profile(os.environ.get("SPANLINE_HYPOTHESIS", "repeatable"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, saying what is missing, where a test needs root or a program that this machine has not."""
    if item.get_closest_marker("needs_root") is not None and os.geteuid() != 0:
        pytest.skip("needs root")
    path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin" + os.pathsep + "/sbin"
    wanted = [name for marker in item.iter_markers("needs_tool") for name in marker.args]
    missing = [name for name in wanted if shutil.which(name, path=path) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: see .ci/debian-packages")


@pytest.fixture(scope="session", autouse=True)
def _kernels_are_ready() -> None:
    """Compile what the cache lacks before the first test, on every processor; a run without compilation needs none."""
    warming.warm(lambda _line: None)


@pytest.fixture(autouse=True)
def _kernels_stay_where_they_are() -> Iterator[None]:
    """Fail where a test leaves another cache of kernels to those after it: an empty one costs each process a minute."""
    before = os.environ.get("SPANLINE_KERNEL_CACHE")
    yield
    assert before == os.environ.get("SPANLINE_KERNEL_CACHE")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real captures and logs; tests that need it are skipped, saying so, where it is absent."""
    path = Path(os.environ.get("SPANLINE_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"real captures and logs not found at {path}: set SPANLINE_DATA to run this test")
    return path
