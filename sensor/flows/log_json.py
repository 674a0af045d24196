"""Turn lines of a JSON conn.log into FLOW rows: one flat object a line, keys in any order.

A line is finished here only where it is JSON beyond doubt (RFC 8259; strings without escapes and in ASCII, arrays of
strings or numbers only) and a conn record: its `_path` or `@stream` says so, or it has a `conn_state`. Everything else,
records of other logs included, is odd: see `sensor.flows.log_rows`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines._jit import borrow, ctz64, kernel, rows, ule64
from sensor.flows.log_rows import (
    _SHIFT,
    _WORD,
    CONN_STATE,
    FIELDS,
    FIRST_COUNT,
    INNER_VLAN,
    LOCAL_ORIG,
    LOCAL_RESP,
    OPS,
    ORIG_P,
    REQUIRED,
    SKIP,
    TEXT_OPS,
    WORDS,
    finish_row,
    put_small,
    put_value,
)
from sensor.flows.log_values import below, digits, find_byte

BYTES = rows(np.uint8)
INT64S = rows(np.int64)
UINT64S = rows(np.uint64)

PATH, ODD = len(FIELDS), len(FIELDS) + 1
"""Operations beside those of columns: the log's name; a key that makes the line odd (an envelope, a nested id)."""
_KEYS = (
    {name: op for name, op in OPS.items() if name != "ip_proto"}
    | {name.replace(".", "_"): op for name, op in OPS.items() if name.startswith("id.")}
    | {"ip_proto": OPS["ip_proto"], "_path": PATH, "@stream": PATH, "message": ODD, "id": ODD}
)
_SLOTS = 256
"""A power of two, several times the number of keys: a look-up seldom meets a second slot."""
_MIX = np.uint64(0x9E3779B97F4A7C15)
_U56, _U0 = np.uint64(56), np.uint64(0)
_QUOTES, _BACKSLASHES = np.uint64(0x2222222222222222), np.uint64(0x5C5C5C5C5C5C5C5C)
_SPACES, _HIGH = np.uint64(0x2020202020202020), np.uint64(0x8080808080808080)
_CONN = np.uint64(int.from_bytes(b"conn", "little"))
_NEEDED = sum(1 << OPS[name] for name in REQUIRED)
_TRUE, _FALSE, _NULL = (int.from_bytes(word, "little") for word in (b"true", b"alse", b"null"))


def _slot_table() -> NDArray[np.uint64]:
    """Place each key (first eight bytes, last eight bytes, length, operation) by its hash; uint64, shape (slots, 4).

    Two words hold any key: the longest, orig_ip_bytes, has 13 bytes.
    """
    table = np.zeros((_SLOTS, 4), np.uint64)
    for name, op in _KEYS.items():
        text = name.encode()
        first = int.from_bytes(text[:8], "little")
        last = int.from_bytes(text[8:16], "little")
        slot = ((first ^ last * 3) * int(_MIX) & 0xFFFFFFFFFFFFFFFF) >> 56
        while table[slot, 2]:
            slot = (slot + 1) % _SLOTS
        table[slot] = first, last, len(text), op
    return table


_TABLE = _slot_table()
_U3 = np.uint64(3)


@kernel(inline=True)
def _string_end(buf: Any, p: int) -> int:
    """Find the quote that ends a string; -1 where something stands before it that would need decoding."""
    while True:
        word = ule64(buf, p)
        quote = find_byte(word, _QUOTES)
        n = ctz64(quote) >> 3
        inside = below(n)
        text = (word & inside) | (_SPACES & ~inside)
        if ((text - _SPACES) & ~text & _HIGH) | (text & _HIGH) | find_byte(text, _BACKSLASHES):
            return -1
        p += n
        if n < 8:
            return p


@kernel(inline=True)
def _key(buf: Any, p: int) -> tuple[Any, Any]:
    """Look up the operation of the key that begins at `p`; return it and where the key ends, SKIP for an unknown one.

    A key that is known needs no look at its bytes beyond that; any other is passed over as a string. The end is -1
    where that string is none.
    """
    first = ule64(buf, p)
    last = _U0
    length = ctz64(find_byte(first, _QUOTES)) >> 3
    if length == 8:
        last = ule64(buf, p + 8)
        rest = ctz64(find_byte(last, _QUOTES)) >> 3
        last &= below(rest)
        length += rest
    else:
        first &= below(length)
    slot = np.int64(((first ^ last * _U3) * _MIX) >> _U56)
    while _TABLE[slot, 2] != _U0:
        if _TABLE[slot, 0] == first and _TABLE[slot, 1] == last and _TABLE[slot, 2] == np.uint64(length):
            return np.int64(_TABLE[slot, 3]), p + length
        slot = (slot + 1) & (_SLOTS - 1)
    return np.int64(SKIP), _string_end(buf, p)


@kernel(inline=True)
def _spaces(buf: Any, p: int) -> int:
    """Pass over blanks inside a line."""
    while buf[p] == 32 or buf[p] == 9:
        p += 1
    return p


@kernel()
def _digits_end(buf: Any, p: int) -> int:
    """Pass over digits; -1 where there is none."""
    start = p
    while True:
        _, n = digits(buf, p)
        p += n
        if n < 8:
            return p if p > start else -1


@kernel()
def _number_end(buf: Any, p: int) -> int:
    """Pass over a number (RFC 8259 section 6); -1 where it is none."""
    if buf[p] == 45:
        p += 1
    if buf[p] == 48 and 48 <= buf[p + 1] <= 57:
        return -1
    p = _digits_end(buf, p)
    if p > 0 and buf[p] == 46:
        p = _digits_end(buf, p + 1)
    if p > 0 and (buf[p] == 101 or buf[p] == 69):
        p += 2 if buf[p + 1] == 43 or buf[p + 1] == 45 else 1
        p = _digits_end(buf, p)
    return p


@kernel()
def _array_end(buf: Any, p: int) -> int:
    """Pass over an array of strings and numbers; -1 where it holds anything else."""
    p = _spaces(buf, p + 1)
    if buf[p] == 93:
        return p + 1
    while True:
        if buf[p] == 34:
            p = _string_end(buf, p + 1) + 1
            if p == 0:
                return -1
        else:
            p = _number_end(buf, p)
            if p < 0:
                return -1
        p = _spaces(buf, p)
        if buf[p] == 93:
            return p + 1
        if buf[p] != 44:
            return -1
        p = _spaces(buf, p + 1)


@kernel(inline=True)
def _literal_end(buf: Any, p: int) -> int:
    """Pass over true, false or null; -1 where it is none."""
    word = np.int64(ule64(buf, p) & below(4))
    if word == _TRUE or word == _NULL:
        return p + 4
    if buf[p] == 102 and np.int64(ule64(buf, p + 1) & below(4)) == _FALSE:
        return p + 5
    return -1


@kernel(inline=True)
def _read_object(buf: Any, p: int, words: Any, base: int) -> int:
    """Read one line's object into the row at word `base`; return the newline's position, -1 for an odd line."""
    seen, is_conn, named = 0, False, False
    p = _spaces(buf, p)
    if buf[p] != 123:
        return -1
    while True:
        p = _spaces(buf, p + 1)
        if buf[p] != 34:
            return -1
        op, end = _key(buf, p + 1)
        if end < 0:
            return -1
        p = _spaces(buf, end + 1)
        if buf[p] != 58 or op == ODD:
            return -1
        p = _spaces(buf, p + 1)
        c = buf[p]
        start = p
        if (op >= FIRST_COUNT and op < PATH) or ORIG_P <= op <= INNER_VLAN:  # most values are short whole numbers
            number, n = digits(buf, p)
            if 0 < n < 8 and (c != 48 or n == 1) and (buf[p + n] == 44 or buf[p + n] == 125) and not seen >> op & 1:
                if op >= FIRST_COUNT:
                    words[base + _WORD[op]] = np.uint64(number)
                elif number <= 65535:
                    put_small(words, base + _WORD[op], _SHIFT[op], 65535, number)
                else:
                    return -1
                seen |= 1 << op
                p += n
                if buf[p] == 125:
                    break
                continue
        if c == 34:
            start = p + 1
            end = _string_end(buf, start)
            p = end + 1
        elif c == 91:
            end = p = _array_end(buf, p)
        elif c == 116 or c == 102 or c == 110:
            end = p = _literal_end(buf, p)
        else:
            end = p = _number_end(buf, p)
        if end < 0:
            return -1
        if op == PATH:
            if c != 34 or end - start != 4 or ule64(buf, start) & below(4) != _CONN:
                return -1
            is_conn = named = True
        elif op != SKIP and seen >> op & 1:
            return -1
        elif op != SKIP and c != 110:
            if c == 91 or (c != 34 and TEXT_OPS[op]):
                return -1
            if (c == 116 or c == 102) and op != LOCAL_ORIG and op != LOCAL_RESP:
                return -1
            length = end - start
            unset = c == 34 and length == 1 and buf[start] == 45
            if not unset:
                if TEXT_OPS[op] and buf[start] == 40:  # perhaps (empty)
                    return -1
                if not put_value(op, buf, start, end, words, base):
                    return -1
                seen |= 1 << op
            if op == CONN_STATE:
                is_conn = True
        p = _spaces(buf, p)
        if buf[p] == 125:
            break
        if buf[p] != 44:
            return -1
    p = _spaces(buf, p + 1)
    if buf[p] == 13:
        p += 1
    if buf[p] != 10 or seen & _NEEDED != _NEEDED or not (is_conn or named):
        return -1
    return p


@kernel(BYTES, INT64S, UINT64S, UINT64S, INT64S)
def read_json(
    buf: NDArray[np.uint8],
    state: NDArray[np.int64],
    words: NDArray[np.uint64],
    blank: NDArray[np.uint64],
    odd: NDArray[np.int64],
) -> None:
    """Read lines into rows until the bytes, the rows or the room for odd lines end, or a `#` line begins.

    Args:
        buf: Bytes, uint8, with SLACK_BYTES of room behind the last line, which ends with a newline.
        state: int64, shape (4,), in and out: position in `buf`, end of the lines, rows written, odd lines noted.
        words: FLOW rows as uint64, shape (WORDS * n,); written from row `state[2]` on.
        blank: One row with every column unset, uint64, shape (WORDS,).
        odd: Row number and first byte of each odd line, int64, shape (2 * m,). Its row is left half written.
    """
    pos, end, n, n_odd = state[0], state[1], state[2], state[3]
    n_rows, odd_room = len(words) // WORDS, len(odd) // 2
    bytes_, rows, first = borrow(buf), borrow(words), borrow(blank)
    while pos < end and n < n_rows and n_odd < odd_room and bytes_[pos] != 35:
        if bytes_[pos] == 10 or (bytes_[pos] == 13 and bytes_[pos + 1] == 10):
            pos += 1 if bytes_[pos] == 10 else 2
            continue
        base = n * WORDS
        for i in range(WORDS):
            rows[base + i] = first[i]
        p = _read_object(bytes_, pos, rows, base)
        if p >= 0:
            finish_row(rows, base)
        else:
            odd[2 * n_odd], odd[2 * n_odd + 1] = n, pos
            n_odd += 1
            p = pos
            while bytes_[p] != 10:
                p += 1
        pos = p + 1
        n += 1
    state[0], state[2], state[3] = pos, n, n_odd
