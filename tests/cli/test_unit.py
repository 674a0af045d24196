"""The systemd unit that the program prints."""

import shutil
import subprocess

import pytest

from tests.cli.runs import spanline


def test_the_unit_names_the_configuration_and_can_be_verified(monkeypatch, capsys, tmp_path):
    """Signals of life, a reload, one capability."""
    (tmp_path / "site.toml").write_text("")
    code, out, _ = spanline(monkeypatch, capsys, "run", "--print-unit", "--config", tmp_path / "site.toml")

    assert 0 == code
    assert f"run --config {tmp_path}/site.toml\n" in out
    for line in ("Type=notify", "WatchdogSec=120", "AmbientCapabilities=CAP_NET_RAW", "NoNewPrivileges=yes",
                 "SystemCallFilter=capset"):  # fmt: skip
        assert line in out.splitlines()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze, of Debian's systemd")
def test_what_it_may_do_is_rated_safe(monkeypatch, capsys, tmp_path):
    """`systemd-analyze security` rates the exposure at 2.0 or below."""
    (tmp_path / "site.toml").write_text("")
    out = spanline(monkeypatch, capsys, "run", "--print-unit", "--config", tmp_path / "site.toml")[1]
    (tmp_path / "spanline.service").write_text(out)
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(tmp_path / "spanline.service")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert 0 == done.returncode, done.stdout + done.stderr
