"""`spanline run`: reads what is configured, serves metrics, stops when told."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

from tests.cli.runs import conn_log, spanline


def test_metrics_are_served_until_sigterm(tmp_path):
    """A real process: scraped over loopback, stopped with exit 0, its incident in the state."""
    conn_log(tmp_path / "conn.log")
    (tmp_path / "site.toml").write_text(
        f'site = "SYD"\nstate = "{tmp_path}/state"\n[sources.logs]\ntype = "zeek"\npath = "{tmp_path}/*.log"\n'
        '[metrics]\nlisten = "127.0.0.1:0"\n'
    )
    command = [sys.executable, "-m", "sensor.cli.main", "run", "--config", str(tmp_path / "site.toml")]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as process:
        address = re.search(r"http://(\S+)/metrics", process.stderr.readline())[1]
        assert "every configured file is read" in process.stderr.readline()
        request = urllib.request.Request(
            f"http://{address}/metrics", headers={"Accept": "application/openmetrics-text"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
            text = answer.read().decode()
        process.send_signal(signal.SIGTERM)
        assert "stopped" in process.stderr.read()
        assert 0 == process.wait(timeout=20)

    assert 'spanline_flows_total{site="SYD"} 60.0' in text
    assert 'spanline_incidents_open{site="SYD",tier="triage"} 1.0' in text
    assert 0o600 == (tmp_path / "state" / "secret").stat().st_mode & 0o777


def test_once_reads_to_the_end_and_again_reads_nothing_new(monkeypatch, capsys, tmp_path):
    """--once ends by itself; the second time everything is a duplicate."""
    conn_log(tmp_path / "conn.log")
    (tmp_path / "site.toml").write_text(
        f'state = "{tmp_path}/state"\n[sources.logs]\ntype = "zeek"\npath = "{tmp_path}/conn.log"\n'
        '[metrics]\nlisten = "127.0.0.1:0"\n'
    )
    for _ in range(2):
        code, _, err = spanline(monkeypatch, capsys, "run", "--config", tmp_path / "site.toml", "--once")
        assert (0, True) == (code, "stopped" in err)
    shown = spanline(monkeypatch, capsys, "incidents", "--state", tmp_path / "state")[1]
    assert 1 == shown.count("INC-")


def test_an_open_listener_is_refused(monkeypatch, capsys, tmp_path):
    """Off loopback: exit 2, and no state is made."""
    (tmp_path / "site.toml").write_text(f'state = "{tmp_path}/state"\n[metrics]\nlisten = "0.0.0.0:9477"\n')
    code, _, err = spanline(monkeypatch, capsys, "run", "--config", tmp_path / "site.toml")

    assert (2, True, False) == (code, "off loopback" in err, (tmp_path / "state").exists())
