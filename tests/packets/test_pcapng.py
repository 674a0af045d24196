"""pcapng captures are walked as their specification says, at any chunking."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.model.capture import FRAME, LINK_ETHERNET, LINK_SLL, LINK_UNKNOWN, LINKTYPES
from sensor.packets.container import AFTER_DROP, DAMAGED, TOO_LARGE
from sensor.packets.pcapng import LARGEST_BLOCK, Pcapng
from tests.naive import pcapng as naive
from tests.packets.captures import block, enhanced, interface, obsolete, option, section, simple

ORDERS = st.sampled_from("<>")
TICKS = st.integers(0, 2 * 10**15) | st.integers(0, 2**64 - 1)
SMALL = st.binary(max_size=12)


@st.composite
def parts(draw, order):
    """One block of a section."""
    kind = draw(st.sampled_from("iiepsou"))
    if kind == "i":
        options = b"".join(
            draw(
                st.lists(
                    st.sampled_from(
                        [
                            option(9, b"\x09", order),
                            option(9, b"\x8a", order),
                            option(14, struct.pack(order + "q", -100), order),
                            option(14, struct.pack(order + "q", 3600), order),
                            option(2, b"eth0", order),
                            option(9, b"\x09\x00", order),
                            option(0, b"", order),
                        ]
                    ),
                    max_size=3,
                )
            )
        )
        return interface(order, draw(st.sampled_from([0, 1, 113, 147])), draw(st.sampled_from([0, 4, 96])), options)
    content, number = draw(SMALL), draw(st.integers(0, 3))
    if kind == "e":
        return enhanced(content, draw(TICKS), number, order=order, options=draw(st.sampled_from([b"", bytes(4)])))
    if kind == "p":
        captured = draw(st.integers(0, 20) | st.just(300_000))
        return enhanced(content, draw(TICKS), number, order=order, captured=captured)
    if kind == "s":
        return simple(content, draw(st.integers(0, 20)), order)
    if kind == "o":
        return obsolete(content, draw(TICKS), number, order=order)
    return block(draw(st.sampled_from([4, 5, 10, 0xBAD, 0x80000001, 6, 3, 1])), content, order)


@st.composite
def files(draw):
    """Sections of either byte order, one after the other."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        order = draw(ORDERS)
        found += [section(order, draw(st.sampled_from([-1, 0, 24, 10**9]))), *draw(st.lists(parts(order), max_size=8))]
    return b"".join(found)


def walk(content, room=64):
    """All packets, drops and the end by our kernel, `room` rows at a time."""
    buf = np.frombuffer(content, np.uint8).copy()
    frames = np.zeros(room, FRAME)
    walker = Pcapng()
    pos, found, drops, at = 0, [], {}, -1
    while at != pos:
        at = pos
        pos, n = walker.walk(buf, pos, len(buf), frames)
        found += frames[:n].tolist()
        for reason, count in walker.take_drops().items():
            drops[reason] = drops.get(reason, 0) + count
    why = {DAMAGED: "damaged", TOO_LARGE: "large"}.get(walker.stop, "end" if pos == len(buf) else "cut")
    return found, drops, pos, why, walker


def expected(content):
    """The twin's answer in the same form."""
    found, reasons, end, why = naive.walk(content)
    rows = [(ts, off, cap, wire, LINKTYPES.get(link, LINK_UNKNOWN), n) for ts, off, cap, wire, link, n in found]
    return rows, {reason: reasons.count(reason) for reason in reasons}, end, why


@given(files(), st.integers(1, 20), st.integers(0, 60))
def test_walk_equals_its_twin(content, room, cut):
    """Sections, interfaces, clocks and every packet block, cut anywhere, any number of rows: the twin's packets."""
    content = content[: max(0, len(content) - cut)]
    assert expected(content) == walk(content, room)[:4]


@given(files(), st.data())
def test_a_damaged_file_is_walked_as_by_its_twin(content, data):
    """Bytes changed at random give the same packets, the same drops, the same end and the same verdict."""
    changed = bytearray(content)
    for _ in range(3):
        changed[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.sampled_from([0, 1, 4, 28, 255]))
    assert expected(bytes(changed)) == walk(bytes(changed))[:4]


@given(st.binary(max_size=200))
def test_random_bytes_are_walked_as_by_the_twin(noise):
    """After a good section header anything may follow."""
    assert expected(section() + noise) == walk(section() + noise)[:4]


def test_sections_have_their_own_byte_order_and_interfaces():
    """An interface number means another interface after the next section header."""
    content = b"".join(
        (section("<"), interface("<", 1), enhanced(b"a", 10, 0), section(">"), interface(">", 113)),
    ) + enhanced(b"bc", 20, 0, order=">")
    found, drops, _, why, walker = walk(content)
    assert [(10_000, 1, LINK_ETHERNET), (20_000, 2, LINK_SLL)] == [(row[0], row[2], row[4]) for row in found]
    assert ({}, "end", {1: 1, 113: 1}) == (drops, why, walker.linktypes)


def test_a_packet_of_an_interface_that_was_not_described_is_handed_on_as_unknown():
    """The decoder refuses it by its link type; it is not lost."""
    assert [LINK_UNKNOWN] == [row[4] for row in walk(section() + enhanced(b"a", 1, 5))[0]]


def test_a_simple_packet_takes_the_time_of_the_packet_before_it_and_the_snaplen_of_its_interface():
    """Simple Packet Blocks carry neither a time nor a captured length."""
    content = section() + interface(snaplen=2) + simple(b"abcd", 4) + enhanced(b"x", 7) + simple(b"abcd", 4)
    assert [(0, 2, 4), (7000, 1, 1), (7000, 2, 4)] == [(row[0], row[2], row[3]) for row in walk(content)[0]]


def test_the_walk_stops_before_a_record_it_will_drop():
    """So that the rows of one walk are consecutive records and their ordinals can be told."""
    content = section() + interface() + enhanced(b"a", 1) + enhanced(b"b", 2**63) + enhanced(b"c", 2)
    walker, frames = Pcapng(), np.zeros(8, FRAME)
    buf = np.frombuffer(content, np.uint8).copy()
    pos, n = walker.walk(buf, 0, len(buf), frames)
    assert (1, AFTER_DROP, {}) == (n, walker.stop, walker.take_drops())
    pos, n = walker.walk(buf, pos, len(buf), frames)
    assert (1, {"time_out_of_range": 1}, len(buf)) == (n, walker.take_drops(), pos)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (section()[:8] + b"\0\0\0\0" + section()[12:], "not a section"),
        (section()[:12] + b"\x02\x00" + section()[14:], "version"),
        (section() + struct.pack("<III", 6, 13, 0) + bytes(8), "impossible"),
        (section() + struct.pack("<III", 6, 12, 16), "differs"),
        (block(0x0A0D0D0A, struct.pack("<IHH", 0x1A2B3C4D, 1, 0)), "too short"),
    ],
)
def test_damage_is_said_in_words(content, why):
    """Each way in which a block can be impossible has its own reason."""
    *_, verdict, walker = walk(content)
    assert "damaged" == verdict
    assert why in walker.reason


def test_a_block_larger_than_the_buffer_is_described_not_read():
    """Its length and kind let the reader pass over it; an interface in it stays unknown."""
    large = struct.pack("<II", 1, LARGEST_BLOCK + 4)
    content = section() + large + bytes(40)
    *_, pos, why, walker = walk(content)
    assert ("large", len(section())) == (why, pos)
    assert (LARGEST_BLOCK + 4, large[4:], False) == walker.large_block(np.frombuffer(content, np.uint8).copy(), pos)


def test_more_interfaces_than_frames_can_number_are_handed_on_as_unknown():
    """Interface 65,535 and those beyond have no row of their own."""
    content = section() + interface() * 65_540 + enhanced(b"a", 1, 65_534) + enhanced(b"a", 1, 65_535)
    assert [(LINK_ETHERNET, 65_534), (LINK_UNKNOWN, 65_535)] == [row[4:] for row in walk(content)[0]]
