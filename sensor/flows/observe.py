"""Metadata from a flow's first payloads: decides what to read, joins what spans segments, writes META rows.

TCP payloads are read in the order of the stream; what comes out of order is not looked at. A message that goes on in a
later segment is copied to one of a bounded number of places until it is whole; when they are all taken, or a message
outgrows its place, or the flow ends, what is known is written and marked not whole. Reading stops after the hellos of
TLS and SSH, after `LEFT` payloads of an endpoint that no parser recognised, and after `BUDGET` of a conversation that
is handed over payload by payload.
"""

import numpy as np

from baselines._jit import kernel, row_loader, ule64
from sensor.flows.columns import E_WANTED, F_FLIPPED, LEFT, SLOT_BYTES, cold_row, end_row, key_row, tail_row
from sensor.flows.export import uid_of
from sensor.flows.table import T_ARENA, T_METAS, T_ORDINAL, T_SEED, T_SLOT_FULL, T_SLOTS_FREE
from sensor.model.metadata import (
    K_CARRIED,
    K_HTTP_REQUEST,
    K_HTTP_RESPONSE,
    K_NEIGHBOR,
    K_NONE,
    K_NTLM,
    K_QUIC,
    K_RADIUS,
    K_RDP,
    K_SMTP,
    K_SSH,
    K_STRATUM,
    K_TLS_CLIENT,
    K_TLS_SERVER,
    META,
    NEED_MORE,
)
from sensor.packets.claims import is_echo
from sensor.packets.reading import (
    R_AGAIN,
    R_END,
    R_END_ID,
    R_KIND,
    R_KNOWN,
    R_NAME,
    R_NAME_BYTES,
    R_PRINT,
    R_PRINT_BYTES,
    R_TS,
    R_WHOLE,
    READ,
    call_reader,
)
from sensor.packets.transport import mix

meta_row = row_loader(META)

LOST_BYTES = 1 << 24
"""How far a message that will not go on is said to reach: beyond the end of any (parsers wait for what is to come)."""
METAS_A_PACKET = 8
"""A packet writes at most two messages of its own and two for each of two flows that it ends."""
BUDGET, BUDGET_MAIL, BUDGET_SHORT = 200, 24, 6
"""Payloads of each endpoint that are looked at once a conversation is known that is handed over payload by payload. A
domain member's logon over SMB, RPC and LDAP takes 20 to 60; a mail's envelope and headers under 20; QUIC and remote
desktop are encrypted from the third on. RADIUS and controllers have no such end, their conversations last for months.
"""


@kernel()
def text_hash(buf, start, size, seed):  # type: ignore[no-untyped-def]
    """Return a keyed 64-bit hash of bytes; 0 stands for no text."""
    if size == 0:
        return np.uint64(0)
    h = mix(seed, np.uint64(size))
    end = start + size
    while start + 8 <= end:
        h = mix(h, ule64(buf, start))
        start += 8
    tail = np.uint64(0)
    while start < end:
        tail = tail << np.uint64(8) | np.uint64(buf[start])
        start += 1
    return mix(mix(h, tail), seed) | np.uint64(1)


@kernel()
def write_message(table, sink, r, is_orig, ts, ordinal):  # type: ignore[no-untyped-def]
    """Add the META row of the message that `table.result` describes."""
    state, result = table.state, table.result
    key = key_row(table.keys, r)
    m = meta_row(sink.metas, state[T_METAS])
    low_port = np.int64(key.k4 >> np.uint64(48))
    high_port = np.int64(key.k4 >> np.uint64(32) & np.uint64(0xFFFF))
    if end_row(table.ends, 2 * r).flow & F_FLIPPED:
        m.orig_hi, m.orig_lo, m.resp_hi, m.resp_lo = key.k2, key.k3, key.k0, key.k1
        m.orig_p, m.resp_p = high_port, low_port
    else:
        m.orig_hi, m.orig_lo, m.resp_hi, m.resp_lo = key.k0, key.k1, key.k2, key.k3
        m.orig_p, m.resp_p = low_port, high_port
    m.ts, m.uid, m.offset = ts, uid_of(table, r), ordinal
    m.at, m.len = state[T_ARENA], result[R_END] - state[T_ARENA]
    m.proto = np.int64(key.k4 >> np.uint64(24) & np.uint64(0xFF))
    m.kind, m.is_orig, m.whole = result[R_KIND], is_orig, result[R_WHOLE]
    seed = np.uint64(state[T_SEED])
    m.key = text_hash(sink.arena, result[R_NAME], result[R_NAME_BYTES], seed)
    m.print = text_hash(sink.arena, result[R_PRINT], result[R_PRINT_BYTES], seed)
    state[T_METAS] += 1
    state[T_ARENA] = result[R_END]


@kernel()
def free_slot(table, t):  # type: ignore[no-untyped-def]
    """Give back the place of a stream's beginning."""
    if t.slot:
        table.free_heads[table.state[T_SLOTS_FREE]] = np.int64(t.slot) - 1
        table.state[T_SLOTS_FREE] += 1
        t.slot = 0


@kernel()
def keep(table, t, source, pos, cap_end):  # type: ignore[no-untyped-def]
    """Copy the beginning of a message to a place of its own; whether there was one that is large enough."""
    state, size = table.state, cap_end - pos
    if state[T_SLOTS_FREE] == 0 or size > SLOT_BYTES:
        state[T_SLOT_FULL] += 1
        return False
    state[T_SLOTS_FREE] -= 1
    slot = table.free_heads[state[T_SLOTS_FREE]]
    t.slot = slot + 1
    base = slot * SLOT_BYTES
    for k in range(size):
        table.heads[base + k] = source[pos + k]
    table.head_len[slot] = size
    return True


@kernel()
def is_endless(kind):  # type: ignore[no-untyped-def]
    """Tell whether conversations of a kind have no beginning to which their news is confined."""
    return kind == K_RADIUS or K_RDP < kind < K_NEIGHBOR


@kernel()
def is_echo_key(word):  # type: ignore[no-untyped-def]
    """Tell whether a flow's key word is of ICMP echo, whose ports are types."""
    proto = np.int64(word >> np.uint64(24) & np.uint64(0xFF))
    return is_echo(proto, np.int64(word >> np.uint64(48)), np.int64(word >> np.uint64(32) & np.uint64(0xFFFF)))


@kernel()
def settle_kind(table, r, t, kind):  # type: ignore[no-untyped-def]
    """Note a confirmed protocol, and whether its endpoint is done."""
    cold = cold_row(table.colds, r)
    if cold.kind == K_NONE or cold.kind == K_NTLM:
        cold.kind = kind
    if kind == K_TLS_CLIENT or kind == K_TLS_SERVER or kind == K_SSH or kind == K_CARRIED:
        t.left = 0
    elif t.left < LEFT:
        if kind < K_QUIC or is_endless(kind):
            t.left += 1
        elif kind == K_QUIC or kind == K_RDP or kind == K_STRATUM:
            t.left = LEFT + BUDGET_SHORT
        elif kind != K_NEIGHBOR:
            t.left = LEFT + (BUDGET_MAIL if kind == K_SMTP else BUDGET)


@kernel()
def read(table, sink, r, side, is_orig, source, pos, cap_end, wire_end, ts, ordinal):  # type: ignore[no-untyped-def]
    """Read the message that begins at `pos`; whether it goes on in a later segment."""
    key, cold, result = key_row(table.keys, r), cold_row(table.colds, r), table.result
    proto = np.int64(key.k4 >> np.uint64(24) & np.uint64(0xFF))
    low_port = np.int64(key.k4 >> np.uint64(48))
    high_port = np.int64(key.k4 >> np.uint64(32) & np.uint64(0xFFFF))
    start = table.state[T_ARENA]
    result[R_END_ID] = np.int64(mix(key.k1 ^ key.k3, key.k4 ^ np.uint64(2 * cold.ordinal + (side & 1))))
    result[R_TS], result[R_KNOWN] = ts, cold.kind
    call_reader(
        table.reader, READ, source, pos, cap_end, wire_end, proto, low_port, high_port, sink.arena, start, result
    )
    if result[R_END] == NEED_MORE:
        return True
    kind, again = result[R_KIND], result[R_AGAIN]
    http = kind == K_HTTP_REQUEST or kind == K_HTTP_RESPONSE
    if kind == K_HTTP_REQUEST and cold.kind != K_NTLM:
        again = READ  # nobody has asked for a login
    if result[R_END] > start:
        write_message(table, sink, r, is_orig, ts, ordinal)
    if kind != K_NONE:
        settle_kind(table, r, tail_row(table.tails, side), kind)
    if again == READ:
        return False
    if http:
        cold.kind = K_NTLM
    start = table.state[T_ARENA]
    call_reader(
        table.reader, again, source, pos, cap_end, wire_end, proto, low_port, high_port, sink.arena, start, result
    )
    if result[R_END] > start:
        write_message(table, sink, r, is_orig, ts, ordinal)
        if kind == K_NONE:
            settle_kind(table, r, tail_row(table.tails, side), K_NTLM)
    return False


@kernel()
def observe(table, sink, buf, p, r, side, is_orig, in_order):  # type: ignore[no-untyped-def]
    """Look at a payload of an endpoint that is still wanted."""
    e, t = end_row(table.ends, side), tail_row(table.tails, side)
    if t.left == 0:
        e.flags &= ~E_WANTED
        free_slot(table, t)
        return
    key = key_row(table.keys, r)
    # Pings and what hides among them are one flow: the first eight say nothing of those that follow.
    if t.left == LEFT or not is_echo_key(key.k4):
        t.left -= 1
    if t.left == LEFT:  # only a spent budget passes through here: what is not known yet begins below
        t.left = 0
        return
    if not in_order:
        return
    pos = np.int64(p.pay_off)
    cap_end, wire_end = pos + np.int64(p.pay_cap), pos + np.int64(p.pay_len)
    ordinal = table.state[T_ORDINAL] + np.int64(p.nth)
    if t.slot == 0:
        if read(table, sink, r, side, is_orig, buf, pos, cap_end, wire_end, p.ts, ordinal):
            if not keep(table, t, buf, pos, cap_end):
                read(table, sink, r, side, is_orig, buf, pos, cap_end, cap_end + LOST_BYTES, p.ts, ordinal)
        return
    slot = np.int64(t.slot) - 1
    have, base = table.head_len[slot], slot * SLOT_BYTES
    size = min(cap_end - pos, SLOT_BYTES - have)
    for k in range(size):
        table.heads[base + have + k] = buf[pos + k]
    have += size
    table.head_len[slot] = have
    missing = LOST_BYTES if size < wire_end - pos else 0
    end = base + have
    if not read(table, sink, r, side, is_orig, table.heads, base, end, end + missing, p.ts, ordinal) or missing:
        free_slot(table, t)


@kernel()
def release(table, sink, r):  # type: ignore[no-untyped-def]
    """Give back what a flow that ends holds; of a message that never became whole, write what is known."""
    for side in range(2 * r, 2 * r + 2):
        t = tail_row(table.tails, side)
        if t.slot:
            slot = np.int64(t.slot) - 1
            base = slot * SLOT_BYTES
            end = base + table.head_len[slot]
            flipped = np.int64(end_row(table.ends, 2 * r).flow & F_FLIPPED)
            is_orig = (side & 1) == flipped
            ts, ordinal = key_row(table.keys, r).last, cold_row(table.colds, r).ordinal
            read(table, sink, r, side, is_orig, table.heads, base, end, end + LOST_BYTES, ts, ordinal)
            free_slot(table, t)
