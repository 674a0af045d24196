"""From the first byte of a frame to its network layer: link headers and the shims between them and IP.

Walks Ethernet, Linux cooked, BSD loopback, PPP, 802.11 (with radiotap, Prism or AVS in front), NFLOG and raw IP, then
802.1Q/802.1ad, MPLS (RFC 3032), PPPoE (RFC 2516), PBB (802.1ah), Cisco FabricPath, VN-Tag and LLC/SNAP, and stops at
IPv4, IPv6 or ARP. It does not decrypt, and does not join 802.11 fragments.

What it learns on the way stands in a small int64 array, the *notes* (N_*), because a kernel cannot return that much.
"""

from baselines._jit import be16, be32, kernel, le16, le32
from sensor.model import capture

N_POS, N_VLAN, N_INNER_VLAN, N_TUNNEL, N_TUNNEL_ID, N_ETHERNET, N_NEXT, N_LIMIT, N_JOINED = 0, 1, 2, 3, 4, 5, 6, 7, 8
"""Notes: next byte, 802.1Q ids, tunnel and its identifier, start of the innermost Ethernet header (-1: none), next
subframe of an A-MSDU (0: none) and where the A-MSDU ends, datagrams that were put together in this frame."""
N_KEPT, N_COUNT = 9, 14
"""Copies of N_VLAN … N_ETHERNET: as they were before the A-MSDU, for its later subframes."""

ET_IPV4, ET_ARP, ET_IPV6 = 0x0800, 0x0806, 0x86DD
ET_ETHERNET = 0x6558
"""Transparent Ethernet bridging: an Ethernet header follows."""

FAIL_LINKTYPE = -1 - capture.DROP_REASONS.index("unsupported_linktype")
FAIL_LINK = -1 - capture.DROP_REASONS.index("malformed_link")
FAIL_NOT_IP = -1 - capture.DROP_REASONS.index("not_ip")
FAIL_ENCRYPTED = -1 - capture.DROP_REASONS.index("encrypted_wlan")
FAIL_DEEP = -1 - capture.DROP_REASONS.index("too_deep")

T_MPLS = capture.TUNNELS.index("mpls")
T_PPPOE = capture.TUNNELS.index("pppoe")
T_PBB = capture.TUNNELS.index("pbb")
T_FABRICPATH = capture.TUNNELS.index("fabricpath")
T_VNTAG = capture.TUNNELS.index("vntag")

MAX_SHIMS = 16
"""Headers followed between Ethernet and IP. QinQ in PBB over an MPLS pseudowire needs seven."""
MAX_LABELS = 8
"""MPLS labels followed; carriers rarely push more than four."""


@kernel()
def raw_ip(buf, pos, end):  # type: ignore[no-untyped-def]
    """Tell IPv4 from IPv6 by the version nibble: an ethertype, or FAIL_NOT_IP."""
    if pos >= end:
        return FAIL_LINK
    version = buf[pos] >> 4
    if version == 4:
        return ET_IPV4
    if version == 6:
        return ET_IPV6
    return FAIL_NOT_IP


@kernel()
def ppp(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Read a PPP header (RFC 1661 §2, RFC 1662 §3.1), address and protocol fields compressed or not."""
    if pos + 2 <= end and buf[pos] == 0xFF and buf[pos + 1] == 0x03:
        pos += 2
    if pos + 2 > end:
        return FAIL_LINK
    if buf[pos] & 1:
        proto = int(buf[pos])
        pos += 1
    else:
        proto = be16(buf, pos)
        pos += 2
    notes[N_POS] = pos
    if proto == 0x0021:
        return ET_IPV4
    if proto == 0x0057:
        return ET_IPV6
    if proto == 0x0281:
        return 0x8847
    return FAIL_NOT_IP


@kernel()
def llc(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Read the LLC/SNAP header of 802.11 data (RFC 1042)."""
    if pos + 8 > end:
        return FAIL_LINK
    if be32(buf, pos) & 0xFFFFFF00 != 0xAAAA0300:
        return FAIL_NOT_IP
    notes[N_POS] = pos + 8
    return be16(buf, pos + 6)


@kernel()
def subframe(buf, end, notes):  # type: ignore[no-untyped-def]
    """Read the subframe of an A-MSDU at `notes[N_NEXT]` (IEEE 802.11-2020 §9.3.2.2.2), and note the one after it."""
    pos = notes[N_NEXT]
    notes[N_NEXT] = 0
    for k in range(N_VLAN, N_ETHERNET + 1):
        notes[k] = notes[N_KEPT - N_VLAN + k]
    if pos + 14 > end:
        return FAIL_LINK
    after = pos + ((14 + be16(buf, pos + 12) + 3) & ~3)
    if after + 14 < end:
        notes[N_NEXT] = after
    return llc(buf, pos + 14, end, notes)


@kernel()
def wlan(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Read an 802.11 data frame's header and its LLC/SNAP (IEEE 802.11-2020 §9.2, RFC 1042)."""
    if pos + 24 > end:
        return FAIL_LINK
    control, ds = int(buf[pos]), int(buf[pos + 1])
    if (control & 0x0C) != 0x08 or control & 0x40:  # not a data frame, or one without data
        return FAIL_NOT_IP
    if ds & 0x40:
        return FAIL_ENCRYPTED
    if le16(buf, pos + 22) & 0x0F:  # a later fragment
        return FAIL_NOT_IP
    pos += 30 if (ds & 3) == 3 else 24
    if control & 0x80:
        if pos + 2 > end:
            return FAIL_LINK
        aggregated = buf[pos] & 0x80
        pos += 2
        if ds & 0x80:
            pos += 4
        if aggregated:
            notes[N_NEXT], notes[N_LIMIT] = pos, end
            for k in range(N_VLAN, N_ETHERNET + 1):
                notes[N_KEPT - N_VLAN + k] = notes[k]
            return subframe(buf, end, notes)
    return llc(buf, pos, end, notes)


@kernel()
def radiotap(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Skip a radiotap header (https://www.radiotap.org) and its padding of the 802.11 header, if it has any."""
    if pos + 8 > end:
        return FAIL_LINK
    length = le16(buf, pos + 2)
    if length < 8 or pos + length > end:
        return FAIL_LINK
    return wlan(buf, pos + length, end, notes)


@kernel()
def nflog(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Find the payload among the TLVs of a netfilter log record (LINKTYPE_NFLOG)."""
    if pos + 4 > end:
        return FAIL_LINK
    family = buf[pos]
    pos += 4
    while pos + 4 <= end:
        length, kind = le16(buf, pos), le16(buf, pos + 2)
        if length < 4:
            return FAIL_LINK
        if kind == 9:  # NFULA_PAYLOAD
            notes[N_POS] = pos + 4
            if family == 2:
                return ET_IPV4
            if family == 10:
                return ET_IPV6
            return FAIL_NOT_IP
        pos += (length + 3) & ~3
    return FAIL_NOT_IP


@kernel()
def loopback(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Read the address family in front of a loopback packet, in either byte order (LINKTYPE_NULL, LINKTYPE_LOOP)."""
    if pos + 4 > end:
        return FAIL_LINK
    family = le32(buf, pos)
    if family > 0xFFFF:
        family = be32(buf, pos)
    notes[N_POS] = pos + 4
    if family == 2:
        return ET_IPV4
    if family in (10, 24, 28, 30):  # Linux, OpenBSD/NetBSD, FreeBSD, macOS
        return ET_IPV6
    return FAIL_NOT_IP


@kernel()
def link_header(buf, pos, end, link, notes):  # type: ignore[no-untyped-def]
    """Read one link header.

    Returns:
        The ethertype of what follows at `notes[N_POS]`, or a negative FAIL_*.
    """
    if link == capture.LINK_ETHERNET:
        if pos + 14 > end:
            return FAIL_LINK
        notes[N_ETHERNET] = pos
        notes[N_POS] = pos + 14
        return be16(buf, pos + 12)
    notes[N_POS] = pos
    if link == capture.LINK_RAW or link == capture.LINK_IPV4 or link == capture.LINK_IPV6:
        return raw_ip(buf, pos, end)
    if link == capture.LINK_SLL:
        notes[N_POS] = pos + 16
        return be16(buf, pos + 14) if pos + 16 <= end else FAIL_LINK
    if link == capture.LINK_SLL2:
        notes[N_POS] = pos + 20
        return be16(buf, pos) if pos + 20 <= end else FAIL_LINK
    if link == capture.LINK_NULL or link == capture.LINK_LOOP:
        return loopback(buf, pos, end, notes)
    if link == capture.LINK_PPP or link == capture.LINK_PPP_HDLC:
        return ppp(buf, pos, end, notes)
    if link == capture.LINK_PPP_ETHER:
        return 0x8864
    if link == capture.LINK_IEEE802_11:
        return wlan(buf, pos, end, notes)
    if link == capture.LINK_RADIOTAP:
        return radiotap(buf, pos, end, notes)
    if link == capture.LINK_PRISM or link == capture.LINK_AVS:
        if pos + 8 > end:
            return FAIL_LINK
        length = le32(buf, pos + 4) if link == capture.LINK_PRISM else be32(buf, pos + 4)
        if length < 8 or length > end - pos:
            return FAIL_LINK
        return wlan(buf, pos + length, end, notes)
    if link == capture.LINK_NFLOG:
        return nflog(buf, pos, end, notes)
    return FAIL_LINKTYPE


@kernel()
def mpls(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Skip a label stack (RFC 3032 §2.1); what it carries is told by its first nibble (RFC 4928 §3, RFC 4385 §3)."""
    for _ in range(MAX_LABELS):
        if pos + 4 > end:
            return FAIL_LINK
        entry = be32(buf, pos)
        pos += 4
        if entry & 0x100:
            notes[N_TUNNEL], notes[N_TUNNEL_ID] = T_MPLS, entry >> 12
            notes[N_POS] = pos
            inner = raw_ip(buf, pos, end)
            if inner == FAIL_NOT_IP and buf[pos] >> 4 == 0:
                notes[N_POS] = pos + 4  # pseudowire control word
                return ET_ETHERNET
            return inner
    return FAIL_DEEP


@kernel()
def shims(buf, end, ethertype, notes):  # type: ignore[no-untyped-def]
    """Walk from `notes[N_POS]` to the network layer.

    Returns:
        ET_IPV4, ET_IPV6 or ET_ARP, its header at `notes[N_POS]`, or a negative FAIL_*.
    """
    for _ in range(MAX_SHIMS):
        pos = notes[N_POS]
        if ethertype == ET_IPV4 or ethertype == ET_IPV6 or ethertype == ET_ARP or ethertype < 0:
            return ethertype
        if ethertype == 0x8100 or ethertype == 0x88A8 or ethertype == 0x9100 or ethertype == 0x9200:
            if pos + 4 > end:
                return FAIL_LINK
            notes[N_INNER_VLAN if notes[N_VLAN] else N_VLAN] = be16(buf, pos) & 0xFFF
            ethertype = be16(buf, pos + 2)
            notes[N_POS] = pos + 4
        elif ethertype == 0x8847 or ethertype == 0x8848:
            ethertype = mpls(buf, pos, end, notes)
        elif ethertype == 0x8864:
            if pos + 8 > end or buf[pos] != 0x11:
                return FAIL_LINK
            notes[N_TUNNEL], notes[N_TUNNEL_ID] = T_PPPOE, be16(buf, pos + 2)
            ethertype = ppp(buf, pos + 6, end, notes)
        elif ethertype == 0x880B:
            ethertype = ppp(buf, pos, end, notes)
        elif ethertype == 0x88E7:
            if pos + 4 > end:
                return FAIL_LINK
            notes[N_TUNNEL], notes[N_TUNNEL_ID] = T_PBB, be32(buf, pos) & 0xFFFFFF
            notes[N_POS] = pos + 4
            ethertype = ET_ETHERNET
        elif ethertype == 0x8903:
            if pos + 2 > end:
                return FAIL_LINK
            notes[N_TUNNEL], notes[N_TUNNEL_ID] = T_FABRICPATH, be16(buf, pos) >> 6
            notes[N_POS] = pos + 2
            ethertype = ET_ETHERNET
        elif ethertype == 0x8926:
            if pos + 6 > end:
                return FAIL_LINK
            notes[N_TUNNEL], notes[N_TUNNEL_ID] = T_VNTAG, be32(buf, pos) >> 16 & 0x3FFF
            ethertype = be16(buf, pos + 4)
            notes[N_POS] = pos + 6
        elif ethertype == ET_ETHERNET:
            if pos + 14 > end:
                return FAIL_LINK
            notes[N_ETHERNET] = pos
            notes[N_POS] = pos + 14
            ethertype = be16(buf, pos + 12)
        elif ethertype < 1536:  # an 802.3 length: LLC follows
            if pos + 8 > end:
                return FAIL_NOT_IP
            if be32(buf, pos) != 0xAAAA0300 or be16(buf, pos + 4) != 0:
                return FAIL_NOT_IP
            ethertype = be16(buf, pos + 6)
            notes[N_POS] = pos + 8
            if ethertype < 1536:
                return FAIL_NOT_IP
        else:
            return FAIL_NOT_IP
    return FAIL_DEEP
