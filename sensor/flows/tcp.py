"""TCP as Zeek sees it: endpoint states, sequence numbers and history, one packet at a time.

The order of the steps and each rule follow `TCPSessionAdapter` in Zeek's src/packet_analysis/protocol/tcp, because
`conn_state`, `history`, byte counts and `duration` depend on it: sequence numbers are initialised before the state
machine runs, acknowledgements are acted on after it, and a close may wait for data.
"""

import numpy as np

from baselines._jit import kernel
from sensor.flows.columns import (
    E_ACK,
    E_CLOSED,
    E_DATA,
    E_ODD,
    E_SEEN,
    F_FLIPPED,
    F_LONG,
    F_PARTIAL,
    F_UNTIL,
    L_ACK,
    L_DATA,
    L_FIN,
    L_FINRST,
    L_FLIP,
    L_HANDSHAKE,
    L_MULTI,
    L_REXMIT,
    L_RST,
    L_SYN,
    L_ZERO,
    S_CLOSED,
    S_ESTABLISHED,
    S_INACTIVE,
    S_PARTIAL,
    S_RESET,
    S_SYN_ACK_SENT,
    S_SYN_SENT,
    hole_row,
)
from sensor.flows.history import add_letter, at_threshold, once
from sensor.flows.ports import is_interactive
from sensor.flows.stream import acknowledged, close, data_seen, delta, end_of_stream, low_word
from sensor.model.capture import STATUS_ZERO_WINDOW
from sensor.model.metadata import K_SSH

FIN, SYN, RST, ACK = 1, 2, 4, 16
ATTEMPT_NS = 5_000_000_000
"""Zeek's tcp_attempt_delay: an unanswered SYN's connection ends this long after it."""
INTERACTIVE_NS = 3_600_000_000_000
"""Idle time of SSH, and of the ports of `ports.INTERACTIVE`, once established (base/protocols/conn/inactivity.zeek)."""
TOO_LARGE = 1048576
"""Zeek's TOO_LARGE_SEQ_DELTA: a SYN, RST or zero ACK this far off is not believed."""


@kernel()
def set_state(e, pe, state, flow):  # type: ignore[no-untyped-def]
    """Change an endpoint's state; past the handshake the long timeout applies. Returns the flow's flags."""
    if state != e.state:
        if e.state <= S_SYN_ACK_SENT and pe.state <= S_SYN_ACK_SENT and state > S_SYN_ACK_SENT:
            flow |= F_LONG
        e.prev = e.state
        e.state = state
    return flow


@kernel()
def start_numbers(e, t, seq, past, holes):  # type: ignore[no-untyped-def]
    """Let the stream begin at a SYN's number; what was seen of it keeps its distance from the beginning."""
    shift = np.int64(seq) - np.int64(e.start)
    e.next = low_word(np.int64(e.next) + shift)
    if t.hole:
        h = hole_row(holes, t.hole - 1)
        for k in range(h.n):
            h.low[k], h.high[k] = low_word(np.int64(h.low[k]) + shift), low_word(np.int64(h.high[k]) + shift)
    e.start, e.ack, e.last = seq, seq, past


@kernel()
def init_endpoint(e, t, syn, seq, past, holes):  # type: ignore[no-untyped-def]
    """Set or correct the numbers of the sending endpoint before anything is judged by them."""
    state = e.state
    if state == S_INACTIVE:
        if syn:
            e.start, e.ack, e.last = seq, seq, past
        else:
            e.start = e.ack = low_word(np.int64(seq) - 1)
            e.last = seq
        e.next = low_word(np.int64(e.start) + 1)
    elif syn:
        if state == S_SYN_SENT or state == S_SYN_ACK_SENT:
            if seq != e.start:
                start_numbers(e, t, seq, past, holes)
        elif state == S_ESTABLISHED or state == S_PARTIAL or (state == S_RESET and e.prev == S_INACTIVE):
            start_numbers(e, t, seq, past, holes)


@kernel()
def below_start(e, number, reference, wraps):  # type: ignore[no-untyped-def]
    """Tell whether a number lies before the stream's start (Zeek's underflow).

    Args:
        e: The endpoint whose stream it is.
        number: The number.
        reference: A number of the stream that is known to lie at its start or behind.
        wraps: How often `reference` has passed 2^32 since the start.
    """
    ahead = delta(number, reference)
    if ahead < 0:
        if wraps and number > reference:
            wraps -= 1
    elif ahead > 0 and number < reference:
        wraps += 1
    return wraps == 0 and np.int64(low_word(np.int64(reference) - np.int64(e.start))) + ahead < 0


@kernel()
def flag_history(e, t, cold, flags, seq, size, is_orig):  # type: ignore[no-untyped-def]
    """Write the letters that the flags of one packet call for."""
    control = (1 if flags & SYN else 0) + (1 if flags & FIN else 0) + (1 if flags & RST else 0)
    if control == 0:
        if size:
            once(cold, 5, L_DATA, is_orig)
            e.flags |= E_DATA
        elif flags & ACK:
            once(cold, 6, L_ACK, is_orig)
            e.flags |= E_ACK
        return
    if control > 1:
        if flags & FIN and flags & RST:
            once(cold, 3, L_FINRST, is_orig)
        else:
            once(cold, 4, L_MULTI, is_orig)
        return
    place = np.uint16((np.int64(seq) - np.int64(e.start)) & 0xFFFF)
    if flags & SYN:
        code = L_HANDSHAKE if flags & ACK else L_SYN
        if once(cold, 0, code, is_orig) and place != t.last_syn:
            add_letter(cold, code, is_orig)
        t.last_syn = place
    elif flags & FIN:
        place = np.uint16((np.int64(place) + size) & 0xFFFF)
        if once(cold, 1, L_FIN, is_orig) and place != t.last_fin:
            add_letter(cold, L_FIN, is_orig)
        t.last_fin = place
    else:
        if once(cold, 2, L_RST, is_orig) and place != t.last_rst:
            add_letter(cold, L_RST, is_orig)
        t.last_rst = place


@kernel()
def note_zero_window(t, cold, is_orig):  # type: ignore[no-untyped-def]
    """Count an advertised window of zero."""
    if t.zero_window < 65535:
        t.zero_window += 1
    if at_threshold(t.zero_window):
        add_letter(cold, L_ZERO, is_orig)


@kernel()
def move_ack(pe, pt, ack):  # type: ignore[no-untyped-def]
    """Raise the acknowledged number of the endpoint whose data was acknowledged."""
    ahead = delta(ack, pe.ack)
    if ahead > 0 and not (ack == 0 and ahead > TOO_LARGE):
        if ack < pe.ack:
            pt.ack_wraps += 1
            pe.flags |= E_ODD
        pe.ack = ack


@kernel()
def move_last(e, t, cold, past, flags, size, is_orig):  # type: ignore[no-untyped-def]
    """Raise the highest number sent, or count a retransmission."""
    ahead = delta(past, e.last)
    if flags & (SYN | RST) and (ahead > TOO_LARGE or ahead < -TOO_LARGE):
        return
    forced = flags & FIN and e.last == low_word(np.int64(e.start) + 1)
    if forced or (e.state != S_RESET and ahead > 0):
        if past < e.last:
            t.seq_wraps += 1
            e.flags |= E_ODD
        e.last = past
    elif e.state != S_RESET and size > 0:
        if t.rexmit < 65535:
            t.rexmit += 1
        if at_threshold(t.rexmit):
            add_letter(cold, L_REXMIT, is_orig)


@kernel()
def from_inactive(e, pe, cold, ts, flags, seq, size, is_orig, flow):  # type: ignore[no-untyped-def]
    """Take an endpoint's first packet through the state machine; returns the flow's flags."""
    if flags & SYN:
        if is_orig:
            flow = set_state(e, pe, S_SYN_ACK_SENT if flags & ACK else S_SYN_SENT, flow)
            cold.until = ts + ATTEMPT_NS
        else:
            if not flags & ACK and pe.state == S_SYN_ACK_SENT and seq == e.start:
                flow = (flow ^ F_FLIPPED) & ~F_PARTIAL  # SYN and SYN+ACK were captured in the wrong order
                add_letter(cold, L_FLIP, True)
                flow = set_state(pe, e, S_ESTABLISHED, flow)
            if pe.state == S_SYN_SENT:
                flow = set_state(pe, e, S_ESTABLISHED, flow)
            flow = set_state(e, pe, S_ESTABLISHED, flow)
    if flags & FIN:
        flow = set_state(e, pe, S_CLOSED, flow)
    if flags & RST:
        flow = set_state(e, pe, S_RESET, flow)
    if e.state == S_INACTIVE:
        if not is_orig and size == 0 and pe.state == S_SYN_SENT:
            pass  # some stacks acknowledge a SYN before they answer it
        elif flags & ACK and pe.state == S_ESTABLISHED:
            flow = set_state(e, pe, S_ESTABLISHED, flow) & ~F_PARTIAL
            e.flags |= E_SEEN
        else:
            flow = set_state(e, pe, S_PARTIAL, flow)
    return flow


@kernel()
def next_state(e, pe, cold, ts, flags, seq, size, is_orig, flow):  # type: ignore[no-untyped-def]
    """Run the state machine for one packet; (flow's flags, whether the endpoint closes)."""
    state = e.state
    if state == S_INACTIVE:
        flow = from_inactive(e, pe, cold, ts, flags, seq, size, is_orig, flow)
        return flow, flags & (FIN | RST) != 0
    if state == S_SYN_SENT or state == S_SYN_ACK_SENT:
        if flags & FIN:
            flow = set_state(e, pe, S_CLOSED, flow)
        if flags & RST:
            flow = set_state(e, pe, S_RESET, flow)
        return flow, flags & (FIN | RST) != 0
    if state == S_ESTABLISHED or state == S_PARTIAL:
        if flags & SYN and state == S_PARTIAL and pe.state == S_INACTIVE and not flags & ACK:
            flow = set_state(e, pe, S_SYN_SENT, flow)
        if flags & FIN and not flags & RST:
            flow = set_state(e, pe, S_CLOSED, flow)
            if pe.state == S_RESET and pe.prev == S_CLOSED:
                flow = set_state(pe, e, S_CLOSED, flow)  # FIN and then RST was a normal end after all
        if flags & RST:
            flow = set_state(e, pe, S_RESET, flow)
        return flow, flags & (FIN | RST) != 0
    if state == S_CLOSED and flags & RST and pe.state != S_CLOSED:
        flow = set_state(e, pe, S_RESET, flow)
        return flow, not e.flags & E_CLOSED
    return flow, False


@kernel()
def is_reuse(orig, resp, flags, seq):  # type: ignore[no-untyped-def]
    """Tell whether a SYN opens a new connection between the same ports."""
    if not flags & SYN:
        return False
    opener = orig
    if flags & ACK:
        if orig.state != S_INACTIVE:
            return False
        opener = resp
    if orig.flags & E_CLOSED and resp.flags & E_CLOSED:
        return True
    if seq == opener.start:
        return False
    swapped = not flags & ACK and opener.state == S_SYN_ACK_SENT and resp.state == S_INACTIVE and seq == resp.start
    return not swapped


@kernel()
def segment(p, key, e, pe, t, pt, cold, flow, is_orig, holes, free_holes, n_free):  # type: ignore[no-untyped-def]
    """Account for one TCP packet.

    Args:
        p: PACKET row.
        key, cold: The flow's rows.
        e, t: The sender's rows of ENDPOINT and TAIL; `pe`, `pt` its peer's.
        flow: The flow's F_* flags.
        is_orig: Whether the originator sent it.

    Returns:
        The flow's flags.
    """
    flags, size, seq = np.int64(p.flags), np.int64(p.pay_len), p.seq
    syn = flags & SYN
    if not e.flags & E_SEEN:
        if is_orig:
            flow = flow | F_PARTIAL if not syn or flags & ACK else flow & ~F_PARTIAL
        elif not flow & F_PARTIAL and not syn:
            flow |= F_PARTIAL
    length = (0 if flags & RST else size) + (1 if syn else 0) + (1 if flags & FIN else 0)
    past = low_word(np.int64(seq) + length)
    init_endpoint(e, t, syn, seq, past, holes)
    underflow = below_start(e, seq, e.last, np.int64(t.seq_wraps))
    flag_history(e, t, cold, flags, seq, size, is_orig)
    if p.status & STATUS_ZERO_WINDOW and not flags & RST and pe.state != S_CLOSED and e.state != S_RESET:
        note_zero_window(t, cold, is_orig)
    if not (e.flags & E_CLOSED and pe.flags & E_CLOSED):
        key.last = p.ts
    if flags & FIN:
        t.fins = 1
        t.fin_seq = past
    acks = False
    if flags & ACK:
        if pe.state == S_INACTIVE:
            pe.start = pe.ack = pe.last = low_word(np.int64(p.ack) - 1)
            pe.next = p.ack
            acks = True
        elif not below_start(pe, p.ack, pe.ack, np.int64(pt.ack_wraps)):
            acks = True
            if not flags & RST:
                move_ack(pe, pt, p.ack)
    move_last(e, t, cold, past, flags, size, is_orig)
    flow, closes = next_state(e, pe, cold, p.ts, flags, seq, size, is_orig, flow)
    if acks and pe.state != S_INACTIVE:
        acknowledged(pe, e, pt, cold, flow, p.ack, not is_orig, holes, free_holes, n_free)
        flow = end_of_stream(pe, e, pt, t, key, cold, flow)
    e.flags |= E_SEEN
    if size > 0 and p.pay_cap >= p.pay_len and not flags & RST and not underflow:
        data_seen(e, t, low_word(np.int64(seq) + (1 if syn else 0)), size, holes, free_holes, n_free)
    flow = end_of_stream(e, pe, t, pt, key, cold, flow)
    if closes:
        flow = close(e, pe, pt, key, cold, flow)
    return flow


@kernel()
def sent_bytes(e, pe, t):  # type: ignore[no-untyped-def]
    """Return an endpoint's payload bytes by its sequence numbers (Zeek's TCP_Endpoint::Size), int64."""
    silent = delta(e.ack, e.start) <= 1 and delta(e.ack, e.start) >= 0
    if e.state == S_INACTIVE and e.pkts == 0 and e.start == 0 and e.last == 0:
        return np.int64(0)
    if e.prev == S_SYN_SENT and e.state == S_RESET and pe.state == S_INACTIVE and not silent:
        return np.int64(0)
    last = np.int64(e.last) + (np.int64(t.seq_wraps) << 32)
    ack = np.int64(e.ack) + (np.int64(t.ack_wraps) << 32)
    size = max(last, ack) - np.int64(e.start)
    if size > 0:
        size -= 1
    if t.fins and size > 0:
        size -= 1
    return max(size, np.int64(0))


@kernel()
def end_time(key, cold, flow, orig, resp):  # type: ignore[no-untyped-def]
    """Return when a TCP flow ends unless something more happens, ns."""
    if flow & F_UNTIL:
        return cold.until
    end = key.last + (300_000_000_000 if flow & F_LONG else 60_000_000_000)
    if flow & F_LONG and orig.state != S_PARTIAL and resp.state != S_PARTIAL:
        responder = key.k4 >> np.uint64(48 if flow & F_FLIPPED else 32) & np.uint64(0xFFFF)
        if cold.kind == K_SSH or is_interactive(np.int64(responder)):
            end = key.last + INTERACTIVE_NS
    attempt = orig.state == S_SYN_SENT or orig.state == S_SYN_ACK_SENT
    if attempt and resp.state == S_INACTIVE and cold.until:  # a SYN behind other packets is no attempt
        return min(end, cold.until)
    closed_o, closed_r = orig.flags & E_CLOSED, resp.flags & E_CLOSED
    over = (closed_o or closed_r) and (
        (closed_o and closed_r)
        or orig.state == S_RESET
        or resp.state == S_RESET
        or orig.state == S_INACTIVE
        or resp.state == S_INACTIVE
    )
    if over or (orig.state == S_INACTIVE and resp.state == S_INACTIVE):
        return min(end, key.last + 5_000_000_000)
    return end
