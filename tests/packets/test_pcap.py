"""Classic captures are walked as their specification says, at any chunking."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.capture import FRAME, LINK_ETHERNET, LINK_RAW, LINK_UNKNOWN
from sensor.packets.container import DAMAGED
from sensor.packets.pcap import Pcap
from tests.naive import pcap as naive
from tests.packets.captures import MAGICS, pcap

RECORDS = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=40), st.integers(0, 2**32 - 1)),
    max_size=12,
)
FILES = st.builds(
    pcap,
    RECORDS,
    order=st.sampled_from("<>"),
    magic=st.sampled_from(MAGICS),
    version=st.sampled_from([(2, 2), (2, 3), (2, 4)]),
    network=st.sampled_from([0, 1, 101, 0x14000001]),
)


def walk(content, room=64):
    """All records by our kernel, `room` rows at a time."""
    buf = np.frombuffer(content, np.uint8).copy()
    frames = np.zeros(room, FRAME)
    walker = Pcap(content[:24])
    pos, found = 24, []
    while True:
        pos, n = walker.walk(buf, pos, len(buf), frames)
        found += [tuple(row)[:4] for row in frames[:n].tolist()]
        if not n:
            return found, pos, walker.stop == DAMAGED


@given(FILES, st.integers(1, 20), st.integers(0, 40))
def test_walk_equals_its_twin(content, room, cut):
    """Both byte orders, all magics and versions, cut anywhere, with any number of rows: the twin's records."""
    content = content[: max(24, len(content) - cut)]
    assert naive.walk(content) == walk(content, room)


@given(FILES, st.data())
def test_a_damaged_file_is_walked_as_by_its_twin(content, data):
    """Bytes changed at random give the same records, the same end and the same verdict."""
    changed = bytearray(content)
    for _ in range(3):
        at = data.draw(st.integers(24, len(content))) if len(content) > 24 else 24
        if at < len(changed):
            changed[at] = data.draw(st.sampled_from([0, 4, 255]))
    assert naive.walk(bytes(changed)) == walk(bytes(changed))


def test_a_record_larger_than_any_snaplen_is_damage():
    """262,144 bytes are a record, one more is not."""
    for size, damaged in ((262_144, False), (262_145, True)):
        content = pcap([(1, 2, bytes(size), size)])
        assert damaged == walk(content)[2]


def test_microseconds_and_nanoseconds():
    """The magic number gives the unit of the fraction."""
    assert [1_500_000_000_000_005_000] == [row[0] for row in walk(pcap([(1_500_000_000, 5, b"", 0)]))[0]]
    assert [1_500_000_000_000_000_005] == [
        row[0] for row in walk(pcap([(1_500_000_000, 5, b"", 0)], magic=MAGICS[1]))[0]
    ]


def test_frame_check_bits_above_the_linktype_are_left_out():
    """The upper half of the network field says how long the frame check sequence is, not what the frames are."""
    for network, link in ((0x54000001, LINK_ETHERNET), (101, LINK_RAW), (147, LINK_UNKNOWN)):
        frames = np.zeros(1, FRAME)
        content = pcap([(0, 0, b"abc", 3)], network=network)
        Pcap(content[:24]).walk(np.frombuffer(content, np.uint8).copy(), 24, len(content), frames)
        assert link == frames["link"][0]


def test_wire_length_is_kept_apart_from_captured_length():
    """A snaplen cuts the bytes, not what the record says of the wire."""
    assert [(0, 40, 3, 1514)] == walk(pcap([(0, 0, b"abc", 1514)]))[0]


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"\x7fELF" + bytes(20), "no capture file begins with 7f454c46"),
        (pcap([], version=(1, 0)), "version 1.0"),
        (pcap([], version=(2, 9)), "version 2.9"),
        (pcap([])[:23], "cut short"),
    ],
)
def test_what_is_no_capture_is_refused_with_the_reason(header, why):
    """Another kind of file, an unknown version and half a header are told apart."""
    with pytest.raises(Malformed, match=why):
        Pcap(header)


def test_damage_is_counted_as_the_record_it_is():
    """The record that claims too much has a reason and a size of its own."""
    assert ("oversized_record", 16) == Pcap(pcap([])).damage()
    assert ("oversized_record", 24) == Pcap(pcap([], magic=MAGICS[2])).damage()
    assert struct.calcsize("IIII") == 16
