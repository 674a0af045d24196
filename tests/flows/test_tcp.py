"""States, histories and byte counts of TCP conversations are Zeek's."""

import random

import pytest

from tests.flows import chatter
from tests.flows.driving import compared, differences, expected, flows
from tests.flows.talk import closing, handshake, tcp

DATA = tcp(1, "PA", 1, 1, b"q" * 100)
ANSWER = tcp(1.1, "PA", 1, 101, b"r" * 300, back=True)

SCENES = {
    "whole": (
        [*handshake(), DATA, ANSWER, tcp(1.2, "A", 101, 301), *closing(2, 101, 301)],
        ("SF", "ShADdFaf", 100, 300),
    ),
    "unanswered": ([tcp(0, "S"), tcp(1, "S"), tcp(3, "S")], ("S0", "S", 0, 0)),
    "refused": ([tcp(0, "S"), tcp(0.1, "RA", 0, 1, back=True)], ("REJ", "Sr", 0, 0)),
    "given up": ([tcp(0, "S"), tcp(1, "R", 1)], ("RSTOS0", "SR", 0, 0)),
    "open": ([*handshake(), DATA, ANSWER], ("S1", "ShADd", 100, 300)),
    "reset by originator": ([*handshake(), DATA, tcp(2, "RA", 101, 1)], ("RSTO", "ShADR", 100, 0)),
    "reset by responder": ([*handshake(), DATA, tcp(2, "RA", 1, 101, back=True)], ("RSTR", "ShADr", 100, 0)),
    "half closed": ([*handshake(), tcp(2, "FA", 1, 1), tcp(2.1, "A", 1, 2, back=True)], ("S2", "ShAFa", 0, 0)),
    "syn and fin only": ([tcp(0, "S"), tcp(1, "F", 1)], ("SH", "SF", 0, 0)),
    "midstream": ([tcp(0, "A", 1, 1), tcp(0.1, "A", 1, 1, back=True)], ("OTH", "Aa", 0, 0)),
    "retransmitted": ([*handshake(), DATA, tcp(1.5, "PA", 1, 1, b"q" * 100)], ("S1", "ShADT", 100, 0)),
    "zero window": ([*handshake(), tcp(1, "A", 1, 1, window=0, back=True)], ("S1", "ShAaw", 0, 0)),
}


@pytest.mark.parametrize("name", SCENES)
def test_state_history_and_bytes(name):
    """Each scene ends in the state Zeek names, with its letters; the plain twin agrees in every column."""
    frames, (state, history, sent, received) = SCENES[name]
    found = flows(frames)
    assert [(state, history, sent, received)] == [
        (row["conn_state"], row["history"], row["orig_bytes"], row["resp_bytes"]) for row in found
    ]
    assert [compared(row) for row in expected(frames)] == [compared(row) for row in found]


def test_a_syn_after_the_attempt_is_over_is_another_flow():
    """Five seconds without an answer end an attempt; the next SYN opens a new flow."""
    assert ["S0", "S0"] == [row["conn_state"] for row in flows([tcp(0, "S"), tcp(6, "S")])]


def test_bytes_that_were_acknowledged_but_never_seen_are_missed():
    """A gap shows when the peer acknowledges beyond it: a letter, and its size."""
    frames = [*handshake(), tcp(1, "PA", 501, 1, b"q" * 100), tcp(2, "A", 1, 601, back=True)]
    (row,) = flows(frames)
    assert (500, 600, True) == (row["missed_bytes"], row["orig_bytes"], "g" in row["history"].lower())


def test_segments_out_of_order_leave_no_gap():
    """What comes late fills the hole before it is acknowledged."""
    frames = [
        *handshake(), tcp(1, "PA", 101, 1, b"b" * 50), tcp(1.1, "PA", 1, 1, b"a" * 100), tcp(2, "A", 1, 151, back=True),
    ]  # fmt: skip
    (row,) = flows(frames)
    assert (0, 150) == (row["missed_bytes"], row["orig_bytes"])


def test_the_same_ports_again_are_a_new_connection():
    """A SYN after both sides closed opens a second flow."""
    later = [tcp(10, "S", 9000), tcp(10.1, "SA", 7000, 9001, back=True)]
    states = [row["conn_state"] for row in flows([*handshake(), *closing(1), *later])]
    assert ["SF", "S1"] == states


def test_sequence_numbers_wrap():
    """A stream that passes 2^32 counts on."""
    near = 2**32 - 1000 - 50
    frames = [
        tcp(0, "S", near - 1), tcp(0.1, "SA", 0, near, back=True), tcp(0.2, "A", near, 1),
        tcp(1, "PA", near, 1, b"q" * 100), tcp(2, "A", 1, near + 100, back=True),
    ]  # fmt: skip
    (row,) = flows(frames)
    assert (100, 0) == (row["orig_bytes"], row["missed_bytes"])


def unseen(back=True):
    """A handshake's answer without its question: from a likely server port it turns the flow round."""
    return tcp(0, "SA", 0, 1, back=back, dport=80)


def spoilt(frame):
    """A frame with one bit of its checksum wrong."""
    ts, octets, wire, link = frame
    return ts, octets[:50] + bytes([octets[50] ^ 1]) + octets[51:], wire, link


ODDITIES = {
    "reset by the originator, its SYN unseen": ([unseen(), tcp(1, "R", 1, dport=80)], "RSTO", "^hR"),
    "reset by the responder, the SYN unseen": ([unseen(), tcp(1, "R", 1, back=True, dport=80)], "RSTRH", "^hr"),
    "closed by the responder, the SYN unseen": ([unseen(), tcp(1, "FA", 1, 1, back=True, dport=80)], "SHR", "^hf"),
    "SYN captured behind its answer": (
        [tcp(0, "SA", 0, 1, back=True), tcp(0.1, "S"), tcp(0.2, "A", 1, 1)],
        "S1",
        "Hs^A",
    ),
    "half closed by the responder": ([*handshake(), tcp(2, "FA", 1, 1, back=True), tcp(2.1, "A", 1, 2)], "S3", "ShAf"),
    "closed by both at once": ([*handshake(), tcp(2, "FA", 1, 1), tcp(2, "FA", 1, 1, back=True)], "SF", "ShAFf"),
    "FIN, then RST": ([*handshake(), tcp(2, "FA", 1, 1), tcp(2.1, "R", 1, back=True)], "RSTR", "ShAFr"),
    "kept alive": ([*handshake(), tcp(9, "A", 0, 1, b"\0"), tcp(9.1, "A", 1, 1, back=True)], "S1", "ShADTa"),
    "ten retransmissions": ([*handshake(), *[tcp(k, "A", 1, 1, b"x") for k in range(1, 12)]], "S1", "ShADTT"),
    "FIN scan": ([tcp(0, "F")], "SH", "F"),
    "Xmas scan": ([tcp(0, "FPU")], "SH", "F"),
    "NULL scan": ([tcp(0, "")], "OTH", ""),
    "SYN and FIN together": ([tcp(0, "SF")], "SH", "Q"),
    "FIN and RST together": ([tcp(0, "FR")], "OTH", "I"),
    "another SYN within the attempt": ([tcp(0, "S"), tcp(1, "S"), tcp(2, "A", 1, 1, back=True)], "S0", "Sa"),
    "wrong checksum": ([spoilt(tcp(0, "S"))], "OTH", "C"),
}


@pytest.mark.parametrize("name", ODDITIES)
def test_oddities_leave_their_state_and_letters(name):
    """What scanners, middleboxes and late captures leave; the plain twin agrees in every column."""
    frames, state, history = ODDITIES[name]
    (row,) = flows(frames)
    assert (state, history) == (row["conn_state"], row["history"])
    assert [compared(other) for other in expected(frames)] == [compared(row)]


def test_streams_of_more_than_four_gigabytes():
    """Numbers pass 2^31 and 2^32: bytes, what was missed and the letters go on counting."""
    there, back = ((1, 40000), (2, 8443)), ((2, 8443), (1, 40000))
    begin, start, step = chatter.BEGIN, 1000, 2**30
    frames = [
        chatter.frame(begin, there, chatter.SYN, start, 0, 0),
        chatter.frame(begin + 1, back, chatter.SYN | chatter.ACK, 5, start + 1, 0),
        chatter.frame(begin + 2, there, chatter.ACK, start + 1, 6, 0),
    ]
    for k in range(10):
        seq = start + 1 + k * step
        frames += [
            chatter.frame(begin + 10 + 10 * k, there, chatter.ACK, seq, 6, 100),
            chatter.frame(begin + 15 + 10 * k, back, chatter.ACK, 6, seq + 100, 0),
        ]
        (row,) = flows(frames, ignore_checksums=True)
        assert (k * step + 100, k * (step - 100)) == (row["orig_bytes"], row["missed_bytes"])
        assert [compared(other) for other in expected(frames, check=False)] == [compared(row)]


@pytest.mark.parametrize("seed", range(40))
def test_random_conversations_agree_with_the_twin(seed):
    """Lost, doubled, reordered, wrapped, reset and reused: every column of every flow."""
    frames = chatter.frames(random.Random(seed), 250)
    assert [] == differences(frames, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1020))
def test_many_random_conversations_agree_with_the_twin(seed):
    """The same at length."""
    for turn in range(30):
        frames = chatter.frames(random.Random(100 * seed + turn), 600)
        assert [] == differences(frames, check=False)
