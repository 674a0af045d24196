"""Incidents as CEF: one line each, read back as what was written."""

import socket

import msgspec
import pytest

from sensor.model.incident import Party
from sensor.sinks import syslog
from sensor.sinks.syslog import Settings, cef
from sensor.wire.cef import parse
from tests.sinks.samples import NOW_NS, delivery, evidence, fit, incident


def test_an_incident_is_one_line_that_reads_back():
    """By a reader of other products' CEF: who, what, when, and the ids by which what came twice is known."""
    found = parse(cef(incident(), "V-1", "https://c.example/incidents/INC-000000000001"))

    assert {
        "cef.vendor": "Spanline", "cef.class_id": "scan", "cef.name": "PC-7 scans the network", "cef.severity": "6",
        "externalId": "INC-000000000001", "cs1Label": "delivery", "cs1": "V-1", "shost": "PC-7", "dst": "203.0.113.9",
        "cs2": "https://c.example/incidents/INC-000000000001", "cat": "triage", "outcome": "open", "dvchost": "SYD",
        "start": "1709293800000", "msg": "PC-7 tried 90 hosts, usually 0 to 3.", "cfp1": "31.0",
    }.items() <= found.items()  # fmt: skip


def test_what_means_something_to_the_format_is_escaped():
    """Bars, equal signs, strokes and line ends of the network arrive as text."""
    hostile = r"a|b=c\d" + "\r\nCEF:0|x|y|1|z|w|9|act=allow"
    line = cef(incident(title=hostile, summary=hostile, evidence=(evidence(text=hostile),)), "V-1")
    found = parse(line)

    assert 1 == len(line.splitlines())
    assert r"a|b=c\d\r\nCEF:0|x|y|1|z|w|9|act=allow" == found["cef.name"] == found["msg"] == found["cs5"]
    assert "act" not in found


@pytest.mark.parametrize(
    ("tier", "severity", "priority"), [("page", "10", 130), ("triage", "6", 132), ("digest", "3", 133)]
)
def test_urgency_is_said_twice(tier, severity, priority):
    """By the format's severity and by syslog's, over a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        made = syslog.build(Settings(address=address, transport="udp"), fit())
        assert ["INC-000000000001-1-0a0b0c0d"] == made.send([delivery(incident(tier=tier))], NOW_NS)
        assert f"{address} was looked up (UDP does not answer)" == made.probe()
        made.close()
        came = server.recv(65536).decode()

    assert came.startswith(f"<{priority}>1 2024-03-01T12:00:00.000000Z ")
    assert severity == parse(came)["cef.severity"]


def test_parties_go_by_the_formats_names():
    """The first of each kind; an address that is none is left out; what is empty is left out."""
    parties = [
        Party(kind=kind, site=None, id=name, name=name, role=role)
        for kind, name, role in (
            ("account", "kim", "subject"), ("account", "lee", "subject"), ("address", "no address", "peer"),
            ("domain", "x.example", "peer"), ("service", "s", "peer"),
        )
    ]  # fmt: skip
    found = parse(cef(msgspec.structs.replace(incident(), entities=tuple(parties), next_check="", evidence=()), "V"))

    assert ("kim", "x.example", "unknown") == (found["suser"], found["dhost"], found["cef.class_id"])
    assert not {"dst", "shost", "cs4", "reason"} & found.keys()


def test_a_long_text_is_cut():
    """As the format's dictionary has it."""
    found = parse(cef(incident(title="t" * 9_999, summary="s" * 9_999), "V-1"))

    assert (512, 1023) == (len(found["cef.name"]), len(found["msg"]))
