"""Tunnels over IP and UDP, around one exchange that scapy knows."""

import random
import struct

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN

from sensor.model import capture
from tests.naive.decode import decode as naive_decode
from tests.packets import frames
from tests.packets.oracle import CRAFTED, by_scapy, essence, exchange, families_of

OVER_IP = {
    "gre": ("gre", 42),
    "gre-plain": ("gre", 0),
    "gre-ethernet": ("gre", 0),
    "erspan-1": ("erspan", 0),
    "erspan-2": ("erspan", 100),
    "erspan-3": ("erspan", 100),
    "ip-in-ip": ("ip", 0),
    "6in4": ("ip", 0),
    "ip-in-ip6": ("ip", 0),
}
OVER_UDP = {
    "vxlan": ("vxlan", 7070, 4789),
    "geneve": ("geneve", 7071, 6081),
    "gtpu": ("gtpv1", 0xABCD, 2152),
    "gtpu-extension": ("gtpv1", 0xABCE, 2152),
    "teredo": ("teredo", 0, 3544),
    "teredo-indications": ("teredo", 0, 3544),
    "ayiya": ("ayiya", 0, 5072),
}
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")
ETHER = Ether(src=MACS[0], dst=MACS[1])  # given, or scapy asks the network for them
OUTER = IP(src="192.0.2.1", dst="192.0.2.2")
INNER = IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=1000, dport=80, flags="S", seq=7)
INNER6 = IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=5, dport=6) / b"six"


def run(packet):
    return frames.run([frames.ethernet(bytes(packet))])


@pytest.mark.parametrize("name", sorted(OVER_IP))
def test_a_tunnel_over_ip_gives_the_inner_packet_alone(name):
    """The exchange as scapy has it; tunnel and identifier are noted."""
    found = frames.run(frames.of_capture(CRAFTED / f"{name}.pcap"))
    assert exchange(families_of(name)) == [essence(packet) for packet in found.packets]
    assert {OVER_IP[name]} == {(p.tunnel, p.tunnel_id) for p in found.packets}


@pytest.mark.parametrize("name", sorted(OVER_UDP))
def test_a_tunnel_over_udp_gives_the_outer_packet_and_the_inner_one(name):
    """First the outer datagram, which is in no tunnel, then the exchange as scapy has it."""
    found = frames.run(frames.of_capture(CRAFTED / f"{name}.pcap")).packets
    outer, inner = found[::2], found[1::2]
    tunnel, identifier, port = OVER_UDP[name]
    assert exchange(families_of(name)) == [essence(packet) for packet in inner]
    assert {(tunnel, identifier)} == {(p.tunnel, p.tunnel_id) for p in inner}
    assert {("", 0, 17)} == {(p.tunnel, p.tunnel_id, p.proto) for p in outer}
    assert all(port in (p.sport, p.dport) for p in outer)
    assert all(p.status & capture.STATUS_INNER for p in inner)


@pytest.mark.parametrize(
    ("header", "identifier"),
    [
        (GRE(chksum_present=1, proto=0x0800), 0),
        (GRE(chksum_present=1, key_present=1, key=9, seqnum_present=1, sequence_number=1, proto=0x0800), 9),
        (GRE(routing_present=1, chksum=0, offset=0, proto=0x0800), 0),
    ],
)
def test_optional_fields_of_gre_are_passed_over(header, identifier):
    """Checksum or routing takes four bytes, a key four, a sequence number four (RFC 2784, RFC 2890)."""
    octets = bytes(OUTER / header / INNER)
    if header.routing_present:  # scapy writes no list of routes; RFC 1701 has checksum and offset either way
        octets = bytes(OUTER / header) + bytes(INNER)
        octets = octets[:2] + len(octets).to_bytes(2, "big") + octets[4:]
        octets = bytes(IP(octets[:10] + b"\0\0" + octets[12:20]).__class__(src="192.0.2.1", dst="192.0.2.2", proto=47)
                       / octets[20:])  # fmt: skip
    found = frames.run([frames.ethernet(bytes(Ether(src=MACS[0], dst=MACS[1], type=0x0800)) + octets)]).packets
    assert [by_scapy(IP(bytes(INNER)))] == [essence(p) for p in found]
    assert [("gre", identifier)] == [(p.tunnel, p.tunnel_id) for p in found]


@pytest.mark.parametrize("acknowledged", [False, True])
def test_gre_of_pptp_carries_ppp(acknowledged):
    """Version 1: the key's low half is the call, sequence and acknowledgement follow (RFC 2637 §4.1)."""
    ppp = b"\xff\x03\x00\x21" + bytes(INNER)
    flags = 0x3001 | (0x80 if acknowledged else 0)
    body = struct.pack(">HHHHI", flags, 0x880B, len(ppp), 77, 1) + (b"\0\0\0\5" if acknowledged else b"") + ppp
    found = run(ETHER / IP(src="192.0.2.1", dst="192.0.2.2", proto=47) / body).packets
    assert [("gre", 77, *by_scapy(IP(bytes(INNER))))] == [(p.tunnel, p.tunnel_id, *essence(p)) for p in found]


@pytest.mark.parametrize(
    "body",
    [
        struct.pack(">HH", 0, 0x2001) + bytes(40),  # NHRP
        struct.pack(">HH", 2, 0x0800) + bytes(INNER),  # no such version
        struct.pack(">HH", 0, 0x6558) + bytes(ETHER / Dot1Q(vlan=5, type=0x88CC)) + bytes(40),
        struct.pack(">HHI", 0x1000, 0x88BE, 1) + struct.pack(">HHI", 1 << 12, 100, 0) + bytes(60),
        struct.pack(">HH", 0, 0x0800),
    ],
)
def test_gre_that_carries_no_ip_is_a_packet_of_its_own(body):
    """It is the outer flow's: protocol 47, no tunnel, the outer addresses and VLAN."""
    packet = ETHER / Dot1Q(vlan=9) / IP(proto=47) / body
    (found,) = run(packet).packets
    assert (47, "", 0, 9, 0) == (found.proto, found.tunnel, found.tunnel_id, found.vlan, found.inner_vlan)
    assert bytes.fromhex("020000000002020000000001") == found.macs


def test_gre_in_udp_is_opened():
    """RFC 8086, port 4754."""
    found = run(ETHER / OUTER / UDP(sport=60000, dport=4754) / GRE(proto=0x86DD) / INNER6).packets
    assert ["", "gre"] == [p.tunnel for p in found]
    assert (b"six", 5, 6) == (found[1].payload, found[1].sport, found[1].dport)


def test_geneve_options_of_any_length_are_passed_over():
    """The length counts four-byte words; a length past the payload is no Geneve."""
    for words in (0, 1, 5, 63):
        header = struct.pack(">BBHI", words, 0, 0x0800, 12 << 8) + bytes(4 * words)
        found = run(ETHER / OUTER / UDP(sport=1, dport=6081) / (header + bytes(INNER))).packets
        assert [("", 0), ("geneve", 12)] == [(p.tunnel, p.tunnel_id) for p in found]
    short = struct.pack(">BBHI", 63, 0, 0x0800, 12 << 8) + bytes(INNER)
    assert 1 == len(run(ETHER / OUTER / UDP(sport=1, dport=6081) / short).packets)


def test_extension_headers_of_gtp_are_followed():
    """Three in a row; one of length zero is no GTP."""
    one = bytes([1, 0, 0, 0x85])
    body = b"\0\0\0\x85" + one + one + bytes([2, 0, 0, 0, 0, 0, 0, 0]) + bytes(INNER)
    header = struct.pack(">BBHI", 0x34, 255, len(body), 5)
    found = run(ETHER / OUTER / UDP(sport=2152, dport=2152) / (header + body)).packets
    assert [("", 0), ("gtpv1", 5)] == [(p.tunnel, p.tunnel_id) for p in found]
    endless = struct.pack(">BBHI", 0x34, 255, 40, 5) + b"\0\0\0\x85" + bytes(40)
    assert 1 == len(run(ETHER / OUTER / UDP(sport=2152, dport=2152) / endless).packets)


def test_a_udp_port_alone_makes_no_tunnel():
    """Payloads on tunnels' ports that are none leave the outer packet alone, accepted."""
    for port in (4789, 6081, 2152, 3544, 5072, 4754):
        for body in (b"", b"\x08", bytes(8), bytes(60), b"\xff" * 60):
            found = run(ETHER / OUTER / UDP(sport=1, dport=port) / body)
            assert ([""], 1) == ([p.tunnel for p in found.packets], found.accepted)


def test_tunnels_in_tunnels_are_opened_to_a_depth():
    """Eight IP headers; a frame with more is too deep, but what was written stays."""
    packet = INNER
    for depth in range(2, 12):
        packet = OUTER / packet
        found = run(ETHER / packet)
        expected = ([("ip", 80)], {}) if depth <= 8 else ([], {"too_deep": 1})
        assert expected == ([(p.tunnel, p.dport) for p in found.packets], found.drops)
    vxlan = ETHER / INNER
    for _ in range(8):
        vxlan = ETHER / OUTER / UDP(sport=9, dport=4789) / VXLAN(vni=3) / vxlan
    found = run(vxlan)
    assert (8, 1, {}) == (len(found.packets), found.accepted, found.drops)


def test_random_bytes_behind_tunnel_headers_agree_with_the_twin():
    """Each tunnel's packets with single bytes changed anywhere."""
    rng = random.Random(5)
    given = []
    for name in (*OVER_IP, *OVER_UDP):
        for ts, octets, wire, link in frames.of_capture(CRAFTED / f"{name}.pcap", limit=4):
            for _ in range(40):
                damaged = bytearray(octets)
                for _ in range(rng.randint(1, 3)):
                    damaged[rng.randrange(14, min(len(octets), 110))] = rng.randrange(256)
                given.append((ts, bytes(damaged), wire, link))
    for check in (False, True):
        assert naive_decode(given, check=check).packets == frames.run(given, check=check).packets
