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


def test_heavy_modules_have_a_process_each_and_small_ones_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """All are compiled once: the heaviest first and alone, the others several a process; each line counts them."""
    lines: list[str] = []
    started: list[list[str]] = []

    class Ended:
        returncode = 0

        def __init__(self, command: list[str]) -> None:
            started.append(command[3:])

        def poll(self) -> int:
            return 0

    modules = list(warming.kernel_modules())
    monkeypatch.setattr(warming, "is_compiled", lambda _name: False)
    monkeypatch.setattr("sensor.warming.subprocess.Popen", Ended)
    warming.warm(lines.append, modules, processes=2)
    assert [[name] for name in warming.HEAVIEST] == started[: len(warming.HEAVIEST)]
    assert sorted(modules) == sorted(name for names in started for name in names)
    assert max(map(len, started)) == warming.TOGETHER
    assert f"{len(modules)}/{len(modules)}:" in lines[-2]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 4),
        ({"/proc/meminfo": "MemTotal: 900000 kB\nMemAvailable: 800000 kB\n"}, 1),
        ({"/proc/meminfo": "MemAvailable: 900000 kB\n"}, 2),
        ({"/sys/fs/cgroup/memory.max": "max\n", "/sys/fs/cgroup/memory.current": "5\n"}, 4),
        ({"/sys/fs/cgroup/memory.max": "536870912\n", "/sys/fs/cgroup/memory.current": "90000000\n"}, 1),
        ({"/sys/fs/cgroup/memory.max": "100000000\n", "/sys/fs/cgroup/memory.current": "90000000\n"}, 1),
    ],
)
def test_processes_are_bounded_by_memory(monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int) -> None:
    """As many as processors, fewer where memory or a container's limit leaves no room, and always one."""
    monkeypatch.setattr("sensor.warming.os.sched_getaffinity", lambda _pid: {0, 1, 2, 3})
    monkeypatch.setattr(warming, "_text", lambda path: files.get(path, ""))
    assert expected == warming._processes()
