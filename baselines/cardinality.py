"""How many distinct values a row has seen, in 64 bytes: HyperLogLog with 64 registers and a keyed hash.

Flajolet, Fusy, Gandouet, Meunier 2007, "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm",
figure 3, with its linear counting for small numbers; the relative error is 1.04/√64 = 13 %. With 64-bit hashes its
correction for large numbers is not needed. The hash is keyed: against an unkeyed one whoever chooses the values
chooses the estimate (Reviriego and Ting 2020, "Security of HyperLogLog (HLL) cardinality estimation: vulnerabilities
and protection").
Registers of two sketches merge by their maximum. Not here: what a value is.
"""

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows
from baselines.keyed import Words, mix

REGISTERS = 64
ALPHA = 0.709
"""α of 64 registers, figure 3."""
RAW_MIN = 2.5 * REGISTERS
"""Up to here linear counting is better, figure 3."""

Registers = NDArray[np.uint8]
I32, U64, U8_2D = rows(np.int32), rows(np.uint64), rows(np.uint8, 2)


@kernel(I32, U64, U64, "uint64", U8_2D)
def add(row: NDArray[np.int32], hi: Words, lo: Words, secret: np.uint64, registers: Registers) -> None:
    """Take values in.

    Args:
        row: Whose, −1 nobody's, int32, shape (n,).
        hi: First word of each value, uint64, shape (n,); `lo` the second.
        secret: Key of the hash.
        registers: In and out, uint8, shape (rows, REGISTERS); fresh ones are 0.
    """
    for i in range(len(row)):
        if row[i] < 0:
            continue
        h = mix(hi[i], lo[i], np.uint64(0), secret)
        at = np.int64(h & np.uint64(REGISTERS - 1))
        rest = h >> np.uint64(6)
        # The position of the lowest set bit of the 58 that are left, from 1.
        rank = 1
        while rank < 59 and not rest & np.uint64(1):
            rest >>= np.uint64(1)
            rank += 1
        registers[row[i], at] = max(int(registers[row[i], at]), rank)


def estimate(registers: Registers) -> NDArray[np.float64]:
    """Return how many distinct values went into each row of registers, float64, shape (rows,).

    Args:
        registers: uint8, shape (rows, REGISTERS).
    """
    raw = ALPHA * REGISTERS**2 / np.exp2(-registers.astype(np.float64)).sum(axis=1)
    empty = (registers == 0).sum(axis=1)
    linear = REGISTERS * np.log(REGISTERS / np.maximum(empty, 1))
    return np.asarray(np.where((raw <= RAW_MIN) & (empty > 0), linear, raw), np.float64)
