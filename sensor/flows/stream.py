"""Which bytes of a TCP stream were seen, without keeping them: content gaps and pending data, as Zeek counts them.

Follows `TCP_Reassembler` and `Reassembler` of Zeek (src/analyzer/protocol/tcp/TCP_Reassembler.cc, src/Reassem.cc) in
effect: data counts as missed when the peer acknowledges it and it was never seen, on connections that are cleanly
established or closing. `ENDPOINT.next` is the first number not seen in order; runs beyond it wait in HOLES.
"""

import numpy as np

from baselines._jit import kernel
from sensor.flows.columns import (
    E_CLOSED,
    E_EOF,
    E_ODD,
    E_SKIP,
    F_DEFERRED,
    F_PARTIAL,
    F_UNTIL,
    L_GAP,
    MAX_RUNS,
    S_CLOSED,
    S_ESTABLISHED,
    S_INACTIVE,
    S_RESET,
    hole_row,
)
from sensor.flows.history import add_letter, at_threshold

CLOSE_DELAY_NS = 5_000_000_000
"""Zeek's tcp_close_delay: how long a closed connection lingers for stragglers."""
MAX_WITHOUT_ACK = 16384
"""Zeek's tcp_max_above_hole_without_any_acks and tcp_max_initial_window, bytes."""


@kernel()
def delta(a, b):  # type: ignore[no-untyped-def]
    """Return a - b in sequence space, int64 within 32 bits."""
    return np.int64(np.int32(np.int64(a) - np.int64(b)))


@kernel()
def low_word(value):  # type: ignore[no-untyped-def]
    """Wrap a number into sequence space."""
    return np.uint32(value & 0xFFFFFFFF)


@kernel()
def nothing_acked(e, t):  # type: ignore[no-untyped-def]
    """Tell whether the peer has acknowledged none of an endpoint's bytes, its SYN at most (Zeek's NoDataAcked)."""
    return t.ack_wraps == 0 and low_word(np.int64(e.ack) - np.int64(e.start)) <= 1


@kernel()
def drop_holes(t, free_holes, n_free):  # type: ignore[no-untyped-def]
    """Give an endpoint's row of HOLES back."""
    if t.hole:
        free_holes[n_free[0]] = t.hole - 1
        n_free[0] += 1
        t.hole = 0


@kernel()
def advance(e, t, holes, free_holes, n_free):  # type: ignore[no-untyped-def]
    """Move `next` over the runs that it has reached."""
    if not t.hole:
        return
    h = hole_row(holes, t.hole - 1)
    taken = 0
    while taken < h.n and delta(h.low[taken], e.next) <= 0:
        if delta(h.high[taken], e.next) > 0:
            e.next = h.high[taken]
        taken += 1
    if taken == h.n:
        drop_holes(t, free_holes, n_free)
    elif taken:
        for k in range(taken, h.n):
            h.low[k - taken], h.high[k - taken] = h.low[k], h.high[k]
        h.n -= taken


@kernel()
def keep_run(e, t, low, high, holes, free_holes, n_free):  # type: ignore[no-untyped-def]
    """Remember a run beyond `next`; an endpoint that has too many is not followed any more."""
    if not t.hole:
        if n_free[0] == 0:
            e.flags |= E_SKIP
            return
        n_free[0] -= 1
        e.flags |= E_ODD
        t.hole = free_holes[n_free[0]] + 1
        hole_row(holes, t.hole - 1).n = 0
    h = hole_row(holes, t.hole - 1)
    at = 0
    while at < h.n and delta(h.high[at], low) < 0:
        at += 1
    last = at
    while last < h.n and delta(h.low[last], high) <= 0:
        if delta(h.low[last], low) < 0:
            low = h.low[last]
        if delta(h.high[last], high) > 0:
            high = h.high[last]
        last += 1
    joined = last - at
    if joined == 0:
        if h.n == MAX_RUNS:
            e.flags |= E_SKIP
            drop_holes(t, free_holes, n_free)
            return
        for k in range(h.n, at, -1):
            h.low[k], h.high[k] = h.low[k - 1], h.high[k - 1]
        h.n += 1
    elif joined > 1:
        for k in range(last, h.n):
            h.low[k - joined + 1], h.high[k - joined + 1] = h.low[k], h.high[k]
        h.n -= joined - 1
    h.low[at], h.high[at] = low, high


@kernel()
def data_seen(e, t, low, size, holes, free_holes, n_free):  # type: ignore[no-untyped-def]
    """Account for a payload of `size` bytes from number `low` on."""
    high = low_word(np.int64(low) + size)
    if e.flags & E_SKIP or delta(high, e.next) <= 0:
        return
    if delta(low, e.next) <= 0:
        e.next = high
        advance(e, t, holes, free_holes, n_free)
        return
    keep_run(e, t, low, high, holes, free_holes, n_free)
    if t.hole and nothing_acked(e, t):
        h = hole_row(holes, t.hole - 1)
        if delta(h.high[h.n - 1], e.next) > MAX_WITHOUT_ACK:
            e.flags |= E_SKIP
            drop_holes(t, free_holes, n_free)


@kernel()
def clean(e):  # type: ignore[no-untyped-def]
    """Tell whether an endpoint is established, or closed from there."""
    return e.state == S_ESTABLISHED or (e.state == S_CLOSED and e.prev == S_ESTABLISHED)


@kernel()
def gap(e, pe, t, cold, size, is_orig):  # type: ignore[no-untyped-def]
    """Count a content gap of one endpoint's stream."""
    if size > 0 and clean(e) and clean(pe):
        if t.gaps < 255:
            t.gaps += 1
        if at_threshold(t.gaps):
            add_letter(cold, L_GAP, is_orig)
        cold.missed += np.uint64(size)


@kernel()
def acknowledged(e, pe, t, cold, flow, ack, is_orig, holes, free_holes, n_free):  # type: ignore[no-untyped-def]
    """Account for the peer's acknowledgement of `e`'s stream up to number `ack`; a gap shows here."""
    if t.fins and delta(ack, t.fin_seq) >= 0:
        ack = low_word(np.int64(t.fin_seq) - 1)
    if delta(ack, e.next) <= 0:
        return
    if flow & F_PARTIAL and low_word(np.int64(ack) - np.int64(e.start)) <= 2:
        return
    if not e.flags & E_SKIP:
        while t.hole:
            h = hole_row(holes, t.hole - 1)
            if delta(h.low[0], ack) >= 0:
                break
            gap(e, pe, t, cold, delta(h.low[0], e.next), is_orig)
            e.next = h.low[0]
            advance(e, t, holes, free_holes, n_free)
        if delta(ack, e.next) > 0:
            gap(e, pe, t, cold, delta(ack, e.next), is_orig)
    if delta(ack, e.next) > 0:
        e.next = ack
        advance(e, t, holes, free_holes, n_free)


@kernel()
def holds_data(e, t):  # type: ignore[no-untyped-def]
    """Tell whether data of this endpoint waits for a hole to be filled or for the peer's acknowledgement."""
    if t.hole:
        return True
    if e.state == S_INACTIVE or e.flags & E_SKIP:
        return False
    unacked = delta(e.next, e.ack)
    if unacked > MAX_WITHOUT_ACK and nothing_acked(e, t):
        return False
    return unacked > 0 and low_word(np.int64(e.next) - np.int64(e.start)) > 1


@kernel()
def pending(e, pe, pt):  # type: ignore[no-untyped-def]
    """Tell whether a close must wait: data of the closing endpoint, or of its peer, is still on the way."""
    if e.flags & E_SKIP:
        return False
    ahead = delta(e.last, e.next)
    if ahead < 0:
        return False
    if ahead > 1:
        return True
    return e.state != S_RESET and holds_data(pe, pt)


@kernel()
def close(e, pe, pt, key, cold, flow):  # type: ignore[no-untyped-def]
    """Act on an endpoint's close, unless data is pending; returns the flow's flags."""
    if pending(e, pe, pt):
        return flow | F_DEFERRED
    flow &= ~F_DEFERRED
    if e.flags & E_CLOSED:
        return flow
    e.flags |= E_CLOSED
    if e.state == S_RESET or pe.flags & E_CLOSED or pe.state == S_INACTIVE:
        cold.until = key.last + CLOSE_DELAY_NS
        flow |= F_UNTIL
    return flow


@kernel()
def end_of_stream(e, pe, t, pt, key, cold, flow):  # type: ignore[no-untyped-def]
    """Notice that everything before an endpoint's FIN or RST has been seen; returns the flow's flags."""
    if e.flags & E_EOF or not (t.fins or e.state == S_CLOSED or e.state == S_RESET) or pending(e, pe, pt):
        return flow
    e.flags |= E_EOF
    if flow & F_DEFERRED:
        flow = close(e, pe, pt, key, cold, flow) & ~F_DEFERRED
    return flow
