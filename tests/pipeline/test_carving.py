"""An incident's packets are found in captures, in the ring of a live port, and nowhere else."""

import io
import shutil
import struct

import pytest
from click.testing import CliRunner

from sensor.cli.main import cli
from sensor.pipeline.carving import carve
from sensor.pipeline.privileges import PACKETS
from sensor.store.state import State
from tests.conftest import ROOT
from tests.naive import pcap as naive
from tests.sources.spans import read

DEMO = ROOT / "pcaps" / "demo"


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    """A state with an incident, and the captures that it was made of."""
    folder = tmp_path_factory.mktemp("carving")
    paths = [folder / "01-office.pcap", folder / "02-office-scan.pcap"]
    for path in paths:
        shutil.copy(DEMO / path.name, path)
    arguments = ["replay", "--fresh", "--state", str(folder / "state"), *map(str, paths)]
    CliRunner().invoke(cli, arguments, catch_exceptions=False)
    return folder


def carved_of(folder, extra=()):
    """Carve the most urgent incident: (what was found, the file)."""
    out = io.BytesIO()
    with State(folder / "state", readonly=True) as state:
        incident = state.incidents()[0]
        return incident, carve(incident, state, folder / "state", extra, out), out.getvalue()


def frames(content):
    """Every frame of a pcap, with its time."""
    records, end, damaged = naive.walk(content)
    assert (len(content), False) == (end, damaged)
    return [(ts, content[at : at + cap]) for ts, at, cap, _ in records]


def test_flows_and_single_packets_are_found_in_the_captures(replayed, tmp_path):
    """All packets of each flow that is named, those that are named alone, in order of time, and no other."""
    incident, carved, content = carved_of(replayed)
    uids = {record.uid for one in incident.evidence for record in one.records if record.uid}
    alone = {record.offset for one in incident.evidence for record in one.records if not record.uid}
    source = replayed / "02-office-scan.pcap"
    flows = [row for batch in read(source, input_index=1) for row in batch.flows if row["uid"].decode() in uids]
    found = frames(content)
    every = frames(source.read_bytes())

    assert len(found) == carved.packets == sum(int(row["orig_pkts"] + row["resp_pkts"]) for row in flows) + len(alone)
    assert [every[at] for at in sorted(alone)] == [one for one in found if one[1][12:14] == b"\x08\x06"]
    assert sorted(one[0] for one in found) == [one[0] for one in found]
    assert set(found) <= set(every)
    (tmp_path / "carved.pcap").write_bytes(content)
    again = [row for batch in read(tmp_path / "carved.pcap") for row in batch.flows]
    assert sorted((row["orig_p"], row["resp_p"]) for row in flows) == sorted((r["orig_p"], r["resp_p"]) for r in again)


def test_the_ring_of_a_live_port_stands_in_for_a_capture(replayed):
    """The capture is gone: flows are found by their ends and time, ARP by the device; the rest of the ring stays."""
    _, before, content = carved_of(replayed)
    state = replayed / "state"
    source, other = replayed / "02-office-scan.pcap", replayed / "01-office.pcap"
    (state / PACKETS).mkdir()
    try:
        shutil.move(source, state / PACKETS / "port-0-1.pcap")
        shutil.copy(other, state / PACKETS / "port-0-0.pcap")
        _, carved, found = carved_of(replayed)
    finally:
        shutil.move(state / PACKETS / "port-0-1.pcap", source)
        shutil.rmtree(state / PACKETS)
    by_ip = [one for one in frames(content) if one[1][12:14] == b"\x08\x00"]
    assert by_ip == [one for one in frames(found) if one[1][12:14] == b"\x08\x00"]
    arp = [one for one in frames(found) if one[1][12:14] == b"\x08\x06"]
    assert len(arp) > len(frames(content)) - len(by_ip)
    assert before.flows == carved.flows


def test_nothing_is_found_where_there_is_nothing(replayed):
    """An empty capture is written, and what was looked into is said; another capture may be named."""
    source = replayed / "02-office-scan.pcap"
    hidden = replayed / "hidden.pcap"
    shutil.move(source, hidden)
    try:
        _, carved, content = carved_of(replayed)
        _, helped, _ = carved_of(replayed, [hidden])
    finally:
        shutil.move(hidden, source)
    assert (0, [], 24) == (carved.packets, carved.read, len(content))
    assert struct.pack("<I", 0xA1B23C4D) == content[:4]
    assert ([str(hidden)], True) == (helped.read, helped.packets > 0)


def test_a_capture_that_cannot_be_read_is_named(replayed):
    """With why; the others are read."""
    wrong = replayed / "wrong.pcap"
    wrong.write_bytes(b"no capture at all")
    _, carved, _ = carved_of(replayed, [wrong])
    assert [True] == [one.startswith(str(wrong)) for one in carved.unread]
    assert carved.packets > 0
