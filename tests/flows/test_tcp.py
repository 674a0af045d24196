"""States, histories and byte counts of TCP conversations are Zeek's."""

import pytest

from tests.flows.driving import compared, expected, flows
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
