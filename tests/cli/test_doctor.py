"""`spanline doctor`: what is lacking and what is proposed."""

import json
import time

import pytest
from click.testing import CliRunner

from sensor.cli.main import cli
from sensor.store.alive import Alive
from sensor.store.state import State


def run(*arguments):
    result = CliRunner().invoke(cli, ["doctor", *map(str, arguments)])
    return result.exit_code, result.stdout


@pytest.mark.parametrize(("path", "code"), [("x.log", 0), ("none*.log", 1)])
def test_configured_sources_are_looked_for(tmp_path, path, code):
    """One without files is named with its remedy, and the exit code says so."""
    (tmp_path / "x.log").write_text("")
    (tmp_path / "c.toml").write_text(f'state = "{tmp_path}"\n[sources.z]\ntype = "zeek"\npath = "{tmp_path / path}"\n')
    found, text = run("--config", tmp_path / "c.toml", "--state", tmp_path)

    assert code == found
    assert ("MISSING  source z (zeek)" in text) == bool(code)


def test_a_secret_that_is_not_there_is_named(tmp_path):
    """Its text is never shown."""
    (tmp_path / "c.toml").write_text(
        f'state = "{tmp_path}"\n[sources.o]\ntype = "okta"\ndomain = "x.okta.io"\ntoken = {{ file = "{tmp_path}/t" }}\n'
    )
    assert 1 == run("--config", tmp_path / "c.toml")[0]
    (tmp_path / "t").write_text("hush")
    code, text = run("--config", tmp_path / "c.toml")
    assert (0, False) == (code, "hush" in text)


@pytest.mark.parametrize(("path", "code"), [("out.jsonl", 0), ("file/out.jsonl", 1)])
def test_configured_sinks_are_reached_for(tmp_path, path, code):
    """One that cannot be written is named with the reason; no incident is sent."""
    (tmp_path / "file").write_text("")
    (tmp_path / "c.toml").write_text(f'state = "{tmp_path}"\n[sinks.o]\ntype = "jsonl"\npath = "{tmp_path / path}"\n')
    found, text = run("--config", tmp_path / "c.toml", "--state", tmp_path)

    assert (code, "sink o (jsonl)" in text) == (found, True)
    assert bool(code) == ("MISSING  sink o" in text)


def test_proposals_of_a_state_are_shown(tmp_path):
    """As a line of configuration with its reason, or as a fact where no key is for it; as JSON one document."""
    with State(tmp_path, exclusive=True) as state:
        egress = {"site": "A", "key": "egress", "value": "203.0.113.1", "why": "9 of 9"}
        held = json.dumps([egress, {"site": "A", "value": "10.99.0.0/24", "why": "2 addresses of VPN leases"}])
        state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={"proposals": held})
    code, text = run("--state", tmp_path)

    assert 'propose  site A: egress = ["203.0.113.1"]: 9 of 9' in text
    assert "ok       site A: 10.99.0.0/24: 2 addresses of VPN leases" in text
    found = json.loads(run("--state", tmp_path, "--json")[1])
    assert None in {one["ok"] for one in found}
    assert 0 == code


def test_health_is_the_last_sign_of_life(tmp_path, monkeypatch):
    """Exit 0 while a sensor is at work, 1 where none is, or where it has been silent for too long."""
    now_s = time.monotonic()
    monkeypatch.setattr("sensor.cli.doctor.time.monotonic", lambda: now_s)
    assert (1, "no sign of life\n") == run("--health", "--state", tmp_path)
    Alive(tmp_path).beat(now_s)
    assert (0, "last sign of life 0 s ago\n") == run("--health", "--state", tmp_path)
    Alive(tmp_path).beat(now_s - 121)
    assert (1, "last sign of life 121 s ago\n") == run("--health", "--state", tmp_path)
