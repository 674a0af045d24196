"""Warming finds every module with kernels and says what it does."""

import threading

import pytest
from click.testing import CliRunner

from sensor import errors
from sensor.cli import warm
from sensor.model import flow
from tests.shape.tree import ours


def test_every_module_that_uses_the_decorator_is_found() -> None:
    """The modules found by text are those that a syntax tree shows to define a kernel."""
    expected = sorted(module.name for module in ours() if module.kernels())
    assert expected == sorted(warm.kernel_modules())


def test_a_module_that_takes_long_is_named_while_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is there before the module is done; a module that is ready at once is not worth one."""
    lines: list[str] = []
    said = threading.Event()

    def say(line: str) -> None:
        lines.append(line)
        said.set()

    monkeypatch.setattr(warm, "kernel_modules", lambda: iter(["sensor.errors", "sensor.model.flow"]))
    monkeypatch.setattr(flow, "warm", lambda: said.wait(60), raising=False)
    assert 2 == warm.warm(say, patience_s=0.5)
    assert ["kernels 2/2: compiling sensor.model.flow", "kernels: 2 modules"] == [
        line.split(" ready")[0] for line in lines
    ]


def test_a_module_may_warm_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module's own `warm()` is called after its import."""
    calls: list[str] = []
    monkeypatch.setattr(warm, "kernel_modules", lambda: iter(["sensor.errors"]))
    monkeypatch.setattr(errors, "warm", lambda: calls.append("warmed"), raising=False)
    warm.warm(lambda _line: None)
    assert ["warmed"] == calls


def test_the_command_writes_its_progress_to_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stdout stays empty; where everything is cached one line sums up."""
    monkeypatch.setattr(warm, "kernel_modules", lambda: iter(["sensor.errors", "sensor.model.flow"]))
    result = CliRunner().invoke(warm.main)
    assert (0, "") == (result.exit_code, result.stdout)
    assert 1 == len(result.stderr.splitlines())
