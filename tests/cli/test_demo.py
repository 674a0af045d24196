"""`spanline demo`: the main job on what is shipped."""

import json
import re

import pytest

from sensor.cli.demo import demo_inputs
from sensor.cli.samples import samples_dir
from tests.cli.runs import spanline


def test_the_demo_ends_with_its_one_incident_and_what_to_try(monkeypatch, capsys, tmp_path):
    """The laptop that scans is the one incident; the last lines are commands that work on the demo's state."""
    code, out, _ = spanline(monkeypatch, capsys, "demo", "--state", tmp_path / "demo")

    assert 0 == code
    assert "Incidents: 1," in out
    last = out.rstrip().splitlines()
    at = last.index("Next")
    commands = [line.split() for line in last[at + 1 :]]
    assert ["incident", "explain", "device", "devices"] == [words[1] for words in commands]
    for words in commands:
        assert 0 == spanline(monkeypatch, capsys, *words[1:])[0]


def test_the_incident_is_the_scanner(monkeypatch, capsys, tmp_path):
    """10.20.0.107, over hosts, ports and ARP, with its flows; everybody else is quiet."""
    answer = json.loads(spanline(monkeypatch, capsys, "demo", "--state", tmp_path / "demo", "--json")[1])
    incident = answer["incidents"][0]

    assert ["10.20.0.107"] == json.loads(
        spanline(monkeypatch, capsys, "device", incident["entities"][0]["id"], "--state", tmp_path / "demo", "--json")[
            1
        ]
    )["addresses"][:1]
    assert {"scan.hosts/1", "scan.ports/1", "scan.sweep/1"} == {one["model"] for one in incident["evidence"]}
    assert all(one["accepted"] == one["records"] for one in answer["inputs"])


def test_without_captures_it_says_so(tmp_path):
    """A damaged installation is told, not ignored."""
    with pytest.raises(FileNotFoundError, match="reinstall"):
        demo_inputs(tmp_path)


def test_threads_and_the_order_of_files_change_nothing(monkeypatch, capsys, tmp_path):
    """One thread or two: the same bytes. Either file first: the same verdicts, but for the uids of flows."""
    files = demo_inputs(samples_dir())
    told = []
    for args in (("--threads", 1, *files), ("--threads", 2, *files), ("--threads", 2, *reversed(files))):
        out = spanline(monkeypatch, capsys, "replay", *args, "--fresh", "--json", "--state", tmp_path / "s")[1]
        answer = json.loads(out)
        told.append(json.dumps([answer[key] for key in ("incidents", "digest", "unusual", "coverage", "visible")]))

    assert told[0] == told[1]
    assert re.sub(r'"uid": "\w+"', "", told[0]) == re.sub(r'"uid": "\w+"', "", told[2])
