"""`spanline run`: reads what is configured, serves metrics, stops when told."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

from sensor.store.state import State
from tests.cli.runs import conn_log, spanline
from tests.cli.test_events import OKTA


def until(address, expected, seconds=30):
    """Scrape until the metrics hold a line; return them."""
    request = urllib.request.Request(f"http://{address}/metrics", headers={"Accept": "application/openmetrics-text"})
    for _ in range(10 * seconds):
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
            text = answer.read().decode()
        if expected in text:
            return text
        time.sleep(0.1)
    raise AssertionError(f"no {expected} in\n{text}")


@contextlib.contextmanager
def running(config):
    """Run a sensor in a process of its own; yields it and the address of its metrics."""
    command = [sys.executable, "-m", "sensor.cli.main", "run", "--config", str(config)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as process:
        try:
            yield process, re.search(r"http://(\S+)/metrics", process.stderr.readline())[1]
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.stderr.read()


def test_a_growing_log_is_followed_across_a_kill(tmp_path):
    """What is appended is taken in; after kill -9 the next process goes on behind what was committed."""
    log = tmp_path / "okta.jsonl"
    (tmp_path / "site.toml").write_text(
        f'state = "{tmp_path}/state"\n[sources.idp]\ntype = "okta"\npath = "{log}"\n[metrics]\nlisten = "127.0.0.1:0"\n'
    )
    events = 'spanline_events_total{kind="signin",site="local",source="okta"}'
    log.write_text(signins(0, 3))
    with running(tmp_path / "site.toml") as (process, address):
        until(address, f"{events} 3.0")
        with log.open("a") as file:
            file.write(signins(3, 5))
        until(address, f"{events} 5.0")
        process.kill()
    with log.open("a") as file:
        file.write(signins(5, 9))
    with running(tmp_path / "site.toml") as (process, address):
        until(address, f"{events} 4.0")

    with State(tmp_path / "state", readonly=True) as state:
        assert [f"{k:08d}-0000-11ee-8000-000000000000" for k in range(9)] == sorted(
            row.raw_id for row in state.signins()
        )


def signins(first, last):
    """Sign-ins of Okta, an hour apart, one a line."""
    return "".join(
        json.dumps({**OKTA, "uuid": f"{k:08d}-0000-11ee-8000-000000000000", "published": f"2024-01-01T{k:02d}:00:00Z"})
        + "\n"
        for k in range(first, last)
    )


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
        assert "following" in process.stderr.readline()
        text = until(address, 'spanline_flows_total{site="SYD"} 60.0')
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
