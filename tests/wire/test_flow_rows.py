"""Tests for sensor/wire/flow_rows.py: what counters and flags alone say about a conversation."""

import numpy as np
import pytest

from sensor.model.flow import CONN_STATES, ICMP, ICMPV6, TCP, UDP
from sensor.wire.flow_rows import blank, bounded, conn_state, icmp_ports, payload

S, F, R, A = 2, 1, 4, 16


def test_a_blank_row_has_every_column_unset() -> None:
    """Counters are -1, texts empty, sums of squares NaN."""
    row = blank(1)[0]
    assert (-1, -1, -1, b"", b"", True) == (
        row["orig_bytes"], row["duration"], row["local_orig"], row["history"], row["uid"],
        bool(np.isnan(row["size_sq"])),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "orig", "resp", "packets"),
    [
        ("S0", S, None, (1, 0)), ("REJ", S, R | A, (1, 1)), ("RSTOS0", S | R, None, (2, 0)), ("SH", S | F, 0, (2, 0)),
        ("S1", S | A, S | A, (3, 2)), ("SF", S | F, S | F, (5, 4)), ("SF", S | F | R, S | F, (5, 4)),
        ("RSTO", S | R, S | A, (3, 2)), ("RSTR", S | A, S | R, (3, 2)),
        ("S2", S | F, S, (3, 2)), ("S3", S, S | F, (3, 2)),
        ("OTH", A, A, (3, 2)), ("OTH", S, A, (3, 2)), ("SHR", 0, S | A | F, (0, 3)), ("RSTRH", 0, S | A | R, (0, 3)),
        ("", None, S, (1, 1)), ("", S, None, (1, 1)),
    ],
)  # fmt: skip
def test_tcp_flags_tell_the_state(expected: str, orig: int, resp: int, packets: tuple[int, int]) -> None:
    """Zeek's conn_state, where the order of packets does not matter; unset where flags are."""
    assert expected == CONN_STATES[conn_state(TCP, (orig, resp), packets)]


def test_other_protocols_tell_who_spoke() -> None:
    """Both sides: SF; only the originator: S0."""
    assert ["SF", "S0"] == [CONN_STATES[conn_state(UDP, (None, None), packets)] for packets in ((1, 1), (2, 0))]


def test_payload_is_what_headers_leave() -> None:
    """IPv6's header is longer; it is never below 0; -1 where the header is not known."""
    assert [60, 40, 0, -1, -1] == [
        payload(100, 1, TCP, v4=True), payload(100 + 8 - 20, 1, UDP, v4=False), payload(20, 1, UDP, v4=True),
        payload(100, 1, 47, v4=True), payload(-1, 1, TCP, v4=True),
    ]  # fmt: skip


def test_icmp_types_stand_for_ports() -> None:
    """Echo has its reply beside it, unreachable its code."""
    assert [(8, 0), (3, 1), (128, 129)] == [icmp_ports(ICMP, 8, 0), icmp_ports(ICMP, 3, 1), icmp_ports(ICMPV6, 128, 0)]


def test_counts_that_do_not_fit_are_unset() -> None:
    """Negative, missing and larger than a column."""
    assert [5, -1, -1, -1] == [bounded(5), bounded(-2), bounded(None), bounded(1 << 63)]
