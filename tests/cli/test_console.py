"""`spanline console`."""

import re
import signal
import subprocess
import sys

import httpx

from tests.cli.runs import spanline
from tests.console.desks import filled


def test_a_state_is_shown_until_the_program_is_stopped(tmp_path):
    """The printed link signs in; the state stays as it is."""
    filled(tmp_path)
    program = subprocess.Popen(
        [sys.executable, "-m", "sensor.cli.main", "console", "--state", str(tmp_path), "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    link = re.search(r"open this once: (\S+)", program.stdout.readline())[1]
    with httpx.Client(follow_redirects=True) as browser:
        text = browser.get(link).text
    program.send_signal(signal.SIGTERM)
    _, told = program.communicate(timeout=30)
    assert (True, True, 0, "stopped\n") == ("INC-1" in text, "only shows" in text, program.returncode, told)


def test_without_a_state_or_a_safe_address_there_is_none(monkeypatch, capsys, tmp_path):
    """With the exit code of each."""
    assert 4 == spanline(monkeypatch, capsys, "console", "--state", tmp_path / "none")[0]
    found = spanline(monkeypatch, capsys, "console", "--state", filled(tmp_path), "--listen", "0.0.0.0:8477")
    assert (2, True) == (found[0], "needs TLS" in found[2])
