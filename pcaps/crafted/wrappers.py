"""What an IP packet can be wrapped in: link layers, tags and tunnels. Each function takes a `Sent` and returns bytes.

scapy builds what it knows; the rest is written out from the specification each function names.
"""

import struct
from collections.abc import Callable

from conversation import CLIENT_MAC, SERVER_MAC, Sent, ip
from scapy.compat import raw
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header
from scapy.contrib.mpls import MPLS
from scapy.layers.dot11 import Dot11, Dot11QoS, RadioTap
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import GRE, LLC, SNAP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether, Loopback
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

Wrapper = Callable[[Sent], bytes]
OUTER_CLIENT, OUTER_SERVER = "192.0.2.1", "192.0.2.2"
OUTER_CLIENT6, OUTER_SERVER6 = "2001:db8:fe::1", "2001:db8:fe::2"
PBB_MACS = bytes.fromhex("00155dbb000200155dbb0001")


def family(sent: Sent) -> int:
    """Return the Ethernet type of an IP packet."""
    return 0x0800 if isinstance(sent.packet, IP) else 0x86DD


def _macs(sent: Sent) -> dict[str, str]:
    orig, resp = (CLIENT_MAC, SERVER_MAC) if sent.by_client else (SERVER_MAC, CLIENT_MAC)
    return {"src": orig, "dst": resp}


def ethernet(sent: Sent) -> bytes:
    """Ethernet II, padded to 60 bytes as on a wire."""
    return raw(Ether(**_macs(sent), type=family(sent)) / sent.packet).ljust(60, b"\0")


def outer(sent: Sent, *, six: bool = False) -> Packet:
    """Return Ethernet and the IP header of a tunnel's ends."""
    ends = (OUTER_CLIENT6, OUTER_SERVER6) if six else (OUTER_CLIENT, OUTER_SERVER)
    header = ip(*(ends if sent.by_client else ends[::-1]), 77)
    return Ether(**_macs(sent)) / header


def dot1q(sent: Sent) -> bytes:
    """802.1Q, VLAN 30, priority 3."""
    return raw(Ether(**_macs(sent)) / Dot1Q(vlan=30, prio=3, type=family(sent)) / sent.packet)


def qinq(sent: Sent) -> bytes:
    """802.1ad: service tag 100, customer tag 30."""
    return raw(Ether(**_macs(sent)) / Dot1AD(vlan=100) / Dot1Q(vlan=30, type=family(sent)) / sent.packet)


def qinq_9100(sent: Sent) -> bytes:
    """Stacked tags with the older Ethernet type 0x9100 outside."""
    return (
        raw(Ether(**_macs(sent), type=0x9100)) + struct.pack(">HHHH", 100, 0x8100, 30, family(sent)) + raw(sent.packet)
    )


def mpls(sent: Sent) -> bytes:
    """Two MPLS labels, then IP (RFC 3032)."""
    return raw(
        Ether(**_macs(sent), type=0x8847) / MPLS(label=16001, s=0, ttl=60) / MPLS(label=24, s=1, ttl=60) / sent.packet
    )


def mpls_pseudowire(sent: Sent) -> bytes:
    """One MPLS label, a control word, then a whole Ethernet frame (RFC 4448)."""
    return raw(Ether(**_macs(sent), type=0x8847) / MPLS(label=3001, s=1, ttl=60) / Raw(b"\0\0\0\0" + ethernet(sent)))


def pppoe(sent: Sent) -> bytes:
    """PPPoE session 0x11 (RFC 2516)."""
    return raw(Ether(**_macs(sent), type=0x8864) / PPPoE(sessionid=0x11) / PPP(proto=_ppp(sent)) / sent.packet)


def _ppp(sent: Sent) -> int:
    return 0x0021 if family(sent) == 0x0800 else 0x0057


def pppoe_qinq(sent: Sent) -> bytes:
    """PPPoE inside two VLAN tags."""
    tags = Ether(**_macs(sent)) / Dot1AD(vlan=200) / Dot1Q(vlan=7, type=0x8864)
    return raw(tags / PPPoE(sessionid=0x12) / PPP(proto=_ppp(sent)) / sent.packet)


def pbb(sent: Sent) -> bytes:
    """Provider backbone bridging (802.1ah): backbone tag 500, service instance 7001, then the customer's frame."""
    return PBB_MACS + struct.pack(">HHHI", 0x88A8, 500, 0x88E7, 7001) + ethernet(sent)


def fabricpath(sent: Sent) -> bytes:
    """Cisco FabricPath: outer addresses, type 0x8903, forwarding tag and TTL, then the frame."""
    return bytes.fromhex("020000010002020000020001") + struct.pack(">HH", 0x8903, 1 << 6 | 32) + ethernet(sent)


def vntag(sent: Sent) -> bytes:
    """VN-Tag (802.1BR's forerunner): type 0x8926, four bytes, then the frame's own type."""
    frame = ethernet(sent)
    return frame[:12] + struct.pack(">HI", 0x8926, 0x00010005) + frame[12:]


def llc_snap(sent: Sent) -> bytes:
    """802.3 length, LLC and SNAP in place of an Ethernet type (RFC 1042)."""
    body = raw(LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=family(sent)) / sent.packet)
    return raw(Ether(**_macs(sent), type=len(body))) + body


def gre(sent: Sent) -> bytes:
    """GRE with key 0x2A and sequence number (RFC 2890)."""
    return raw(
        outer(sent) / GRE(key_present=1, key=42, seqnum_present=1, sequence_number=9, proto=family(sent)) / sent.packet
    )


def gre_plain(sent: Sent) -> bytes:
    """GRE without options (RFC 2784)."""
    return raw(outer(sent) / GRE(proto=family(sent)) / sent.packet)


def gre_ethernet(sent: Sent) -> bytes:
    """GRE carrying Ethernet (type 0x6558) over IPv6."""
    header = outer(sent, six=True)
    header.payload.nh = 47
    return raw(header / GRE(proto=0x6558) / Raw(ethernet(sent)))


def erspan1(sent: Sent) -> bytes:
    """ERSPAN type I: GRE 0x88BE without sequence number, the frame at once."""
    return raw(outer(sent) / GRE(proto=0x88BE) / Raw(ethernet(sent)))


def erspan2(sent: Sent) -> bytes:
    """ERSPAN type II: GRE 0x88BE with sequence number and eight bytes (draft-foschiano-erspan-03 §4.2)."""
    header = struct.pack(">HHI", 1 << 12 | 30, 0 << 13 | 1 << 11 | 100, 5)
    return raw(outer(sent) / GRE(proto=0x88BE, seqnum_present=1, sequence_number=3) / Raw(header + ethernet(sent)))


def erspan3(sent: Sent) -> bytes:
    """ERSPAN type III: GRE 0x22EB with sequence number and twelve bytes (draft-foschiano-erspan-03 §4.3)."""
    header = struct.pack(">HHIHH", 2 << 12 | 30, 100, 123456, 0, 0)
    return raw(outer(sent) / GRE(proto=0x22EB, seqnum_present=1, sequence_number=3) / Raw(header + ethernet(sent)))


def ip_in_ip(sent: Sent) -> bytes:
    """IPv4 or IPv6 directly in IPv4 (protocols 4 and 41: RFC 2003, RFC 4213)."""
    return raw(outer(sent) / sent.packet)


def ip_in_ip6(sent: Sent) -> bytes:
    """IPv4 or IPv6 directly in IPv6 (RFC 2473)."""
    header = outer(sent, six=True)
    header.payload.nh = 4 if family(sent) == 0x0800 else 41
    return raw(header / sent.packet)


def vxlan(sent: Sent) -> bytes:
    """VXLAN, network 7070 (RFC 7348)."""
    return raw(outer(sent) / UDP(sport=51000, dport=4789) / VXLAN(flags=8, vni=7070) / Raw(ethernet(sent)))


def geneve(sent: Sent) -> bytes:
    """Geneve, network 7071, with one option (RFC 8926)."""
    header = raw(GENEVE(vni=7071, proto=0x6558))
    with_option = bytes([header[0] | 2]) + header[1:] + bytes.fromhex("0102000100000007")
    return raw(outer(sent) / UDP(sport=51001, dport=6081) / Raw(with_option + ethernet(sent)))


def gtpu(sent: Sent) -> bytes:
    """GTP-U version 1, tunnel 0xABCD (3GPP TS 29.281)."""
    header = GTP_U_Header(teid=0xABCD, gtp_type=255, length=len(sent.packet))
    return raw(outer(sent) / UDP(sport=2152, dport=2152) / Raw(raw(header) + raw(sent.packet)))


def gtpu_extension(sent: Sent) -> bytes:
    """GTP-U with sequence number and a PDU session container extension header."""
    extension = struct.pack(">HBBBBBB", 5, 0, 0x85, 1, 0x10, 9, 0)
    body = extension + raw(sent.packet)
    return raw(
        outer(sent) / UDP(sport=2152, dport=2152) / Raw(struct.pack(">BBHI", 0x36, 255, len(body), 0xABCE) + body)
    )


def teredo(sent: Sent) -> bytes:
    """IPv6 in UDP port 3544 (RFC 4380)."""
    return raw(outer(sent) / UDP(sport=51002, dport=3544) / Raw(raw(sent.packet)))


def teredo_indications(sent: Sent) -> bytes:
    """Teredo with an authentication and an origin indication before the packet (RFC 4380 §5.1.1)."""
    authentication = struct.pack(">BBBB8sB", 0, 1, 0, 0, b"nonce-08", 0)
    origin = struct.pack(">BBHI", 0, 0, 51002 ^ 0xFFFF, 0xC0000201 ^ 0xFFFFFFFF)
    return raw(outer(sent) / UDP(sport=51002, dport=3544) / Raw(authentication + origin + raw(sent.packet)))


def ayiya(sent: Sent) -> bytes:
    """AYIYA: IPv6 in UDP port 5072 with identity and signature (draft-massar-v6ops-ayiya-02)."""
    header = struct.pack(">BBBBI", 0x41, 0x52, 0x11, 41, 1_780_000_000) + bytes(range(16)) + bytes(range(20))
    return raw(outer(sent) / UDP(sport=5072, dport=5072) / Raw(header + raw(sent.packet)))


def null_little(sent: Sent) -> bytes:
    """BSD loopback with the family in little-endian order."""
    return (
        raw(Loopback(type=2 if family(sent) == 0x0800 else 30))[:0]
        + struct.pack("<I", 2 if family(sent) == 0x0800 else 30)
        + raw(sent.packet)
    )


def null_big(sent: Sent) -> bytes:
    """BSD or OpenBSD loopback with the family in big-endian order."""
    return struct.pack(">I", 2 if family(sent) == 0x0800 else 24) + raw(sent.packet)


def bare(sent: Sent) -> bytes:
    """No link layer."""
    return raw(sent.packet)


def ppp(sent: Sent) -> bytes:
    """PPP in HDLC-like framing: address, control, protocol (RFC 1662)."""
    return raw(HDLC() / PPP(proto=_ppp(sent)) / sent.packet)


def ppp_short(sent: Sent) -> bytes:
    """PPP without address and control."""
    return struct.pack(">H", _ppp(sent)) + raw(sent.packet)


def pppoe_bare(sent: Sent) -> bytes:
    """PPPoE without Ethernet (LINKTYPE_PPP_ETHER)."""
    return raw(PPPoE(sessionid=0x13) / PPP(proto=_ppp(sent)) / sent.packet)


def cooked(sent: Sent) -> bytes:
    """Linux cooked capture, version 1."""
    mac = bytes.fromhex((CLIENT_MAC if sent.by_client else SERVER_MAC).replace(":", "")) + b"\0\0"
    return raw(
        CookedLinux(pkttype=4 if sent.by_client else 0, lladdrtype=1, lladdrlen=6, src=mac, proto=family(sent))
        / sent.packet
    )


def cooked2(sent: Sent) -> bytes:
    """Linux cooked capture, version 2."""
    mac = bytes.fromhex((CLIENT_MAC if sent.by_client else SERVER_MAC).replace(":", "")) + b"\0\0"
    header = CookedLinuxV2(
        proto=family(sent),
        reserved=0,
        ifindex=3,
        lladdrtype=1,
        pkttype=4 if sent.by_client else 0,
        lladdrlen=6,
        src=mac,
    )
    return raw(header / sent.packet)


def wlan(sent: Sent) -> bytes:
    """An 802.11 data frame in the clear: from the station to the access point, or back."""
    station, point, far = CLIENT_MAC, "00:15:5d:40:00:01", SERVER_MAC
    addresses = (
        {"addr1": point, "addr2": station, "addr3": far}
        if sent.by_client
        else {"addr1": station, "addr2": point, "addr3": far}
    )
    header = Dot11(type=2, subtype=0, FCfield=1 if sent.by_client else 2, ID=0, SC=16, **addresses)
    return raw(header / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=family(sent)) / sent.packet)


def wlan_qos(sent: Sent) -> bytes:
    """An 802.11 QoS data frame in the clear, behind a radiotap header of eight bytes."""
    station, point, far = CLIENT_MAC, "00:15:5d:40:00:01", SERVER_MAC
    addresses = (
        {"addr1": point, "addr2": station, "addr3": far}
        if sent.by_client
        else {"addr1": station, "addr2": point, "addr3": far}
    )
    header = (
        RadioTap(present=0)
        / Dot11(type=2, subtype=8, FCfield=1 if sent.by_client else 2, ID=0, SC=16, **addresses)
        / Dot11QoS(TID=0)
    )
    return raw(header / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=family(sent)) / sent.packet)


def prism(sent: Sent) -> bytes:
    """An 802.11 frame behind a Prism header of 144 bytes."""
    return struct.pack("<II16s", 0x44, 144, b"wlan0").ljust(144, b"\0") + wlan(sent)


def avs(sent: Sent) -> bytes:
    """An 802.11 frame behind an AVS header of 64 bytes."""
    return struct.pack(">II", 0x80211001, 64).ljust(64, b"\0") + wlan(sent)


def nflog(sent: Sent) -> bytes:
    """Linux NFLOG: family, version, group, then attributes in host order: prefix (10) and payload (9)."""
    payload = raw(sent.packet)
    head = struct.pack(">BBH", 2 if family(sent) == 0x0800 else 10, 0, 5)
    prefix = struct.pack("<HH4s", 8, 10, b"log\0")
    return head + prefix + struct.pack("<HH", 4 + len(payload), 9) + payload + b"\0" * (-len(payload) % 4)
