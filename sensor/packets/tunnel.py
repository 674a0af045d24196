"""What an IP or UDP payload carries inside: GRE and its kin, and the tunnels over UDP.

Each function returns the ethertype of the inner header at `notes[N_POS]`, or a negative value where the payload is no
such tunnel; the outer flow then stands alone. RFC 2784/2890 (GRE), RFC 2637 (PPTP's GRE), ERSPAN
(draft-foschiano-erspan-03), RFC 7348 (VXLAN), RFC 8926 (Geneve), 3GPP TS 29.281 (GTP-U), RFC 4380 (Teredo),
draft-massar-v6ops-ayiya-02 (AYIYA), RFC 8086 (GRE in UDP).
"""

from baselines._jit import be16, be32, kernel
from sensor.model import capture
from sensor.packets.link import (
    ET_ETHERNET,
    ET_IPV4,
    ET_IPV6,
    FAIL_LINK,
    FAIL_NOT_IP,
    N_POS,
    N_TUNNEL,
    N_TUNNEL_ID,
    raw_ip,
    wlan,
)

T_GRE = capture.TUNNELS.index("gre")
T_ERSPAN = capture.TUNNELS.index("erspan")
T_VXLAN = capture.TUNNELS.index("vxlan")
T_GENEVE = capture.TUNNELS.index("geneve")
T_GTP = capture.TUNNELS.index("gtpv1")
T_TEREDO = capture.TUNNELS.index("teredo")
T_AYIYA = capture.TUNNELS.index("ayiya")

PORT_GTP_CONTROL, PORT_GTP, PORT_TEREDO, PORT_GRE, PORT_VXLAN = 2123, 2152, 3544, 4754, 4789
PORT_AYIYA, PORT_GENEVE = 5072, 6081
TEREDO_PREFIX = 0x20010000
MAX_GTP_EXTENSIONS = 8
"""Extension headers followed; TS 29.281 defines fewer that may occur together."""


@kernel()
def gre(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Open a GRE header, version 0 or 1, and the ERSPAN header behind it."""
    if pos + 4 > end:
        return FAIL_LINK
    flags, inner = be16(buf, pos), be16(buf, pos + 2)
    version = flags & 7
    if version > 1:
        return FAIL_NOT_IP
    at = pos + 4
    if flags & 0xC000:
        at += 4
    identifier = 0
    if flags & 0x2000:
        if at + 4 > end:
            return FAIL_LINK
        identifier = be32(buf, at) if version == 0 else be16(buf, at + 2)
        at += 4
    if flags & 0x1000:
        at += 4
    if version == 1 and flags & 0x0080:
        at += 4
    tunnel = T_GRE
    if inner == 0x88BE:
        tunnel = T_ERSPAN
        if flags & 0x1000:  # type II; without a sequence number it is type I, which has no header
            if at + 8 > end:
                return FAIL_LINK
            identifier = be16(buf, at + 2) & 0x3FF
            at += 8
        inner = ET_ETHERNET
    elif inner == 0x22EB:
        tunnel = T_ERSPAN
        if at + 12 > end:
            return FAIL_LINK
        identifier = be16(buf, at + 2) & 0x3FF
        at += 20 if buf[at + 11] & 1 else 12
        inner = ET_ETHERNET
    if at >= end:
        return FAIL_LINK
    notes[N_POS] = at
    notes[N_TUNNEL], notes[N_TUNNEL_ID] = tunnel, identifier
    if inner == 0x9000 or 0x8200 <= inner <= 0x83FF:  # Aruba's access points: 802.11 frames
        inner = wlan(buf, at, end, notes)
    elif inner == 0x883E:  # WCCP: a redirect header may stand in front (draft-wilson-wrec-wccp-v2-01 §4.12)
        inner = ET_IPV4
        if buf[at] >> 4 != 4:
            notes[N_POS] = at + 4
    return inner


@kernel()
def vxlan(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Open a VXLAN header: the I bit must be set."""
    if pos + 22 > end or not buf[pos] & 0x08:
        return FAIL_NOT_IP
    notes[N_TUNNEL], notes[N_TUNNEL_ID] = T_VXLAN, be32(buf, pos + 4) >> 8
    notes[N_POS] = pos + 8
    return ET_ETHERNET


@kernel()
def geneve(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Open a Geneve header, version 0."""
    if pos + 8 > end or buf[pos] >> 6:
        return FAIL_NOT_IP
    at = pos + 8 + ((buf[pos] & 0x3F) << 2)
    if at >= end:
        return FAIL_NOT_IP
    notes[N_TUNNEL], notes[N_TUNNEL_ID] = T_GENEVE, be32(buf, pos + 4) >> 8
    notes[N_POS] = at
    return be16(buf, pos + 2)


@kernel()
def gtp(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Open a GTPv1-U header of a user-plane message (type 255) and its extension headers."""
    if pos + 8 > end or buf[pos] & 0xF0 != 0x30 or buf[pos + 1] != 0xFF:
        return FAIL_NOT_IP
    at = pos + 8
    if buf[pos] & 0x07:
        if at + 4 > end:
            return FAIL_NOT_IP
        following = buf[at + 3] if buf[pos] & 0x04 else 0
        at += 4
        for _ in range(MAX_GTP_EXTENSIONS):
            if following == 0:
                break
            if at >= end or buf[at] == 0 or at + 4 * int(buf[at]) > end:
                return FAIL_NOT_IP
            at += 4 * int(buf[at])
            following = buf[at - 1]
    notes[N_TUNNEL], notes[N_TUNNEL_ID] = T_GTP, be32(buf, pos + 4)
    notes[N_POS] = at
    return raw_ip(buf, at, end)


@kernel(inline=True)
def is_teredo(buf, pos, end):  # type: ignore[no-untyped-def]
    """Tell whether a UDP payload of any port may be Teredo: only clients and servers use the registered one.

    IPv6 from or to 2001::/32 (RFC 4380 §2.6), or IPv6 behind an origin indication, as `TeredoAnalyzer::DetectProtocol`
    in Zeek's src/packet_analysis/protocol/teredo has it.
    """
    if end - pos < 40:
        return False
    if buf[pos] >> 4 == 6:
        return be32(buf, pos + 8) == TEREDO_PREFIX or be32(buf, pos + 24) == TEREDO_PREFIX
    if buf[pos] or buf[pos + 1] > 1:
        return False
    if buf[pos + 1]:
        pos += 13 + int(buf[pos + 2]) + int(buf[pos + 3])
    return end - pos >= 48 and be16(buf, pos) == 0 and buf[pos + 8] >> 4 == 6


@kernel()
def teredo(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Open the authentication and origin indications of Teredo (RFC 4380 §5.1.1); IPv6 must follow."""
    if pos + 4 <= end and be16(buf, pos) == 1:
        pos += 13 + int(buf[pos + 2]) + int(buf[pos + 3])
    if pos + 8 <= end and be16(buf, pos) == 0:
        pos += 8
    if pos + 40 > end or buf[pos] >> 4 != 6:
        return FAIL_NOT_IP
    notes[N_TUNNEL], notes[N_TUNNEL_ID] = T_TEREDO, 0
    notes[N_POS] = pos
    return ET_IPV6


@kernel()
def ayiya(buf, pos, end, notes):  # type: ignore[no-untyped-def]
    """Open an AYIYA header that forwards IPv6 or IPv4."""
    if pos + 8 > end or buf[pos + 2] & 0x0F != 1:
        return FAIL_NOT_IP
    at = pos + 8 + (1 << (buf[pos] >> 4)) + 4 * int(buf[pos + 1] >> 4)
    if at >= end:
        return FAIL_NOT_IP
    notes[N_TUNNEL], notes[N_TUNNEL_ID] = T_AYIYA, 0
    notes[N_POS] = at
    if buf[pos + 3] == 41:
        return ET_IPV6
    return ET_IPV4 if buf[pos + 3] == 4 else FAIL_NOT_IP


@kernel()
def over_udp(buf, pos, end, port, notes):  # type: ignore[no-untyped-def]
    """Open the tunnel that a UDP port stands for; FAIL_NOT_IP where the port stands for none."""
    if port == PORT_VXLAN:
        return vxlan(buf, pos, end, notes)
    if port == PORT_GENEVE:
        return geneve(buf, pos, end, notes)
    if port == PORT_GTP or port == PORT_GTP_CONTROL:
        return gtp(buf, pos, end, notes)
    if port == PORT_TEREDO:
        return teredo(buf, pos, end, notes)
    if port == PORT_AYIYA:
        return ayiya(buf, pos, end, notes)
    if port == PORT_GRE:
        return gre(buf, pos, end, notes)
    return FAIL_NOT_IP
