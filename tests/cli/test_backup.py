"""`spanline backup` and `spanline restore`."""

import json

from tests.cli.runs import conn_log, spanline


def test_a_replayed_state_goes_to_another_folder_and_on(monkeypatch, capsys, tmp_path):
    """The same incidents there; the same input again is known there too."""
    conn_log(tmp_path / "conn.log")
    first, second, file = tmp_path / "a", tmp_path / "b", tmp_path / "state.tar.zst"
    spanline(monkeypatch, capsys, "replay", "--state", first, tmp_path / "conn.log")
    assert 0 == spanline(monkeypatch, capsys, "backup", "--state", first, file)[0]
    code, out, _ = spanline(monkeypatch, capsys, "restore", "--state", second, "--json", file)
    assert (0, "2023-11-14T22:15:30.000000Z") == (code, json.loads(out)["clock"])
    shown = [spanline(monkeypatch, capsys, "incidents", "--state", one, "--json")[1] for one in (first, second)]
    assert shown[0] == shown[1]
    again = spanline(monkeypatch, capsys, "replay", "--state", second, "--json", tmp_path / "conn.log")[1]
    assert 60 == json.loads(again)["inputs"][0]["duplicates"]


def test_exit_codes(monkeypatch, capsys, tmp_path):
    """4 without a state, 2 where something is there already, 1 where the file is none of ours."""
    file, state = tmp_path / "f", tmp_path / "s"
    assert 4 == spanline(monkeypatch, capsys, "backup", "--state", state, file)[0]
    conn_log(tmp_path / "conn.log")
    spanline(monkeypatch, capsys, "replay", "--state", state, tmp_path / "conn.log")
    spanline(monkeypatch, capsys, "backup", "--state", state, file)
    assert 2 == spanline(monkeypatch, capsys, "backup", "--state", state, file)[0]
    assert 2 == spanline(monkeypatch, capsys, "restore", "--state", state, file)[0]
    (tmp_path / "text").write_text("no backup")
    assert 1 == spanline(monkeypatch, capsys, "restore", "--state", tmp_path / "new", tmp_path / "text")[0]
