"""`spanline events`: what was made of each record."""

import json
from pathlib import Path

from click.testing import CliRunner

from sensor.cli.main import cli

DEMO = Path(__file__).parents[2] / "pcaps" / "demo"


def run(*arguments):
    result = CliRunner().invoke(cli, ["events", *map(str, arguments)])
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


OKTA = {
    "uuid": "f1d0a4c2-0000-11ee-8000-000000000001", "published": "2024-01-01T00:00:00.000Z",
    "eventType": "user.session.start",
    "outcome": {"result": "SUCCESS"}, "actor": {"type": "User", "alternateId": "Ann@Example.com", "id": "00u"},
    "client": {"ipAddress": "203.0.113.9"},
}  # fmt: skip


def test_records_and_refusals_are_told_in_order(tmp_path):
    """One JSON a line; a record that cannot be read says why, where it is; the exit code stays 0."""
    path = tmp_path / "okta.jsonl"
    path.write_text(
        json.dumps(OKTA)
        + "\nnot json\n"
        + json.dumps({**OKTA, "published": "never", "uuid": "f1d0a4c2-0000-11ee-8000-000000000002"})
        + "\n"
    )
    code, lines, _ = run(path)

    assert 0 == code
    first = lines[0]
    assert ("2024-01-01T00:00:00.000000Z", "okta", "signin", "user.session.start", "success") == tuple(
        first[key] for key in ("ts", "source", "kind", "action", "outcome")
    )
    assert ("ann@example.com", "203.0.113.9", str(path), 0) == tuple(
        first[key] for key in ("account", "ip", "input", "row")
    )
    assert first["country"] is None
    refused = [(one["rejected"], one["row"]) for one in lines[1:]]
    assert [("not_recognised", 1), ("bad_time", 2)] == refused


def test_a_refused_line_of_a_zeek_log_is_told_where_it_stands(tmp_path):
    """Among the lines that were read, each once, with its row."""
    path = tmp_path / "dns.log"
    good = "1.5\tC1\t10.0.0.1\t4000\t10.0.0.2\t53\tudp\tx.test\n"
    names = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto query".replace(" ", "\t")
    path.write_text(f"#path\tdns\n#fields\t{names}\n{good}short\n{good}{good.replace('1.5', 'x', 1)}")
    code, lines, _ = run(path)

    assert 0 == code
    assert [(0, None), (1, "column_count"), (2, None), (3, "bad_ts")] == [
        (one["row"], one.get("rejected")) for one in lines
    ]


def test_a_capture_is_told_too():
    """Its messages and its flows, which are connections."""
    code, lines, _ = run(min(DEMO.glob("*.pcap*")))

    assert 0 == code
    assert "connection" in {line["kind"] for line in lines if "kind" in line}


def test_nothing_readable_is_exit_1(tmp_path):
    """With the reason on stderr."""
    (tmp_path / "x.txt").write_text("hello\n")
    code, lines, errors = run(tmp_path / "x.txt", tmp_path / "none")

    assert (1, []) == (code, lines)
    assert "not recognised" in errors
    assert "none" in errors
