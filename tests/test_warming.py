"""Warming finds every module with pinned kernels, and compiles what the cache lacks in processes of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sensor import warming

SMALL = "baselines.walk"
"""A module with small kernels."""


def test_the_flow_engine_and_the_parsers_are_among_the_modules() -> None:
    """The heaviest modules exist and hold pinned kernels; modules of helpers alone are not listed."""
    modules = list(warming.kernel_modules())
    assert set(warming.HEAVIEST) <= set(modules)
    assert "sensor.flows.tcp" not in modules


def test_a_cold_module_is_compiled_once(tmp_path: Path) -> None:
    """The first call compiles into the cache and says so; the second finds everything there."""
    code = f"from sensor.warming import warm; print(warm(lambda line: print(line), ['{SMALL}']))"
    environment = os.environ | {"SPANLINE_KERNEL_CACHE": str(tmp_path)}
    environment.pop("NUMBA_CACHE_DIR", None)
    outputs = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert f"compiling kernels (first run only) 1/1: {SMALL}" == outputs[0].splitlines()[0]
    assert ["1", "0"] == [output.splitlines()[-1] for output in outputs]


def test_a_module_that_cannot_be_compiled_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says which and why; nothing is raised."""
    lines: list[str] = []
    monkeypatch.setattr(warming, "is_compiled", lambda _name: False)
    assert 1 == warming.warm(lines.append, ["sensor.no_such_module"])
    assert "compiling sensor.no_such_module failed: exit code 1" == lines[1]
