"""What is a little unusual for long: the cumulative sum of −ln p (Page 1954, "Continuous inspection schemes").

S ← max(0, S + x − REFERENCE), with x = −ln p of a period. Under p that hold x is exponential with mean 1, so S drifts
down; where something small goes on, it climbs. How far it climbs by chance, the peers' sums say
(`baselines.calibration`): one row's periods are not independent, so no bound for independent ones holds. Not here: what
a period is.
"""

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows

REFERENCE = 2.0
"""Nats a period: between the mean of 1 where p hold, and the 4 that three times the usual brings an hour."""
X_MAX = 30.0
"""Nats a period counts for at most, p = 1e-13: what is beyond is no more certain."""

F64, F32 = rows(np.float64), rows(np.float32)


@kernel(F64, F32)
def accumulate(x: NDArray[np.float64], total: NDArray[np.float32]) -> None:
    """Move each sum by one period.

    Args:
        x: −ln p, float64, shape (n,); NaN leaves the sum as it is.
        total: In and out, float32, shape (n,).
    """
    for i in range(len(x)):
        if not np.isnan(x[i]):
            total[i] = max(0.0, float(total[i]) + min(X_MAX, x[i]) - REFERENCE)
