"""The engine gives the same whatever the blocks and threads, and the plain twin agrees with it."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.flows.engine import network_words
from sensor.model import addresses
from tests.conftest import ROOT
from tests.flows import chatter
from tests.flows.driving import compared, differences, everything, expected, feed, flows, run
from tests.flows.driving import engine as new_engine
from tests.flows.talk import closing, handshake, tcp, udp
from tests.naive.engine import drive
from tests.packets.frames import laid_out, of_capture
from tests.packets.test_decode import FOLDERS, damaged

TALK = [
    *handshake(), tcp(1, "PA", 1, 1, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), *closing(2, 38),
    *[udp(second) for second in (3, 4, 70, 71)], udp(72, back=True),
]  # fmt: skip
SAMPLES = sorted((ROOT / "pcaps").rglob("*.pcap"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_twin_agrees_on_the_samples(path):
    """Every column of every flow of the first 1,500 frames is that of the plain flow table."""
    frames = of_capture(path, limit=1500)
    assert [compared(row) for row in expected(frames)] == [compared(row) for row in flows(frames)]


def test_no_packets_no_flows():
    """The twin's empty case, and the engine's."""
    assert ([], 0) == (list(drive([])), len(run([]).drain_flows()))


@settings(max_examples=25)
@given(st.lists(st.integers(1, 5), max_size=12))
def test_any_cut_gives_the_same_bytes(pieces):
    """Flows, messages and counts do not depend on how frames came."""
    assert everything(run(TALK)) == everything(run(TALK, pieces=pieces))


def test_decoding_ahead_changes_nothing():
    """The two halves of `feed`, one after the other for each batch, are `feed`."""
    whole, halves = new_engine(), new_engine(threaded=True)
    feed(whole, TALK)
    feed(halves, TALK)
    whole.finish()
    halves.finish()
    assert everything(whole) == everything(halves)


def test_every_packet_is_in_a_flow_or_dropped():
    """Accepted and dropped frames add up; the flows' packets are the accepted ones."""
    damaged = list(TALK)
    ts, octets, wire, link = damaged[3]
    damaged[3] = (ts, octets[:-1] + bytes([octets[-1] ^ 1]), wire, link)
    done = run(damaged)
    rows = done.drain_flows()
    assert (len(TALK) - 1, {"bad_checksum": 1}) == (done.accepted, done.drops)
    assert len(TALK) - 1 == int(rows["orig_pkts"].sum() + rows["resp_pkts"].sum())


def test_a_full_table_evicts_and_loses_nothing():
    """With room for 16 flows, 200 are still written, the rest marked evicted, every packet counted."""
    frames = [udp(k / 1000, sport=10000 + k) for k in range(200)]
    done = run(frames, max_flows=16)
    rows = done.drain_flows()
    assert (200, 184, 200) == (len(rows), done.evicted, int(rows["orig_pkts"].sum()))


def test_rows_that_are_not_kept_are_counted():
    """Without `keep` nothing is handed out, and the number of flows is the same."""
    done = run(TALK, keep=False)
    assert (0, len(run(TALK).drain_flows())) == (len(done.drain_flows()), done.finished)


def test_networks_become_masks_and_values():
    """IPv4 networks lie in ::ffff:0:0/96; both words of mask and value are there."""
    words = network_words(["10.0.0.0/8", "fc00::/7"]).reshape(2, 4)
    hi, lo = addresses.parse("10.1.2.3")
    assert (hi, lo & int(words[0, 1])) == (0, int(words[0, 3]))
    assert [0xFE00000000000000, 0, 0xFC00000000000000, 0] == words[1].tolist()
    assert np.uint64 == words.dtype


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_twin_agrees_on_real_captures(data_dir, folder):
    """Every column of every flow of the first frames of each, whether checksums count or not."""
    compared_flows = 0
    for path in sorted((data_dir / "network" / folder).rglob("*")):
        if path.suffix not in (".pcap", ".cap", ".trace", ".pcapng"):
            continue
        try:
            frames = of_capture(path, limit=3000)
        except Malformed:
            continue
        for check in (True, False):
            assert [] == differences(frames, check=check), path.name
        compared_flows += len(expected(frames))
    assert compared_flows > 0


@settings(max_examples=20)
@given(st.lists(st.integers(1, 90), max_size=10), st.sampled_from(SAMPLES))
def test_any_cut_of_a_sample_gives_the_same_bytes(pieces, path):
    """Flows, messages, ARP rows and counts of real protocols."""
    frames = of_capture(path, limit=600)
    assert everything(run(frames)) == everything(run(frames, pieces=pieces))


@pytest.mark.parametrize("seed", range(4))
def test_a_small_table_and_damaged_frames_lose_no_count(seed):
    """Sixteen flows at a time: rows are as many as flows were opened, each packet in one, each frame has one fate."""
    rng = random.Random(seed)
    frames = chatter.frames(rng, 300)
    for path in rng.sample(SAMPLES, 12):
        given_ = of_capture(path, limit=100)
        frames += list(damaged(rng, given_, 60)) if given_ else []
    rng.shuffle(frames)
    roomy, small = (run(frames, max_flows=size, ignore_checksums=True) for size in (1 << 12, 16))
    assert len(frames) == small.accepted + sum(small.drops.values())
    assert (roomy.accepted, roomy.drops) == (small.accepted, small.drops)
    many, few = roomy.drain_flows(), small.drain_flows()
    assert (small.opened, small.evicted > 0) == (len(few), True)
    for columns in (("orig_pkts", "resp_pkts"), ("orig_ip_bytes", "resp_ip_bytes")):
        assert sum(int(many[name].sum()) for name in columns) == sum(int(few[name].sum()) for name in columns)


def test_the_other_direction_gives_the_same_flows_the_other_way_round():
    """All addresses swapped: the same counts, the endpoints exchanged."""

    def turned(frame):
        ts, octets, wire, link = frame
        return ts, octets[6:12] + octets[:6] + octets[12:26] + octets[30:34] + octets[26:30] + octets[34:], wire, link

    there, back = flows(TALK), flows([turned(frame) for frame in TALK])
    ends = ("orig_lo", "resp_lo"), ("orig_l2", "resp_l2"), ("local_orig", "local_resp")
    for row, other in zip(there, back, strict=True):
        for orig, resp in ends:
            other[orig], other[resp] = other[resp], other[orig]
        assert compared(row) == compared(other)


def test_a_buffer_without_room_for_datagrams_is_refused():
    """Fewer than two times 256 KiB behind the frames: said at once, where it used to wait for ever."""
    buf, rows, scratch_at, _ = laid_out(TALK, room=1000)
    with pytest.raises(ValueError, match="1000 bytes behind the frames, at least 524288 are needed"):
        new_engine().feed(buf, rows, scratch_at)
