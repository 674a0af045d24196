"""`incidents`, `incident`, `close`, `explain`."""

import json
import sqlite3

import pytest

from tests.cli.runs import conn_log, spanline


@pytest.fixture
def cli(monkeypatch, capsys, tmp_path):
    """Run spanline on a state that holds one scan."""

    def run(command, *args):
        return spanline(monkeypatch, capsys, command, *args, "--state", tmp_path / "state")

    run("replay", conn_log(tmp_path / "conn.log"))
    return run


@pytest.fixture
def key(cli):
    """The id of the scan's incident."""
    return json.loads(cli("incidents", "--json")[1])[0]["id"]


def test_incidents_are_listed_as_text_and_json(cli, key):
    """One line with tier and id; a list."""
    assert f"TRIAGE {key}" in cli("incidents")[1]
    assert 1 == len(json.loads(cli("incidents", "--json")[1]))


def test_one_incident_is_shown_in_each_form(cli, key):
    """Text with the flows, JSON, Markdown, an OCSF finding; an unknown id is exit 4."""
    text = cli("incident", key)[1]
    assert "uid C0000" in text
    assert "10.0.0.66 tried 41 hosts" in " ".join(text.split())
    assert key == json.loads(cli("incident", key, "--format", "json")[1])["id"]
    assert cli("incident", key, "--format", "markdown")[1].startswith("# 10.0.0.66 scans")
    made = json.loads(cli("incident", key, "--format", "ocsf")[1])
    assert (2004, key, ["T1018", "T1046"]) == (
        made["class_uid"], made["finding_info"]["uid"],
        [one["technique"]["uid"] for one in made["finding_info"]["attacks"]],
    )  # fmt: skip
    assert 4 == cli("incident", "INC-none")[0]


def test_closing_takes_a_verdict_and_stays(cli, key):
    """Closed with verdict and reason, shown so; a missing verdict is exit 2, an unknown id 4."""
    assert 0 == cli("close", key, "--verdict", "benign", "--reason", "our scanner")[0]
    one = json.loads(cli("incident", key, "--json")[1])

    assert ("closed", "benign", "our scanner") == (one["state"], one["verdict"], one["reason"])
    assert "our scanner" in cli("incident", key)[1]
    assert (2, 4) == (
        cli("close", key, "--reason", "x")[0], cli("close", "INC-no", "--verdict", "true", "--reason", "x")[0],
    )  # fmt: skip


def test_explain_verifies_and_finds_an_edited_number(cli, key, tmp_path):
    """All agree at first; after one edit in the evidence table exit 1 and the number named."""
    code, out, _ = cli("explain", key, "--verify")
    assert (0, True) == (code, " 0 differ, 0 are not verifiable" in out)
    connection = sqlite3.connect(tmp_path / "state" / "state.sqlite")
    with connection:
        connection.execute("UPDATE evidence SET observed = observed + 1")
    connection.close()
    code, out, _ = cli("explain", key, "--verify", "--json")

    told = json.loads(out)
    wrong = {check["what"] for check in told["checks"] if check["verdict"] == "differs"}
    assert (1, len([c for c in told["checks"] if c["verdict"] == "differs"])) == (code, told["differences"])
    assert {"observed (state)", "observed (shown as stored)", "seal"} == wrong
    assert "DIFFERS" in cli("explain", key, "--verify")[1]


def test_a_damaged_incident_is_said_and_fails(cli, key, tmp_path):
    """Exit 1 with what is wrong, no traceback."""
    connection = sqlite3.connect(tmp_path / "state" / "state.sqlite")
    with connection:
        connection.execute('UPDATE incidents SET body = replace(body, \'"observed":\', \'"observed":"x","was":\')')
    connection.close()
    code, out, err = cli("explain", key, "--verify")

    assert (1, "", True) == (code, out, "is damaged" in err)


def test_explain_shows_the_numbers(cli, key):
    """Observed, expected, p, decibans and what they follow from."""
    out = cli("explain", key)[1]

    for text in ("observed 40", "against analytic", "net = ", "scan.hosts/1"):
        assert text in out
    assert 4 == cli("explain", "INC-none")[0]
