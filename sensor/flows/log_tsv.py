"""Turn lines of a tab-separated conn.log into FLOW rows, by the column plan that the log's header gives.

Assumes the layout of Zeek's ASCII writer (https://docs.zeek.org/en/master/log-formats.html): one record a line, fields
parted by one byte. Does not read headers, and does not judge what is not in plain form: see `sensor.flows.log_rows`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines._jit import borrow, ctz64, kernel, marks, rows, ule64
from sensor.flows.log_rows import REQUIRED_OPS, SKIP, TEXT_OPS, WORDS, finish_row, put_value
from sensor.flows.log_values import below

BYTES = rows(np.uint8)
INT64S = rows(np.int64)
INT32S = rows(np.int32)
UINT64S = rows(np.uint64)
HASH, NEWLINE, RETURN = 35, 10, 13
ONE, ZERO = np.uint64(1), np.uint64(0)
WINDOW_BYTES = 16_384
"""Delimiters are listed for this much at a time; it bounds what is listed again after a `#` line."""
STOPS = WINDOW_BYTES + 64
"""Room for the list: every byte of a window can be a delimiter."""
MARKER_MAX_BYTES = 8
"""The longest `#unset_field` and `#empty_field` that the kernel compares; Zeek's are `-` and `(empty)`."""


def plan(ops: list[int], separator: int, unset: bytes, empty: bytes) -> NDArray[np.int64]:
    """Lay out what the kernel must know of a header.

    Args:
        ops: Operation of each column in its order (`log_rows.OPS`, 0 to skip one).
        separator: The byte between fields.
        unset: The text of an unset field, at most MARKER_MAX_BYTES.
        empty: The text of an empty field, at most MARKER_MAX_BYTES.

    Returns:
        int64, shape (5 + columns,): separator, unset word, its length, empty word, its length, operations.
    """
    markers = [int.from_bytes(text.ljust(8, b"\0"), "little", signed=True) for text in (unset, empty)]
    return np.array([separator, markers[0], len(unset), markers[1], len(empty), *ops], np.int64)


@kernel()
def find_stops(buf: Any, p: int, end: int, separator: int, found: Any) -> int:
    """List the positions of all separators and newlines from `p` to `end`, and count them.

    Eight are written at a time whether there are as many or not, so that the usual chunk costs no mispredicted branch
    (Langdale and Lemire 2019, "Parsing gigabytes of JSON per second", section 3.1.4).
    """
    m = 0
    while p < end:
        mask = marks(buf, p, separator, NEWLINE)
        if end - p < 64:
            mask &= (ONE << np.uint64(end - p)) - ONE
        at = m
        while mask != ZERO:
            for _ in range(8):
                found[at] = p + ctz64(mask)
                mask &= mask - ONE
                at += 1
            # What was written past the last mark is p + 64 or more.
        while at > m and found[at - 1] >= p + 64:
            at -= 1
        m = at
        p += 64
    return m


@kernel(BYTES, INT64S, INT64S, UINT64S, UINT64S, INT64S, INT32S)
def read_tsv(
    buf: NDArray[np.uint8],
    state: NDArray[np.int64],
    plan: NDArray[np.int64],
    words: NDArray[np.uint64],
    blank: NDArray[np.uint64],
    odd: NDArray[np.int64],
    stops: NDArray[np.int32],
) -> None:
    """Read record lines into rows until the bytes, the rows or the room for odd lines end, or a `#` line begins.

    Args:
        buf: Bytes, uint8, with SLACK_BYTES of room behind the last line, which ends with a newline.
        state: int64, shape (4,), in and out: position in `buf`, end of the lines, rows written, odd lines noted.
        plan: What `plan` made, int64.
        words: FLOW rows as uint64, shape (WORDS * n,); written from row `state[2]` on.
        blank: One row with every column unset, uint64, shape (WORDS,).
        odd: Row number and first byte of each odd line, int64, shape (2 * m,). Its row is left half written.
        stops: Room for work, int32, shape (STOPS,).
    """
    pos, end, n, n_odd = state[0], state[1], state[2], state[3]
    separator, unset, unset_len, empty, empty_len = plan[0], np.uint64(plan[1]), plan[2], np.uint64(plan[3]), plan[4]
    n_columns, n_rows, odd_room = len(plan) - 5, len(words) // WORDS, len(odd) // 2
    bytes_, ops, rows_, found, first = borrow(buf), borrow(plan), borrow(words), borrow(stops), borrow(blank)
    while pos < end and n < n_rows and n_odd < odd_room and bytes_[pos] != HASH:
        m = find_stops(bytes_, pos, min(pos + WINDOW_BYTES, end), separator, found)
        while m > 0 and bytes_[found[m - 1]] != NEWLINE:
            m -= 1
        k = 0
        while k < m and n < n_rows and n_odd < odd_room and bytes_[pos] != HASH:
            if found[k] == pos or (found[k] == pos + 1 and bytes_[pos] == RETURN):
                if bytes_[found[k]] == NEWLINE:  # an empty line is no record
                    pos = found[k] + 1
                    k += 1
                    continue
            base = n * WORDS
            for i in range(WORDS):
                rows_[base + i] = first[i]
            p, c = pos, 0
            while c < n_columns and k + c < m:
                stop = np.int64(found[k + c])
                op = ops[5 + c]
                c += 1
                last = bytes_[stop] == NEWLINE
                if last != (c == n_columns):
                    c = -1
                    break
                if op != SKIP:
                    finish = stop - 1 if last and bytes_[stop - 1] == RETURN and stop > p else stop
                    length = finish - p
                    word = ule64(bytes_, p)
                    if length == unset_len and word & below(length) == unset:
                        plain = not REQUIRED_OPS[op]
                    elif length == empty_len and word & below(length) == empty:
                        plain = TEXT_OPS[op]
                    else:
                        plain = put_value(op, bytes_, p, finish, rows_, base)
                    if not plain:
                        c = -1
                        break
                p = stop + 1
            if c == n_columns:
                finish_row(rows_, base)
                k += c
                pos = p
            else:
                odd[2 * n_odd], odd[2 * n_odd + 1] = n, pos
                n_odd += 1
                while bytes_[found[k]] != NEWLINE:
                    k += 1
                pos = np.int64(found[k]) + 1
                k += 1
            n += 1
        if m == 0:  # a line longer than the window
            odd[2 * n_odd], odd[2 * n_odd + 1] = n, pos
            n_odd += 1
            n += 1
            while bytes_[pos] != NEWLINE:
                pos += 1
            pos += 1
    state[0], state[2], state[3] = pos, n, n_odd
