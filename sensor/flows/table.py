"""The bounded table of live flows: look-up, room, contexts, and rows out.

An open-addressing index of 64-bit words (32 bits of keyed hash, 32 of record number + 1) with linear probing and
backward-shift deletion, at most half full. Where every record is taken, the
longest idle of the next few under a clock hand is written out as evicted, so memory never grows and nothing is lost
uncounted.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines._jit import be16, be32, borrow, kernel
from sensor.flows.columns import (
    COLD,
    CONTEXT,
    ENDPOINT,
    HOLES,
    KEY,
    SLOT_BYTES,
    SLOTS,
    TAIL,
    context_row,
    key_row,
    tail_row,
)
from sensor.flows.stream import drop_holes
from sensor.model.capture import NO_FRAME
from sensor.packets.reading import R_COUNT
from sensor.packets.transport import key_hash, mix

(
    T_SEED,
    T_FREE,
    T_LIVE,
    T_HIGH,
    T_CLOCK,
    T_BASE_S,
    T_NEXT_SWEEP,
    T_LAST_SWEEP,
    T_SINCE,
    T_SWEEP_AT,
    T_HAND,
    T_ORDINAL,
    T_OUT,
    T_METAS,
    T_ARENA,
    T_INTERVAL,
    T_EVICTED,
    T_CONTEXTS,
    T_CONTEXT_FULL,
    T_OPENED,
    T_INPUT,
    T_SLOTS_FREE,
    T_SLOT_FULL,
    T_COUNT,
) = range(24)
"""Words of `Table.state`."""

FAR = np.uint32(0xFFFFFFFF)
"""`due` of a free record: never."""
CONTEXT_ROWS = 16384
"""Distinct (link addresses, VLANs, tunnel) kept; a flood of forged addresses fills it, later flows then have none."""
SWEEP_BLOCK = 64
"""Records whose deadlines a sweep compares at once; 512 was no faster."""
EVICTION_LOOK = 8
"""Records compared for an eviction."""


class Table(NamedTuple):
    """The arrays of one flow table; `Table.state` holds its counters."""

    keys: NDArray[np.void]
    ends: NDArray[np.void]
    colds: NDArray[np.void]
    tails: NDArray[np.void]
    due: NDArray[np.uint32]
    free: NDArray[np.uint32]
    lookup: NDArray[np.uint64]
    contexts: NDArray[np.void]
    context_index: NDArray[np.uint16]
    holes: NDArray[np.void]
    free_holes: NDArray[np.int64]
    hole_count: NDArray[np.int64]
    heads: NDArray[np.uint8]
    head_len: NDArray[np.int64]
    free_heads: NDArray[np.int64]
    networks: NDArray[np.uint64]
    state: NDArray[np.int64]
    result: NDArray[np.int64]
    reader: int


class Live(NamedTuple):
    """A table's arrays as bare pointers, with their sizes: what kernels hand to each other."""

    keys: Any
    ends: Any
    colds: Any
    tails: Any
    due: Any
    free: Any
    lookup: Any
    mask: Any
    capacity: Any
    contexts: Any
    context_index: Any
    holes: Any
    free_holes: Any
    hole_count: Any
    heads: Any
    head_len: Any
    free_heads: Any
    networks: Any
    n_networks: Any
    state: Any
    result: Any
    reader: Any


@kernel()
def borrowed(table):  # type: ignore[no-untyped-def]
    """Borrow a table's arrays."""
    return Live(
        borrow(table.keys),
        borrow(table.ends),
        borrow(table.colds),
        borrow(table.tails),
        borrow(table.due),
        borrow(table.free),
        borrow(table.lookup),
        len(table.lookup) - 1,
        len(table.keys),
        borrow(table.contexts),
        borrow(table.context_index),
        borrow(table.holes),
        borrow(table.free_holes),
        borrow(table.hole_count),
        borrow(table.heads),
        borrow(table.head_len),
        borrow(table.free_heads),
        borrow(table.networks),
        len(table.networks) // 4,
        borrow(table.state),
        borrow(table.result),
        table.reader,
    )


def aligned(count: int, dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """Allocate zeroed rows that begin on a cache line; pages are taken as rows come into use."""
    block = np.zeros(count * dtype.itemsize + 64, np.uint8)
    start = -block.ctypes.data % 64
    return block[start : start + count * dtype.itemsize].view(dtype)


def new_table(max_flows: int, networks: NDArray[np.uint64], seed: int, interval_ns: int, reader: int) -> Table:
    """Make an empty table.

    Args:
        max_flows: Live flows at a time, from 16 on.
        networks: Local networks, uint64, shape (4 m,): mask and value of each, high and low word.
        seed: Key of the hashes.
        interval_ns: How often a flow that goes on is reported, ns; 0 never.
        reader: Address of `reading.read_payload` (without compilation the function itself).
    """
    size = 1 << max(5, (2 * max_flows - 1).bit_length())
    n_holes = 4096
    state = np.zeros(T_COUNT, np.int64)
    state[T_SEED], state[T_SWEEP_AT], state[T_INTERVAL] = seed, -1, interval_ns
    state[T_CONTEXTS], state[T_SLOTS_FREE] = 1, SLOTS
    return Table(
        aligned(max_flows, KEY),
        aligned(2 * max_flows, ENDPOINT),
        aligned(max_flows, COLD),
        aligned(2 * max_flows, TAIL),
        np.full(-(-max_flows // SWEEP_BLOCK) * SWEEP_BLOCK, FAR, np.uint32),
        np.zeros(max_flows, np.uint32),
        np.zeros(size, np.uint64),
        np.zeros(CONTEXT_ROWS, CONTEXT),
        np.zeros(2 * CONTEXT_ROWS, np.uint16),
        np.zeros(n_holes, HOLES),
        np.arange(n_holes - 1, -1, -1, dtype=np.int64),
        np.array([n_holes], np.int64),
        np.zeros(SLOTS * SLOT_BYTES, np.uint8),
        np.zeros(SLOTS, np.int64),
        np.arange(SLOTS - 1, -1, -1, dtype=np.int64),
        networks,
        state,
        np.zeros(R_COUNT, np.int64),
        reader,
    )


@kernel(inline=True)
def find(table, p):  # type: ignore[no-untyped-def]
    """Return the record of a packet's flow, or -1."""
    index, mask = table.lookup, table.mask
    h = np.int64(p.h)
    at = h & mask
    while True:
        entry = index[at]
        if entry == np.uint64(0):
            return np.int64(-1)
        if np.int64(entry >> np.uint64(32)) == h:
            r = np.int64(entry & np.uint64(0xFFFFFFFF)) - 1
            key = key_row(table.keys, r)
            if key.k1 == p.k1 and key.k3 == p.k3 and key.k4 == p.k4 and key.k0 == p.k0 and key.k2 == p.k2:
                return r
        at = (at + 1) & mask


@kernel(inline=True)
def hash_of(table, r):  # type: ignore[no-untyped-def]
    """Return the keyed hash of record r's key."""
    key = key_row(table.keys, r)
    return key_hash(np.uint64(table.state[T_SEED]), key.k0, key.k1, key.k2, key.k3, key.k4)


@kernel()
def unlink(table, r):  # type: ignore[no-untyped-def]
    """Take a record out of the index and put it on the free chain."""
    index, mask = table.lookup, table.mask
    key = key_row(table.keys, r)
    at = hash_of(table, r) & mask
    while np.int64(index[at] & np.uint64(0xFFFFFFFF)) - 1 != r:
        at = (at + 1) & mask
    hole, scan = at, at
    while True:  # close the gap, so that no probe sequence breaks
        scan = (scan + 1) & mask
        entry = index[scan]
        if entry == np.uint64(0):
            break
        home = np.int64(entry >> np.uint64(32)) & mask
        if ((scan - home) & mask) >= ((scan - hole) & mask):
            index[hole] = entry
            hole = scan
    index[hole] = np.uint64(0)
    for side in range(2):
        drop_holes(tail_row(table.tails, 2 * r + side), table.free_holes, table.hole_count)
    key.k4, key.last = np.uint64(0), 0
    table.due[r] = FAR
    table.free[table.state[T_FREE]] = r
    table.state[T_FREE] += 1
    table.state[T_LIVE] -= 1


@kernel()
def take_record(table):  # type: ignore[no-untyped-def]
    """Return a free record, or -1 where every one is taken."""
    state = table.state
    if state[T_FREE] > 0:
        state[T_FREE] -= 1
        r = np.int64(table.free[state[T_FREE]])
    elif state[T_HIGH] < table.capacity:
        r = state[T_HIGH]
        state[T_HIGH] += 1
    else:
        return np.int64(-1)
    state[T_LIVE] += 1
    return r


@kernel()
def victim(table):  # type: ignore[no-untyped-def]
    """Return the longest idle of the next records under the clock hand; every record is live."""
    state, n = table.state, table.capacity
    best = state[T_HAND]
    for k in range(min(EVICTION_LOOK, n)):
        r = (state[T_HAND] + k) % n
        if key_row(table.keys, r).last < key_row(table.keys, best).last:
            best = r
    state[T_HAND] = (state[T_HAND] + EVICTION_LOOK) % n
    return best


@kernel()
def context(table, buf, p):  # type: ignore[no-untyped-def]
    """Return the row of CONTEXT for a packet's link addresses, VLANs and tunnel; 0 where it has none or none fits."""
    low = high = np.uint64(0)
    if p.frame_off != NO_FRAME:
        at = np.int64(p.frame_off)
        target = np.uint64(be16(buf, at)) << np.uint64(32) | np.uint64(be32(buf, at + 2))
        source = np.uint64(be16(buf, at + 6)) << np.uint64(32) | np.uint64(be32(buf, at + 8))
        low, high = (target, source) if p.dir else (source, target)
    elif p.vlan == 0 and p.tunnel == 0:
        return 0
    tags = np.uint64(p.vlan) << np.uint64(48) | np.uint64(p.inner_vlan) << np.uint64(32) | np.uint64(p.ctx)
    h = mix(mix(mix(np.uint64(table.state[T_SEED]) ^ low, high), tags), np.uint64(p.tunnel))
    mask = 2 * CONTEXT_ROWS - 1
    at = np.int64(h >> np.uint64(40)) & mask
    while table.context_index[at]:
        row = np.int64(table.context_index[at])
        c = context_row(table.contexts, row)
        if (
            c.mac0 == low
            and c.mac1 == high
            and c.vlan == p.vlan
            and c.inner_vlan == p.inner_vlan
            and c.tunnel == p.tunnel
            and c.tunnel_id == p.ctx
        ):
            return row
        at = (at + 1) & mask
    row = table.state[T_CONTEXTS]
    if row == CONTEXT_ROWS:
        table.state[T_CONTEXT_FULL] += 1
        return 0
    table.state[T_CONTEXTS] += 1
    c = context_row(table.contexts, row)
    c.mac0, c.mac1, c.vlan, c.inner_vlan, c.tunnel, c.tunnel_id = low, high, p.vlan, p.inner_vlan, p.tunnel, p.ctx
    table.context_index[at] = row
    return row
