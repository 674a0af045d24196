"""`sites`: the fleet on a terminal and for a program."""

import json
import threading
import time

import pytest

from sensor.model.fleet import META
from sensor.store.alive import Alive
from sensor.store.state import State
from sensor.wire.clock import SystemClock
from tests.cli.runs import spanline
from tests.console.fleets import hub


@pytest.fixture
def cli(monkeypatch, capsys, tmp_path):
    """Run spanline on a hub's state."""
    hub(tmp_path / "state")
    return lambda *args: spanline(monkeypatch, capsys, "sites", *args, "--state", tmp_path / "state")


def test_sites_are_listed_the_first_to_look_at_in_front(cli):
    """With why; a program is given everything; a name narrows, and an unknown one is exit 4."""
    code, out, _ = cli()
    lines = out.splitlines()
    assert (0, True) == (code, lines[1].startswith("BNE") and "1 page open" in lines[1])
    assert any(line.startswith("MEL") and "3 packets missing; 7 packets lost" in line for line in lines)
    assert "\x1b" not in out
    rows = {one["site"]: one for one in json.loads(cli("--json")[1])}
    assert [[9010, 9012]] == rows["MEL"]["link"]["missing"]
    assert ("silent", "2025-12-31T21:00:00.000000Z") == (rows["CBR"]["state"], rows["CBR"]["silent_since"])
    assert ["HOB"] == [one["site"] for one in json.loads(cli("HOB", "--json")[1])]
    assert 4 == cli("XXX")[0]


def test_silence_is_by_the_clock_while_a_sensor_runs(cli, tmp_path):
    """What a state that nobody runs on says is as old as the state."""
    now_ns = SystemClock(threading.Event()).now_ns()
    with State(tmp_path / "state") as state:
        meta = {META + "ADL": json.dumps({"site": "ADL", "heard_ns": now_ns}), "version": "2"}
        state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta=meta)
    assert ["heard"] == [one["state"] for one in json.loads(cli("BNE", "--json")[1])]
    Alive(tmp_path / "state").beat(time.monotonic() - 1.0)
    assert ["heard"] == [one["state"] for one in json.loads(cli("ADL", "--json")[1])]
    assert ["silent"] == [one["state"] for one in json.loads(cli("BNE", "--json")[1])]
