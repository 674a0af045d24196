"""Columns of frames and packets: what a container reader hands to the decoder, and the decoder to the flow table.

A *frame* is one record of a capture: where its bytes lie in the read buffer. A *packet* is one decoded IP packet: a
frame with a UDP tunnel inside (VXLAN, Geneve, GTP-U, Teredo) gives two packets, one whose tunnel is stripped
(GRE, IP in IP, MPLS …) gives one. ARP messages are rows of their own.
"""

import numpy as np

FRAME = np.dtype(
    [
        ("ts", np.int64),  # ns since 1970, event time
        ("off", np.uint32),  # first byte of the frame in the read buffer
        ("cap", np.uint32),  # bytes captured
        ("wire", np.uint32),  # bytes on the wire
        ("link", np.uint16),  # one of LINK_*
        ("iface", np.uint16),  # interface number inside the capture
    ],
    align=True,
)
"""One captured frame, 24 bytes."""

PACKET = np.dtype(
    [
        ("k0", np.uint64),  # lower endpoint's address, high 8 bytes (IPv4 as ::ffff:a.b.c.d)
        ("k1", np.uint64),  # … low 8 bytes
        ("k2", np.uint64),  # higher endpoint's address, high 8 bytes
        ("k3", np.uint64),
        ("k4", np.uint64),  # lower port << 48 | higher port << 32 | IP protocol << 24 | one-way bits
        ("ts", np.int64),  # ns
        ("h", np.uint32),  # keyed hash of k0 … k4
        ("ip_len", np.uint32),  # bytes by the IP header's total length
        ("pay_len", np.uint32),  # transport payload, bytes, by the headers
        ("pay_off", np.uint32),  # its first byte in the read buffer
        ("pay_cap", np.uint32),  # how much of it was captured, bytes
        ("seq", np.uint32),
        ("ack", np.uint32),
        ("frame_off", np.uint32),  # its innermost Ethernet header, NO_FRAME = none
        ("ctx", np.uint32),  # tunnel identifier (VNI, TEID, GRE key, MPLS label)
        ("vlan", np.uint16),  # outer 802.1Q id, 0 = none
        ("inner_vlan", np.uint16),
        ("flags", np.uint8),  # TCP flags
        ("dir", np.uint8),  # 1: sent by the higher endpoint
        ("tunnel", np.uint8),  # one of TUNNEL_*
        ("status", np.uint8),  # STATUS_* bits
        ("nth", np.uint32),  # ordinal of the frame in this batch of frames
    ],
    align=True,
)
"""One decoded packet, 96 bytes."""

ARP = np.dtype(
    [
        ("ts", np.int64),
        ("sender_mac", np.uint64),
        ("target_mac", np.uint64),
        ("sender_ip", np.uint32),
        ("target_ip", np.uint32),
        ("op", np.uint16),  # 1 request, 2 reply
        ("vlan", np.uint16),
        ("offset", np.int64),  # ordinal of the frame in its input
    ],
    align=True,
)
"""One ARP message (RFC 826, Ethernet and IPv4 only)."""

# Link layers: our small codes for the LINKTYPE_ numbers of https://www.tcpdump.org/linktypes.html
LINK_NULL, LINK_ETHERNET, LINK_PPP, LINK_RAW, LINK_LOOP, LINK_SLL, LINK_SLL2 = 0, 1, 2, 3, 4, 5, 6
LINK_IEEE802_11, LINK_RADIOTAP, LINK_NFLOG, LINK_IPV4, LINK_IPV6, LINK_PPP_HDLC = 7, 8, 9, 10, 11, 12
LINK_PRISM, LINK_AVS, LINK_PPP_ETHER = 13, 14, 15
LINK_UNKNOWN = 65535

LINKTYPES: dict[int, int] = {
    0: LINK_NULL,
    1: LINK_ETHERNET,
    9: LINK_PPP,
    12: LINK_RAW,
    14: LINK_RAW,
    50: LINK_PPP_HDLC,
    51: LINK_PPP_ETHER,
    101: LINK_RAW,
    105: LINK_IEEE802_11,
    108: LINK_LOOP,
    113: LINK_SLL,
    119: LINK_PRISM,
    127: LINK_RADIOTAP,
    163: LINK_AVS,
    228: LINK_IPV4,
    229: LINK_IPV6,
    239: LINK_NFLOG,
    276: LINK_SLL2,
}
"""LINKTYPE_ number in the file → LINK_ code; any other number is refused by name."""

TUNNELS = (
    "",
    "gre",
    "erspan",
    "ip",
    "vxlan",
    "geneve",
    "gtpv1",
    "teredo",
    "ayiya",
    "mpls",
    "pppoe",
    "pbb",
    "fabricpath",
    "vntag",
)
"""Names of the `tunnel` codes, by code."""

STATUS_BAD_CHECKSUM = 1
STATUS_FRAGMENT = 2
"""This packet is a reassembled datagram."""
STATUS_ZERO_WINDOW = 4
STATUS_INNER = 8
"""This packet came out of a UDP tunnel; its outer packet is a row of its own."""
STATUS_BAD_HEADER = 16
"""The transport header is damaged: the flow is known, nothing else."""
NO_FRAME = 0xFFFFFFFF
"""`frame_off` of a packet without an Ethernet header."""

DROP_REASONS = (
    "truncated_record",  # the capture's record header or body is cut short
    "unsupported_linktype",
    "malformed_link",  # link or tunnel header damaged or cut
    "malformed_ip",
    "malformed_transport",
    "bad_ip_checksum",
    "bad_checksum",  # TCP, UDP, ICMP
    "not_ip",  # a well-formed frame of another protocol (LLDP, STP, IS-IS …)
    "encrypted_wlan",
    "fragment_incomplete",  # the rest of the datagram never came
    "fragment_overflow",  # the bounded reassembly table was full
    "too_deep",  # more nested headers than the decoder follows
    "oversized_record",  # a record longer than any snaplen in use: the file is damaged there
    "time_out_of_range",
    "no_room",  # the flow table was full and held nothing evictable
)
"""Why a frame did not become a packet of a flow, in the order of the counters."""
