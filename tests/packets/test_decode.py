"""Frames to packets: kernel against twin on samples and real captures, damaged and random frames, exact accounts."""

import random
from collections import Counter
from socket import AF_INET, AF_INET6, inet_pton

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Ether

from sensor.errors import Malformed
from sensor.model import capture
from tests.naive.checksum import pseudo_sum
from tests.naive.decode import decode as naive_decode
from tests.packets import frames
from tests.packets.oracle import CRAFTED

MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
SAMPLES = sorted(path for path in CRAFTED.parent.rglob("*.pcap*"))
FOLDERS = ("zeek-btest", "arkime", "ipfixprobe", "tcpdump", "iot-sentinel", "scan-misc", "iti-ics", "otrf")
LINKS = sorted({*capture.LINKTYPES.values(), capture.LINK_UNKNOWN, 77})
FRAMES_EACH = 3000
BATCH = 40
"""Damaged frames at a time: as many datagrams in parts never find the bounded table full, as the twin's never is."""


def agree(given_, *, pieces=(), **options):
    """Decode with kernel (in pieces) and twin: packets, ARP rows, accepted and drops are equal, and add up."""
    decoder = frames.Decoder(**options)
    expected = naive_decode(given_, check=options.get("check", True))
    at = 0
    for size in (*pieces, len(given_)):
        if given_[at : at + size]:
            decoder.feed(given_[at : at + size])
        at += size
    found = decoder.result
    waiting = sum(datagram.frames for datagram in expected.fragments.waiting.values())
    drops = expected.drops + Counter({"fragment_incomplete": expected.fragments.given_up + waiting})
    if not pieces:
        assert expected.packets == found.packets
        assert expected.arps == found.arps
    # when what is overdue is given up depends on where it lies
    assert (expected.accepted, drops) == (
        found.accepted, found.drops + Counter({"fragment_incomplete": decoder.waiting}),
    )  # fmt: skip
    assert len(given_) == found.accepted + sum(found.drops.values()) + decoder.waiting
    return found


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples_decode_as_the_twin_has_it(path):
    """All columns of all packets of every sample, with checksums, without, and with those a card has finished."""
    for check in (True, False, "offload"):
        agree(frames.of_capture(path), check=check)


@pytest.mark.parametrize("folder", FOLDERS)
def test_real_captures_decode_as_the_twin_has_it(data_dir, folder):
    """The first frames of every real capture."""
    compared = 0
    for path in sorted((data_dir / "network" / folder).rglob("*")):
        if path.suffix not in (".pcap", ".cap", ".trace", ".pcapng"):
            continue
        try:
            given_ = frames.of_capture(path, limit=FRAMES_EACH)
        except Malformed:
            continue
        compared += len(agree(given_).packets)
    assert compared > 0


@pytest.mark.parametrize("link", LINKS)
def test_random_bytes_of_every_link_type(link):
    """Nothing outside the scratch is written, every frame has one fate, and the twin agrees on it."""
    rng = random.Random(link)
    given_ = []
    for _ in range(400):
        octets = bytearray(rng.randbytes(rng.choice((0, 1, 13, 14, 20, 40, 60, 200))))
        if len(octets) > 40:  # steer some of them past the link header
            octets[rng.choice((0, 4, 14, 16, 20))] = rng.choice((0x45, 0x60, 0x08, 0x11))
            octets[12:14] = rng.choice((b"\x08\0", b"\x86\xdd", b"\x81\0", b"\x88\x47", b"\x88\x64", octets[12:14]))
        given_.append((0, bytes(octets), len(octets) + rng.choice((0, 0, 100)), link))
    agree(given_, check=False)


def damaged(rng, given_, count):
    """Frames with bytes changed, cut, and with lengths that lie."""
    for _ in range(count):
        ts, octets, wire, link = rng.choice(given_)
        octets = bytearray(octets)
        for _ in range(rng.randint(1, 6)):
            if octets:
                octets[rng.randrange(min(len(octets), rng.choice((20, 60, 9999))))] = rng.choice(
                    (0, 255, rng.randrange(256))
                )
        cut = rng.choice((len(octets), rng.randrange(len(octets) + 1)))
        yield ts, bytes(octets[:cut]), rng.choice((wire, cut, 0, 70_000)), link


def mutated(seed, count):
    rng = random.Random(seed)
    for path in SAMPLES:
        if path.parent == CRAFTED:
            given_ = frames.of_capture(path)
            for _ in range(0, count if given_ else 0, BATCH):
                agree(list(damaged(rng, given_, BATCH)), check=bool(seed % 2))


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_frames_agree_with_the_twin(seed):
    """Frames of every crafted capture, damaged."""
    mutated(seed, 40)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 20))
def test_many_mutated_frames_agree_with_the_twin(seed):
    """The same at length."""
    mutated(seed, 1000)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 60), max_size=12), st.integers(136, 700), st.sampled_from(SAMPLES))
def test_cutting_the_input_anywhere_changes_nothing(pieces, out_rows, path):
    """Any sizes of batches, any number of rows: the same packets, but for their place in a batch."""
    given_ = frames.of_capture(path, limit=400)
    if not given_:
        return
    found = agree(given_, pieces=pieces, out_rows=out_rows).packets
    expected = frames.run(given_).packets
    assert [vars(p) | {"nth": 0} for p in expected] == [vars(p) | {"nth": 0} for p in found]


def test_an_ip_length_of_zero_is_the_rest_of_the_frame():
    """Segmentation offload leaves it empty, for IPv4 and for TCP over IPv6; the checksum then is not the wire's."""
    tcp = TCP(sport=1, dport=2, flags="PA", chksum=0) / bytes(3000)
    for ip in (IP(src="10.0.0.1", dst="10.0.0.2", len=0), IPv6(src="2001:db8::1", dst="2001:db8::2", plen=0)):
        (packet,) = agree([frames.ethernet(bytes(Ether(**MACS) / ip / tcp))], check=False).packets
        assert (3000, 3020 + (20 if isinstance(ip, IP) else 40)) == (packet.pay_len, packet.ip_len)


def partial(packet, proto, length):
    """The sum of the pseudo header alone, as a system leaves it for the card."""
    src, dst = (inet_pton(AF_INET6 if ":" in end else AF_INET, end) for end in (packet.src, packet.dst))
    return pseudo_sum(src, dst, proto, length)


@pytest.mark.parametrize("ip", [IP(src="10.0.0.1", dst="10.0.0.2"), IPv6(src="2001:db8::1", dst="2001:db8::2")])
def test_what_a_card_has_yet_to_finish_is_believed_where_asked(ip):
    """TCP and UDP with the pseudo header's sum, TCP without its length, an IPv4 header's sum of 0; damage is not."""
    data = b"the quick brown fox"
    tcp, udp = TCP(sport=1, dport=2, flags="PA"), UDP(sport=3, dport=4)
    good, sent = [ip / tcp.copy() / data, ip / udp.copy() / data], []
    for layer, proto, length in ((tcp, 6, 39), (udp, 17, 27), (tcp, 6, 0)):
        segment, around = layer.copy(), ip.copy()
        segment.chksum = partial(ip, proto, length)
        if isinstance(around, IP):
            around.chksum = 0
        sent.append(around / segment / data)
    damaged = ip / TCP(sport=1, dport=2, flags="PA", chksum=0x1234) / data
    given = [frames.ethernet(bytes(Ether(**MACS) / one)) for one in (*good, *sent, damaged)]

    assert len(good) == agree(given).accepted
    found = agree(given, check="offload")
    assert (5, {"bad_checksum": 1}) == (found.accepted, dict(found.drops))


def test_extension_headers_are_followed_to_a_limit():
    """Eight are passed over; of more, the ninth is taken for the protocol."""
    for count, proto in ((1, 17), (8, 17), (9, 60)):
        packet = IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrHopByHop()
        for _ in range(count - 1):
            packet = packet / IPv6ExtHdrDestOpt()
        (found,) = agree([frames.ethernet(bytes(Ether(**MACS) / packet / UDP(sport=3, dport=4) / b"x"))]).packets
        assert proto == found.proto


def test_arp_gives_rows_of_its_own():
    """Request and reply on a VLAN; what is no ARP for Ethernet and IPv4 is malformed."""
    good = (
        Ether(**MACS, type=0x8100)
        / b"\0\x1e\x08\x06"
        / ARP(op=2, hwsrc="02:00:00:00:00:07", psrc="10.0.0.7", hwdst="02:00:00:00:00:08", pdst="10.0.0.8")
    )
    bad = Ether(**MACS) / ARP(hwtype=6)
    found = agree([frames.ethernet(bytes(good), ts=5), frames.ethernet(bytes(bad)), frames.ethernet(bytes(good)[:40])])
    assert [(5, 0x020000000007, 0x020000000008, 0x0A000007, 0x0A000008, 2, 30, 0)] == found.arps
    assert (1, {"malformed_transport": 2}) == (found.accepted, found.drops)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "malformed_link"),
        (bytes(13), "malformed_link"),
        (bytes(12) + b"\x08\0", "malformed_ip"),
        (bytes(12) + b"\x08\0\x55" + bytes(40), "malformed_ip"),
        (bytes(12) + b"\x08\0\x44" + bytes(40), "malformed_ip"),
        (bytes(12) + b"\x08\0\x45\0\xff\xff" + bytes(40), "malformed_ip"),
        (bytes(12) + b"\x86\xdd\x60" + bytes(38), "malformed_ip"),
        (bytes(12) + b"\x86\xdd\x60\0\0\0\xff\xff" + bytes(40), "malformed_ip"),
        (bytes(12) + b"\x86\xdd\x60\0\0\0\0\x08\0\0" + bytes(32) + b"\0\xff" + bytes(6), "malformed_ip"),
        (bytes(12) + b"\x88\xcc" + bytes(46), "not_ip"),
    ],
)
def test_each_refusal_has_its_reason(octets, reason):
    """One frame, one reason."""
    assert {reason: 1} == agree([frames.ethernet(octets)], check=False).drops


def test_no_frames_and_rows_of_any_state():
    """An empty batch changes nothing."""
    decoder = frames.Decoder()
    assert ([], 0, {}) == (decoder.feed([]).packets, decoder.result.accepted, decoder.result.drops)
