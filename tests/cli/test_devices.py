"""`devices` and `device`."""

import json

import pytest

from tests.cli.runs import conn_log, spanline


@pytest.fixture
def cli(monkeypatch, capsys, tmp_path):
    """Run spanline on a state that holds one scan."""

    def run(command, *args):
        return spanline(monkeypatch, capsys, command, *args, "--state", tmp_path / "state")

    run("replay", conn_log(tmp_path / "conn.log", hosts=20))
    return run


def test_devices_are_listed_with_their_state(cli):
    """A table for a person, a list for a program; the scanner carries the risk."""
    rows = json.loads(cli("devices", "--json")[1])
    by_name = {one["name"]: one for one in rows}

    assert {"10.0.0.2", "10.0.0.7", "10.0.0.66"} <= set(by_name)
    assert by_name["10.0.0.66"]["risk_db"] > 20 > by_name["10.0.0.7"]["risk_db"]
    assert ("learning", 10) == (by_name["10.0.0.7"]["learning"]["state"], by_name["10.0.0.7"]["flows"])
    assert all(one["id"] in cli("devices")[1] for one in rows)


def test_one_device_is_found_by_address_and_shows_its_incidents(cli):
    """By address or id, with incidents; JSON of the same device; an unknown one is exit 4."""
    text = cli("device", "10.0.0.66")[1]
    one = json.loads(cli("device", "10.0.0.66", "--json")[1])

    assert "TRIAGE INC-" in text
    assert one["id"] in text
    assert one == json.loads(cli("device", one["id"], "--json")[1])
    assert 4 == cli("device", "10.9.9.9")[0]
