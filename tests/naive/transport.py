"""From an IP payload to a packet: ports, flags, lengths, checksum. RFC 9293, RFC 768, RFC 792, RFC 4443, RFC 9260."""

from dataclasses import dataclass

from sensor.model import capture
from tests.naive.checksum import pseudo_sum, right
from tests.naive.link import Dropped, word

PAIRS = {
    1: [(8, 0), (10, 9), (13, 14), (15, 16), (17, 18)],
    58: [(128, 129), (131, 130), (133, 134), (135, 136), (139, 140), (144, 145)],
}
"""Question and answer among ICMP types (RFC 792, 950, 1256; RFC 4443, 2710, 4861, 4620, 6275)."""
COUNTERPARTS = {proto: dict([*pairs, *((b, a) for a, b in pairs)]) for proto, pairs in PAIRS.items()}


@dataclass(frozen=True)
class Packet:
    """One packet; addresses as 16 bytes, IPv4 mapped."""

    ts: int
    nth: int
    src: bytes
    dst: bytes
    sport: int
    dport: int
    one_way: bool
    proto: int
    ip_len: int
    pay_len: int
    payload: bytes
    seq: int
    ack: int
    flags: int
    vlan: int
    inner_vlan: int
    tunnel: str
    tunnel_id: int
    macs: bytes | None
    status: int


def fields(proto, data, size, src, dst, check):
    """Read a transport header.

    Args:
        data: The captured part of the IP payload.
        size: The IP payload's length.
        check: Whether checksums count; "offload": those count that a network card has finished.

    Returns:
        (dict of the packet's fields, reason for a drop or None).
    """
    found = {"sport": 0, "dport": 0, "one_way": False, "seq": 0, "ack": 0, "flags": 0, "status": 0}
    header, failure = 0, None
    least = {6: 20, 17: 8, 1: 8, 58: 8, 132: 12}.get(proto, 0)
    if min(size, len(data)) < least:
        raise Dropped("malformed_transport")
    check = check if len(data) >= size else False
    pseudo = [] if proto == 1 else [(src, dst)]
    if proto in (6, 17, 132):
        found |= {"sport": word(data, 0), "dport": word(data, 2)}
        header = least
    if proto == 6:
        found |= {"seq": int.from_bytes(data[4:8], "big"), "ack": int.from_bytes(data[8:12], "big")}
        found["flags"] = data[13]
        header = 4 * (data[12] >> 4)
        if word(data, 14) == 0:
            found["status"] |= capture.STATUS_ZERO_WINDOW
        if not 20 <= header <= size:
            found["status"] |= capture.STATUS_BAD_HEADER
            header, failure, check = size, "malformed_transport", False
    elif proto == 17:
        if 8 <= word(data, 4) < size:
            size = word(data, 4)
        is_v4 = src[:8] == bytes(8)
        if word(data, 6) == 0 and (is_v4 or found["dport"] == 4789):  # RFC 768; RFC 6935 lets a tunnel leave it out
            check = False
    elif proto in (1, 58):
        header = 8
        found["sport"] = data[0]
        found["one_way"] = data[0] not in COUNTERPARTS[proto]
        found["dport"] = COUNTERPARTS[proto].get(data[0], data[1])
    else:
        check = False
    wrong = check and not right(data[:size], *(pseudo_sum(short(a), short(b), proto, size) for a, b in pseudo))
    if wrong and not (check == "offload" and unfinished(proto, data, size, short(src), short(dst))):
        failure = "bad_checksum"
        found["status"] |= capture.STATUS_BAD_CHECKSUM
    found |= {"pay_len": size - header, "payload": data[header:size]}
    return found, failure


def unfinished(proto, data, size, src, dst):
    """Tell whether the checksum is the pseudo header's sum alone, with the length or without."""
    if proto not in (6, 17):
        return False
    field = word(data, 16 if proto == 6 else 6)
    return field in {pseudo_sum(src, dst, proto, size), pseudo_sum(src, dst, proto, 0)}


def short(address):
    """An address as it stands in its own protocol."""
    return address[12:] if address[:12] == bytes(10) + b"\xff\xff" else address


def key_hash(seed, key):
    """Lemire and Kaser's multilinear hash over five words, multipliers drawn from the seed; 32 bits."""
    m1, m2, m3, mask = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 2**64 - 1
    a, b = (seed ^ m1) * m2 & mask, (seed ^ m3) * m1 & mask
    c = a ^ b >> 7
    h = key[1] * (a | 1) + key[3] * (b | 1) + key[4] * (c | 1)
    h += (key[0] * m1 & mask ^ seed) * m3 + (key[2] * m2 & mask ^ seed) * m1
    h &= mask
    h = (h ^ h >> 31) * m3 & mask
    return h >> 32


def flow_key(packet):
    """The lower (address, port) first, and whether the higher one sent."""
    ends = [(packet.src, packet.sport), (packet.dst, packet.dport)]
    lower, higher = sorted(ends)
    by_higher = ends[0] != lower
    tail = (2 if by_higher else 1) if packet.one_way else 0
    k4 = lower[1] << 48 | higher[1] << 32 | packet.proto << 24 | tail
    halves = [int.from_bytes(end[0][k : k + 8], "big") for end in (lower, higher) for k in (0, 8)]
    return (*halves, k4), by_higher
