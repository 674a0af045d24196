"""The engine gives the same whatever the blocks and threads, and the plain twin agrees with it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.flows.engine import network_words
from sensor.model import addresses
from tests.conftest import ROOT
from tests.flows.driving import compared, everything, expected, feed, flows, run
from tests.flows.driving import engine as new_engine
from tests.flows.talk import closing, handshake, tcp, udp
from tests.naive.engine import drive
from tests.packets.frames import of_capture

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
