"""Distinct rows of several columns, without making one array of records of them.

`np.unique` over an axis views rows as records and compares those field by field: 40 microseconds for ten rows.
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
