"""Membership of two-word values in a set of masked values, in one pass over the column.

What the words stand for is the caller's business.
"""

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows

_WORDS = rows(np.uint64)
_MASKS = rows(np.uint64, 2)
_STRIDED = rows(np.uint64, strided=True)


@kernel(_STRIDED, _STRIDED, _MASKS, rows(np.bool_))
def match(hi: NDArray[np.uint64], lo: NDArray[np.uint64], masks: NDArray[np.uint64], inside: NDArray[np.bool_]) -> None:
    """Tell which values agree with one of the masks.

    Args:
        hi: High words, uint64, shape (n,), of any stride; `lo` the low words.
        masks: (value high, value low, mask high, mask low) of each set, uint64, shape (k, 4).
        inside: Out, bool, shape (n,).
    """
    for i in range(len(hi)):
        inside[i] = False
        for j in range(masks.shape[0]):
            if (hi[i] & masks[j, 2]) == masks[j, 0] and (lo[i] & masks[j, 3]) == masks[j, 1]:
                inside[i] = True
                break
