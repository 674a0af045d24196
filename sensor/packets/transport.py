"""From an IP payload to one PACKET row: ports, lengths, flags, the key of its flow and the keyed hash of that key.

Both directions of a flow get the same key: the lower (address, port) first, `dir` telling which of them sent. ICMP has
Zeek's pair of types in the place of ports (`icmp_counterpart`); a type that has no counterpart is one-way, so its
opposite direction is another flow. Protocols without ports have zeros. SCTP's CRC-32c is not checked.
"""

import numpy as np

from baselines._jit import be16, be32, kernel, le16
from sensor.model import capture
from sensor.packets.checksum import fold, ones_sum, pseudo_sum

FAIL_TRANSPORT = -1 - capture.DROP_REASONS.index("malformed_transport")
FAIL_CHECKSUM = -1 - capture.DROP_REASONS.index("bad_checksum")

PORT_VXLAN = 4789

_M1 = np.uint64(0x9E3779B97F4A7C15)
_M2 = np.uint64(0xBF58476D1CE4E5B9)
_M3 = np.uint64(0x94D049BB133111EB)
"""Odd constants of the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""


@kernel(inline=True)
def mix(h, word):  # type: ignore[no-untyped-def]
    """Stir one word into a hash (uint64)."""
    h = (h ^ word) * _M2
    return h ^ (h >> np.uint64(32))


@kernel(inline=True)
def key_hash(seed, k0, k1, k2, k3, k4):  # type: ignore[no-untyped-def]
    """Return the 32-bit keyed hash of a flow key, as int64.

    Multilinear (Lemire and Kaser 2014): each word times a multiplier of its own, here drawn from the secret seed, so
    that the five products do not wait for each other; then one round of SplitMix64.
    """
    a = (seed ^ _M1) * _M2
    b = (seed ^ _M3) * _M1
    one = np.uint64(1)
    h = k1 * (a | one) + k3 * (b | one) + k4 * ((a ^ b >> np.uint64(7)) | one)
    h += (k0 * _M1 ^ seed) * _M3 + (k2 * _M2 ^ seed) * _M1
    h = (h ^ (h >> np.uint64(31))) * _M3
    return np.int64(h >> np.uint64(32))


@kernel()
def icmp_counterpart(proto, kind):  # type: ignore[no-untyped-def]
    """Return the type that answers an ICMP or ICMPv6 type (Zeek's pairs), -1 where none does."""
    if proto == 1:
        if kind == 0 or kind == 8:  # echo
            return 8 - kind
        if kind == 9 or kind == 10:  # router discovery
            return 19 - kind
        if 13 <= kind <= 18:  # timestamp, information, address mask
            return kind + 1 if kind & 1 else kind - 1
        return -1
    if kind == 128 or kind == 129:
        return 257 - kind
    if kind == 130 or kind == 131:  # multicast listener
        return 261 - kind
    if 133 <= kind <= 136:  # router, neighbour
        return kind + 1 if kind & 1 else kind - 1
    if kind == 139 or kind == 140:  # node information
        return 279 - kind
    if kind == 144 or kind == 145:  # home agent discovery
        return 289 - kind
    return -1


@kernel(inline=True)
def set_key(p, proto, src_hi, src_lo, dst_hi, dst_lo, src_port, dst_port, one_way, seed):  # type: ignore[no-untyped-def]
    """Write key, direction and hash of a packet row."""
    flip = src_hi > dst_hi or (src_hi == dst_hi and (src_lo > dst_lo or (src_lo == dst_lo and src_port > dst_port)))
    if flip:
        p.k0, p.k1, p.k2, p.k3 = dst_hi, dst_lo, src_hi, src_lo
        ports = (dst_port << 48) | (src_port << 32)
        p.dir = 1
    else:
        p.k0, p.k1, p.k2, p.k3 = src_hi, src_lo, dst_hi, dst_lo
        ports = (src_port << 48) | (dst_port << 32)
        p.dir = 0
    if one_way:
        ports |= 2 if flip else 1
    p.k4 = np.uint64(ports) | np.uint64(proto << 24)
    p.h = key_hash(seed, p.k0, p.k1, p.k2, p.k3, p.k4)


@kernel(inline=True)
def checksum_right(buf, pos, end, proto, src_hi, src_lo, dst_hi, dst_lo):  # type: ignore[no-untyped-def]
    """Tell whether the checksum over `buf[pos:end]` and the pseudo header (none for ICMPv4) is right."""
    total = ones_sum(buf, pos, end)
    if proto != 1:
        total += pseudo_sum(src_hi, src_lo, dst_hi, dst_lo, proto, end - pos)
    return fold(total) == 0xFFFF


@kernel()
def is_unfinished(buf, l4_proto, l4, l4_end, src_hi, src_lo, dst_hi, dst_lo):  # type: ignore[no-untyped-def]
    """Tell whether a checksum is what a system leaves for its network card to finish: the pseudo header's sum.

    Linux calls it CHECKSUM_PARTIAL (https://docs.kernel.org/networking/checksum-offloads.html); Windows does the same,
    without the length where the card is to cut a large segment. A damaged packet looks like it once in 2^15.
    """
    at, length = l4 + 16, l4_end - l4
    if l4_proto == 17:
        at, told = l4 + 6, be16(buf, l4 + 4)
        length = told if 8 <= told < length else length
    elif l4_proto != 6:
        return False
    field = le16(buf, at)
    whole = fold(pseudo_sum(src_hi, src_lo, dst_hi, dst_lo, l4_proto, length))
    return field == whole or field == fold(pseudo_sum(src_hi, src_lo, dst_hi, dst_lo, l4_proto, 0))


@kernel()
def transport(buf, p, proto, l4, cap_end, l4_end, src_hi, src_lo, dst_hi, dst_lo, seed, check):  # type: ignore[no-untyped-def]
    """Fill a packet row from the transport header.

    Args:
        p: The PACKET row; its `status` must be set.
        l4: First byte of the IP payload in `buf`.
        cap_end: Where the captured bytes end.
        l4_end: Where the IP payload ends by the IP header; `cap_end` is lower where the capture was cut.
        check: Whether checksums are validated; only what was captured whole can be.

    Returns:
        0, or a negative FAIL_*: FAIL_CHECKSUM still leaves a usable key.
    """
    size, captured = l4_end - l4, cap_end - l4
    p.seq, p.ack, p.flags = 0, 0, 0
    src_port, dst_port, header, one_way = 0, 0, 0, False
    check = check and captured >= size
    failure = 0
    if proto == 6:
        if size < 20 or captured < 20:
            return FAIL_TRANSPORT
        src_port, dst_port = be16(buf, l4), be16(buf, l4 + 2)
        p.seq, p.ack, p.flags = be32(buf, l4 + 4), be32(buf, l4 + 8), buf[l4 + 13]
        header = (int(buf[l4 + 12]) >> 4) << 2
        if buf[l4 + 14] == 0 and buf[l4 + 15] == 0:
            p.status |= capture.STATUS_ZERO_WINDOW
        if header < 20 or header > size:
            p.status |= capture.STATUS_BAD_HEADER
            header = size
            failure = FAIL_TRANSPORT
        elif check and not checksum_right(buf, l4, l4_end, proto, src_hi, src_lo, dst_hi, dst_lo):
            failure = FAIL_CHECKSUM
    elif proto == 17:
        if size < 8 or captured < 8:
            return FAIL_TRANSPORT
        src_port, dst_port = be16(buf, l4), be16(buf, l4 + 2)
        header = 8
        length = be16(buf, l4 + 4)
        if 8 <= length < size:
            size = length
        if check and (be16(buf, l4 + 6) or (src_hi and dst_port != PORT_VXLAN)):
            if not checksum_right(buf, l4, l4 + size, proto, src_hi, src_lo, dst_hi, dst_lo):
                failure = FAIL_CHECKSUM
    elif proto == 1 or proto == 58:
        if size < 8 or captured < 8:
            return FAIL_TRANSPORT
        src_port, header = int(buf[l4]), 8
        dst_port = icmp_counterpart(proto, src_port)
        if dst_port < 0:
            dst_port, one_way = int(buf[l4 + 1]), True
        if check and not checksum_right(buf, l4, l4_end, proto, src_hi, src_lo, dst_hi, dst_lo):
            failure = FAIL_CHECKSUM
    elif proto == 132:
        if size < 12 or captured < 12:
            return FAIL_TRANSPORT
        src_port, dst_port, header = be16(buf, l4), be16(buf, l4 + 2), 12
    set_key(p, proto, src_hi, src_lo, dst_hi, dst_lo, src_port, dst_port, one_way, seed)
    p.pay_len = size - header
    p.pay_off = l4 + header
    p.pay_cap = max(0, min(captured - header, size - header))
    if failure == FAIL_CHECKSUM:
        p.status |= capture.STATUS_BAD_CHECKSUM
    return failure
