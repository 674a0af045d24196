"""Holes in streams: what counts as missed, and what only came late."""

import numpy as np
import pytest

from tests.flows.driving import compared, expected, flows
from tests.flows.talk import handshake, tcp


def test_any_order_of_segments_misses_nothing():
    """Eight segments in a hundred random orders, then acknowledged: no gap, all bytes; the twin agrees."""
    random = np.random.default_rng(0)
    for _ in range(100):
        order = random.permutation(8)
        data = [tcp(1 + k / 100, "PA", 1 + 10 * int(part), 1, b"z" * 10) for k, part in enumerate(order)]
        frames = [*handshake(), *data, tcp(3, "A", 1, 81, back=True)]
        (row,) = found = flows(frames)
        assert (0, 80) == (row["missed_bytes"], row["orig_bytes"])
        assert [compared(row) for row in expected(frames)] == [compared(row) for row in found]


@pytest.mark.parametrize("lost", [(1,), (0,), (2, 5), (3, 4), (0, 7), (1, 3, 5, 7)])
def test_lost_segments_are_missed_once_they_are_acknowledged(lost):
    """Ten bytes each, whichever they were."""
    data = [tcp(1 + k / 100, "PA", 1 + 10 * k, 1, b"z" * 10) for k in range(8) if k not in lost]
    (row,) = flows([*handshake(), *data, tcp(3, "A", 1, 81, back=True)])
    assert (10 * len(lost), 80) == (row["missed_bytes"], row["orig_bytes"])


def test_a_hole_that_is_never_acknowledged_is_not_missed():
    """Only what the peer has is known to have been sent."""
    (row,) = flows([*handshake(), tcp(1, "PA", 1001, 1, b"z" * 10)])
    assert 0 == row["missed_bytes"]


def test_more_runs_than_are_kept_end_the_search_for_gaps():
    """With more than eight runs beyond a hole the stream is not followed; counting goes on."""
    data = [tcp(1 + k / 100, "PA", 101 + 20 * k, 1, b"z" * 10) for k in range(12)]
    (row,) = flows([*handshake(), *data, tcp(3, "A", 1, 400, back=True)])
    assert (0, 15) == (row["missed_bytes"], row["orig_pkts"] + row["resp_pkts"] - 1)
