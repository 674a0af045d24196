"""Transport headers, lengths, checksums and flow keys."""

import random

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrRouting
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from sensor.model import capture
from tests.naive.decode import decode as naive_decode
from tests.naive.transport import COUNTERPARTS, flow_key, key_hash
from tests.packets import frames

MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
V4 = IP(src="10.0.0.1", dst="10.0.0.2")
V6 = IPv6(src="2001:db8::1", dst="2001:db8::2")


def frame(packet, **options):
    return frames.ethernet(bytes(Ether(**MACS) / packet), **options)


def one(given, **options):
    """Decode one frame with kernel and twin, which must agree."""
    found, expected = frames.run([given], **options), naive_decode([given], check=options.get("check", True))
    assert (expected.packets, expected.accepted, expected.drops) == (found.packets, found.accepted, found.drops)
    return found


CARRIED = {
    "tcp": TCP(sport=1, dport=2, flags="PA") / b"data!",
    "udp": UDP(sport=1, dport=2) / b"data!",
    "tcp options": TCP(sport=1, dport=2, options=[("MSS", 1460), ("NOP", None), ("WScale", 7)]) / b"x",
    "icmp": ICMP(type=8, id=1, seq=1) / b"data!",
    "icmpv6": ICMPv6EchoRequest(id=1, seq=1, data=b"data!"),
}
EACH = [(V4, name) for name in CARRIED if name != "icmpv6"] + [(V6, name) for name in CARRIED if name != "icmp"]


@pytest.mark.parametrize(("ip", "name"), EACH, ids=[f"{name} over {ip.name}" for ip, name in EACH])
def test_scapys_checksums_are_right_and_one_bit_makes_them_wrong(ip, name):
    """A wrong one gives a marked row and a drop; ignored, the packet is accepted."""
    layer = CARRIED[name]
    given = frame(ip / layer)
    assert (1, {}) == (one(given).accepted, one(given).drops)
    octets = bytearray(given[1])
    octets[-1] ^= 4
    wrong = frames.ethernet(octets)
    found = one(wrong)
    assert ({"bad_checksum": 1}, 0, [capture.STATUS_BAD_CHECKSUM]) == (
        found.drops, found.accepted, [p.status & capture.STATUS_BAD_CHECKSUM for p in found.packets],
    )  # fmt: skip
    assert (1, {}) == (one(wrong, check=False).accepted, one(wrong, check=False).drops)


def test_a_wrong_ip_checksum_gives_no_packet():
    """Addresses of a damaged header are not believed."""
    found = one(frame(IP(src="10.0.0.1", dst="10.0.0.2", chksum=1) / UDP() / b"x"))
    assert ([], {"bad_ip_checksum": 1}) == (found.packets, found.drops)
    options = IP(src="10.0.0.1", dst="10.0.0.2", options=b"\x94\4\0\0") / UDP() / b"x"  # router alert (RFC 2113)
    assert 1 == one(frame(options)).accepted


def test_a_udp_checksum_of_zero_is_none_over_ipv4():
    """RFC 768; over IPv6 it is wrong (RFC 8200 §8.1), but for VXLAN (RFC 6935)."""
    assert 1 == one(frame(V4 / UDP(sport=1, dport=2, chksum=0) / b"x")).accepted
    assert {"bad_checksum": 1} == one(frame(V6 / UDP(sport=1, dport=2, chksum=0) / b"x")).drops
    assert 1 == one(frame(V6 / UDP(sport=1, dport=4789, chksum=0) / b"x")).accepted


def test_a_source_route_leaves_checksums_alone():
    """The pseudo header needs the last destination, which a routing header hides (RFC 8200 §8.1)."""
    routed = V6 / IPv6ExtHdrRouting(addresses=["2001:db8::9"], segleft=1) / UDP(sport=1, dport=2, chksum=0x1234) / b"x"
    assert 1 == one(frame(routed)).accepted


@pytest.mark.parametrize("proto", [1, 58])
def test_icmp_types_have_their_answers_as_ports(proto):
    """Every type: a pair is one flow in both directions, any other is one-way and has its code."""
    for kind in range(256):
        octets = bytes([kind, 7]) + bytes(6)
        there = V4 / Raw(octets) if proto == 1 else V6 / Raw(octets)
        there.setfieldval("proto" if proto == 1 else "nh", proto)
        (packet,) = one(frame(there), check=False).packets
        counterpart = COUNTERPARTS[proto].get(kind)
        assert (kind, 7 if counterpart is None else counterpart, counterpart is None) == (
            packet.sport, packet.dport, packet.one_way,
        )  # fmt: skip


def test_both_directions_have_one_key_and_hash():
    """Whoever is lower; the hash is the twin's; another seed gives another."""
    rng = random.Random(0)
    for _ in range(60):
        a, b = (f"10.{rng.randrange(256)}.0.{rng.randrange(256)}" for _ in "ab")
        p, q = rng.randrange(65536), rng.randrange(65536)
        there = frame(IP(src=a, dst=b) / TCP(sport=p, dport=q))
        back = frame(IP(src=b, dst=a) / TCP(sport=q, dport=p))
        decoder, other = frames.Decoder(), frames.Decoder(seed=99)
        decoder.feed([there, back])
        other.feed([there])
        keys = [tuple(int(row[name]) for name in ("k0", "k1", "k2", "k3", "k4")) for row in decoder.rows]
        assert keys[0] == keys[1] == flow_key(decoder.result.packets[0])[0]
        hashes = [int(row["h"]) for row in (*decoder.rows, *other.rows)]
        seeds = (frames.DEFAULT_SEED, frames.DEFAULT_SEED, 99)
        assert [key_hash(seed, keys[0]) for seed in seeds] == hashes


def test_one_way_directions_have_different_keys():
    """An ICMP error back and forth is two flows."""
    decoder = frames.Decoder(check=False)
    decoder.feed(
        [
            frame(IP(src=a, dst=b) / ICMP(type=3, code=1))
            for a, b in (("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1"))
        ]
    )
    assert 2 == len({int(row["k4"]) for row in decoder.rows})


@pytest.mark.parametrize("words", [0, 4, 6, 15])
def test_a_tcp_header_length_that_lies_leaves_the_flow_known(words):
    """Shorter than twenty bytes or longer than the segment: a row without contents, the frame dropped."""
    found = one(frame(V4 / TCP(sport=1, dport=2, dataofs=words)), check=False)
    assert ({"malformed_transport": 1}, [(capture.STATUS_BAD_HEADER, 0)]) == (
        found.drops, [(p.status & capture.STATUS_BAD_HEADER, p.pay_len) for p in found.packets],
    )  # fmt: skip


def test_a_udp_length_may_be_less_than_the_packet_holds():
    """What lies behind it is no payload; a length that cannot be is not believed."""
    for length, size in ((8, 0), (10, 2), (28, 20), (60, 20), (0, 20), (7, 20)):
        (packet,) = one(frame(V4 / UDP(sport=1, dport=2, len=length, chksum=0) / bytes(20))).packets
        assert size == packet.pay_len


@pytest.mark.parametrize(
    ("layer", "proto", "least"), [(TCP(), 6, 20), (UDP(), 17, 8), (ICMP(), 1, 8), (Raw(bytes(12)), 132, 12)]
)
def test_a_transport_header_that_is_cut_is_malformed(layer, proto, least):
    """By the IP header's length, or by the snap length."""
    octets = bytes(layer)[:least].ljust(least, b"\0")
    for size in range(least):
        assert {"malformed_transport": 1} == one(
            frame(IP(src="10.0.0.1", dst="10.0.0.2", proto=proto) / octets[:size])
        ).drops
        whole = frame(IP(src="10.0.0.1", dst="10.0.0.2", proto=proto) / octets)
        assert {"malformed_transport": 1} == one((0, whole[1][: 34 + size], len(whole[1]), capture.LINK_ETHERNET)).drops


def test_a_snap_length_leaves_lengths_as_they_were_on_the_wire():
    """Payload length by the headers, payload captured by what is there; checksums cannot be judged."""
    whole = frame(V4 / TCP(sport=1, dport=2, flags="PA", chksum=0x1234) / bytes(500))
    (packet,) = one((0, whole[1][:60], len(whole[1]), capture.LINK_ETHERNET)).packets
    assert (540, 500, 6, 0) == (packet.ip_len, packet.pay_len, len(packet.payload), packet.status)


def test_padding_behind_the_packet_is_no_payload():
    """Short frames are padded to 60 bytes on the wire."""
    given = frame(V4 / TCP(sport=1, dport=2, flags="A"))
    (packet,) = one(frames.ethernet(given[1] + bytes(6))).packets
    assert (0, b"", 40) == (packet.pay_len, packet.payload, packet.ip_len)


def test_other_protocols_have_addresses_and_no_ports():
    """OSPF, ESP, IGMP …: the payload is everything behind the IP header."""
    for proto in (2, 50, 89, 103, 255):
        (packet,) = one(frame(IP(src="10.0.0.1", dst="10.0.0.2", proto=proto) / bytes(30))).packets
        assert (proto, 0, 0, 30) == (packet.proto, packet.sport, packet.dport, packet.pay_len)
