"""Counting exchanges into both ends."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import tally
from tests.naive import tally as naive

exchange = st.tuples(
    st.integers(-1, 3), st.integers(-1, 3), st.integers(-1, 10**12), st.integers(-1, 10**12), st.booleans(),
    st.booleans(),
)  # fmt: skip


def columns(exchanges):
    kinds = (np.int32, np.int32, np.int64, np.int64, np.bool_, np.bool_)
    table = list(zip(*exchanges, strict=True)) or [()] * 6
    return [np.array(column, kind) for column, kind in zip(table, kinds, strict=True)]


@settings(deadline=None)
@given(st.lists(exchange, max_size=30), st.integers(0, 30))
def test_counts_equal_the_definition_however_chunked(exchanges, cut):
    """Both ends, unknown bytes as none, repeats without another exchange; in one batch or two."""
    counts = np.zeros((4, 6))
    for part in (exchanges[:cut], exchanges[cut:]):
        tally.tally(*columns(part), counts)
    expected = naive.tally(exchanges)

    assert [expected.get(row, [0] * 5) for row in range(4)] == counts[:, :5].tolist()
    assert not counts[:, 5].any()


@pytest.mark.slow
def test_three_million_exchanges_a_second():
    """Over 100,000 rows, one core."""
    rng = np.random.default_rng(0)
    n = 3_000_000
    rows = rng.integers(0, 100_000, (2, n), np.int32)
    sizes = rng.integers(0, 10**6, (2, n))
    flags = rng.random((2, n)) < 0.5
    counts = np.zeros((100_000, 6))
    tally.tally(*columns([]), counts)
    begin = time.perf_counter()
    tally.tally(rows[0], rows[1], sizes[0], sizes[1], flags[0], flags[1], counts)

    assert 1.0 > time.perf_counter() - begin
