"""Packets into the flow table, in batches: look up, open, account.

Every timeout is applied at look-up, in event time, so a flow's end does not depend on how the input was cut. Index
lines are prefetched 32 packets ahead and the records they name 16 ahead: the look-up of a flow is a cache miss, and so
they overlap.
"""

import numpy as np

from baselines._jit import kernel, prefetch
from sensor.flows.columns import (
    E_ACK,
    E_DATA,
    E_ODD,
    E_SKIP,
    E_WANTED,
    F_DEFERRED,
    F_FLIPPED,
    F_LONG,
    F_UNTIL,
    L_ACK,
    L_CHECKSUM,
    L_DATA,
    L_FLIP,
    LEFT,
    S_ACTIVE,
    S_ESTABLISHED,
    S_INACTIVE,
    cold_row,
    end_row,
    key_row,
    tail_row,
)
from sensor.flows.expiry import (
    DNS_IDLE_NS,
    SECOND,
    WHY_ENDED,
    WHY_EVICTED,
    WHY_TIMEOUT,
    ask_cold,
    ask_hot,
    ends_at,
    has_room,
    remove,
    set_due,
    start_clock,
    sweep,
    sweep_due,
)
from sensor.flows.history import (
    add_letter,
    at_threshold,
    once,
)
from sensor.flows.observe import is_echo_key, observe
from sensor.flows.ports import (
    likely_server,
)
from sensor.flows.table import (
    T_CLOCK,
    T_EVICTED,
    T_FREE,
    T_OPENED,
    T_ORDINAL,
    T_SINCE,
    T_SWEEP_AT,
    context,
    find,
    take_record,
    victim,
)
from sensor.flows.tcp import (
    ACK,
    FIN,
    RST,
    SYN,
    is_reuse,
    segment,
)
from sensor.model.capture import STATUS_BAD_CHECKSUM, STATUS_BAD_HEADER
from sensor.packets.decode import packet_row

LONG_NS = 300 * SECOND
"""Zeek's tcp_inactivity_timeout."""
BATCH = 16
LIMITED_BROADCAST = np.uint64(0xFFFF_FFFF_FFFF)


@kernel()
def begin(table, buf, p, r):  # type: ignore[no-untyped-def]
    """Set record r up for the flow of packet p, which it has not been counted in yet."""
    state = table.state
    key, cold = key_row(table.keys, r), cold_row(table.colds, r)
    key.k0, key.k1, key.k2, key.k3, key.k4 = p.k0, p.k1, p.k2, p.k3, p.k4
    key.last, key.size_sq, key.gap_sq = p.ts, 0.0, 0.0
    cold.first, cold.until, cold.ordinal, cold.missed = p.ts, 0, state[T_ORDINAL] + np.int64(p.nth), np.uint64(0)
    cold.hist0 = cold.hist1 = np.uint64(0)
    cold.seen, cold.hist_len, cold.kind = 0, 0, 0
    cold.ctx = context(table, buf, p)
    proto = np.int64(p.k4 >> np.uint64(24) & np.uint64(0xFF))
    wanted = E_WANTED if proto == 6 or proto == 17 or proto == 58 or is_echo_key(p.k4) else 0
    for side in range(2):
        e, t = end_row(table.ends, 2 * r + side), tail_row(table.tails, 2 * r + side)
        e.ip_bytes = np.uint64(0)
        e.pkts, e.start, e.last, e.ack, e.next = 0, 0, 0, 0, 0
        e.state, e.prev, e.flags, e.flow = 0, 0, wanted, 0
        t.fin_seq, t.last_syn, t.last_fin, t.last_rst, t.rexmit, t.zero_window = 0, 0, 0, 0, 0, 0
        t.slot, t.hole, t.bad_sum, t.gaps, t.seq_wraps, t.ack_wraps, t.fins, t.left = 0, 0, 0, 0, 0, 0, 0, LEFT
    if flips(p, proto):
        add_letter(cold, L_FLIP, True)
        end_row(table.ends, 2 * r).flow = 0 if p.dir else F_FLIPPED
    else:
        end_row(table.ends, 2 * r).flow = F_FLIPPED if p.dir else 0
    state[T_OPENED] += 1
    set_due(table, r, p.ts + 5 * SECOND if proto == 6 else ends_at(table, r))


@kernel()
def flips(p, proto):  # type: ignore[no-untyped-def]
    """Tell whether a first packet comes from the responder, by Zeek's likely_server_ports rule."""
    low, high = np.int64(p.k4 >> np.uint64(48)), np.int64(p.k4 >> np.uint64(32) & np.uint64(0xFFFF))
    source, target = (high, low) if p.dir else (low, high)
    if proto == 17:
        to = p.k1 if p.dir else p.k3
        if to == LIMITED_BROADCAST and (p.k0 if p.dir else p.k2) == np.uint64(0):
            return False
        return likely_server(17, source) and not likely_server(17, target)
    if proto != 6 or (p.flags & SYN and not p.flags & ACK) or not likely_server(6, source):
        return False
    if likely_server(6, target):
        return not p.flags & SYN and source < target
    return True


@kernel()
def count(e, key, p):  # type: ignore[no-untyped-def]
    """Add a packet to the sizes of its endpoint."""
    e.pkts += 1
    e.ip_bytes += np.uint64(p.ip_len)
    key.size_sq += np.float64(p.ip_len) * np.float64(p.ip_len)


@kernel()
def bad_checksum(t, cold, is_orig):  # type: ignore[no-untyped-def]
    """Write a packet with a wrong checksum into the history; nothing else of it is believed."""
    if t.bad_sum < 255:
        t.bad_sum += 1
    if at_threshold(t.bad_sum):
        add_letter(cold, L_CHECKSUM, is_orig)


@kernel()
def account(table, sink, buf, p, r):  # type: ignore[no-untyped-def]
    """Count packet p in the flow of record r."""
    key, cold = key_row(table.keys, r), cold_row(table.colds, r)
    side = np.int64(2 * r + p.dir)
    e, pe, t = end_row(table.ends, side), end_row(table.ends, side ^ 1), tail_row(table.tails, side)
    head = end_row(table.ends, 2 * r)
    flow = np.int64(head.flow)
    is_orig = (flow & F_FLIPPED) == p.dir
    proto = np.int64(p.k4 >> np.uint64(24) & np.uint64(0xFF))
    before = key.last
    in_order = proto != 6 or p.seq == e.next or e.state == S_INACTIVE  # of an endpoint the first that is seen
    if proto == 6:
        if p.status & (STATUS_BAD_CHECKSUM | STATUS_BAD_HEADER):
            if p.status & STATUS_BAD_CHECKSUM:
                bad_checksum(t, cold, is_orig)
            return
        after = segment(
            p, key, e, pe, t, tail_row(table.tails, side ^ 1), cold, flow, is_orig,
            table.holes, table.free_holes, table.hole_count,
        )  # fmt: skip
        head.flow = after
        if p.flags & (FIN | RST) or (after & F_UNTIL) != (flow & F_UNTIL):
            set_due(table, r, p.ts + 5 * SECOND)
    else:
        if p.status & STATUS_BAD_CHECKSUM:
            if proto == 17:
                bad_checksum(t, cold, is_orig)
            return
        key.last = p.ts
        e.state = S_ACTIVE
        if proto == 17:
            once(cold, 5, L_DATA, is_orig)
            e.flags |= E_DATA
        if proto == 17 or proto == 1 or proto == 58:
            low = np.int64(e.start) + np.int64(p.pay_len)
            e.start = np.uint32(low & 0xFFFFFFFF)
            e.last += np.uint32(low >> 32)
    if pe.pkts or e.pkts:
        gap = np.float64(p.ts - before) * 1e-9
        key.gap_sq += gap * gap
    count(e, key, p)
    if e.flags & E_WANTED and p.pay_cap:
        observe(table, sink, buf, p, r, side, is_orig, in_order)


@kernel(inline=True)
def quick(key, cold, e, pe, head, p):  # type: ignore[no-untyped-def]
    """Count a packet that changes nothing but counts; False where it may change more, and then nothing was counted.

    For TCP: data or acknowledgement, in order, without gaps, between established endpoints.
    For UDP: a datagram of a flow that goes on and whose D is written. `account` would do the same, at length.
    """
    proto = np.int64(p.k4 >> np.uint64(24) & np.uint64(0xFF))
    size = np.int64(p.pay_len)
    elapsed = p.ts - key.last
    if proto == 6:
        if (
            p.flags & (SYN | FIN | RST | ACK) != ACK
            or p.status
            or e.state != S_ESTABLISHED
            or pe.state != S_ESTABLISHED
            or (head.flow & (F_LONG | F_UNTIL | F_DEFERRED)) != F_LONG
            or elapsed >= LONG_NS
            or (e.flags | pe.flags) & (E_ODD | E_SKIP)
            or p.seq != e.last
            or p.seq != e.next
            or p.ack < pe.ack
            or p.ack > pe.next
            or p.pay_cap < p.pay_len
        ):
            return False
        past = np.int64(p.seq) + size
        if past > 0xFFFFFFFF or pe.next < pe.ack:
            return False
        e.last = past
        e.next = past
        pe.ack = p.ack
        letter = E_DATA if size else E_ACK
        if not e.flags & letter:
            e.flags |= letter
            if size:
                once(cold, 5, L_DATA, (head.flow & F_FLIPPED) == p.dir)
            else:
                once(cold, 6, L_ACK, (head.flow & F_FLIPPED) == p.dir)
    elif proto == 17:
        if p.status & STATUS_BAD_CHECKSUM or not e.flags & E_DATA or elapsed >= DNS_IDLE_NS:
            return False
        low = np.int64(e.start) + size
        e.start = low & 0xFFFFFFFF
        e.last += low >> 32
    else:
        return False
    gap = np.float64(elapsed) * 1e-9
    key.gap_sq += gap * gap
    key.last = p.ts
    length = np.int64(p.ip_len)
    e.pkts += 1
    e.ip_bytes += np.uint64(length)
    key.size_sq += np.float64(length) * np.float64(length)
    return True


@kernel(inline=True)
def settle(table, sink, buf, p):  # type: ignore[no-untyped-def]
    """Find or open the flow of packet p and count it there."""
    r = find(table, p)
    if r >= 0:
        side = np.int64(2 * r + p.dir)
        key, e = key_row(table.keys, r), end_row(table.ends, side)
        if table.state[T_CLOCK] == p.ts and quick(
            key, cold_row(table.colds, r), e, end_row(table.ends, side ^ 1), end_row(table.ends, 2 * r), p
        ):
            if e.flags & E_WANTED and p.pay_cap:
                is_orig = (end_row(table.ends, 2 * r).flow & F_FLIPPED) == p.dir
                observe(table, sink, buf, p, r, side, is_orig, True)
            return
    settle_slowly(table, sink, buf, p, r)


@kernel()
def settle_slowly(table, sink, buf, p, r):  # type: ignore[no-untyped-def]
    """Count packet p in the flow of record r, or in a new one where that has ended or r is -1."""
    if r >= 0:
        over = table.state[T_CLOCK] >= ends_at(table, r)
        reused = False
        if not over and np.int64(p.k4 >> np.uint64(24) & np.uint64(0xFF)) == 6:
            orig = np.int64(2 * r + (end_row(table.ends, 2 * r).flow & F_FLIPPED))
            reused = p.flags & SYN and is_reuse(
                end_row(table.ends, orig), end_row(table.ends, orig ^ 1), np.int64(p.flags), p.seq
            )
        if over or reused:
            ended = reused or end_row(table.ends, 2 * r).flow & F_UNTIL
            remove(table, sink, r, np.int64(WHY_ENDED if ended else WHY_TIMEOUT))
            r = -1
    if r < 0:
        r = take_record(table)
        if r < 0:
            remove(table, sink, victim(table), np.int64(WHY_EVICTED))
            table.state[T_EVICTED] += 1
            r = take_record(table)
        begin(table, buf, p, r)
        link(table, p, r)
    account(table, sink, buf, p, r)


@kernel()
def link(table, p, r):  # type: ignore[no-untyped-def]
    """Enter record r into the index."""
    index, mask = table.lookup, table.mask
    at = np.int64(p.h) & mask
    while index[at] != np.uint64(0):
        at = (at + 1) & mask
    index[at] = np.uint64(p.h) << np.uint64(32) | np.uint64(r + 1)


@kernel()
def update(table, sink, buf, packets, i, n):  # type: ignore[no-untyped-def]
    """Put packets i … n-1 into the table, until the rows that go out have no room left.

    Args:
        table: The flow table.
        sink: Where rows go.
        buf: The read buffer the packets' offsets point into, uint8.
        packets: dtype PACKET, shape (≥ n,).

    Returns:
        The first packet that was not taken.
    """
    state = table.state
    if state[T_SWEEP_AT] >= 0 and not sweep(table, sink):
        return i
    if i < n and state[T_CLOCK] == 0:
        start_clock(table, packet_row(packets, i).ts)
    for j in range(i, min(i + 2 * BATCH, n)):
        ask_index(table, packet_row(packets, j))
    ask_records(table, packets, i, min(i + BATCH, n))
    while i < n:
        stop = min(i + BATCH, n)
        for j in range(min(i + 2 * BATCH, n), min(i + 3 * BATCH, n)):
            ask_index(table, packet_row(packets, j))
        ask_records(table, packets, stop, min(i + 2 * BATCH, n))
        for j in range(i, stop):
            ask_rest(table, packet_row(packets, j))
        for j in range(i, stop):
            p = packet_row(packets, j)
            if p.ts > state[T_CLOCK]:
                state[T_CLOCK] = p.ts
                if sweep_due(table) and not sweep(table, sink):
                    return j
            if not has_room(state, sink):
                return j
            state[T_SINCE] += 1
            settle(table, sink, buf, p)
        i = stop
    return i


@kernel(inline=True)
def likely_record(table, p):  # type: ignore[no-untyped-def]
    """Return the record that stands first where a packet's flow belongs in the index, -1 where there is none."""
    return np.int64(table.lookup[np.int64(p.h) & table.mask] & np.uint64(0xFFFFFFFF)) - 1


@kernel(inline=True)
def ask_index(table, p):  # type: ignore[no-untyped-def]
    """Prefetch the index line of a packet's flow."""
    prefetch(table.lookup, (np.int64(p.h) & table.mask) << 3)


@kernel(inline=True)
def ask_records(table, packets, first, stop):  # type: ignore[no-untyped-def]
    """Prefetch the hot lines of the packets' flows; for new flows those of the free records they will take."""
    free = table.state[T_FREE]
    for j in range(first, stop):
        r = likely_record(table, packet_row(packets, j))
        if r >= 0:
            ask_hot(table, r)
        elif free > 0:
            free -= 1
            r = np.int64(table.free[free])
            ask_hot(table, r)
            ask_cold(table, r)


@kernel(inline=True)
def ask_rest(table, p):  # type: ignore[no-untyped-def]
    """Prefetch the cold lines of a packet's flow where the short path will not do."""
    r = likely_record(table, p)
    if r >= 0:
        e = end_row(table.ends, 2 * r + p.dir)
        if e.flags & E_WANTED or p.flags & (SYN | FIN | RST) or (e.state != S_ESTABLISHED and e.state != S_ACTIVE):
            ask_cold(table, r)
