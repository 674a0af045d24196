"""Every link header and shim, around one exchange that scapy knows."""

import struct

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from sensor.model import capture
from tests.naive.decode import decode as naive_decode
from tests.packets import frames
from tests.packets.oracle import CRAFTED, by_scapy, essence, exchange, families_of

MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")
PLAIN = (0, 0, "", 0)
WRAPPED = {
    **{path.stem: PLAIN for path in CRAFTED.glob("link-*.pcap") if path.stem != "link-unsupported"},
    "link-ppp-ether": (0, 0, "pppoe", 0x13),
    "llc-snap": PLAIN,
    "dot1q": (30, 0, "", 0),
    "qinq": (100, 30, "", 0),
    "qinq-9100": (100, 30, "", 0),
    "mpls": (0, 0, "mpls", 24),
    "mpls-pseudowire": (0, 0, "mpls", 3001),
    "pppoe": (0, 0, "pppoe", 0x11),
    "pppoe-qinq": (200, 7, "pppoe", 0x12),
    "pbb": (500, 0, "pbb", 7001),
    "fabricpath": (0, 0, "fabricpath", 1),
    "vntag": (0, 0, "vntag", 1),
}
"""Outer and inner VLAN, tunnel and its identifier, by capture."""
INNER = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1000, dport=2000) / b"payload"


@pytest.mark.parametrize("name", sorted(WRAPPED))
def test_the_exchange_is_found_in_every_wrapping(name):
    """Addresses, ports, numbers, flags, lengths and payload are scapy's; tags and tunnel are noted."""
    found = frames.run(frames.of_capture(CRAFTED / f"{name}.pcap"))
    assert exchange(families_of(name)) == [essence(packet) for packet in found.packets]
    assert {WRAPPED[name]} == {(p.vlan, p.inner_vlan, p.tunnel, p.tunnel_id) for p in found.packets}
    assert ({}, len(found.packets)) == (found.drops, found.accepted)


def test_a_link_type_that_is_not_read_is_refused_by_name():
    """Frames of an unknown link type are dropped under that reason."""
    found = frames.run([(0, b"\x45" * 60, 60, capture.LINK_UNKNOWN)])
    assert ([], {"unsupported_linktype": 1}) == (found.packets, found.drops)


@pytest.mark.parametrize(("kind", "reason"), [(0x88CC, "not_ip"), (0x8137, "not_ip"), (0x0600, "not_ip")])
def test_other_protocols_are_not_ip(kind, reason):
    """A well-formed frame of another protocol is no malformed one."""
    found = frames.run([frames.ethernet(bytes(Ether(src=MACS[0], dst=MACS[1], type=kind)) + bytes(46))])
    assert {reason: 1} == found.drops


@pytest.mark.parametrize("path", sorted(CRAFTED.glob("*.pcap")), ids=lambda path: path.stem)
def test_frames_cut_anywhere_are_refused_and_counted(path):
    """Every length of the first frames, with the rest missing: kernel and twin agree."""
    cut = []
    for ts, octets, wire, link in frames.of_capture(path, limit=4):
        cut += [(ts, octets[:size], wire, link) for size in range(min(len(octets), 150))]
    found, expected = frames.Decoder(), naive_decode(cut)
    result = found.feed(cut)
    assert expected.packets == result.packets
    assert expected.accepted == result.accepted
    assert len(cut) == result.accepted + sum(result.drops.values()) + found.waiting


def test_labels_and_tags_are_followed_to_a_limit():
    """Eight MPLS labels and sixteen tags are followed; more are too deep."""
    ip = bytes(INNER)
    for labels, drops in ((8, {}), (9, {"too_deep": 1})):
        stack = b"".join(struct.pack(">I", k << 12 | (0x100 if k == labels else 0)) for k in range(1, labels + 1))
        assert (
            drops
            == frames.run([frames.ethernet(bytes(Ether(src=MACS[0], dst=MACS[1], type=0x8847)) + stack + ip)]).drops
        )
    for tags, drops in ((15, {}), (17, {"too_deep": 1})):
        packet = Ether(src=MACS[0], dst=MACS[1])
        for tag in range(tags):
            packet = packet / Dot1Q(vlan=tag + 1)
        assert drops == frames.run([frames.ethernet(bytes(packet / INNER))]).drops


def amsdu(*bodies, vlan=False):
    """A QoS data frame that aggregates subframes (IEEE 802.11-2020 §9.3.2.2)."""
    head = bytes([0x88, 0x01]) + bytes(20) + bytes(2) + bytes([0x80, 0])
    parts = []
    for k, body in enumerate(bodies):
        content = b"\xaa\xaa\x03\0\0\0" + body
        part = bytes(12) + struct.pack(">H", len(content)) + content
        parts.append(part + bytes(-len(part) % 4 if k < len(bodies) - 1 else 0))
    return head + b"".join(parts)


def numbered(k, dport=2000):
    return IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1000 + k, dport=dport) / bytes(k % 7)


def test_each_subframe_of_an_aggregate_gives_its_packets():
    """One frame accepted, five packets; a tag of the second does not stick to the third."""
    bodies = [struct.pack(">H", 0x0800) + bytes(numbered(k)) for k in range(5)]
    bodies[1] = struct.pack(">HHH", 0x8100, 77, 0x0800) + bytes(numbered(1))
    octets = amsdu(*bodies)
    found = frames.run([(0, octets, len(octets), capture.LINK_IEEE802_11)])
    assert [by_scapy(IP(bytes(numbered(k)))) for k in range(5)] == [essence(p) for p in found.packets]
    assert [0, 77, 0, 0, 0] == [p.vlan for p in found.packets]
    assert (1, {}) == (found.accepted, found.drops)


def test_no_subframe_is_lost_where_a_batch_ends():
    """Seventeen subframes a frame, any number of rows in a batch: always all of them."""
    octets = amsdu(*[struct.pack(">H", 0x0800) + bytes(numbered(k)) for k in range(17)])
    given = [(k, octets, len(octets), capture.LINK_IEEE802_11) for k in range(40)]
    for rows in (136, 141, 152, 300, 512):
        assert 40 * 17 == len(frames.run(given, out_rows=rows).packets)


def test_a_later_subframe_that_is_a_fragment_is_accounted_for_once():
    """The frame has been accepted for its first packet; the fragment waits without being counted again."""
    part = IP(src="10.0.0.1", dst="10.0.0.2", id=9, flags="MF", proto=17) / bytes(64)
    octets = amsdu(*[struct.pack(">H", 0x0800) + bytes(body) for body in (numbered(1), part)])
    decoder = frames.Decoder()
    found = decoder.feed([(0, octets, len(octets), capture.LINK_IEEE802_11)])
    assert (1, {}, 0) == (found.accepted, found.drops, decoder.waiting)
