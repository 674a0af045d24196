"""`spanline actions` and `spanline audit`, as a person types them."""

import json

import pytest

from sensor.store import audit
from sensor.store.actions import Actions
from sensor.store.state import State
from tests.cli.runs import spanline
from tests.responses.products import action, incident
from tests.responses.vendors import vendors


@pytest.fixture
def cli(monkeypatch, capsys):
    """Run spanline: its code, its output, its errors."""
    return lambda *args: spanline(monkeypatch, capsys, *args)


def noted(folder):
    """A state whose incident proposes three actions."""
    acts = [
        action("ACT-1", "isolate_device", "D-1"), action("ACT-2", "disable_account"),
        action("ACT-3", "block_address", "10.0.0.1"),
    ]  # fmt: skip
    with State(folder) as state:
        state.commit(columns={}, incidents=[incident(*acts)], devices=(), accounts=(), inputs=(), meta={})
    return ("--state", str(folder))


def test_actions_are_listed_decided_executed_and_undone(cli, tmp_path):
    """By a webhook; every step is in a log that verifies, and an edit of it is found."""
    state = noted(tmp_path / "s")
    with vendors() as held:
        config = tmp_path / "site.toml"
        (tmp_path / "token").write_text("secret")
        config.write_text(
            f'[responses.hook]\ntype = "webhook"\nmode = "approve"\nurl = "{held.url}/hook"\n'
            f'status_url = "{held.url}/hook"\nverbs = ["isolate_device"]\ntoken = {{ file = "{tmp_path}/token" }}\n'
        )
        assert 3 == len(json.loads(cli("actions", *state, "--json")[1]))
        assert "has no connector" in cli("actions", *state, "approve", "ACT-2")[2]
        assert "ACT-3 is denied" in cli("actions", *state, "deny", "ACT-3", "--reason", "a gateway")[1]
        cli("actions", *state, "stop")
        offered = _offer(tmp_path / "s", config)
        assert ("hook", "approve") == (offered.connector, offered.mode)
        assert "ACT-1 is approved" in cli("actions", *state, "approve", "ACT-1", "--config", str(config))[1]
        assert [] == held.hooks
        cli("actions", *state, "resume")
        _offer(tmp_path / "s", config)
        assert ["isolate_device"] == [one["verb"] for one in held.hooks]
        assert "verified isolate_device" in " ".join(cli("actions", *state)[1].split())
        assert "ACT-1 is undone" in cli("actions", *state, "undo", "ACT-1", "--config", str(config))[1]
        assert set() == held.done
    assert "every one as it was written" in cli("audit", "verify", *state)[1]
    log = tmp_path / "s" / audit.LOG
    log.write_text(log.read_text().replace("a gateway", "a printer"))
    found = cli("audit", "verify", *state)
    assert (1, True) == (found[0], "its content was changed" in found[1])


def _offer(folder, config):
    """Let a running sensor come by once."""
    import threading

    from sensor import config as configuration
    from sensor.pipeline.responding import Responses
    from sensor.wire.clock import SystemClock

    with State(folder, readonly=True) as state:
        incidents = state.incidents()
    responses = Responses(configuration.load(config), folder, SystemClock(threading.Event()))
    responses.take(incidents)
    responses.close()
    with Actions(folder) as actions:
        return actions.get("ACT-1").action


def test_what_is_not_there_is_said(cli, tmp_path):
    """Exit 4: no state, no such action."""
    assert 4 == cli("actions", "--state", str(tmp_path))[0]
    state = noted(tmp_path / "s")
    for command in ("approve", "deny"):
        found = cli("actions", *state, command, "ACT-9")
        assert (4, True) == (found[0], "no action ACT-9" in found[2])
