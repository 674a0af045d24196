"""Zeek's `history`: one letter for each kind of thing that happened, upper case for the originator.

Letters are kept in five bits each. Most are written once an endpoint; C, G, T and W come back at 10, 100, 1000 … times
(`Connection::ScaledHistoryEntry` in Zeek's src/Conn.cc).
"""

import numpy as np

from baselines._jit import kernel
from sensor.flows.columns import HISTORY_MAX, LOWER


@kernel()
def add_letter(cold, code, is_orig):  # type: ignore[no-untyped-def]
    """Append a letter; what does not fit is left out."""
    if not is_orig:
        code += LOWER
    n = np.int64(cold.hist_len)
    if n < 12:
        cold.hist0 |= np.uint64(code) << np.uint64(5 * n)
    elif n < HISTORY_MAX:
        cold.hist1 |= np.uint64(code) << np.uint64(5 * (n - 12))
    else:
        return
    cold.hist_len = n + 1


@kernel()
def once(cold, slot, code, is_orig):  # type: ignore[no-untyped-def]
    """Append a letter the first time; tell whether it had been written before.

    Args:
        slot: 0 SYN, 1 FIN, 2 RST, 3 FIN+RST, 4 other flags together, 5 data, 6 pure ACK.
    """
    bit = 1 << (slot if is_orig else slot + 8)
    if cold.seen & bit:
        return True
    cold.seen |= bit
    add_letter(cold, code, is_orig)
    return False


@kernel()
def at_threshold(count):  # type: ignore[no-untyped-def]
    """Tell whether a count calls for a letter: 1, 10, 100, 1000, 10000."""
    return count == 1 or count == 10 or count == 100 or count == 1000 or count == 10000


@kernel()
def letter_at(cold, n):  # type: ignore[no-untyped-def]
    """Return the five-bit code of letter n."""
    if n < 12:
        return np.int64(cold.hist0 >> np.uint64(5 * n) & np.uint64(31))
    return np.int64(cold.hist1 >> np.uint64(5 * (n - 12)) & np.uint64(31))
