"""Growable columns: growth, recycling, cap, save and load."""

import numpy as np
import pytest

from baselines.table import Table

SPEC = {"level": (np.float64, (3,), np.nan), "count": (np.int64, (), 0)}


def test_rows_keep_their_values_while_the_table_grows():
    """A thousand rows added one by one keep what was written to them."""
    table = Table(SPEC, 5000)
    for k in range(1000):
        row = table.add()
        table.columns["count"][row] = k

    assert list(range(1000)) == table.columns["count"][:1000].tolist()


def test_a_recycled_row_is_clean():
    """A row given back is handed out again with fresh cells."""
    table = Table(SPEC, 10)
    row = table.add()
    table.columns["count"][row] = 5
    table.recycle(row)

    again = table.add()

    assert (row, 0, True) == (again, table.columns["count"][again], bool(np.isnan(table.columns["level"][again]).all()))


def test_the_cap_holds_and_counts():
    """Beyond the cap no row is handed out, and each refusal is counted."""
    table = Table(SPEC, 2)

    assert [0, 1, -1, -1] == [table.add() for _ in range(4)]
    assert (2, 1.0) == (table.refused, table.saturation)


def test_save_and_load_is_identity():
    """A loaded table equals the saved one, free rows included."""
    table = Table(SPEC, 100)
    for k in range(70):
        row = table.add()
        table.columns["count"][row] = k
    table.recycle(3)
    other = Table(SPEC, 100)

    other.load(table.save())

    assert table.columns["count"][:70].tolist() == other.columns["count"][:70].tolist()
    assert 3 == other.add()


def test_another_version_is_refused():
    """State of a version this program does not know is not guessed at."""
    state = Table(SPEC, 10).save()
    state["_version"] = np.array([99, 0, 0])

    with pytest.raises(ValueError, match="version 99"):
        Table(SPEC, 10).load(state)
