"""The warm command says what it does on standard error."""

import pytest
from click.testing import CliRunner

from sensor import warming
from sensor.cli import warm


def test_the_command_writes_to_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stdout stays empty; where everything is cached one line says so."""
    monkeypatch.setattr(warming, "is_compiled", lambda _name: True)
    result = CliRunner().invoke(warm.main)
    assert (0, "", "kernels ready\n") == (result.exit_code, result.stdout, result.stderr)
