"""Blocks of a packet ring are walked as their header file says; tags come back, copies of a span are left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.model.capture import FRAME, LINK_ETHERNET, LINK_RAW, LINK_UNKNOWN
from sensor.packets import packet_ring
from tests.naive import packet_ring as naive
from tests.packets.rings import HAS_TPID, HAS_VLAN, NOT_READY, OF_USER, block

NOW = 1_790_000_000 * 10**9
ETHERNET, TUN = 1, 65534
FRAMES = st.lists(
    st.tuples(
        st.integers(NOW, NOW + 6_000_000),
        st.one_of(st.sampled_from([b"a" * 60, b"b" * 60, b"b" * 300, b"b" * 299 + b"c"]), st.binary(max_size=400)),
        st.sampled_from([60, 61, 1514, 9_301, 65_000]),
        st.sampled_from([OF_USER, OF_USER | NOT_READY, OF_USER | HAS_VLAN, OF_USER | HAS_VLAN | HAS_TPID]),
        st.integers(0, 2**16 - 1),
        st.sampled_from([0x8100, 0x88A8]),
    ),
    max_size=30,
)


def walked(blocks, hardware, window_ns, at=0):
    """Walk blocks one after the other; (rows, state) as the twin has them."""
    state, seen = packet_ring.new_state(hardware, window_ns=window_ns)
    frames = np.zeros(4096, FRAME)
    found = []
    for content in blocks:
        buf = np.frombuffer(bytes(at) + content, np.uint8).copy()
        n = packet_ring.walk(buf, at, state, seen, frames)
        for frame in frames[:n]:
            content_of = buf[frame["off"] : frame["off"] + frame["cap"]].tobytes()
            found.append((int(frame["ts"]), content_of, int(frame["wire"])))
    return found, state, frames[: len(found)]


@given(
    st.lists(FRAMES, max_size=3),
    st.sampled_from([(ETHERNET, "ethernet"), (TUN, "raw")]),
    st.sampled_from([0, 1, 2_000_000]),
    st.sampled_from([0, 1 << 16]),
)
def test_walk_equals_its_twin(blocks, link, window_ns, at):
    """Tags, copies within and beyond the window, joined and unfinished frames, over several blocks: the twin's."""
    hardware, name = link
    found, state, _ = walked([block(frames) for frames in blocks], hardware, window_ns, at)
    seen, expected, counts = {}, [], dict.fromkeys(("duplicates", "joined", "not_ready", "tagged", "last", "bytes"), 0)
    for frames in blocks:
        rows, more = naive.walk(block(frames), name, window_ns, seen)
        expected += rows
        counts = {key: max(counts[key], more[key]) if key == "last" else counts[key] + more[key] for key in counts}
    assert expected == found
    words = (packet_ring.S_DUPLICATES, packet_ring.S_JOINED, packet_ring.S_NOT_READY, packet_ring.S_TAGGED,
             packet_ring.S_LAST, packet_ring.S_BYTES)  # fmt: skip
    assert list(counts.values()) == state[list(words)].tolist()


@given(FRAMES)
def test_records_equal_their_twin(frames):
    """What is kept on disk are the same frames, tags included, as records of a pcap."""
    state, seen = packet_ring.new_state(ETHERNET)
    buf, rows = np.frombuffer(block(frames), np.uint8).copy(), np.zeros(64, FRAME)
    n = packet_ring.walk(buf, 0, state, seen, rows)
    out = np.zeros(1 << 16, np.uint8)
    end = packet_ring.records(buf, rows, n, out, 3)
    expected, _ = naive.walk(block(frames), "ethernet", packet_ring.DUPLICATE_NS, {})
    assert naive.records(expected) == out[3:end].tobytes()


def test_a_third_like_frame_is_no_copy_of_the_first():
    """A span doubles each of two packets that are alike: two are left of four."""
    frames = [(NOW + k, b"x" * 60, 60, OF_USER, 0, 0) for k in range(4)]
    found, state, _ = walked([block(frames)], ETHERNET, packet_ring.DUPLICATE_NS)
    assert (2, 2) == (len(found), state[packet_ring.S_DUPLICATES])


@pytest.mark.parametrize(
    ("hardware", "link"), [(1, LINK_ETHERNET), (772, LINK_ETHERNET), (65534, LINK_RAW), (24, LINK_UNKNOWN)]
)
def test_the_interface_says_how_frames_begin(hardware, link):
    """Of one that is not known, frames are refused by the decoder, under its reason."""
    _, _, frames = walked([block([(NOW, b"x" * 60, 60, OF_USER, 0, 0)])], hardware, 0)
    assert [link] == frames["link"].tolist()
