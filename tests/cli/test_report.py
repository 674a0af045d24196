"""`spanline report`."""

import json

from tests.cli.runs import conn_log, spanline


def test_a_page_or_the_figures(monkeypatch, capsys, tmp_path):
    """HTML in a file, or JSON on stdout; a folder that is not there is an error with its name."""
    state = ("--state", tmp_path / "state")
    spanline(monkeypatch, capsys, "replay", conn_log(tmp_path / "conn.log", hosts=40), *state)
    code, text, _ = spanline(monkeypatch, capsys, "report", *state, "-o", tmp_path / "r.html")
    figures = json.loads(spanline(monkeypatch, capsys, "report", *state, "--json", "--minutes-per-question", "7")[1])
    wrong, _, error = spanline(monkeypatch, capsys, "report", *state, "-o", tmp_path / "no" / "r.html")

    assert (0, 7.0, 1) == (code, figures["minutes_per_question"], wrong)
    assert "1 sites, 1 sources" in text
    assert "Readiness report" in (tmp_path / "r.html").read_text()
    assert "r.html: cannot be written" in error


def test_budget_and_calibration_are_those_of_the_run(monkeypatch, capsys, tmp_path):
    """The state keeps the budget under which it ran."""
    (tmp_path / "c.toml").write_text("[budget]\nincidents_per_day_per_1000 = 4000\n")
    state = ("--state", tmp_path / "state")
    log = conn_log(tmp_path / "conn.log", hosts=40)
    spanline(monkeypatch, capsys, "replay", log, *state, "--config", tmp_path / "c.toml")
    (day,) = json.loads(spanline(monkeypatch, capsys, "report", *state, "--json")[1])["budget"]

    assert day["ceiling"] > 4
