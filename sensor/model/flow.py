"""Flow columns: Zeek's conn.log fields, whether a flow came from packets or from a log.

Names and meanings are those of Zeek's `base/protocols/conn/main.zeek`. -1 stands for Zeek's unset in integer
columns, an empty string in text columns.
"""

import numpy as np

FLOW = np.dtype(
    [
        ("ts", np.int64),  # first packet, ns since 1970
        ("duration", np.int64),  # ns; -1 unset
        ("uid", "S24"),
        ("orig_hi", np.uint64),  # originator's address, high 8 bytes; IPv4 is ::ffff:a.b.c.d
        ("orig_lo", np.uint64),
        ("resp_hi", np.uint64),
        ("resp_lo", np.uint64),
        ("orig_p", np.uint16),  # ICMP: type
        ("resp_p", np.uint16),  # ICMP: counterpart type, or code
        ("proto", np.uint8),  # IP protocol number
        ("conn_state", np.uint8),  # index into CONN_STATES
        ("local_orig", np.int8),  # 1, 0; -1 unset
        ("local_resp", np.int8),
        ("orig_bytes", np.int64),  # payload bytes; -1 unset
        ("resp_bytes", np.int64),
        ("missed_bytes", np.int64),
        ("orig_pkts", np.int64),
        ("orig_ip_bytes", np.int64),
        ("resp_pkts", np.int64),
        ("resp_ip_bytes", np.int64),
        ("history", "S32"),
        ("service", "S24"),  # comma-separated, as Zeek writes it
        ("orig_l2", np.uint64),  # 48-bit link-layer address, 0 = not known
        ("resp_l2", np.uint64),
        ("vlan", np.uint16),  # 0 = none
        ("inner_vlan", np.uint16),
        ("tunnel", np.uint8),  # index into capture.TUNNELS
        ("tunnel_id", np.uint32),
        ("size_sq", np.float64),  # sum of squared IP packet lengths, bytes²; NaN = not known (logs)
        ("gap_sq", np.float64),  # sum of squared gaps between packets, s²; NaN = not known
        ("why", np.uint8),  # index into ENDINGS
        ("input", np.int32),  # index of the input it came from
        ("offset", np.int64),  # ordinal of its first packet, or row, in that input (0-based)
    ],
    align=True,
)
"""One flow. Batches are C-contiguous arrays of this dtype, shape (n,)."""

CONN_STATES = ("", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH")
ENDINGS = ("ended", "timeout", "interval", "evicted", "end_of_input")
"""Why the row was written. An `interval` row reports a flow that goes on; a later row of the same uid replaces it."""

PROTOS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}
"""Zeek's `proto` by IP protocol; any other is `unknown_transport`."""

TCP, UDP, ICMP, ICMPV6, SCTP = 6, 17, 1, 58, 132
