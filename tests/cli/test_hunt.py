"""`spanline hunt`."""

import json

import pytest

from tests.cli.runs import conn_log, spanline


@pytest.fixture
def hunt(monkeypatch, capsys, tmp_path):
    """Hunt in the state of one replayed scan."""
    spanline(monkeypatch, capsys, "replay", conn_log(tmp_path / "conn.log"), "--state", tmp_path / "state")
    return lambda *args: spanline(monkeypatch, capsys, "hunt", *args, "--state", tmp_path / "state")


def test_flows_are_found_as_text_and_json(hunt):
    """A table with the number of rows on stderr; a list of objects."""
    sql = "SELECT resp_p, count(*) AS tries FROM flows WHERE conn_state = 'REJ' GROUP BY resp_p"
    code, out, err = hunt(sql)
    assert (0, "1 row\n") == (code, err)
    assert ["resp_p", "tries", "445", "40"] == out.split()
    assert [{"resp_p": 445, "tries": 40}] == json.loads(hunt(sql, "--json")[1])


def test_an_incident_leads_to_its_flows(hunt):
    """Evidence names uids, which the archive holds."""
    sql = "SELECT DISTINCT f.orig_h FROM evidence e, unnest(e.uids) AS u(uid) JOIN flows f USING (uid)"

    assert [{"orig_h": "10.0.0.66"}] == json.loads(hunt(sql, "--json")[1])


def test_the_limit_holds(hunt):
    """At most so many rows."""
    assert 7 == len(json.loads(hunt("SELECT uid FROM flows", "--json", "--limit", "7")[1]))
    assert [] == json.loads(hunt("SELECT uid FROM flows WHERE false", "--json")[1])


def test_the_schema_is_documented(hunt):
    """Every table and column with its meaning, as text and JSON."""
    out = hunt("--schema")[1]
    for table in ("flows", "messages", "events", "signins", "evidence", "incidents", "devices", "accounts"):
        assert f"\n{table}\n" in f"\n{out}"
    described = json.loads(hunt("--schema", "--json")[1])
    assert {"column": "uid", "type": "text", "meaning": "The flow's own id"} in described["flows"]
    assert all(one["meaning"] for columns in described.values() for one in columns)


def test_errors_say_where_and_exit_2(hunt, monkeypatch, capsys, tmp_path):
    """Bad SQL with a caret; no SQL; what would change something; a missing state is exit 4."""
    code, out, err = hunt("SELECT * FRM flows")
    assert (2, "", True) == (code, out, "LINE 1: SELECT * FRM flows\n                     ^" in err)
    assert 2 == hunt()[0]
    assert 2 == hunt("COPY flows TO 'x'")[0]
    assert 4 == spanline(monkeypatch, capsys, "hunt", "SELECT 1", "--state", tmp_path / "none")[0]


def test_the_help_shows_examples_that_run(hunt):
    """Each of them."""
    out = hunt("-h")[1]
    examples = out.partition("Examples:")[2].split("spanline hunt ")[1:]
    assert 6 == len(examples)
    for one in examples[1:]:
        sql = " ".join(one.partition('"')[2].rpartition('"')[0].split())
        assert (0, "") == (hunt(sql, "--json")[0], hunt(sql, "--json")[2])
