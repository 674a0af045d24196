"""The conn.log kernels with the room they work in: bytes of whole lines in, FLOW rows and odd lines out."""

import numpy as np
from numpy.typing import NDArray

from sensor.flows import log_json, log_rows, log_tsv
from sensor.model.flow import FLOW

ROWS = 16_384
"""Rows a call can fill, and odd lines it can note: more than a megabyte of plausible lines holds; else it takes two."""


class LogKernels:
    """Reads runs of conn lines. What it returns stays valid; its room is used again."""

    def __init__(self) -> None:
        self._blank = log_rows.blank_row()
        self._odd = np.empty(2 * ROWS, np.int64)
        self._stops = np.empty(log_tsv.STOPS, np.int32)

    @staticmethod
    def plan(
        fields: tuple[str, ...], lead: int, separator: bytes, unset: bytes, empty: bytes
    ) -> NDArray[np.int64] | None:
        """Make the TSV kernel's plan of a header; None where a column is missing or its marks are beyond the kernel.

        Args:
            fields: Column names in their order.
            lead: Columns of each line before the first of `fields`.
            separator: What parts fields.
            unset: What an unset field holds.
            empty: What an empty field holds.
        """
        if len(separator) != 1 or separator in b"\n\r\\" or max(len(unset), len(empty)) > log_tsv.MARKER_MAX_BYTES:
            return None
        if not set(log_rows.REQUIRED) <= set(fields):
            return None
        ops = [0] * lead + [log_rows.OPS.get(name, 0) for name in fields]
        return log_tsv.plan(ops, separator[0], unset, empty)

    def read(
        self, data: NDArray[np.uint8], at: int, end: int, plan: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.void], list[tuple[int, int]], int]:
        """Read the lines of `data[at:end]`, JSON where `plan` is None, until a `#` line or the end of the room.

        Args:
            data: Bytes, uint8, with SLACK_BYTES of room behind `end`, where a line ends.
            at: Where a line begins.
            end: Behind the last line's newline.
            plan: What `plan` made of the header.

        Returns:
            Rows (dtype FLOW, shape (n,), one for each record line); row and first byte of each odd line, whose rows
            hold nothing yet; where the next line begins.
        """
        out = np.empty(ROWS, FLOW)
        state = np.array([at, end, 0, 0], np.int64)
        with np.errstate(over="ignore"):  # with the JIT off, words wrap as they do in the kernel
            if plan is None:
                log_json.read_json(data, state, out.view(np.uint64), self._blank, self._odd)
            else:
                log_tsv.read_tsv(data, state, plan, out.view(np.uint64), self._blank, self._odd, self._stops)
        stopped, _, n, n_odd = state.tolist()
        odd = self._odd[: 2 * n_odd].reshape(n_odd, 2).tolist()
        return out[:n], [(row, start) for row, start in odd], stopped
