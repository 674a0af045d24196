"""Conversations that are hard for a flow table or a decoder: what TCP, IP and non-IP frames do at their edges.

Each function returns the frames of one capture, Ethernet unless it says otherwise, in the order of their arrival.
"""

import struct

from conversation import (
    ANSWER,
    CLIENT,
    CLIENT6,
    CLIENT_MAC,
    HOST,
    REQUEST,
    SERVER,
    SERVER6,
    SERVER_MAC,
    Sent,
    exchange,
    http,
    ip,
    segment,
)
from scapy.compat import raw
from scapy.layers.dot11 import Dot11, Dot11Beacon, Dot11CCMP, Dot11Elt, Dot11QoS, RadioTap
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    fragment6,
)
from scapy.layers.l2 import ARP, GRE, LLC, STP, Ether
from scapy.layers.sctp import (
    SCTP,
    SCTPChunkCookieAck,
    SCTPChunkCookieEcho,
    SCTPChunkData,
    SCTPChunkInit,
    SCTPChunkInitAck,
)
from scapy.packet import Packet, Raw
from wrappers import ethernet, wlan

UNSPECIFIED = ".".join("0000")
ASKED, SAID = 1 + len(REQUEST), 1 + len(ANSWER)
HALF = len(REQUEST) // 2


def _frames(sent: list[Sent]) -> list[bytes]:
    return [ethernet(one) for one in sent]


def _ether(packet: Packet, *, by_client: bool = True) -> bytes:
    return ethernet(Sent(packet, by_client))


def retransmitted() -> list[bytes]:
    """The request twice, the second time with half of it again; the answer's two halves in the wrong order."""
    begin = http()[:3]
    half = len(ANSWER) // 2
    middle = [
        segment(True, "PA", 1, 1, REQUEST),
        segment(True, "PA", 1, 1, REQUEST),
        segment(True, "PA", 1 + HALF, 1, REQUEST[HALF:]),
        segment(False, "PA", 1 + half, ASKED, ANSWER[half:]),
        segment(False, "A", 1, ASKED, ANSWER[:half]),
    ]
    return _frames([*begin, *middle, *http()[6:]])


def gap() -> list[bytes]:
    """The answer's first half is missing from the capture (missed_bytes), and is acknowledged all the same."""
    half = len(ANSWER) // 2
    return _frames([*http()[:5], segment(False, "PA", 1 + half, ASKED, ANSWER[half:]), *http()[6:]])


def midstream() -> list[bytes]:
    """A connection seen from its request on, the server's packet first; it ends with FINs."""
    return _frames([segment(False, "A", 1, 1), *http()[3:]])


def resets() -> list[bytes]:
    """A refused port, a reset by the client midway, one by the server, a SYN-ACK answered by RST (scan)."""
    flows = [
        [segment(True, "S", 0, 0, port=41001), segment(False, "RA", 0, 1, port=41001)],
        [
            segment(True, "S", 0, 0, port=41002),
            segment(False, "SA", 0, 1, port=41002),
            segment(True, "A", 1, 1, port=41002),
            segment(True, "PA", 1, 1, REQUEST, port=41002),
            segment(True, "RA", ASKED, 1, port=41002),
        ],
        [
            segment(True, "S", 0, 0, port=41003),
            segment(False, "SA", 0, 1, port=41003),
            segment(True, "A", 1, 1, port=41003),
            segment(True, "PA", 1, 1, REQUEST, port=41003),
            segment(False, "R", 1, 0, port=41003),
        ],
        [
            segment(True, "S", 0, 0, port=41004),
            segment(False, "SA", 0, 1, port=41004),
            segment(True, "R", 1, 0, port=41004),
        ],
    ]
    return _frames([one for flow in flows for one in flow])


def states() -> list[bytes]:
    """One connection for each remaining conn_state: S0, S1, S2, S3, SH, SHR, RSTOS0, RSTRH, OTH."""
    syn, syn_ack, ack = (True, "S", 0, 0), (False, "SA", 0, 1), (True, "A", 1, 1)
    flows = [
        [syn, syn],
        [syn, syn_ack, ack],
        [syn, syn_ack, ack, (True, "FA", 1, 1), (False, "A", 1, 2)],
        [syn, syn_ack, ack, (False, "FA", 1, 1), (True, "A", 1, 2)],
        [syn, (True, "FA", 1, 0)],
        [syn_ack, (False, "FA", 1, 1)],
        [syn, (True, "R", 1, 0)],
        [syn_ack, (False, "R", 1, 1)],
        [ack, (False, "A", 1, 1)],
    ]
    return _frames([segment(*step, port=42000 + number) for number, flow in enumerate(flows) for step in flow])


def reused_port() -> list[bytes]:
    """The same four-tuple opens a second connection after the first ended, with other sequence numbers."""
    again = [Sent(one.packet.copy(), one.by_client) for one in http()]
    for one in again:
        one.packet[TCP].seq += 1_000_000
        if one.packet[TCP].ack:
            one.packet[TCP].ack += 1_000_000
    return _frames([*http(), *again])


def sequence_wrap() -> list[bytes]:
    """Sequence numbers pass 2**32 within the request and the answer."""
    shifted = [Sent(one.packet.copy(), one.by_client) for one in http()]
    for one in shifted:
        mine, other = (2**32 - 1050, 2**32 - 5050) if one.by_client else (2**32 - 5050, 2**32 - 1050)
        one.packet[TCP].seq = (one.packet[TCP].seq + mine) % 2**32
        if one.packet[TCP].ack:
            one.packet[TCP].ack = (one.packet[TCP].ack + other) % 2**32
    return _frames(shifted)


def fragments() -> list[bytes]:
    """A UDP datagram in three fragments, in order, reversed, doubled, overlapping, without its last, tiny."""

    def whole(number: int) -> Packet:
        octets = bytes(range(256)) * 8
        return IP(src=CLIENT, dst=SERVER, id=number, ttl=64) / UDP(sport=43000 + number, dport=9999) / Raw(octets)

    parts = [fragment(whole(number), fragsize=800) for number in range(1, 7)]
    overlap = parts[3]
    overlapped = IP(src=CLIENT, dst=SERVER, id=4, ttl=64, proto=17, flags="MF", frag=50) / Raw(b"X" * 800)
    tiny = fragment(whole(6), fragsize=8)
    sent = [
        *parts[0],
        *reversed(parts[1]),
        *parts[2],
        parts[2][0],
        overlap[0],
        overlapped,
        *overlap[1:],
        *parts[4][:-1],
        *tiny[:5],
    ]
    return [_ether(packet) for packet in sent]


def fragments6() -> list[bytes]:
    """IPv6: a datagram in fragments, behind a destination option, and an atomic fragment (RFC 6946)."""
    octets = bytes(range(256)) * 8
    base = (
        IPv6(src=CLIENT6, dst=SERVER6, hlim=64) / IPv6ExtHdrFragment(id=77) / UDP(sport=43100, dport=9999) / Raw(octets)
    )
    atomic = (
        IPv6(src=CLIENT6, dst=SERVER6, hlim=64)
        / IPv6ExtHdrFragment(id=78, offset=0, m=0)
        / UDP(sport=43101, dport=9999)
        / Raw(b"atomic")
    )
    return [_ether(packet) for packet in [*fragment6(base, 900), atomic]]


def extension_headers() -> list[bytes]:
    """IPv6 hop-by-hop, routing and destination options before ICMPv6, UDP and TCP."""

    def header(orig: str, resp: str) -> Packet:
        return IPv6(src=orig, dst=resp, hlim=64, tc=0, fl=0) / IPv6ExtHdrHopByHop(options=[])

    routed = IPv6ExtHdrRouting(addresses=[], segleft=0) / IPv6ExtHdrDestOpt(options=[])
    return [
        _ether(header(CLIENT6, SERVER6) / ICMPv6EchoRequest(id=9, seq=1, data=b"through options")),
        _ether(header(SERVER6, CLIENT6) / ICMPv6EchoReply(id=9, seq=1, data=b"through options"), by_client=False),
        _ether(header(CLIENT6, SERVER6) / routed / UDP(sport=43200, dport=9999) / Raw(b"datagram")),
        _ether(header(CLIENT6, SERVER6) / routed / TCP(sport=43201, dport=80, seq=1, flags="S", window=64240)),
    ]


def checksums() -> list[bytes]:
    """The HTTP exchange between packets whose IP, TCP, UDP and ICMP checksums are wrong, and a UDP checksum of zero."""
    bad_ip = ip(CLIENT, SERVER, 900) / UDP(sport=44000, dport=9999) / Raw(b"bad ip")
    bad_ip.chksum = 0x1234
    bad_tcp = segment(True, "PA", 1, 1, b"bad tcp checksum").packet
    bad_tcp[TCP].chksum = 0x1234
    bad_udp = ip(CLIENT, SERVER, 901) / UDP(sport=44001, dport=9999, chksum=0x1234) / Raw(b"bad udp")
    no_udp = ip(CLIENT, SERVER, 902) / UDP(sport=44002, dport=9999, chksum=0) / Raw(b"no checksum")
    bad_icmp = ip(CLIENT, SERVER, 903) / ICMP(type=8, id=3, seq=1, chksum=0x1234) / Raw(b"bad icmp")
    good = _frames(http())
    return [*good[:4], *[_ether(packet) for packet in (bad_ip, bad_tcp, bad_udp, no_udp, bad_icmp)], *good[4:]]


def offload() -> list[bytes]:
    """A segment larger than any frame whose IP total length is 0, as a capture on a sending host shows it (TSO)."""
    sent = http()
    large = segment(False, "PA", 1, ASKED, ANSWER + b"x" * 70_000).packet
    large[IP].len = 0
    large[IP].chksum = 0
    large[TCP].chksum = 0x5A5A
    return [*_frames(sent[:5]), _ether(large, by_client=False)]


def icmp_errors() -> list[bytes]:
    """Three kinds of unreachable, TTL exceeded and a redirect, each quoting the packet it is about."""
    quoted = IP(raw(ip(CLIENT, SERVER, 950) / UDP(sport=45000, dport=33434) / Raw(b"probe")))
    kinds = [(3, 3), (3, 1), (3, 4), (11, 0), (5, 1)]
    errors = [ip("10.40.0.1", CLIENT, 951 + n) / ICMP(type=t, code=c) / quoted for n, (t, c) in enumerate(kinds)]
    return [_ether(quoted), *[_ether(error, by_client=False) for error in errors]]


def sctp() -> list[bytes]:
    """An SCTP association: INIT, INIT-ACK, COOKIE-ECHO, COOKIE-ACK, DATA both ways (RFC 9260)."""

    def message(number: int, by_client: bool, *chunks: Packet) -> bytes:
        ends = (CLIENT, SERVER) if by_client else (SERVER, CLIENT)
        header = SCTP(sport=46000 if by_client else 5060, dport=5060 if by_client else 46000, tag=0x11 if number else 0)
        packet = ip(*ends, 960 + number) / header
        for chunk in chunks:
            packet = packet / chunk
        return _ether(packet, by_client=by_client)

    init = {"init_tag": 0x11, "a_rwnd": 65535, "n_out_streams": 2, "n_in_streams": 2, "init_tsn": 1}
    return [
        message(0, True, SCTPChunkInit(**init)),
        message(1, False, SCTPChunkInitAck(**init)),
        message(2, True, SCTPChunkCookieEcho(cookie=b"cookie00")),
        message(3, False, SCTPChunkCookieAck()),
        message(
            4,
            True,
            SCTPChunkData(tsn=1, stream_id=0, stream_seq=0, proto_id=0, beginning=1, ending=1, data=b"first data"),
        ),
        message(
            5, False, SCTPChunkData(tsn=1, stream_id=0, stream_seq=0, proto_id=0, beginning=1, ending=1, data=b"answer")
        ),
    ]


def arp() -> list[bytes]:
    """Request and reply, a gratuitous announcement, a probe, and a second MAC claiming the first one's address."""
    everyone, nobody = "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"
    rows = [
        (CLIENT_MAC, everyone, 1, CLIENT_MAC, CLIENT, nobody, "10.40.0.1"),
        (SERVER_MAC, CLIENT_MAC, 2, SERVER_MAC, "10.40.0.1", CLIENT_MAC, CLIENT),
        (CLIENT_MAC, everyone, 1, CLIENT_MAC, CLIENT, nobody, CLIENT),
        (CLIENT_MAC, everyone, 1, CLIENT_MAC, UNSPECIFIED, nobody, "10.40.0.99"),
        ("02:00:5e:00:00:66", everyone, 2, "02:00:5e:00:00:66", CLIENT, everyone, CLIENT),
    ]
    return [
        raw(Ether(src=src, dst=dst) / ARP(op=op, hwsrc=hwsrc, psrc=psrc, hwdst=hwdst, pdst=pdst)).ljust(60, b"\0")
        for src, dst, op, hwsrc, psrc, hwdst, pdst in rows
    ]


def not_ip() -> list[bytes]:
    """Spanning tree, LLDP, IPX, an unknown Ethernet type and one whole HTTP exchange between them."""
    bridge = raw(
        LLC(dsap=0x42, ssap=0x42, ctrl=3) / STP(rootid=1, rootmac=SERVER_MAC, bridgeid=1, bridgemac=SERVER_MAC)
    )
    stp = raw(Ether(src=SERVER_MAC, dst="01:80:c2:00:00:00", type=len(bridge))) + bridge
    lldp = raw(Ether(src=SERVER_MAC, dst="01:80:c2:00:00:0e", type=0x88CC)) + bytes.fromhex(
        "02070400155d40001004020531060200780000"
    )
    others = [raw(Ether(src=CLIENT_MAC, dst=SERVER_MAC, type=kind)) + b"\xff" * 46 for kind in (0x8137, 0xDEAD)]
    good = _frames(http())
    return [stp.ljust(60, b"\0"), *good[:5], lldp.ljust(60, b"\0"), *others, *good[5:]]


def nested(depth: int = 40) -> list[bytes]:
    """GRE in IP in GRE … forty times, then the HTTP exchange in a plain form."""
    packet = segment(True, "S", 0, 0, port=47000).packet
    for level in range(depth):
        packet = ip(f"192.0.2.{level + 1}", "192.0.2.254", level) / GRE(proto=0x0800) / packet
    return [_ether(packet), *_frames(http())]


def damaged() -> list[bytes]:
    """Frames that lie: header lengths past the end, versions that do not exist, cut headers; good ones between them."""
    frame = ethernet(http()[3])
    bad = [
        frame[:14] + b"\x4f" + frame[15:40],  # IPv4 header of 60 bytes in a frame of 40
        frame[:14] + b"\x75" + frame[15:],  # IP version 7
        frame[:14] + b"\x41" + frame[15:],  # IPv4 header of 4 bytes
        frame[:16] + b"\xff\xff" + frame[18:],  # total length beyond the frame
        frame[:46] + b"\xf0" + frame[47:54],  # TCP header of 60 bytes, not there
        frame[:46] + b"\x10" + frame[47:],  # TCP header of 4 bytes
        frame[:20],  # half an IPv4 header
        frame[:13],  # less than an Ethernet header
        b"",
        frame[:12] + struct.pack(">HH", 0x8100, 5),  # a tag and nothing behind it
    ]
    good = _frames(http())
    return [*good[:4], *bad, *good[4:]]


def times() -> list[tuple[int, bytes]]:
    """A time that stands still, one that goes back two seconds, a pause of ten minutes (offset in ns, frame)."""
    offsets = [0, 0, 0, 5, -2000, -1990, 10, 20, 600_000, 600_010, 600_010, 600_020, 600_030, 600_040]
    return [(offset * 1_000_000, ethernet(one)) for offset, one in zip(offsets, exchange(), strict=True)]


def wlan_mixed() -> list[bytes]:
    """Radiotap: a beacon, a frame encrypted with CCMP, and data frames in the clear (HTTP)."""
    point = "00:15:5d:40:00:01"
    beacon = RadioTap(present=0) / Dot11(
        type=0, subtype=8, addr1="ff:ff:ff:ff:ff:ff", addr2=point, addr3=point, ID=0, SC=0
    )
    beacon = beacon / Dot11Beacon(timestamp=1, beacon_interval=100, cap=0x11) / Dot11Elt(ID=0, info=HOST.encode())
    locked = RadioTap(present=0) / Dot11(
        type=2, subtype=8, FCfield=0x41, addr1=point, addr2=CLIENT_MAC, addr3=SERVER_MAC, ID=0, SC=32
    )
    locked = locked / Dot11QoS(TID=0) / Dot11CCMP(PN0=1, key_id=0, ext_iv=1, data=bytes(range(48)))
    clear = [raw(RadioTap(present=0)) + wlan(one) for one in http()]
    return [raw(beacon), raw(locked), *clear]
