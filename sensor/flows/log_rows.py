"""What both conn.log kernels share: the fields a row can have, and how a value becomes a column of a FLOW row.

A kernel takes a run of lines and reserves one output row for each record line. A line whose every field is in plain
form becomes a finished row; any other is *odd*: its place is noted, and `sensor.wire.zeek_values` decides whether it
is a record in an unusual form or a damaged one. So a kernel never judges, and never reads a damaged field as 0.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, ule64
from sensor.flows.log_values import address, below, count, find_byte, mac, seconds_ns, time_ns
from sensor.model.flow import CONN_STATES, FLOW

FIELDS = (
    "", "ts", "duration", "id.orig_h", "id.resp_h", "id.orig_p", "id.resp_p", "vlan", "inner_vlan", "uid", "history",
    "service", "conn_state", "proto", "local_orig", "local_resp", "orig_l2_addr", "resp_l2_addr", "ip_proto",
    "orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes",
)  # fmt: skip
"""The columns of conn.log that a FLOW row has room for, by operation code and grouped by form; 0 skips a column."""
OPS = {name: code for code, name in enumerate(FIELDS) if name}
REQUIRED = ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto")
"""Columns without which there is no flow: FLOW has no value that could say that they are unset."""
REQUIRED_OPS = np.array([name in REQUIRED for name in FIELDS])
TEXT_OPS = np.array([name in {"uid", "service", "history"} for name in FIELDS])

SKIP, TS, DURATION, ORIG_H, RESP_H, ORIG_P, RESP_P, VLAN, INNER_VLAN, UID, HISTORY, SERVICE = range(12)
CONN_STATE, PROTO, LOCAL_ORIG, LOCAL_RESP, ORIG_L2, RESP_L2, IP_PROTO, FIRST_COUNT = range(12, 20)

WORDS = FLOW.itemsize // 8
"""A FLOW row as 64-bit words, which is how kernels see it."""
_COLUMNS = {"id.orig_h": "orig_hi", "id.resp_h": "resp_hi", "id.orig_p": "orig_p", "id.resp_p": "resp_p",
            "orig_l2_addr": "orig_l2", "resp_l2_addr": "resp_l2", "ip_proto": "tunnel_id"}  # fmt: skip
_OFFSETS = {name: place[1] for name, place in (FLOW.fields or {}).items()}
_PLACES = [_OFFSETS[_COLUMNS.get(name, name)] if name else 0 for name in FIELDS]
_WORD = np.array([place // 8 for place in _PLACES], np.int64)
"""Which word of the row a field's column starts in, by operation code."""
_SHIFT = np.array([place % 8 * 8 for place in _PLACES], np.int64)
"""And at which of its bits (a little-endian machine: numba's and ours)."""


UNKNOWN_PROTO = 255
"""`unknown_transport` where the log has no ip_proto column: IANA's reserved number."""


def _pack(text: bytes) -> Any:
    return np.uint64(int.from_bytes(text[:8], "little"))


_UNKNOWN = _pack(b"unknown_"), _pack(b"transpor")
_U0, _U56, _U_FFFF = np.uint64(0), np.uint64(56), np.uint64(0xFFFF)
_BACKSLASHES, _HIGH = np.uint64(0x5C5C5C5C5C5C5C5C), np.uint64(0x8080808080808080)

WORD_MAX_BYTES = 7
"""The longest word with a number, but for unknown_transport, leaves the eighth byte to say which column it is for."""
_KIND = np.array([{CONN_STATE: 1, PROTO: 2, LOCAL_ORIG: 3, LOCAL_RESP: 3}.get(op, 0) for op in range(len(FIELDS))])
_SLOT_BITS = 7
_SLOT_SHIFT = np.uint64(64 - _SLOT_BITS)


def _words() -> dict[int, int]:
    """Number each word: its bytes, little endian, with the kind of its column in the highest."""
    kinds = (
        dict(zip(CONN_STATES[1:], range(1, len(CONN_STATES)), strict=True)),
        {"tcp": 6, "udp": 17, "icmp": 1},
        {"T": 1, "true": 1, "F": 0, "false": 0},
    )
    return {
        int.from_bytes(name.encode(), "little") | kind << 56: number
        for kind, names in enumerate(kinds, 1)
        for name, number in names.items()
    }


def _hash_table() -> tuple[Any, NDArray[np.uint64], NDArray[np.int64]]:
    """Find a multiplier under which no two words share a slot; return it with the keys and numbers by slot."""
    known = _words()
    rng = np.random.default_rng(0)
    while True:
        multiplier = int(rng.integers(1 << 63)) * 2 + 1
        slots = [(key * multiplier & (1 << 64) - 1) >> 64 - _SLOT_BITS for key in known]
        if len(set(slots)) == len(slots):
            break
    keys, numbers = np.zeros(1 << _SLOT_BITS, np.uint64), np.zeros(1 << _SLOT_BITS, np.int64)
    keys[slots], numbers[slots] = list(known), list(known.values())
    return np.uint64(multiplier), keys, numbers


_MULTIPLIER, _WORD_KEYS, _WORD_NUMBERS = _hash_table()


def blank_row() -> Any:
    """Make the row that every output row starts as: all columns unset, one FLOW record as uint64 words."""
    row = np.zeros(1, FLOW)
    for name in ("duration", "local_orig", "local_resp", "orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts",
                 "orig_ip_bytes", "resp_pkts", "resp_ip_bytes"):  # fmt: skip
        row[name] = -1
    row["size_sq"] = row["gap_sq"] = np.nan
    return row.view(np.uint64)


@kernel(inline=True)
def put_text(buf: Any, p: int, end: int, words: Any, at: int, room: int) -> Any:
    """Copy text into `room` words; not where it is escaped, not ASCII, or too long."""
    n = end - p
    if n > 8 * room:
        return False
    strange = _U0
    for k in range(room):
        word = ule64(buf, p + 8 * k) & below(min(max(n - 8 * k, 0), 8))
        strange |= find_byte(word, _BACKSLASHES) | word & _HIGH
        words[at + k] = word
    return strange == _U0


@kernel(inline=True)
def put_word(op: Any, buf: Any, p: int, end: int, words: Any, base: int) -> Any:
    """Look up a short word that stands for a number (a state, a protocol, true or false), and set its column."""
    n = end - p
    word = ule64(buf, p) & below(min(n, 8))
    number = np.int64(0)
    if n <= WORD_MAX_BYTES:
        key = word | np.uint64(_KIND[op]) << _U56
        slot = np.int64(key * _MULTIPLIER >> _SLOT_SHIFT)
        if _WORD_KEYS[slot] != key:
            return False
        number = _WORD_NUMBERS[slot]
    elif op != PROTO or n != 17 or word != _UNKNOWN[0] or ule64(buf, p + 8) != _UNKNOWN[1] or buf[p + 16] != 116:
        return False
    else:
        number = np.int64(UNKNOWN_PROTO)
    put_small(words, base + _WORD[op], _SHIFT[op], 255, number)
    return True


@kernel(inline=True)
def put_value(op: Any, buf: Any, p: Any, end: Any, words: Any, base: int) -> Any:
    """Read the set value of one field into its column of the row that starts at word `base`.

    Returns:
        Whether the bytes from `p` to `end` were a value in plain form.
    """
    at = base + _WORD[op]
    if op >= FIRST_COUNT:
        value = count(buf, p, end)
        if value < 0:
            return False
        words[at] = np.uint64(value)
        return True
    if op == TS:
        value, p = time_ns(buf, p)
        words[at] = np.uint64(value)
        return p == end
    if op == DURATION:
        value, p = seconds_ns(buf, p)
        words[at] = np.uint64(value)
        return p == end
    if op <= RESP_H:
        hi, lo, plain = address(buf, p, end)
        words[at], words[at + 1] = hi, lo
        return plain
    if op <= INNER_VLAN:
        value = count(buf, p, end)
        put_small(words, at, _SHIFT[op], 65535, value)
        return 0 <= value <= 65535
    if op <= SERVICE:
        return put_text(buf, p, end, words, at, 4) if op == HISTORY else put_text(buf, p, end, words, at, 3)
    if op <= LOCAL_RESP:
        return put_word(op, buf, p, end, words, base)
    if op <= RESP_L2:
        words[at], p = mac(buf, p)
        return p == end
    value = count(buf, p, end)  # IP_PROTO, kept in tunnel_id until finish_row
    words[at] = np.uint64(value + 1)
    return 0 <= value <= 255


@kernel(inline=True)
def put_small(words: Any, at: int, shift: int, mask: int, value: Any) -> None:
    """Set the bits of a column that shares its word with others."""
    place = np.uint64(shift)
    words[at] = words[at] & ~(np.uint64(mask) << place) | np.uint64(value & mask) << place


@kernel(inline=True)
def finish_row(words: Any, base: int) -> None:
    """Settle the protocol number of a row whose fields are all read."""
    proto = (words[base + _WORD[PROTO]] >> np.uint64(_SHIFT[PROTO])) & np.uint64(255)
    told = words[base + _WORD[IP_PROTO]]
    if proto == np.uint64(UNKNOWN_PROTO) and told > _U0:
        put_small(words, base + _WORD[PROTO], _SHIFT[PROTO], 255, np.int64(told) - 1)
    elif proto == np.uint64(1):
        orig = base + _WORD[ORIG_H]
        if words[orig] != _U0 or words[orig + 1] >> np.uint64(32) != _U_FFFF:
            put_small(words, base + _WORD[PROTO], _SHIFT[PROTO], 255, 58)
    words[base + _WORD[IP_PROTO]] = _U0
