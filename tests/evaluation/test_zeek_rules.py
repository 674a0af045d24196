"""Rules of Zeek that its shared logs do not show, each read from its sources and played on a crafted capture."""

import struct

from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from sensor.model import capture
from tests.evaluation.captures import rows_of_frames

CLIENT, SERVER = "192.168.2.16", "198.51.100.7"
TEREDO, WEB = "2001:0:4137:9e50:8000:f12a:b9c8:2815", "2001:db8::68"
SYN, ACK, PUSH = 2, 16, 24


def rows(*timed, wire=None):
    """Flows of (seconds, IP packet) pairs."""
    frames = []
    for second, packet in timed:
        octets = bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / packet)
        frames.append((int(second * 1e9) + 10**18, octets, wire or len(octets), capture.LINK_ETHERNET))
    return rows_of_frames(frames)


def udp(payload=b"x" * 20, sport=40000, dport=4444):
    return IP(src=CLIENT, dst=SERVER) / UDP(sport=sport, dport=dport) / Raw(payload)


def tcp(seq, ack, flags, *, back=False, port=8443, size=0):
    sides = {"sport": 40000, "dport": port} if not back else {"sport": port, "dport": 40000}
    addresses = {"src": CLIENT, "dst": SERVER} if not back else {"src": SERVER, "dst": CLIENT}
    return IP(**addresses) / TCP(seq=seq, ack=ack, flags=flags, **sides) / Raw(b"y" * size)


def opened(port):
    """A connection's first three packets."""
    return (
        (0, tcp(100, 0, SYN, port=port)), (0.1, tcp(500, 101, SYN | ACK, back=True, port=port)),
        (0.2, tcp(101, 501, ACK, port=port)),
    )  # fmt: skip


def packets(found):
    return sorted((row["proto"], row["id.resp_p"], row["orig_pkts"] + row["resp_pkts"]) for row in found)


def test_udp_flows_end_after_a_minute():
    """udp_inactivity_timeout: 59 s is one flow, 60 s two."""
    assert [("udp", 4444, 2)] == packets(rows((0, udp()), (59, udp())))
    assert [("udp", 4444, 1), ("udp", 4444, 1)] == packets(rows((0, udp()), (60, udp())))


def test_dns_flows_end_at_the_first_check_that_finds_them_idle():
    """dns_session_timeout: looked at 10 s, 20 s … after the first packet; 9 s of silence are enough."""
    query = bytes(DNS(rd=1, qd=DNSQR(qname="example.com")))
    for port in (53, 137, 5353, 5355):
        ask = udp(query, dport=port)
        assert [("udp", port, 2)] == packets(rows((0, ask), (9.9, ask)))
        assert [("udp", port, 1), ("udp", port, 1)] == packets(rows((0, ask), (10, ask)))
        assert [("udp", port, 3)] == packets(rows((0, ask), (2, ask), (19, ask)))
        assert [("udp", port, 1), ("udp", port, 2)] == packets(rows((0, ask), (2 - 1, ask), (20, ask)))
    answer = IP(src=SERVER, dst=CLIENT) / UDP(sport=53, dport=40000) / Raw(query)
    assert [("udp", 53, 1), ("udp", 53, 1)] == packets(rows((0, answer), (15, answer)))


def test_shells_may_be_idle_for_an_hour():
    """Conn::port_inactivity_timeouts: 21, 22, 23 and 513; other connections end after five minutes."""
    for port, flows in ((22, 1), (23, 1), (513, 1), (21, 1), (8443, 2)):
        later = (2000, tcp(101, 501, PUSH, size=5, port=port))
        assert flows == len(rows(*opened(port), later))
    assert 2 == len(rows(*opened(22), (3601, tcp(101, 501, PUSH, size=5, port=22))))


def test_an_unanswered_syn_ends_after_five_seconds():
    """tcp_attempt_delay: a repeat within it belongs to the attempt, a later one is a new one."""
    again = tcp(100, 0, SYN)
    assert [("tcp", 8443, 2)] == packets(rows((0, again), (4, again)))
    assert [("S0", "S"), ("S0", "S")] == [
        (row["conn_state"], row["history"]) for row in rows((0, again), (6, again))
    ]  # fmt: skip


def test_data_in_a_syn_is_counted():
    """TCP Fast Open: the bytes count, and look repeated to Zeek (T), since a SYN sets the highest number seen."""
    found = rows((0, tcp(100, 0, SYN, size=30)), (1, tcp(500, 131, SYN | ACK, back=True)), (2, tcp(131, 501, ACK)))
    assert [("S1", 30, 0, "SThA")] == [
        (row["conn_state"], row["orig_bytes"], row["resp_bytes"], row["history"]) for row in found
    ]  # fmt: skip


def test_teredo_is_known_by_its_addresses_on_any_port():
    """TeredoAnalyzer::DetectProtocol: relays use other ports than 3544; the outer and the inner flow are logged."""
    inner = IPv6(src=TEREDO, dst=WEB) / TCP(sport=1286, dport=80, flags="S")
    found = rows((0, udp(bytes(inner), sport=3797, dport=32900)))
    assert [("tcp", 80, 1), ("udp", 32900, 1)] == packets(found)
    assert ["teredo"] == [row["tunnel"] for row in found if row["proto"] == "tcp"]
    origin = b"\0\0\xee\xff\x3f\x57\xfe\xef"
    behind = IPv6(src="fe80::1", dst="ff02::2") / ICMPv6EchoRequest()
    assert [("icmp", 129, 1), ("udp", 32900, 1)] == packets(rows((0, udp(origin + bytes(behind), dport=32900))))


def test_what_is_not_as_long_as_its_inner_header_says_is_no_tunnel():
    """Teredo and GTP have no better mark: the inner packet must end where the datagram ends."""
    inner = bytes(IPv6(src=TEREDO, dst=WEB) / TCP(sport=1286, dport=80, flags="S"))
    for port, header in ((3544, b""), (32900, b""), (2152, struct.pack("!BBHI", 0x30, 255, len(inner), 1))):
        assert 2 == len(rows((0, udp(header + inner, dport=port))))
        assert [("udp", port, 1)] == packets(rows((0, udp(header + inner + b"\0", dport=port))))
        assert [("udp", port, 1)] == packets(rows((0, udp(header + inner[:-1], dport=port))))


def test_a_teredo_bubble_is_no_flow():
    """IPv6 without anything in it keeps a NAT open: only the outer flow is logged."""
    bubble = bytes(IPv6(src=TEREDO, dst=WEB, nh=59))
    assert [("udp", 3544, 1)] == packets(rows((0, udp(bubble, dport=3544))))


def test_gtp_is_opened_on_both_ports_and_never_within_itself():
    """gtpv1_ports holds 2152 and 2123; a phone's own packet from port 2152 is just that."""

    def gtp(packet):
        return struct.pack("!BBHI", 0x30, 255, len(packet), 1) + bytes(packet)

    phone = IP(src="10.1.1.1", dst="10.2.2.2") / UDP(sport=2152, dport=53) / Raw(gtp(udp()))
    for port in (2152, 2123):
        found = packets(rows((0, udp(gtp(phone), dport=port))))
        assert sorted([("udp", port, 1), ("udp", 53, 1)]) == found


def test_fragments_count_as_the_datagram_that_they_make():
    """IP bytes are those of the whole: one header, and for IPv6 no fragment header."""
    whole = udp(b"z" * 3000)
    found = rows(*enumerate(fragment(whole, fragsize=1400)))
    assert [(1, 3028, 3000)] == [(row["orig_pkts"], row["orig_ip_bytes"], 3000) for row in found]
    six = IPv6(src=WEB, dst="2001:db8::1") / IPv6ExtHdrFragment(id=7) / UDP(sport=40000, dport=4444) / Raw(b"z" * 3000)
    assert [(1, 3048)] == [
        (row["orig_pkts"], row["orig_ip_bytes"]) for row in rows(*enumerate(fragment6(six, 1280)))
    ]  # fmt: skip


def test_headers_behind_a_fragment_header_are_followed():
    """The options for the destination are in the fragments: the flow is UDP all the same."""
    options = IPv6ExtHdrFragment(id=7) / IPv6ExtHdrDestOpt() / UDP(sport=40000, dport=4444) / Raw(b"z" * 2000)
    found = rows(*enumerate(fragment6(IPv6(src=WEB, dst="2001:db8::1") / options, 1280)))
    assert [("udp", 4444, 1)] == packets(found)
    assert 40 + 8 + 8 + 2000 == found[0]["orig_ip_bytes"]


def test_the_first_part_of_a_cut_datagram_is_looked_at():
    """A capture of headers: a first fragment that was cut opens its flow, later ones do not."""
    first, second = fragment(udp(b"z" * 2000), fragsize=1400)
    whole = [bytes(Ether() / part) for part in (first, second)]
    frames = [(10**18 + k, octets[:96], len(octets), capture.LINK_ETHERNET) for k, octets in enumerate(whole)]
    assert [("udp", 4444, 1)] == packets(rows_of_frames(frames))


def test_icmp_errors_have_one_direction():
    """Their ports are type and code, and an error back is a flow of its own; an echo and its answer are one."""
    one = IP(src=CLIENT, dst=SERVER) / ICMP(type=3, code=1) / Raw(bytes(28))
    other = IP(src=SERVER, dst=CLIENT) / ICMP(type=3, code=1) / Raw(bytes(28))
    found = rows((0, one), (1, other))
    assert [(3, 1), (3, 1)] == [(row["id.orig_p"], row["id.resp_p"]) for row in found]
    ping = IP(src=CLIENT, dst=SERVER) / ICMP(type=8, id=1) / Raw(b"abc")
    pong = IP(src=SERVER, dst=CLIENT) / ICMP(type=0, id=1) / Raw(b"abc")
    assert [(8, 0, 3, 3)] == [
        (row["id.orig_p"], row["id.resp_p"], row["orig_bytes"], row["resp_bytes"]) for row in rows((0, ping), (1, pong))
    ]  # fmt: skip


def test_a_wrong_checksum_shows_in_the_history_only():
    """The packet is not counted, and moves no time."""
    wrong = udp()
    wrong[UDP].chksum = 0x1234
    (found,) = rows((0, udp()), (1, wrong), (2, udp()))
    assert ("DC", 2, 96) == (found["history"], found["orig_pkts"], found["orig_ip_bytes"])
