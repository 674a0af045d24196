"""Opening and accounting: who opened a flow, what the short path may take, what a flow adds up."""

import pytest

from tests.flows.driving import compared, expected, flows
from tests.flows.talk import handshake, tcp, udp


@pytest.mark.parametrize(
    ("frame", "history", "orig_p"),
    [
        (tcp(0, "SA", 0, 1, back=True, dport=443), "^h", 40000),
        (tcp(0, "PA", 1, 1, b"x", back=True, dport=443), "^d", 40000),
        (tcp(0, "PA", 1, 1, b"x", back=True, dport=8443), "D", 8443),
        (udp(0, back=True, dport=53), "^d", 40000),
        (udp(0, back=True, dport=9999), "D", 9999),
        (tcp(0, "S", back=True, dport=443), "S", 443),
    ],
)
def test_who_opened_a_flow_that_began_unseen(frame, history, orig_p):
    """A first packet from a likely server port turns the flow round, a plain SYN never does."""
    (row,) = flows([frame])
    assert (history, orig_p) == (row["history"], row["orig_p"])


def test_sizes_and_squares_add_up():
    """Packets, bytes, squared sizes and squared gaps are those of the definition."""
    (row,) = flows([udp(0, b"a" * 10), udp(2, b"b" * 20), udp(5, b"c", back=True)])
    lengths = [38, 48, 29]
    assert (2, 1, 30, 1) == (row["orig_pkts"], row["resp_pkts"], row["orig_bytes"], row["resp_bytes"])
    assert (86, 29) == (row["orig_ip_bytes"], row["resp_ip_bytes"])
    assert sum(n * n for n in lengths) == row["size_sq"]
    assert pytest.approx(2**2 + 3**2) == row["gap_sq"]


def test_the_short_path_counts_as_the_long_one():
    """Two hundred segments in order, with acknowledgements between, agree with the twin in every column."""
    frames = handshake()
    for k in range(100):
        frames.append(tcp(1 + k / 10, "PA", 1 + 50 * k, 1, b"z" * 50))
        frames.append(tcp(1.05 + k / 10, "A", 1, 51 + 50 * k, back=True))
    assert [compared(row) for row in expected(frames)] == [compared(row) for row in flows(frames)]


def test_a_wrong_checksum_leaves_a_letter_and_nothing_else():
    """The packet is not counted; the flow says C."""
    ts, octets, wire, link = udp(0)
    (row,) = flows([(ts, octets[:-1] + b"y", wire, link)])
    assert ("C", 0, 0, "OTH") == (row["history"], row["orig_pkts"], row["orig_bytes"], row["conn_state"])


def test_checksums_may_be_ignored():
    """Told so, the engine believes the same packet."""
    ts, octets, wire, link = udp(0)
    (row,) = flows([(ts, octets[:-1] + b"y", wire, link)], ignore_checksums=True)
    assert ("D", 1) == (row["history"], row["orig_pkts"])
