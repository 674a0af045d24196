"""The flow table's memory: which bytes a live flow holds, and what the small codes in them mean.

A flow takes 256 bytes: a key line and an endpoints line of 64 bytes each, which every packet touches; 56 + 48 bytes
that only beginnings, ends and oddities touch; 4 bytes of deadline and 4 of the stack of free records; 16 bytes of index
at half load. The two endpoints of record r are rows 2r and 2r+1 of `ENDPOINT` and `TAIL`, in the order of the key, not
of who opened the flow.
"""

import numpy as np

from baselines._jit import row_loader

KEY = np.dtype(
    [
        ("k0", np.uint64),
        ("k1", np.uint64),
        ("k2", np.uint64),
        ("k3", np.uint64),
        ("k4", np.uint64),
        ("last", np.int64),  # Zeek's last_time, ns; 0 marks a free record together with k4 == 0
        ("size_sq", np.float64),  # bytes²
        ("gap_sq", np.float64),  # s²
    ],
    align=True,
)
"""One cache line, hot."""

ENDPOINT = np.dtype(
    [
        ("ip_bytes", np.uint64),
        ("pkts", np.uint32),
        ("start", np.uint32),  # TCP: first sequence number. Others: payload bytes, low word
        ("last", np.uint32),  # TCP: highest sequence number sent. Others: payload bytes, high word
        ("ack", np.uint32),  # TCP: highest of its numbers that the peer acknowledged
        ("next", np.uint32),  # TCP: first number not seen in order
        ("state", np.uint8),  # S_*
        ("prev", np.uint8),
        ("flags", np.uint8),  # E_*
        ("flow", np.uint8),  # in the first endpoint's row: F_* of the flow
    ],
    align=True,
)
"""Half a cache line, hot."""

COLD = np.dtype(
    [
        ("first", np.int64),  # ns
        ("until", np.int64),  # ns: the end of a handshake attempt, or of a closed connection's linger
        ("ordinal", np.int64),  # of its first packet, in its input
        ("missed", np.uint64),  # bytes in content gaps
        ("hist0", np.uint64),  # history, 12 letters of 5 bits
        ("hist1", np.uint64),
        ("ctx", np.uint32),  # row of CONTEXT
        ("seen", np.uint16),  # which history letters have been written once
        ("hist_len", np.uint8),
        ("kind", np.uint8),  # metadata kind that was confirmed
    ],
    align=True,
)

TAIL = np.dtype(
    [
        ("fin_seq", np.uint32),
        ("last_syn", np.uint16),  # low bits of the sequence numbers, to tell repeats from new ones
        ("last_fin", np.uint16),
        ("last_rst", np.uint16),
        ("rexmit", np.uint16),
        ("zero_window", np.uint16),
        ("slot", np.uint16),  # 1 + place of the beginning of its stream, 0 = none
        ("hole", np.uint16),  # 1 + row of HOLES, 0 = none
        ("bad_sum", np.uint8),
        ("gaps", np.uint8),
        ("seq_wraps", np.uint8),
        ("ack_wraps", np.uint8),
        ("fins", np.uint8),
        ("left", np.uint8),  # payloads that may still be looked at
    ],
    align=True,
)

CONTEXT = np.dtype(
    [
        ("mac0", np.uint64),  # link-layer address seen with the key's lower endpoint
        ("mac1", np.uint64),
        ("tunnel_id", np.uint32),
        ("vlan", np.uint16),
        ("inner_vlan", np.uint16),
        ("tunnel", np.uint16),
        ("used", np.uint16),
    ],
    align=True,
)
"""What flows share below IP. Few rows serve all flows, since a segment has few routers, VLANs and tunnels."""

HOLES = np.dtype([("n", np.int64), ("low", np.uint32, (8,)), ("high", np.uint32, (8,))], align=True)
"""Runs of a stream that came before what precedes them: [low, high) by sequence number, ascending."""
MAX_RUNS = 8

key_row = row_loader(KEY)
end_row = row_loader(ENDPOINT)
cold_row = row_loader(COLD)
tail_row = row_loader(TAIL)
context_row = row_loader(CONTEXT)
hole_row = row_loader(HOLES)

# Endpoint states: Zeek's, src/analyzer/protocol/tcp (INACTIVE and ACTIVE also serve UDP and ICMP)
S_INACTIVE, S_SYN_SENT, S_SYN_ACK_SENT, S_PARTIAL, S_ESTABLISHED, S_CLOSED, S_RESET, S_ACTIVE = range(8)

E_SEEN = 1
"""A packet of this endpoint has passed."""
E_CLOSED = 2
"""Its close has been acted on."""
E_EOF = 4
E_SKIP = 8
"""Its stream is not followed any more: too much without acknowledgement, or no room for its runs."""
E_ODD = 16
"""A sequence number has wrapped, or runs wait in HOLES: the short path does not apply."""
E_WANTED = 32
"""Its next payloads are looked at for metadata."""
E_DATA = 64
"""Its D has been written into the history."""
E_ACK = 128
"""Its A has been written into the history."""

F_FLIPPED = 1
"""The originator is the key's higher endpoint."""
F_PARTIAL = 2
F_LONG = 4
"""Past the handshake: the long inactivity timeout applies."""
F_UNTIL = 8
"""It ends at COLD.until, whatever comes."""
F_DEFERRED = 16
"""A close waits for data."""

LETTERS = b"?SHADFRCGTWIQ^"
"""History letters by code; 16 is added for the responder's lower case."""
L_SYN, L_HANDSHAKE, L_ACK, L_DATA, L_FIN, L_RST, L_CHECKSUM = range(1, 8)
L_GAP, L_REXMIT, L_ZERO, L_FINRST, L_MULTI, L_FLIP = range(8, 14)
LOWER = 16
HISTORY_MAX = 24
"""Letters kept; Zeek's scaled letters make more than that only in flows of over 10^5 oddities."""

LEFT = 8
"""Payloads of each endpoint that are looked at before a flow of unknown protocol is let be: STARTTLS comes with the
third or fourth, NTLM in SMB with the second or third."""
SLOTS = 512
"""Beginnings of streams kept at a time: 8 MiB. A message spans segments for a round trip: a thousand a second fit."""
SLOT_BYTES = 16384
"""Room for the beginning of a stream. A ClientHello with post-quantum shares is under 4 KiB, Kerberos tickets with a
large PAC reach 12 KiB, most servers refuse header blocks beyond 8 KiB."""
