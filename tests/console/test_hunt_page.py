"""Hunting from a page: the command line's limits, fewer rows, less time."""

import pytest

from sensor.console import hunt_page
from sensor.console.visit import HUNTS_AT_ONCE
from tests.console.desks import post, signed_in


def test_a_question_is_answered_and_hostile_cells_are_text(made):
    """As a table, with how many rows there were."""
    answer = post(signed_in(made, "anna"), "/hunt", sql="SELECT id, title, NULL AS x FROM incidents ORDER BY id")
    assert ("2 rows" in answer.text, "<script>alert" in answer.text, "INC-1" in answer.text) == (True, False, True)


@pytest.mark.parametrize(
    "sql", ["DELETE FROM incidents", "SELECT * FROM read_csv('/etc/passwd')", "SELEC 1", "SELECT 1; SELECT 2",
            "COPY incidents TO 'x'"],
)  # fmt: skip
def test_only_one_select_over_what_was_kept(made, sql):
    """Anything else is said to be wrong."""
    answer = post(signed_in(made, "anna"), "/hunt", sql=sql)
    assert (200, True) == (answer.status_code, 'role="alert"' in answer.text)


def test_an_answer_is_cut_and_given_up(made, monkeypatch):
    """At so many rows, after so long."""
    monkeypatch.setattr(hunt_page, "ROWS", 5)
    assert "5 rows and more" in post(signed_in(made), "/hunt", sql="SELECT * FROM range(20000)").text
    monkeypatch.setattr(hunt_page, "TIMEOUT_S", 0.2)
    endless = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range + b.range % 7 = 3"
    assert "nterrupt" in post(signed_in(made), "/hunt", sql=endless).text


def test_a_question_in_an_address_is_not_asked(made):
    """It stands in the form; a link cannot make the sensor work."""
    text = signed_in(made).get("/hunt?sql=SELECT+1+AS+one").text
    assert (">\nSELECT 1 AS one\n</textarea>" in text, "1 row" in text) == (True, False)


def test_hunting_is_for_who_sees_every_site_and_not_for_many_at_once(made):
    """An analyst of one site is refused; the third at a time is told to wait."""
    assert 403 == signed_in(made, "sid").get("/hunt").status_code
    for _ in range(HUNTS_AT_ONCE):
        made.hunts.acquire()
    assert 429 == post(signed_in(made), "/hunt", sql="SELECT 1").status_code
