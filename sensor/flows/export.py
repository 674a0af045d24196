"""From a record of the table to a FLOW row: Zeek's columns, worked out as the flow ends.

Rows are written through a byte view of the FLOW array where a field is text.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from baselines._jit import kernel, put64, row_loader
from sensor.flows.columns import (
    F_FLIPPED,
    L_ACK,
    L_FIN,
    L_FINRST,
    L_FLIP,
    L_GAP,
    L_HANDSHAKE,
    L_MULTI,
    L_RST,
    L_SYN,
    LETTERS,
    LOWER,
    S_ACTIVE,
    S_CLOSED,
    S_ESTABLISHED,
    S_INACTIVE,
    S_PARTIAL,
    S_RESET,
    S_SYN_ACK_SENT,
    S_SYN_SENT,
    cold_row,
    context_row,
    end_row,
    key_row,
    tail_row,
)
from sensor.flows.history import letter_at
from sensor.flows.table import T_INPUT, T_SEED
from sensor.flows.tcp import sent_bytes
from sensor.model.flow import CONN_STATES, FLOW
from sensor.model.metadata import K_KERBEROS, SERVICES
from sensor.packets.transport import mix

(S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR, OTH) = range(1, len(CONN_STATES))

flow_row = row_loader(FLOW)

_ITEM = FLOW.itemsize
_FIELDS: Mapping[str, Any] = FLOW.fields or {}
_UID = _FIELDS["uid"][1]
_HISTORY = _FIELDS["history"][1]
_SERVICE = _FIELDS["service"][1]
_LETTERS = np.frombuffer(LETTERS, np.uint8).copy()
_BASE32 = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", np.uint8).copy()
_SERVICE_NAMES = np.array([*SERVICES, "krb_tcp"], "S24")
_SERVICE_WORDS = _SERVICE_NAMES.view(np.uint64).copy()
_KRB_TCP = len(SERVICES)


@kernel()
def uid_of(table, r):  # type: ignore[no-untyped-def]
    """Return a flow's number (uint64): the same for the same first packet of the same input under the same key."""
    key, cold = key_row(table.keys, r), cold_row(table.colds, r)
    h = mix(mix(np.uint64(table.state[T_SEED]), key.k1 ^ key.k3), key.k4 ^ key.k0 ^ key.k2)
    h = mix(mix(h, np.uint64(cold.first)), np.uint64(cold.ordinal))
    h = mix(h, np.uint64(table.state[T_INPUT]))
    return h | np.uint64(1)


@kernel()
def write_uid(raw, at, number):  # type: ignore[no-untyped-def]
    """Write a flow's number in the way of Zeek's uids: C and alphanumerics, here base 32 since shifts are cheap."""
    raw[at] = 67
    for k in range(13):
        raw[at + 13 - k] = _BASE32[np.int64(number >> np.uint64(5 * k) & np.uint64(31))]


@kernel()
def reset_after_syn(cold):  # type: ignore[no-untyped-def]
    r"""Match Zeek's `\^?S[^HAFGIQ]*R.*` on the history: a SYN and a RST with no sign of an answer between."""
    n, at = np.int64(cold.hist_len), 0
    if n and letter_at(cold, 0) == L_FLIP:
        at = 1
    if at >= n or letter_at(cold, at) != L_SYN:
        return False
    for k in range(at + 1, n):
        code = letter_at(cold, k)
        if code == L_RST:
            return True
        if code in (L_HANDSHAKE, L_ACK, L_FIN, L_GAP, L_FINRST, L_MULTI):
            return False
    return False


@kernel()
def tcp_conn_state(o, r, orig_bytes, resp_bytes, cold):  # type: ignore[no-untyped-def]
    """Return Zeek's conn_state of a TCP flow from its endpoints' states (base/protocols/conn/main.zeek)."""
    o_quiet = o == S_INACTIVE or o == S_PARTIAL
    r_quiet = r == S_INACTIVE or r == S_PARTIAL
    if r == S_RESET:
        if o == S_SYN_SENT or o == S_SYN_ACK_SENT or (o == S_RESET and orig_bytes == 0 and resp_bytes == 0):
            return REJ
        return RSTRH if o_quiet else RSTR
    if o == S_RESET:
        if r_quiet:
            return RSTOS0 if reset_after_syn(cold) else OTH
        return RSTO
    if r == S_CLOSED and o == S_CLOSED:
        return SF
    if o == S_CLOSED:
        return SH if r_quiet else S2
    if r == S_CLOSED:
        return SHR if o_quiet else S3
    if o == S_SYN_SENT and r == S_INACTIVE:
        return S0
    if o == S_ESTABLISHED and r == S_ESTABLISHED:
        return S1
    return OTH


@kernel()
def is_local(networks, n, hi, lo):  # type: ignore[no-untyped-def]
    """Tell whether an address lies in one of the local networks: 1 or 0, -1 where none are given."""
    if n == 0:
        return -1
    for k in range(0, 4 * n, 4):
        if hi & networks[k] == networks[k + 2] and lo & networks[k + 1] == networks[k + 3]:
            return 1
    return 0


@kernel()
def write_flow(table, r, why, flows, raw, n):  # type: ignore[no-untyped-def]
    """Write record r as row n of `flows`, whose bytes are `raw`."""
    key, cold = key_row(table.keys, r), cold_row(table.colds, r)
    flipped = np.int64(end_row(table.ends, 2 * r).flow & F_FLIPPED)
    o, e = end_row(table.ends, 2 * r + flipped), end_row(table.ends, 2 * r + 1 - flipped)
    to, te = tail_row(table.tails, 2 * r + flipped), tail_row(table.tails, 2 * r + 1 - flipped)
    c = context_row(table.contexts, cold.ctx)
    f = flow_row(flows, n)
    proto = np.int64(key.k4 >> np.uint64(24) & np.uint64(0xFF))
    low_port = np.int64(key.k4 >> np.uint64(48))
    high_port = np.int64(key.k4 >> np.uint64(32) & np.uint64(0xFFFF))
    f.ts = cold.first
    f.duration = max(key.last - cold.first, 0)  # a capture's clock may go back
    f.proto = proto
    if flipped:
        f.orig_hi, f.orig_lo, f.resp_hi, f.resp_lo = key.k2, key.k3, key.k0, key.k1
        f.orig_p, f.resp_p, f.orig_l2, f.resp_l2 = high_port, low_port, c.mac1, c.mac0
    else:
        f.orig_hi, f.orig_lo, f.resp_hi, f.resp_lo = key.k0, key.k1, key.k2, key.k3
        f.orig_p, f.resp_p, f.orig_l2, f.resp_l2 = low_port, high_port, c.mac0, c.mac1
    f.local_orig = is_local(table.networks, table.n_networks, f.orig_hi, f.orig_lo)
    f.local_resp = is_local(table.networks, table.n_networks, f.resp_hi, f.resp_lo)
    f.conn_state = OTH
    if proto == 6:
        f.orig_bytes, f.resp_bytes = sent_bytes(o, e, to), sent_bytes(e, o, te)
        f.conn_state = tcp_conn_state(o.state, e.state, f.orig_bytes, f.resp_bytes, cold)
    else:
        f.orig_bytes = np.int64(o.start) + (np.int64(o.last) << 32)
        f.resp_bytes = np.int64(e.start) + (np.int64(e.last) << 32)
        if proto == 17:
            if o.state == S_ACTIVE:
                f.conn_state = SF if e.state == S_ACTIVE else S0
            elif e.state == S_ACTIVE:
                f.conn_state = SHR
    f.missed_bytes = np.int64(cold.missed)
    f.orig_pkts, f.resp_pkts = o.pkts, e.pkts
    f.orig_ip_bytes, f.resp_ip_bytes = np.int64(o.ip_bytes), np.int64(e.ip_bytes)
    f.vlan, f.inner_vlan, f.tunnel, f.tunnel_id = c.vlan, c.inner_vlan, c.tunnel, c.tunnel_id
    f.size_sq, f.gap_sq, f.why = key.size_sq, key.gap_sq, why
    f.input, f.offset = table.state[T_INPUT], cold.ordinal
    base = n * _ITEM
    write_uid(raw, base + _UID, uid_of(table, r))
    for k in range(0, 32, 8):
        put64(raw, base + _HISTORY + k, 0)
    for k in range(np.int64(cold.hist_len)):
        code = letter_at(cold, k)
        raw[base + _HISTORY + k] = _LETTERS[code & 15] | (32 if code & LOWER else 0)
    service = 3 * (_KRB_TCP if cold.kind == K_KERBEROS and proto == 6 else np.int64(cold.kind))
    for k in range(3):
        put64(raw, base + _SERVICE + 8 * k, np.int64(_SERVICE_WORDS[service + k]))
