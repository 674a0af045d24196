"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real captures and logs; tests that need it are skipped, saying so, where it is absent."""
    path = Path(os.environ.get("SPANLINE_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"real captures and logs not found at {path}: set SPANLINE_DATA to run this test")
    return path
