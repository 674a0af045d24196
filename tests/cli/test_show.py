"""Incidents and results as text."""

import json
from datetime import UTC, datetime

import msgspec

from sensor.cli import show
from sensor.model.evidence import Record
from tests.cli.runs import conn_log, spanline
from tests.sources.test_sysmon import CONNECTION, winlog
from tests.store.test_state import device, incident


def test_what_came_from_the_network_cannot_move_the_cursor(capsys):
    """Escape sequences and line ends in names are shown, not obeyed."""
    evil = msgspec.structs.replace(incident(), title="PC\x1b[2J\nroot", summary="x\r\ny")
    show.incident_full(evil)
    show.devices([device(name="a\x1b[31m[bold]b")])
    out = capsys.readouterr().out

    assert "\x1b" not in out
    assert "PC\\x1b[2J\\nroot" in out
    assert "a\\x1b[31m[bold]b" in out
    assert "\x1b" not in show.incident_markdown(evil)


def test_a_record_is_named_by_all_it_has():
    """Input, uid, row or packet."""
    assert "a.pcap, uid C1, packet 7" == show.record_text(Record(input="a.pcap", uid="C1", offset=7))
    assert "conn.log, row 0" == show.record_text(Record(input="conn.log", row=0))


def test_a_device_shows_its_facts(capsys):
    """Site, addresses, learning, incidents."""
    show.device(device(), [incident()])
    out = capsys.readouterr().out

    for text in ("dev-1 PC", "10.0.0.5", "50% of the first 24 h", "INC-1"):
        assert text in out


def test_a_wrong_clock_is_said_and_a_right_one_is_not(monkeypatch, capsys, tmp_path):
    """An endpoint's log two minutes behind the capture, by the connections that both saw."""
    log = conn_log(tmp_path / "conn.log", scanner="10.0.0.66", hosts=5)
    rows = []
    for k in range(10):
        for host, peer in (("10.0.0.7", f"198.51.100.{k + 1}"), ("10.0.0.66", "10.0.0.2")):
            at = datetime.fromtimestamp(1_700_000_000 + k - 120, UTC).strftime("%Y-%m-%d %H:%M:%S.000")
            data = {
                **CONNECTION, "UtcTime": at, "SourceIp": host, "SourcePort": "40000", "DestinationIp": peer,
            }  # fmt: skip
            row = winlog(3, data)
            row["winlog"] = {**row["winlog"], "record_id": len(rows)}
            rows.append({**row, "@timestamp": at.replace(" ", "T") + "Z"})
    (tmp_path / "sysmon.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    state = ("--state", tmp_path / "state")
    _, text, _ = spanline(monkeypatch, capsys, "replay", log, tmp_path / "sysmon.json", *state)
    right = spanline(monkeypatch, capsys, "replay", log, *state, "--fresh")[1]

    assert "sysmon is 120 s behind the network (measured on" in text
    assert "Clocks" not in right
