"""Metadata from a flow's first payloads: decides what to read, joins what spans segments, writes META rows.

TCP payloads are read in the order of the stream; what comes out of order is not looked at. A message that goes on in a
later segment is copied to one of a bounded number of places until it is whole; when they are all taken, or a message
outgrows its place, or the flow ends, what is known is written and marked not whole. Reading stops after the hellos of
TLS and SSH, and after `LEFT` payloads of an endpoint that no parser recognised.
"""

import numpy as np

from baselines._jit import be16, be32, kernel, le16, row_loader
from sensor.flows.columns import E_WANTED, F_FLIPPED, LEFT, SLOT_BYTES, cold_row, end_row, key_row, tail_row
from sensor.flows.export import uid_of
from sensor.flows.table import T_ARENA, T_METAS, T_ORDINAL, T_SEED, T_SLOT_FULL, T_SLOTS_FREE
from sensor.model.metadata import (
    K_HTTP_REQUEST,
    K_HTTP_RESPONSE,
    K_NONE,
    K_NTLM,
    K_SSH,
    K_TLS_CLIENT,
    K_TLS_SERVER,
    META,
    NEED_MORE,
)
from sensor.packets.identify import identify_tcp, identify_udp, name_of, print_of, read_message
from sensor.packets.ntlm import scan

meta_row = row_loader(META)

METAS_A_PACKET = 8
"""A packet writes at most two messages of its own and two for each of two flows that it ends."""


@kernel()
def text_hash(buf, start, size, seed):  # type: ignore[no-untyped-def]
    """Return a keyed 64-bit hash of bytes; 0 stands for no text."""
    if size == 0:
        return np.uint64(0)
    h = seed ^ np.uint64(0x9E3779B97F4A7C15)
    for k in range(start, start + size):
        h = (h ^ np.uint64(buf[k])) * np.uint64(0xBF58476D1CE4E5B9)
        h ^= h >> np.uint64(29)
    return (h * np.uint64(0x94D049BB133111EB)) | np.uint64(1)


@kernel()
def write_message(table, sink, r, is_orig, kind, whole, ts, ordinal, end):  # type: ignore[no-untyped-def]
    """Add the META row of a message whose fields lie in the arena up to `end`."""
    state = table.state
    key = key_row(table.keys, r)
    start = state[T_ARENA]
    m = meta_row(sink.metas, state[T_METAS])
    low_port = np.int64(key.k4 >> np.uint64(48))
    high_port = np.int64(key.k4 >> np.uint64(32) & np.uint64(0xFFFF))
    if end_row(table.ends, 2 * r).flow & F_FLIPPED:
        m.orig_hi, m.orig_lo, m.resp_hi, m.resp_lo, m.orig_p, m.resp_p = key.k2, key.k3, key.k0, key.k1, high_port, low_port
    else:
        m.orig_hi, m.orig_lo, m.resp_hi, m.resp_lo, m.orig_p, m.resp_p = key.k0, key.k1, key.k2, key.k3, low_port, high_port
    m.ts, m.uid, m.offset, m.at, m.len = ts, uid_of(table, r), ordinal, start, end - start
    m.proto = np.int64(key.k4 >> np.uint64(24) & np.uint64(0xFF))
    m.kind, m.is_orig, m.whole = kind, is_orig, whole
    seed = np.uint64(state[T_SEED])
    at, size = name_of(kind, sink.arena, start, end)
    m.key = text_hash(sink.arena, at, size, seed)
    at, size = print_of(kind, sink.arena, start, end)
    m.print = text_hash(sink.arena, at, size, seed)
    state[T_METAS] += 1
    state[T_ARENA] = end


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
def may_hold_ntlm(source, pos, cap_end):  # type: ignore[no-untyped-def]
    """Tell whether a payload is of a kind that carries NTLM: SMB session set-up, DCE-RPC bind or auth3, LDAP."""
    if cap_end - pos < 32:
        return False
    word = be32(source, pos + 4)
    if word == 0xFE534D42:  # SMB2 (MS-SMB2 §2.2.1): SESSION_SETUP
        return le16(source, pos + 16) == 1
    if word == 0xFF534D42:  # SMB1: SMB_COM_SESSION_SETUP_ANDX
        return source[pos + 8] == 0x73
    if be16(source, pos) == 0x0500:  # DCE-RPC 1.1: bind, bind_ack, alter context and its answer, auth3
        kind = source[pos + 2]
        return 11 <= kind <= 12 or 14 <= kind <= 16
    return source[pos] == 0x30 and source[pos + 1] >= 0x80  # LDAP in its usual long form


@kernel()
def look_for_ntlm(table, sink, r, is_orig, source, pos, cap_end, wire_end, ts, ordinal, proto):  # type: ignore[no-untyped-def]
    """Write the NTLM message inside a payload, if there is one; whether there was."""
    at = scan(source, pos, cap_end)
    if at < 0:
        return False
    start = table.state[T_ARENA]
    end, whole, kind = read_message(K_NTLM, source, at, cap_end, wire_end + 1, proto, sink.arena, start)
    if end <= start:
        return False
    write_message(table, sink, r, is_orig, kind, whole, ts, ordinal, end)
    return True


@kernel()
def settle_kind(table, r, t, kind):  # type: ignore[no-untyped-def]
    """Note a confirmed protocol, and whether its endpoint is done."""
    cold = cold_row(table.colds, r)
    if cold.kind == K_NONE or cold.kind == K_NTLM:
        cold.kind = kind
    if kind == K_TLS_CLIENT or kind == K_TLS_SERVER or kind == K_SSH:
        t.left = 0
    elif t.left < LEFT:
        t.left += 1


@kernel()
def read_payload(table, sink, r, side, is_orig, source, pos, cap_end, wire_end, ts, ordinal):  # type: ignore[no-untyped-def]
    """Read the message that begins at `pos`; whether it goes on in a later segment."""
    key, t = key_row(table.keys, r), tail_row(table.tails, side)
    proto = np.int64(key.k4 >> np.uint64(24) & np.uint64(0xFF))
    low_port = np.int64(key.k4 >> np.uint64(48))
    high_port = np.int64(key.k4 >> np.uint64(32) & np.uint64(0xFFFF))
    if proto == 6:
        kind = identify_tcp(source, pos, cap_end, wire_end, low_port, high_port)
    else:
        kind = identify_udp(source, pos, cap_end, wire_end, low_port, high_port)
    if kind == K_NONE:
        if proto == 6 and may_hold_ntlm(source, pos, cap_end):
            if look_for_ntlm(table, sink, r, is_orig, source, pos, cap_end, wire_end, ts, ordinal, proto):
                settle_kind(table, r, t, K_NTLM)
        return False
    start = table.state[T_ARENA]
    end, whole, kind = read_message(kind, source, pos, cap_end, wire_end, proto, sink.arena, start)
    if end == NEED_MORE:
        return True
    if end > start:
        write_message(table, sink, r, is_orig, kind, whole, ts, ordinal, end)
        settle_kind(table, r, t, kind)
        if kind == K_HTTP_REQUEST or kind == K_HTTP_RESPONSE:
            look_for_ntlm(table, sink, r, is_orig, source, pos, cap_end, wire_end, ts, ordinal, proto)
    return False


@kernel()
def observe(table, sink, buf, p, r, side, is_orig, in_order):  # type: ignore[no-untyped-def]
    """Look at a payload of an endpoint that is still wanted."""
    e, t = end_row(table.ends, side), tail_row(table.tails, side)
    if t.left == 0:
        e.flags &= ~E_WANTED
        free_slot(table, t)
        return
    t.left -= 1
    if not in_order:
        return
    pos = np.int64(p.pay_off)
    cap_end, wire_end = pos + np.int64(p.pay_cap), pos + np.int64(p.pay_len)
    ordinal = table.state[T_ORDINAL] + np.int64(p.nth)
    if t.slot == 0:
        if read_payload(table, sink, r, side, is_orig, buf, pos, cap_end, wire_end, p.ts, ordinal):
            if not keep(table, t, buf, pos, cap_end):
                read_payload(table, sink, r, side, is_orig, buf, pos, cap_end, cap_end + 1, p.ts, ordinal)
        return
    slot = np.int64(t.slot) - 1
    have, base = table.head_len[slot], slot * SLOT_BYTES
    size = min(cap_end - pos, SLOT_BYTES - have)
    for k in range(size):
        table.heads[base + have + k] = buf[pos + k]
    have += size
    table.head_len[slot] = have
    missing = 1 if size < wire_end - pos else 0
    end = base + have
    if not read_payload(table, sink, r, side, is_orig, table.heads, base, end, end + missing, p.ts, ordinal) or missing:
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
            read_payload(table, sink, r, side, is_orig, table.heads, base, end, end + 1, ts, ordinal)
            free_slot(table, t)
