"""Distinct rows of columns: as NumPy finds them over an axis."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from baselines.distinct import distinct

WORDS = st.sampled_from([0, 1, 2, 1 << 40, (1 << 64) - 1])


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=30))
def test_as_numpy_over_an_axis(rows):
    """Rows come out once, in the order of their words, the first before the others."""
    table = np.array(rows, np.uint64).reshape(-1, 3)
    found = distinct(*(column.copy() for column in table.T))
    assert np.unique(table, axis=0).tolist() == np.stack(found, axis=1).tolist()
