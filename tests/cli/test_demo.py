"""`spanline demo`: the main job on what is shipped."""

import json
import re

import pytest

from sensor.cli.demo import demo_inputs
from sensor.cli.samples import samples_dir
from tests.cli.runs import spanline

TAKEN_OVER = "tahlia.tanaka@example.com.au"
SCANNER = "LAPTOP-KJ42"


def subjects(incident):
    return {one["name"] for one in incident["entities"] if one["role"] == "subject"}


def test_the_demo_tells_the_takeover_and_ends_with_what_to_try(monkeypatch, capsys, tmp_path):
    """Two pages; the takeover is printed in full, with each day's acts; the last lines are commands that work."""
    code, out, _ = spanline(monkeypatch, capsys, "demo", "--state", tmp_path / "demo")

    assert 0 == code
    assert "Incidents: 2," in out
    full = out[out.index("The incident in full") :]
    for part in (TAKEN_OVER, "203.0.113.200", "Frankfurt", '"."', "SYD-LT", "revoke_sessions", "remove_mail_rule"):
        assert part in full
    last = out.rstrip().splitlines()
    commands = [line.split() for line in last[last.index("Next") + 1 :]]
    assert ["incident", "explain", "account", "devices"] == [words[1] for words in commands]
    for words in commands:
        assert 0 == spanline(monkeypatch, capsys, *words[1:])[0]

    incidents = json.loads(spanline(monkeypatch, capsys, "incidents", "--state", tmp_path / "demo", "--json")[1])
    assert [("page", {TAKEN_OVER}), ("page", {SCANNER})] == [(one["tier"], subjects(one)) for one in incidents]
    assert {"identity", "network"} == {one["source"] for one in incidents[0]["evidence"]}
    scan = {one["model"] for one in incidents[1]["evidence"]}
    assert {"scan.hosts/1", "scan.ports/1", "scan.sweep/1"} <= scan


def test_as_json_it_is_one_document(monkeypatch, capsys, tmp_path):
    """What a replay says, of every input that is shipped; here of the captures alone, to be quick."""
    captures = [path for path in demo_inputs(samples_dir()) if path.startswith("local=")]
    monkeypatch.setattr("sensor.cli.demo.demo_inputs", lambda _: captures)
    answer = json.loads(spanline(monkeypatch, capsys, "demo", "--state", tmp_path / "demo", "--json")[1])

    assert len(captures) == len(answer["inputs"])
    assert all(one["accepted"] == one["records"] for one in answer["inputs"])


def test_without_captures_it_says_so(tmp_path):
    """A damaged installation is told, not ignored."""
    with pytest.raises(FileNotFoundError, match="reinstall"):
        demo_inputs(tmp_path)


def test_threads_and_the_order_of_files_change_nothing(monkeypatch, capsys, tmp_path):
    """One thread or two: the same bytes. Either file first: the same verdicts, but for the uids of flows."""
    files = [path.partition("=")[2] for path in demo_inputs(samples_dir()) if path.startswith("local=")]
    told = []
    for args in (("--threads", 1, *files), ("--threads", 2, *files), ("--threads", 2, *reversed(files))):
        out = spanline(monkeypatch, capsys, "replay", *args, "--fresh", "--json", "--state", tmp_path / "s")[1]
        answer = json.loads(out)
        told.append(json.dumps([answer[key] for key in ("incidents", "digest", "unusual", "coverage", "visible")]))

    assert told[0] == told[1]
    assert re.sub(r'"uid": "\w+"', "", told[0]) == re.sub(r'"uid": "\w+"', "", told[2])
