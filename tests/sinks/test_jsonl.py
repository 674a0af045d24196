"""Incidents as lines of JSON: the incident whole, each version once."""

import msgspec

from sensor.model.incident import Incident
from sensor.sinks import jsonl
from sensor.sinks.jsonl import Settings
from tests.sinks.samples import NOW_NS, delivery, fit, incident


def sink(path, **options):
    return jsonl.build(Settings(path=str(path), **options), fit())


def lines(path):
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def test_a_line_is_the_incident_and_its_version(tmp_path):
    """It reads back as the incident it was made of."""
    made = sink(tmp_path / "out.jsonl")
    notes = made.send([delivery()], NOW_NS)
    made.close()
    [line] = lines(tmp_path / "out.jsonl")

    assert [line["delivery"]] == notes == ["INC-000000000001-1-0a0b0c0d"]
    assert incident() == msgspec.convert(line, Incident)


def test_a_version_that_is_sent_again_is_written_once(tmp_path):
    """Also by a program that was started again, and where it was killed inside the line."""
    path = tmp_path / "out.jsonl"
    for _ in range(2):
        made = sink(path)
        made.send([delivery(), delivery(number=2)], NOW_NS)
        made.close()
    path.write_bytes(path.read_bytes()[:-30])
    made = sink(path)
    made.send([delivery(), delivery(number=2), delivery(number=3)], NOW_NS)
    made.close()

    assert ["1", "2", "3"] == [one["delivery"].split("-")[2] for one in lines(path)]


def test_lines_that_are_not_ours_do_no_harm(tmp_path):
    """A file that somebody wrote into is added to."""
    (tmp_path / "out.jsonl").write_bytes(b'\xff\xfe\n{"delivery": 5}\n[]\n')
    made = sink(tmp_path / "out.jsonl")
    made.send([delivery()], NOW_NS)
    made.close()

    assert 4 == len((tmp_path / "out.jsonl").read_bytes().splitlines())


def test_what_cannot_be_is_said(tmp_path):
    """No path, no size, and a path that cannot be written."""
    assert 'needs path = "…", the file to write' == jsonl.problem(Settings())
    assert "rotate_bytes and keep must be above 0" == jsonl.problem(Settings(path="x", keep=0))
    assert jsonl.problem(Settings(path="x")) is None
    assert f"{tmp_path}/x can be written" == sink(tmp_path / "x").probe()
