"""Twin of sensor/packets/pcap.py, from draft-ietf-opsawg-pcap sections 4 and 5, with struct and plain integers."""

import struct

LIMIT = 262_144


def walk(content):
    """Return (records, end, damaged) of a whole file; a record is (ts_ns, offset, captured, wire)."""
    for order in "<>":
        magic, major, minor, *_ = struct.unpack(order + "IHHiIII", content[:24])
        if magic in (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34):
            break
    unit_ns = 1 if magic == 0xA1B23C4D else 1000
    header = 24 if magic == 0xA1B2CD34 else 16
    records = []
    at = 24
    while len(content) - at >= header:
        seconds, fraction, captured, wire = struct.unpack(order + "IIII", content[at : at + 16])
        if (major, minor) < (2, 3) or ((major, minor) == (2, 3) and captured > wire):
            captured, wire = wire, captured
        if captured > LIMIT:
            return records, at, True
        if len(content) - at - header < captured:
            break
        records.append((seconds * 10**9 + fraction * unit_ns, at + header, captured, wire))
        at += header + captured
    return records, at, False
