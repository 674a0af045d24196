"""Twin of sensor/packets/pcapng.py, from draft-ietf-opsawg-pcapng sections 3 and 4, with struct and plain lists."""

import struct

from tests.naive.ticks import to_ns

LIMIT = 262_144


def walk(content):
    """Return (packets, drops, end, why) of a whole file.

    A packet is (ts_ns, offset, captured, wire, linktype or None, interface number); `drops` the reasons in order;
    `why` is `end`, `cut`, `large` or `damaged`.
    """
    packets, drops = [], []
    order, interfaces = "<", []
    last_ts = 0
    at = 0
    while True:
        if at == len(content):
            return packets, drops, at, "end"
        if len(content) - at < 12:
            return packets, drops, at, "cut"
        if content[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            if len(content) - at < 16:
                return packets, drops, at, "cut"
            order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(content[at + 8 : at + 12], "")
            if not order:
                return packets, drops, at, "damaged"
            (length,) = struct.unpack(order + "I", content[at + 4 : at + 8])
            if struct.unpack(order + "H", content[at + 12 : at + 14]) != (1,) or length < 28:
                return packets, drops, at, "damaged"
        kind, length = struct.unpack(order + "II", content[at : at + 8])
        if length < 12 or length % 4:
            return packets, drops, at, "damaged"
        if length > LIMIT + 32 + 65_536 + 8:
            return packets, drops, at, "large"
        if length > len(content) - at:
            return packets, drops, at, "cut"
        block = content[at : at + length]
        if block[-4:] != block[4:8]:
            return packets, drops, at, "damaged"
        body = block[8:-4]
        if kind == 0x0A0D0D0A:
            interfaces = []
        elif kind == 1 and len(body) >= 8:
            interfaces.append(_interface(body, order))
        elif kind in (2, 3, 6):
            packet = _packet(kind, body, order, interfaces, last_ts)
            if isinstance(packet, str):
                drops.append(packet)
            else:
                last_ts = packet[0]
                packets.append((packet[0], at + 8 + packet[1], *packet[2:]))
        at += length


def _interface(body, order):
    linktype, _, snaplen = struct.unpack(order + "HHI", body[:8])
    resolution, offset_s = 6, 0
    rest = body[8:]
    while len(rest) >= 4:
        code, length = struct.unpack(order + "HH", rest[:4])
        value = rest[4 : 4 + length]
        if code == 0 or len(value) < length:
            break
        if code == 9 and length == 1:
            resolution = value[0]
        if code == 14 and length == 8:
            (offset_s,) = struct.unpack(order + "q", value)
        rest = rest[4 + (length + 3) // 4 * 4 :]
    return linktype, snaplen, resolution, offset_s


def _packet(kind, body, order, interfaces, last_ts):
    if len(body) < (4 if kind == 3 else 20):
        return "truncated_record"
    number = 0
    if kind == 6:
        (number,) = struct.unpack(order + "I", body[:4])
    elif kind == 2:
        (number,) = struct.unpack(order + "H", body[:2])
    linktype, snaplen, resolution, offset_s = interfaces[number] if number < len(interfaces) else (None, 0, 6, 0)
    if kind == 3:
        (wire,) = struct.unpack(order + "I", body[:4])
        captured = min(wire, len(body) - 4, snaplen or wire)
        if captured > LIMIT:
            return "oversized_record"
        return last_ts, 4, captured, wire, linktype, 0
    high, low, captured, wire = struct.unpack(order + "IIII", body[4:20])
    if captured > LIMIT:
        return "oversized_record"
    if captured > len(body) - 20:
        return "truncated_record"
    ts = to_ns(high << 32 | low, resolution, offset_s)
    if ts is None:
        return "time_out_of_range"
    return ts, 20, captured, wire, linktype, min(number, 65_535)
