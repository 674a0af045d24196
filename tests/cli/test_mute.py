"""`spanline mute`."""

import json
import shlex

import pytest

from tests.cli.runs import conn_log, spanline


@pytest.fixture
def cli(monkeypatch, capsys, tmp_path):
    """Run spanline on a state that holds one scan."""

    def run(command, *args):
        return spanline(monkeypatch, capsys, command, *args, "--state", tmp_path / "state")

    run("replay", conn_log(tmp_path / "conn.log"))
    return run


def test_it_shows_first_and_hides_only_when_told(cli):
    """The incident stays open until --yes; then it is closed, the suppression listed with its author and count."""
    scope = ("--entity", "10.0.0.66", "--detector", "scan", "--reason", "our scanner", "--by", "ann")
    code, out, _ = cli("mute", *scope)
    assert (0, True) == (code, "would hide 1 evidence" in out and "add --yes" in out)
    assert "open" == json.loads(cli("incidents", "--json")[1])[0]["state"]
    hidden = json.loads(cli("mute", *scope, "--yes", "--json")[1])

    assert (True, [True]) == (hidden["in_force"], [one["closes"] for one in hidden["hides"]])
    assert ("closed", "benign") == tuple(
        json.loads(cli("incidents", "--json")[1])[0][key] for key in ("state", "verdict")
    )
    listed = cli("mute", "list")[1]
    assert all(text in listed for text in ("detector scan", "ann: our scanner", "hid 1"))


def test_it_is_one_step_from_the_incident(cli):
    """The command that an incident shows, with a reason, hides it and closes it; then it shows none any more."""
    key = json.loads(cli("incidents", "--json")[1])[0]["id"]
    (shown,) = [line for line in cli("incident", key)[1].splitlines() if line.startswith("  spanline mute ")]
    command = shlex.split(shown.partition("  (")[0].replace("WHY", "'our scanner'"))[1:]

    assert "closing 1" in cli(*command, "--yes")[1]
    assert "spanline mute" not in cli("incident", key)[1]


def test_it_can_be_removed(cli):
    """Another time it is not there: exit 4."""
    made = json.loads(cli("mute", "--detector", "scan", "--reason", "x", "--yes", "--json")[1])["mute"]["id"]

    assert [0, 4] == [cli("mute", "remove", made)[0] for _ in range(2)]
    assert "no suppressions" in cli("mute", "list")[1]
    assert [] == json.loads(cli("mute", "list", "--json")[1])


@pytest.mark.parametrize("args", [(), ("--detector", "scan"), ("--site", "S", "--reason", "x", "--until", "soon")])
def test_it_wants_a_scope_a_reason_and_a_time(cli, args):
    """Else it is bad usage."""
    assert 2 == cli("mute", *args)[0]


def test_what_a_process_learns_later_is_hidden_too(cli, tmp_path):
    """The same scan in another log raises nothing; the day's evidence of it is counted once."""
    cli("mute", "--entity", "10.0.0.66", "--days", "3000", "--reason", "our scanner", "--yes")
    text = (tmp_path / "conn.log").read_text().replace("1700000", "1700003").replace("\tC", "\tD")
    (tmp_path / "again.log").write_text(text)
    answer = json.loads(cli("replay", tmp_path / "again.log", "--json")[1])

    assert [] == [one for one in answer["incidents"] if one["state"] == "open"]
    assert "hid 1" in cli("mute", "list")[1]
