"""Runs of sessions that are alike: what one party sends and gets hardly changes from session to session.

A session is alike where both of its sizes are within SHARE of the run's, or within LEAST bytes: a login that fails says
the same each time but for the length of names and padding. A run of RUN_LONG is not given up for one odd session; what
is odd and much larger than it is told, as the session that got in.

Not here: whose sessions they are. Rows are the caller's.
"""

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows

SHARE = 0.15
LEAST = 64
"""Two blocks of padding and a long name."""
RUN_LONG = 20
"""Sessions after which one that is odd says something of itself and not of the run: one in RUN_LONG + 1 by its rank."""
ODD_TIMES, ODD_BYTES = 3, 4096
"""How much larger than the run's a session must be that got in: a shell's greeting, not another banner."""
BUCKET_NS = 600_000_000_000
"""Ten minutes."""

Ints = NDArray[np.int64]
Rows = NDArray[np.int32]
I32, I64, I64_2D = rows(np.int32), rows(np.int64), rows(np.int64, 2)


@kernel(I32, *[I64] * 11, I64_2D)
def alike(
    row: Rows, ts: Ints, out: Ints, back: Ints,
    ref_out: Ints, ref_back: Ints, run: Ints, misses: Ints, bucket: Ints, in_bucket: Ints, best: Ints, total: Ints,
    events: Ints,
) -> int:  # fmt: skip
    """Take n sessions in, in order; return how many odd ones were written.

    Args:
        row: Whose run, int32, shape (n,).
        ts: ns, int64; `out` and `back` bytes of the originator and the responder.
        ref_out: Sizes of the run, int64, shape (rows,); `ref_back` likewise.
        run: Sessions of the present run; `misses` odd ones in a row; `bucket` the present ten minutes; `in_bucket`
            alike ones in it; `best` the most alike ones in any ten minutes; `total` all alike ones.
        events: Out, int64, shape (≥ n, 3): session, row, length of the run before it.
    """
    written = 0
    for i in range(len(row)):
        r = np.int64(row[i])
        now = ts[i] // BUCKET_NS
        if bucket[r] != now:
            bucket[r], in_bucket[r] = now, 0
        near = abs(out[i] - ref_out[r]) <= max(LEAST, int(SHARE * ref_out[r]))
        near = near and abs(back[i] - ref_back[r]) <= max(LEAST, int(SHARE * ref_back[r]))
        if run[r] > 0 and not near:
            misses[r] += 1
            if run[r] >= RUN_LONG and misses[r] < RUN_LONG:
                if back[i] >= ODD_TIMES * ref_back[r] and back[i] - ref_back[r] >= ODD_BYTES:
                    events[written, 0], events[written, 1], events[written, 2] = i, r, run[r]
                    written += 1
                continue
            run[r], in_bucket[r] = 0, 0
        if run[r] == 0:
            ref_out[r], ref_back[r] = out[i], back[i]
        run[r] += 1
        misses[r] = 0
        in_bucket[r] += 1
        total[r] += 1
        best[r] = max(best[r], in_bucket[r])
    return written
