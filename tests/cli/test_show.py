"""Incidents and results as text."""

import msgspec

from sensor.cli import show
from sensor.model.evidence import Record
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
