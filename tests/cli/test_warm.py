"""Warming finds every module with kernels and says what it does."""

import sys

import pytest
from click.testing import CliRunner

from sensor.cli import warm
from tests.shape.tree import ours


def test_every_module_that_uses_the_decorator_is_found() -> None:
    """The modules found by text are those that a syntax tree shows to define a kernel."""
    expected = sorted(module.name for module in ours() if module.kernels())
    assert expected == sorted(warm.kernel_modules())


def test_a_line_of_progress_a_module_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each module is imported and named with its number; the last line sums up."""
    monkeypatch.setattr(warm, "kernel_modules", lambda: iter(["sensor.errors", "sensor.model.flow"]))
    lines: list[str] = []
    assert 2 == warm.warm(lines.append)
    assert ["kernels 1/2: sensor.errors", "kernels 2/2: sensor.model.flow", "kernels: 2 modules"] == [
        line.split(" ready")[0] for line in lines
    ]


def test_a_module_may_warm_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module's own `warm()` is called after its import."""
    calls: list[str] = []
    monkeypatch.setattr(warm, "kernel_modules", lambda: iter(["sensor.errors"]))
    monkeypatch.setattr(sys.modules["sensor.errors"], "warm", lambda: calls.append("warmed"), raising=False)
    warm.warm(lambda _line: None)
    assert ["warmed"] == calls


def test_quiet_prints_only_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --quiet one line goes to stderr, and stdout stays empty."""
    monkeypatch.setattr(warm, "kernel_modules", lambda: iter(["sensor.errors", "sensor.model.flow"]))
    result = CliRunner().invoke(warm.main, ["--quiet"])
    assert (0, "") == (result.exit_code, result.stdout)
    assert 1 == len(result.stderr.splitlines())
