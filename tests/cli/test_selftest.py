"""`spanline selftest`: a line a case, how many passed, and exit 1 where one did not."""

import json

from sensor.cli.selftest import line
from sensor.pipeline.selftesting import Outcome
from tests.cli.runs import spanline


def test_it_says_what_each_case_shows_and_ends_with_how_many_passed(monkeypatch, capsys):
    """Chosen by name."""
    code, out, _ = spanline(monkeypatch, capsys, "selftest", "port-scan", "ordinary")

    assert 0 == code
    lines = out.splitlines()
    assert "2/2" == lines[-1]
    assert any(one.startswith("ok   port-scan") and one.endswith("scan (incident)") for one in lines)
    assert any(one.startswith("ok   ordinary") and one.endswith("silent") for one in lines)


def test_as_json_it_is_one_document(monkeypatch, capsys):
    """With what was found in each."""
    answer = json.loads(spanline(monkeypatch, capsys, "selftest", "port-scan", "--json")[1])
    assert (1, 1, "incident") == (answer["passed"], answer["cases"], answer["outcomes"][0]["found"]["scan"])


def test_a_case_that_fails_is_exit_1(monkeypatch, capsys):
    """And the line says what is missing."""
    failed = Outcome(case="port-scan", ok=False, found={}, missing=("scan",))
    monkeypatch.setattr(
        "sensor.pipeline.selftesting.run_cases", lambda _cases, _samples, told: [told(failed), failed][1:]
    )
    code, out, _ = spanline(monkeypatch, capsys, "selftest", "port-scan")
    assert (1, "0/1") == (code, out.splitlines()[-1])
    assert "FAIL port-scan" in out
    assert "too little of scan" in out


def test_an_unknown_case_is_bad_usage(monkeypatch, capsys):
    """It names those there are."""
    code, _, err = spanline(monkeypatch, capsys, "selftest", "nosuch")
    assert 2 == code
    assert "port-scan" in err


def test_a_line_names_what_was_not_expected():
    """And why an input was not read."""
    text = line(Outcome(case="c", ok=False, found={"tor": "digest"}, unexpected=("tor",), error="x: damaged"), "it")
    assert "it: tor (digest); not expected tor; x: damaged" == text
