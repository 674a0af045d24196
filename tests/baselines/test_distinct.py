"""Distinct rows of columns, and values among others: as NumPy finds them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from baselines.distinct import among, distinct, repeated, values_of

WORDS = st.sampled_from([0, 1, 2, 1 << 40, (1 << 64) - 1])


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=30))
def test_as_numpy_over_an_axis(rows):
    """Rows come out once, in the order of their words, the first before the others."""
    table = np.array(rows, np.uint64).reshape(-1, 3)
    found = distinct(*(column.copy() for column in table.T))
    assert np.unique(table, axis=0).tolist() == np.stack(found, axis=1).tolist()


@given(st.lists(WORDS, max_size=30))
def test_values_as_numpy(values):
    """Each value comes out once, ascending; the column stays as it is."""
    column = np.array(values, np.uint64)
    assert sorted(set(values)) == values_of(column).tolist()
    assert values == column.tolist()


@given(st.lists(st.tuples(WORDS, WORDS), max_size=30))
def test_the_first_of_equal_rows_is_no_repetition(rows):
    """Every later one is."""
    table = np.array(rows, np.uint64).reshape(-1, 2)
    expected = [row in rows[:at] for at, row in enumerate(rows)]
    assert expected == repeated(table[:, 0].copy(), table[:, 1].copy()).tolist()


@given(st.lists(WORDS, max_size=30), st.sets(WORDS, min_size=1))
def test_among_as_numpy(values, wanted):
    """Values below, above and between the wanted are not among them."""
    values, wanted = np.array(values, np.uint64), np.array(sorted(wanted), np.uint64)
    assert np.isin(values, wanted).tolist() == among(values, wanted).tolist()
