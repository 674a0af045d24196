"""When flows end, and what goes out then: deadlines, the sweep, ticks, and the end of the input.

A sweep only writes out what has ended, without needing another packet of it; it runs when event time enters a new
second and enough packets have passed to pay for it, or ten seconds have. `Table.due` holds for each record a second
before which it cannot end, so a sweep reads 4 bytes a record, 64 records at a time, and opens a record once per
timeout.
"""

import numpy as np

from baselines._jit import kernel, prefetch
from sensor.flows.columns import (
    F_FLIPPED,
    F_UNTIL,
    cold_row,
    end_row,
    key_row,
)
from sensor.flows.export import (
    write_flow,
)
from sensor.flows.observe import (
    METAS_A_PACKET,
    release,
)
from sensor.flows.ports import (
    is_dns,
)
from sensor.flows.table import (
    SWEEP_BLOCK,
    T_ARENA,
    T_BASE_S,
    T_CLOCK,
    T_FREE,
    T_HIGH,
    T_INTERVAL,
    T_LAST_SWEEP,
    T_METAS,
    T_NEXT_SWEEP,
    T_OUT,
    T_SINCE,
    T_SWEEP_AT,
    hash_of,
    unlink,
)
from sensor.flows.tcp import (
    end_time,
)
from sensor.model.flow import ENDINGS
from sensor.model.metadata import META_MAX_BYTES

SECOND = 1_000_000_000
IDLE_NS = 60 * SECOND
"""Zeek's udp_, icmp_ and unknown_ip_inactivity_timeout."""
DNS_CHECK_NS, DNS_IDLE_NS = 10 * SECOND, 9 * SECOND
"""Zeek's dns_session_timeout: every 10 s it ends DNS flows over UDP that were idle for all but 1 s of that
(`DNS_Analyzer::ExpireTimer` in src/analyzer/protocol/dns/DNS.cc)."""
SWEEP_S = 10
"""The pipeline's tick: what has ended is written out within it."""
ROWS_A_PACKET = 2
"""A packet writes out at most the flow it ends and the flow it evicts."""
WHY_ENDED, WHY_TIMEOUT, WHY_INTERVAL, WHY_EVICTED, WHY_INPUT = range(len(ENDINGS))


@kernel()
def ends_at(table, r):  # type: ignore[no-untyped-def]
    """Return when record r ends unless something more happens, ns."""
    key = key_row(table.keys, r)
    first = end_row(table.ends, 2 * r)
    proto = np.int64(key.k4 >> np.uint64(24) & np.uint64(0xFF))
    if proto != 6:
        if proto == 17 and is_dns(
            np.int64(key.k4 >> np.uint64(48 if first.flow & F_FLIPPED else 32) & np.uint64(0xFFFF))
        ):
            opened = cold_row(table.colds, r).first
            checks = (max(key.last - opened, 0) + DNS_IDLE_NS - 1) // DNS_CHECK_NS + 1
            return opened + checks * DNS_CHECK_NS
        return key.last + IDLE_NS
    orig = np.int64(2 * r + (first.flow & F_FLIPPED))
    return end_time(
        key, cold_row(table.colds, r), np.int64(first.flow), end_row(table.ends, orig), end_row(table.ends, orig ^ 1)
    )


@kernel()
def set_due(table, r, moment):  # type: ignore[no-untyped-def]
    """Note that record r cannot end before `moment` (ns); the next interval report may come first."""
    interval = table.state[T_INTERVAL]
    if interval:
        moment = min(
            moment, cold_row(table.colds, r).first + interval * (np.int64(end_row(table.ends, 2 * r + 1).flow) + 1)
        )
    table.due[r] = np.uint32(max(0, min(moment // SECOND - table.state[T_BASE_S], 0xFFFFFFFE)))


@kernel()
def write_out(table, sink, r, why):  # type: ignore[no-untyped-def]
    """Append record r to the rows that go out."""
    state = table.state
    write_flow(table, np.int64(r), np.int64(why), sink.flows, sink.raw, state[T_OUT])
    state[T_OUT] += 1


@kernel()
def remove(table, sink, r, why):  # type: ignore[no-untyped-def]
    """Write record r out and free it."""
    write_out(table, sink, np.int64(r), np.int64(why))
    release(table, sink, r)
    unlink(table, r)


@kernel(inline=True)
def has_room(state, sink):  # type: ignore[no-untyped-def]
    """Tell whether all that one packet may write still fits."""
    return (
        state[T_OUT] + ROWS_A_PACKET <= sink.capacity
        and state[T_METAS] + METAS_A_PACKET <= sink.meta_capacity
        and state[T_ARENA] + METAS_A_PACKET * META_MAX_BYTES <= sink.arena_bytes
    )


@kernel(inline=True)
def ask_hot(table, r):  # type: ignore[no-untyped-def]
    """Prefetch key and endpoints of record r."""
    prefetch(table.keys, r << 6)
    prefetch(table.ends, r << 6)


@kernel(inline=True)
def ask_cold(table, r):  # type: ignore[no-untyped-def]
    """Prefetch what record r holds beside."""
    prefetch(table.colds, r * 56)
    prefetch(table.colds, r * 56 + 48)
    prefetch(table.tails, r * 48)
    prefetch(table.tails, r * 48 + 40)


@kernel()
def visit(table, sink, r):  # type: ignore[no-untyped-def]
    """Write record r out if it has ended or an interval report is due, and note when it is to be visited again."""
    state, now = table.state, table.state[T_CLOCK]
    end = ends_at(table, r)
    if now >= end:
        remove(table, sink, r, np.int64(WHY_ENDED if end_row(table.ends, 2 * r).flow & F_UNTIL else WHY_TIMEOUT))
        return
    interval = state[T_INTERVAL]
    if interval:
        reports = min((now - cold_row(table.colds, r).first) // interval, 255)
        if reports > np.int64(end_row(table.ends, 2 * r + 1).flow):
            write_out(table, sink, r, np.int64(WHY_INTERVAL))
            end_row(table.ends, 2 * r + 1).flow = reports
    set_due(table, r, max(end, now + SECOND))


@kernel()
def sweep(table, sink):  # type: ignore[no-untyped-def]
    """Write out what has ended, from `T_SWEEP_AT` on; whether it came to the end of the table."""
    state, due = table.state, table.due
    now_s = np.uint32(max(0, state[T_CLOCK] // SECOND - state[T_BASE_S]))
    first, high = state[T_SWEEP_AT], state[T_HIGH]
    while first < high:
        block = first - first % SWEEP_BLOCK
        soonest = due[block]
        for k in range(block + 1, block + SWEEP_BLOCK):  # no branches: LLVM makes it a few vector instructions
            soonest = min(soonest, due[k])
        if soonest <= now_s:
            stop = min(block + SWEEP_BLOCK, high)
            for r in range(first, stop):
                if due[r] <= now_s:
                    ask_hot(table, r)
                    ask_cold(table, r)
            for r in range(first, stop):
                if due[r] <= now_s:
                    prefetch(table.lookup, (hash_of(table, r) & table.mask) << 3)
            for r in range(first, stop):
                if due[r] <= now_s:
                    if not has_room(state, sink):
                        state[T_SWEEP_AT] = r
                        return False
                    visit(table, sink, r)
        first = block + SWEEP_BLOCK
    state[T_SWEEP_AT] = -1
    return True


@kernel()
def start_clock(table, ts):  # type: ignore[no-untyped-def]
    """Set the clock to the first packet seen."""
    state = table.state
    state[T_CLOCK] = ts
    state[T_BASE_S] = ts // SECOND - 1
    state[T_NEXT_SWEEP] = (ts // SECOND + 1) * SECOND
    state[T_LAST_SWEEP] = ts


@kernel()
def sweep_due(table):  # type: ignore[no-untyped-def]
    """Tell whether a new second asks for a sweep that the packets since the last one pay for."""
    state = table.state
    if state[T_CLOCK] < state[T_NEXT_SWEEP]:
        return False
    state[T_NEXT_SWEEP] = (state[T_CLOCK] // SECOND + 1) * SECOND
    if state[T_SINCE] << 5 < state[T_HIGH] and state[T_CLOCK] - state[T_LAST_SWEEP] < SWEEP_S * SECOND:
        return False
    state[T_LAST_SWEEP], state[T_SINCE], state[T_SWEEP_AT] = state[T_CLOCK], 0, 0
    return True


@kernel()
def tick(table, sink, now):  # type: ignore[no-untyped-def]
    """Move event time to `now` and write out what has ended by then; whether all of it went out."""
    state = table.state
    if state[T_SWEEP_AT] < 0:
        state[T_CLOCK] = max(state[T_CLOCK], now)
        state[T_SWEEP_AT] = 0
    return sweep(table, sink)


@kernel()
def flush(table, sink):  # type: ignore[no-untyped-def]
    """Write out every flow at the end of the input; whether all of it went out."""
    state = table.state
    r = max(state[T_SWEEP_AT], 0)
    while r < state[T_HIGH]:
        key = key_row(table.keys, r)
        if key.last != 0 or key.k4 != np.uint64(0):  # captures of time 0 exist
            if not has_room(state, sink):
                state[T_SWEEP_AT] = r
                return False
            why = WHY_INPUT
            if state[T_CLOCK] >= ends_at(table, r):
                why = WHY_ENDED if end_row(table.ends, 2 * r).flow & F_UNTIL else WHY_TIMEOUT
            remove(table, sink, r, np.int64(why))
        r += 1
    state[T_SWEEP_AT], state[T_HIGH], state[T_FREE] = -1, 0, 0
    return True
