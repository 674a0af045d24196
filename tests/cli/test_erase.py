"""`spanline erase`."""

import json
import re

import pytest

from tests.cli.runs import conn_log, spanline
from tests.cli.test_run import running, signins, until
from tests.console.desks import filled


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command."""
    return lambda *args: spanline(monkeypatch, capsys, "erase", *args)


def test_it_is_shown_then_refused_then_done_then_proved(tmp_path, run):
    """Nothing is changed by looking; an open incident needs --force."""
    folder = filled(tmp_path)
    before = (folder / "state.sqlite").read_bytes()
    code, out, _ = run("ann@ex.com", "--dry-run", "--state", folder)
    assert (0, True, True) == (code, "table accounts" in out, "Out of reach" in out)
    assert before == (folder / "state.sqlite").read_bytes()
    assert 2 == run("ann@ex.com", "--state", folder)[0]
    code, _, err = run("ann@ex.com", "--state", folder, "--reason", "case 1")
    assert (1, True) == (code, "evidence in use" in err)

    code, out, _ = run("ann@ex.com", "--state", folder, "--reason", "case 1", "--force", "--json")
    assert (0, []) == (code, json.loads(out)["searched"]["found"])
    assert (0, 4) == (run("ann@ex.com", "--state", folder, "--verify")[0], run("ann@ex.com", "--state", folder)[0])
    (folder / "x").write_text("ann@ex.com")
    code, out, _ = run("ann@ex.com", "--state", folder, "--verify")
    assert (1, True) == (code, "it is still in x" in out)


def test_a_device_known_by_its_address_alone(tmp_path, monkeypatch, capsys, run):
    """Its flows go with it."""
    folder = tmp_path / "state"
    spanline(monkeypatch, capsys, "replay", "--state", folder, conn_log(tmp_path / "conn.log"))
    code, out, _ = run("10.0.0.66", "--state", folder, "--reason", "sold", "--force", "--json")
    counts = {one["place"]: one["removed"] for one in json.loads(out)["counts"]}
    assert (0, 50) == (code, counts["archive flows"])


def test_what_is_asked_wrongly_is_said(tmp_path, run):
    """No name, no state, nobody, nothing to resume."""
    folder = filled(tmp_path)
    assert [2, 4, 4, 4] == [
        run("--state", folder)[0], run("ann", "--state", folder / "no")[0], run("eve@ex.com", "--state", folder)[0],
        run("--resume", "--state", folder)[0],
    ]  # fmt: skip


def test_a_running_sensor_does_it_and_goes_on(tmp_path, run):
    """It ends, erases, and is the same process again, which takes in what is new."""
    log, events = tmp_path / "okta.jsonl", 'spanline_events_total{kind="signin",site="local",source="okta"}'
    (tmp_path / "site.toml").write_text(
        f'state = "{tmp_path}/state"\n[sources.idp]\ntype = "okta"\npath = "{log}"\n[metrics]\nlisten = "127.0.0.1:0"\n'
    )
    log.write_text(signins(0, 3))
    with running(tmp_path / "site.toml") as (process, address):
        until(address, f"{events} 3.0")
        code, out, _ = run("ann@example.com", "--reason", "x", "--state", tmp_path / "state", "--json")
        proof = json.loads(out)
        counts = {one["place"]: one["removed"] for one in proof["counts"]}
        assert (0, 3, []) == (code, counts["table signins"], proof["searched"]["found"])
        said = ""
        while (again := re.search(r"http://(\S+)/metrics", said)) is None:
            said = process.stderr.readline()
        with log.open("a") as file:
            file.write(signins(3, 5))
        until(again[1], f"{events} 2.0")
