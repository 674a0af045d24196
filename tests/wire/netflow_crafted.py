"""Export packets made by hand: NetFlow v5, v9 (RFC 3954) and IPFIX (RFC 7011)."""

import socket
import struct

SENT = 1_795_497_000
"""Export time, s."""
IPV4 = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 4), (1, 4), (22, 4), (21, 4)]
"""Elements and lengths: addresses, ports, protocol, flags, packets, bytes, start and end by uptime."""


def v5(*records, sequence=0, uptime=100_000, nanoseconds=0):
    """Make a v5 packet of (src, src_p, dst, dst_p, proto, flags, pkts, bytes, first, last)."""
    body = b"".join(
        struct.pack(
            "!4s4s4sHHIIIIHHBBBBHHBBH", socket.inet_aton(src), socket.inet_aton(dst), bytes(4), 0, 0, pkts, octets,
            first, last, src_p, dst_p, 0, flags, proto, 0, 0, 0, 0, 0, 0,
        )
        for src, src_p, dst, dst_p, proto, flags, pkts, octets, first, last in records
    )  # fmt: skip
    return struct.pack("!HHIIIIBBH", 5, len(records), uptime, SENT, nanoseconds, sequence, 0, 0, 0) + body


def part(number, body):
    """Make a set."""
    return struct.pack("!HH", number, 4 + len(body)) + body


def template(number, fields):
    """Make a template of (element, length) or (element, length, enterprise)."""
    specified = b"".join(
        struct.pack("!HHI", one[0] | 0x8000, one[1], one[2]) if len(one) == 3 else struct.pack("!HH", *one)
        for one in fields
    )
    return struct.pack("!HH", number, len(fields)) + specified


def record(fields, values):
    """Make a record: whole numbers, addresses as text."""
    made = b""
    for (_, length, *_), value in zip(fields, values, strict=True):
        if isinstance(value, str):
            made += socket.inet_pton(socket.AF_INET6 if ":" in value else socket.AF_INET, value)
        else:
            made += value.to_bytes(length, "big")
    return made


def v9(*parts, sequence=0, domain=7, uptime=100_000):
    """Make a v9 packet of sets."""
    return struct.pack("!HHIIII", 9, len(parts), uptime, SENT, sequence, domain) + b"".join(parts)


def ipfix(*parts, sequence=0, domain=7):
    """Make an IPFIX message of sets."""
    body = b"".join(parts)
    return struct.pack("!HHIII", 10, 16 + len(body), SENT, sequence, domain) + body
