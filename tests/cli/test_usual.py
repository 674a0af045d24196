"""What is normal for a device or an account, in the terminal: of states that replays made."""

import json

import pytest

from sensor.cli.usual import spark
from tests.cli.runs import conn_log, spanline
from tests.cli.test_events import OKTA


@pytest.mark.parametrize(
    ("values", "drawn"), [([0, 1, 4, 8], "·▂▅█"), ([], ""), ([0, 0], "··"), ([5], "█"), ([1, 10**9], "▁█")]
)
def test_a_row_of_blocks(values, drawn):
    """The largest is a full block, a zero a dot, and the least that is not zero is still seen."""
    assert drawn == spark(values)


def test_a_device_shows_what_is_normal_for_it(monkeypatch, capsys, tmp_path):
    """Sentences, plots and tables for a person, with peers by name; the same counts for a program."""
    state = ("--state", tmp_path / "state")
    spanline(monkeypatch, capsys, "replay", conn_log(tmp_path / "conn.log", hosts=20), *state)
    text = spanline(monkeypatch, capsys, "device", "10.0.0.7", *state)[1]
    held = json.loads(spanline(monkeypatch, capsys, "device", "10.0.0.7", *state, "--json")[1])["baseline"]

    assert "Seen on 1 of 1 days" in text
    assert "Services it uses" in text
    assert sum(held["hours"]) == sum(held["weekdays"]) == sum(day["count"] for day in held["days"]) > 0
    assert all(not one["name"].startswith("dev-") for one in held["groups"].get("peers", []))


def test_hours_are_those_of_the_configured_time_zone(monkeypatch, capsys, tmp_path):
    """The state remembers the zone in which seasons are compared."""
    state = ("--state", tmp_path / "state")
    (tmp_path / "c.toml").write_text('timezone = "Australia/Sydney"\n')
    log = conn_log(tmp_path / "conn.log", hosts=20)
    spanline(monkeypatch, capsys, "replay", log, *state, "--config", tmp_path / "c.toml")

    assert "(Australia/Sydney)" in spanline(monkeypatch, capsys, "device", "10.0.0.7", *state)[1]


def test_without_an_archive_it_says_so(monkeypatch, capsys, tmp_path):
    """And how to have one."""
    state = ("--state", tmp_path / "state")
    (tmp_path / "c.toml").write_text("[archive]\nenabled = false\n")
    log = conn_log(tmp_path / "conn.log", hosts=20)
    spanline(monkeypatch, capsys, "replay", log, *state, "--config", tmp_path / "c.toml")

    assert "[archive] enabled = true" in spanline(monkeypatch, capsys, "device", "10.0.0.7", *state)[1]


def test_an_account_shows_its_sign_ins_and_a_timeline(monkeypatch, capsys, tmp_path):
    """Days and hours of its sign-ins, and each of its last acts."""
    state = ("--state", tmp_path / "state")
    (tmp_path / "okta.jsonl").write_text(json.dumps(OKTA) + "\n")
    spanline(monkeypatch, capsys, "replay", tmp_path / "okta.jsonl", *state)
    text = spanline(monkeypatch, capsys, "account", "ann@example.com", *state)[1]
    held = json.loads(spanline(monkeypatch, capsys, "account", "ann@example.com", *state, "--json")[1])

    assert "Seen on 1 of 1 days" in text
    assert "Timeline" in text
    assert [("signin", "okta")] == [(act["kind"], act["source"]) for act in held["timeline"]]
    assert [1] == [day["count"] for day in held["baseline"]["days"]]
