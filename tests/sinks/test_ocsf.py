"""Incidents as OCSF Detection Findings: valid by the models of the schema, one life under one id."""

import msgspec
import pytest
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from sensor.sinks import ocsf
from sensor.sinks.ocsf import Settings, finding
from tests.sinks.samples import NOW_NS, delivery, evidence, fit, incident, receiving


@pytest.mark.parametrize(
    ("changes", "is_new", "activity", "status"),
    [
        ({}, True, 1, (1, "New")), ({}, False, 2, (1, "New")),
        ({"state": "closed", "verdict": "true"}, False, 3, (4, "Resolved")),
        ({"state": "closed", "verdict": "benign", "reason": "ours"}, False, 3, (3, "Suppressed")),
        ({"state": "closed", "verdict": "duplicate"}, False, 3, (99, "closed")),
        ({"state": "expired"}, True, 3, (99, "expired")),
    ],
)  # fmt: skip
def test_a_finding_is_created_updated_and_closed(changes, is_new, activity, status):
    """Under the incident's id; each step valid by the schema's models."""
    made = finding(incident(**changes), "V-1", is_new=is_new)

    assert (activity, 200400 + activity) == (made["activity_id"], made["type_uid"])
    assert (*status, "INC-000000000001") == (made["status_id"], made["status"], made["finding_info"]["uid"])
    if status[0] != 99:
        DetectionFinding.model_validate(made)


def test_it_says_who_what_and_how_unusual():
    """Severity by tier, techniques with names, numbers of each evidence, addresses to look for."""
    found = (evidence(), evidence("EV-2", detector="dga"))
    one = incident(tier="page", techniques=("T1046", "T1071.004"), evidence=found)
    made = finding(one, "V-1", "https://c.example/incidents/INC-000000000001")
    info = made["finding_info"]

    assert (4, "V-1", "1.5.0") == (made["severity_id"], made["metadata"]["uid"], made["metadata"]["version"])
    assert [
        {"technique": {"uid": "T1046", "name": "Network Service Discovery"}},
        {
            "technique": {"uid": "T1071", "name": "Application Layer Protocol"},
            "sub_technique": {"uid": "T1071.004", "name": "DNS"},
        },
    ] == info["attacks"]
    assert ("scan", ["dga"]) == (info["analytic"]["uid"], [one["uid"] for one in info["related_analytics"]])
    assert "https://c.example/incidents/INC-000000000001" == info["src_url"]
    assert [(1, "PC-7"), (2, "203.0.113.9")] == [(one["type_id"], one["value"]) for one in made["observables"]]
    assert (90.0, 1e-5) == tuple(made["evidences"][0]["data"][name] for name in ("observed", "p"))
    DetectionFinding.model_validate(msgspec.json.decode(msgspec.json.encode(made)))


def test_lines_are_written_once_each(tmp_path):
    """A version that is sent again, by another process too, is one line."""
    path = tmp_path / "findings.jsonl"
    for _ in range(2):
        made = ocsf.build(Settings(path=str(path)), fit())
        made.send([delivery(), delivery(number=2, before="x")], NOW_NS)
        made.close()

    assert [1, 2] == [msgspec.json.decode(line)["activity_id"] for line in path.read_bytes().splitlines()]


def test_an_address_gets_each_finding():
    """As JSON, one a request."""
    with receiving() as receiver:
        made = ocsf.build(Settings(url=receiver.url), fit())
        made.send([delivery()], NOW_NS)
        assert f"{receiver.url} answers (200 to a GET)" == made.probe()
        made.close()
        assert [2004] == [one.json()["class_uid"] for one in receiver.posts()]


def test_a_file_or_an_address():
    """One of them, and a size above nothing."""
    for wrong in ({}, {"path": "x", "url": "https://h.example"}, {"path": "x", "keep": 0}, {"url": "http://h.example"}):
        assert ocsf.problem(Settings(**wrong))
    assert ocsf.problem(Settings(path="x")) is None
