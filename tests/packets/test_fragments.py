"""Reassembly: any order, overlaps, holes, ends that contradict, a full table, and the account of every frame."""

import random

import pytest
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from sensor.model import capture
from sensor.packets.fragments import SLOTS, TIMEOUT_NS
from tests.naive.decode import decode as naive_decode
from tests.packets import frames

MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
PAYLOAD = bytes(range(256)) * 8
WHOLE = IP(src="10.0.0.1", dst="10.0.0.2", id=1) / UDP(sport=1000, dport=2000) / PAYLOAD
OCTETS = bytes(IP(bytes(WHOLE)).payload)


def framed(packets, ts=0):
    return [frames.ethernet(bytes(Ether(**MACS) / packet), ts=ts) for packet in packets]


def part(first, end, *, more=True, ident=1, octets=OCTETS, src="10.0.0.1", proto=17):
    """One fragment: bytes `first` to `end` of a datagram's payload."""
    header = IP(src=src, dst="10.0.0.2", id=ident, flags="MF" if more else 0, frag=first // 8, proto=proto)
    return header / octets[first:end]


def run(given, **options):
    """Decode with kernel and twin, which must agree; every frame is accounted for."""
    decoder = frames.Decoder(**options)
    found = decoder.feed(given)
    expected = naive_decode(given)
    drops = expected.drops
    if expected.fragments.given_up:
        drops["fragment_incomplete"] += expected.fragments.given_up
    assert expected.packets == found.packets
    assert (expected.accepted, drops) == (found.accepted, found.drops)
    assert len(given) == found.accepted + sum(found.drops.values()) + decoder.waiting
    return found, decoder


def assert_whole(found, count):
    """One packet with the datagram's payload, all its frames accepted."""
    assert [(PAYLOAD, len(WHOLE), capture.STATUS_FRAGMENT)] == [(p.payload, p.ip_len, p.status) for p in found.packets]
    assert (count, {}) == (found.accepted, found.drops)


@pytest.mark.parametrize("seed", range(6))
def test_parts_in_any_order_give_the_datagram(seed):
    """In order, reversed, and shuffled."""
    given = fragment(WHOLE, fragsize=504)
    if seed == 1:
        given.reverse()
    elif seed > 1:
        random.Random(seed).shuffle(given)
    assert_whole(run(framed(given))[0], len(given))


def test_a_part_that_comes_twice_is_counted_and_changes_nothing():
    """The doubled frame is accepted with the others."""
    given = fragment(WHOLE, fragsize=504)
    assert_whole(run(framed([given[0], given[0], *given[1:]]))[0], len(given) + 1)


def test_where_parts_overlap_the_first_one_wins():
    """Other bytes under the same offsets are not taken, before or behind."""
    forged = bytes(255 - octet for octet in OCTETS)
    given = [part(0, 800), part(400, 1200, octets=forged), part(800, len(OCTETS), more=False)]
    found = frames.run(framed(given), check=False)
    assert naive_decode(framed(given), check=False).packets == found.packets
    assert OCTETS[8:800] + forged[800:1200] + OCTETS[1200:] == found.packets[0].payload


def test_parts_behind_the_end_do_not_fill_holes():
    """Eight bytes far out and the last part are as many units as the datagram has, and yet its beginning is missing."""
    given = [part(1600, 1608), part(8, 16, more=False)]
    found, decoder = run(framed(given))
    assert ([], {"malformed_ip": 1}, 1) == (found.packets, found.drops, decoder.waiting)


@pytest.mark.parametrize(
    "wrong",
    [
        part(24, 32),  # behind the end
        part(8, 32, more=False),  # another end, further out
        part(8, 16, more=False),  # another end, further in
        part(8, 20),  # more to come, and not a multiple of eight
        part(8, 8),  # nothing
    ],
)
def test_a_part_that_contradicts_the_others_is_refused_alone(wrong):
    """The datagram goes on waiting, and is whole when the missing part comes."""
    octets = b"\x03\xe8\x07\xd0\x00\x18\x00\x00datagram of 16 b"
    known, missing = part(16, 24, more=False, octets=octets), part(0, 16, octets=octets)
    found, _ = run(framed([known, wrong, missing]))
    assert ([b"datagram of 16 b"], 2, {"malformed_ip": 1}) == (
        [p.payload for p in found.packets],
        found.accepted,
        found.drops,
    )


def test_offsets_past_what_a_datagram_can_hold_are_refused():
    """The largest offset with any byte behind it passes 65,535 (the ping of death)."""
    octets = bytes(65_528 + 64)
    given = framed([part(65_528, 65_592, more=False, octets=octets), part(65_520, 65_535, more=False, octets=octets)])
    found, decoder = run(given)
    assert ({"malformed_ip": 1}, 1) == (found.drops, decoder.waiting)


def test_the_largest_datagram_is_put_together():
    """65,515 bytes behind one header, in 1,480-byte parts."""
    octets = b"\x03\xe8\x07\xd0" + (65_515).to_bytes(2, "big") + bytes(2) + bytes(range(256)) * 256
    octets = octets[:65_515]
    given = [part(k, min(k + 1480, 65_515), more=k + 1480 < 65_515, octets=octets) for k in range(0, 65_515, 1480)]
    found, _ = run(framed(given))
    assert (octets[8:], 65_535) == (found.packets[0].payload, found.packets[0].ip_len)


def test_sender_number_and_protocol_tell_datagrams_apart():
    """Four datagrams at a time, their parts interleaved."""
    kinds = [{"ident": 1}, {"ident": 2}, {"src": "10.0.0.9"}, {"proto": 253}]
    given = [part(0, 800, **kind) for kind in kinds] + [part(800, len(OCTETS), more=False, **kind) for kind in kinds]
    found = frames.run(framed(given), check=False)
    assert (4, 8) == (len(found.packets), found.accepted)
    assert naive_decode(framed(given), check=False).packets == found.packets


def test_a_datagram_that_waits_too_long_is_given_up():
    """After 30 s of event time its first parts are dropped; a later part begins anew."""
    first, last = framed([part(0, 800)]), part(800, len(OCTETS), more=False)
    for wait, packets, drops in ((TIMEOUT_NS, 1, {}), (TIMEOUT_NS + 1, 0, {"fragment_incomplete": 1})):
        found, _ = run(first + framed([last], ts=wait))
        assert (packets, drops) == (len(found.packets), found.drops)


def test_what_still_waits_at_the_end_is_dropped_as_incomplete():
    """Nothing is lost without a count."""
    decoder = frames.Decoder()
    decoder.feed(framed([part(0, 800), part(0, 800, ident=2)]))
    decoder.engine.finish()
    assert {"fragment_incomplete": 2} == decoder.engine.drops


def test_a_full_table_refuses_and_counts():
    """Two thousand datagrams in parts: places are never more than there are, and each frame has one fate."""
    given = framed([part(0, 8, ident=k) for k in range(2000)])
    decoder = frames.Decoder()
    found = decoder.feed(given)
    assert 0.9 * SLOTS < decoder.waiting <= SLOTS
    assert {"fragment_overflow": 2000 - decoder.waiting} == found.drops
    later = framed([part(0, 8, ident=k) for k in range(2000, 2200)], ts=2 * TIMEOUT_NS)
    found = decoder.feed(later)
    assert 2200 == found.accepted + sum(found.drops.values()) + decoder.waiting
    assert decoder.waiting > 100


def test_a_part_that_was_cut_by_the_snap_length_cannot_help():
    """A later part cut short is dropped as incomplete."""
    ts, octets, wire, link = framed([part(800, 1600)])[0]
    found, _ = run([(ts, octets[:100], wire, link)])
    assert {"fragment_incomplete": 1} == found.drops


def test_fragments_of_ipv6_and_an_atomic_one():
    """RFC 8200 §4.5; an atomic fragment (RFC 6946) waits for nothing."""
    base = IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrFragment(id=77) / UDP(sport=1, dport=2) / PAYLOAD
    atomic = IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrFragment(id=78) / UDP(sport=3, dport=4) / b"atom"
    parts = fragment6(base, 700)
    found, _ = run(framed([*reversed(parts), atomic]))
    assert [(PAYLOAD, 2), (b"atom", 4)] == [(p.payload, p.dport) for p in found.packets]
    assert (len(parts) + 1, {}) == (found.accepted, found.drops)


def test_a_fragment_inside_vxlan_is_accounted_for_once():
    """The outer packets are accepted as they come, so the inner parts count no frame of their own."""
    inner = [Ether(**MACS) / one for one in fragment(WHOLE, fragsize=1400)]
    outer = IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=9, dport=4789) / VXLAN(vni=5)
    decoder = frames.Decoder()
    found = decoder.feed(framed([outer / one for one in inner[:-1]]))
    assert (1, {}, 0) == (found.accepted, found.drops, decoder.waiting)
    found = decoder.feed(framed([outer / inner[-1]]))
    assert (2, PAYLOAD) == (found.accepted, found.packets[-1].payload)
    decoder.engine.finish()
    assert {} == decoder.engine.drops


def nested(levels, *, ident=0):
    """A datagram in two parts, each of which is in two parts, and so on: the frames, most deeply nested."""
    packets = [IP(src="10.9.9.9", dst="10.8.8.8", id=ident) / UDP(sport=7, dport=8) / bytes(60_000 >> levels)]
    for level in range(levels):
        outer = []
        for number, packet in enumerate(packets):
            size = (len(bytes(packet)) // 2 + 8) & ~7
            whole = IP(src=f"10.0.{level}.1", dst="10.0.0.2", id=ident + number + 1) / packet
            outer += fragment(whole, fragsize=size)
        packets = outer
    return packets


@pytest.mark.parametrize("levels", [1, 2, 3, 4, 5, 6])
def test_datagrams_in_datagrams_stay_within_the_scratch(levels):
    """Each completing frame may put several together; guards around the buffer stay whole, the account exact."""
    found, _ = run(framed(nested(levels)))
    assert (8 in {p.dport for p in found.packets}) == (levels <= 4)


def test_large_datagrams_that_complete_together_stay_within_the_scratch():
    """Many of 60 kB in one batch, each inside another: more than the scratch holds at once."""
    given = []
    for number in range(8):
        inner = IP(src="10.9.9.9", dst="10.8.8.8", id=number) / UDP(sport=7, dport=8) / bytes(58_000)
        inner = fragment(inner, fragsize=57_000)
        for k, one in enumerate(inner):
            whole = IP(src="10.0.0.1", dst="10.0.0.2", id=100 + 2 * number + k) / one
            given += fragment(whole, fragsize=32_000)
    found, _ = run(framed(given), room=frames.ROOM)
    assert 8 == len(found.packets)
