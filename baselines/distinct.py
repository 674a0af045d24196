"""Distinct rows of several columns, and which values are among others: for the short columns of a tick.

`np.unique` over an axis views rows as records and compares those field by field, 40 microseconds for ten rows;
`np.isin` sorts both sides, 20 microseconds.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def distinct(*columns: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return the distinct rows, sorted by the first column, then by the second, and so on.

    Args:
        columns: At least one, each of shape (n,), in which nothing is NaN.
    """
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    begins = np.zeros(len(order), np.bool_)
    begins[:1] = True
    for column in ordered:
        begins[1:] |= column[1:] != column[:-1]
    return tuple(column[begins] for column in ordered)


def among(values: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which values are among the wanted.

    Args:
        values: Shape (n,).
        wanted: At least one, of the same dtype, ascending, shape (k,).
    """
    at = np.minimum(wanted.searchsorted(values), len(wanted) - 1)
    return np.asarray(wanted[at] == values, np.bool_)
