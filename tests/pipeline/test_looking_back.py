"""`replay --indicators`: lists against all records that were kept."""

import json

import pytest

from tests.cli.runs import conn_log, spanline


@pytest.fixture
def cli(monkeypatch, capsys, tmp_path):
    """Replay a log of a workstation and a scan, then let anything else be run on its state."""
    log = conn_log(tmp_path / "conn.log", hosts=5)

    def run(command, *args):
        return spanline(monkeypatch, capsys, command, *args, "--state", tmp_path / "state")

    run("replay", log)
    run.log = log
    return run


def replayed(cli, path, *more):
    code, text, _ = cli("replay", cli.log, "--indicators", path, "--json", *more)
    return code, json.loads(text)


def test_what_was_met_earlier_is_found(cli, tmp_path):
    """In records of an earlier run; the incident names the list, verifies, and stays one when asked again."""
    (tmp_path / "list.csv").write_text("value,type,confidence\n198.51.100.3,ip,90\n192.0.2.1,ip,90\nx,what,1\n")
    code, answer = replayed(cli, tmp_path / "list.csv")
    (incident,) = [one for one in answer["incidents"] if "listed" in one["title"]]
    again = replayed(cli, tmp_path / "list.csv")[1]
    (same,) = [one for one in again["incidents"] if "listed" in one["title"]]

    assert (0, 3, 2, {"unknown_kind": 1}, 1) == (
        code, *(answer["indicators"][0][name] for name in ("entries", "used", "refused", "met")),
    )  # fmt: skip
    assert "list.csv, row 1" in incident["summary"]
    assert (incident["id"], incident["score_db"]) == (same["id"], same["score_db"])
    assert 0 == cli("explain", incident["id"], "--verify")[0]
    assert "1 met in the records" in " ".join(cli("replay", cli.log, "--indicators", tmp_path / "list.csv")[1].split())


def test_a_list_that_cannot_be_read_ends_the_run_before_it_begins(cli, tmp_path):
    """With the file's name."""
    (tmp_path / "list.json").write_text("{")
    code, _, error = cli("replay", cli.log, "--indicators", tmp_path / "list.json")

    assert 2 == code
    assert "list.json" in error


def test_without_an_archive_it_says_what_to_do(monkeypatch, capsys, tmp_path):
    """Looking back needs records that were kept."""
    (tmp_path / "c.toml").write_text("[archive]\nenabled = false\n")
    (tmp_path / "list.txt").write_text("198.51.100.3\n")
    code, _, error = spanline(
        monkeypatch, capsys, "replay", conn_log(tmp_path / "conn.log", hosts=5), "--config", tmp_path / "c.toml",
        "--indicators", tmp_path / "list.txt", "--state", tmp_path / "state",
    )  # fmt: skip

    assert 2 == code
    assert "[archive] enabled = true" in error
