"""DHCP messages, read from RFC 2131 §2 and RFC 2132 as a dictionary of options."""

import struct

from sensor.model import metadata as m
from tests.naive.span import little, put

TEXTS = {12: m.F_HOST_NAME, 15: m.F_DOMAIN, 60: m.F_VENDOR_CLASS}
ADDRESSES = {3: (m.F_ROUTER, 8), 6: (m.F_DNS_SERVER, 8), 50: (m.F_REQUESTED_ADDR, 1), 54: (m.F_SERVER_ADDR, 1)}


def parse_dhcp(data, wire):
    """Return (NOT_THIS or whole, fields)."""
    if len(data) < 240 or data[0] not in (1, 2) or data[2] > 16 or data[236:240] != b"\x63\x82\x53\x63":
        return m.NOT_THIS, {}
    ident, client, assigned = struct.unpack_from(">I4xII", data, 4)
    fields = {}
    if data[1:3] == b"\1\6":
        put(fields, m.F_MAC, data[28:34])
    put(fields, m.F_TRANS_ID, little(ident, 4))
    for field, address in ((m.F_CLIENT_ADDR, client), (m.F_ASSIGNED_ADDR, assigned)):
        if address:
            put(fields, field, address.to_bytes(4, "big"))
    options, complete = walk(data[240:wire], wire - 240)
    overload = [value[0] & 3 for code, value in options if code == 52 and len(value) == 1][-1:] or [0]
    more = []
    if overload[0] & 1:
        more.append(walk(data[108:236], 128))
    if overload[0] & 2:
        more.append(walk(data[44:108], 64))
    for extra, good in more:
        options += extra
        complete = complete and good
    seen = set()
    for code, value in options:
        if code not in seen:
            seen.add(code)
            read_option(code, value, fields)
    return int(complete), fields


def walk(data, wire):
    """Return the options of a field in their order, and whether it was read to its end."""
    found, at = [], 0
    while at < wire:
        if at >= len(data):
            return found, False
        if data[at] == 255:
            return found, True
        if data[at] == 0:
            at += 1
            continue
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            return found, False
        found.append((data[at], data[at + 2 : at + 2 + data[at + 1]]))
        at += 2 + data[at + 1]
    return found, True


def read_option(code, value, fields):
    if code == 53 and len(value) == 1:
        put(fields, m.F_MSG_TYPE, value)
    elif code == 51 and len(value) == 4:
        put(fields, m.F_LEASE_TIME, value[::-1])
    elif code in ADDRESSES:
        field, most = ADDRESSES[code]
        for i in range(0, min(len(value) // 4, most) * 4, 4):
            if any(value[i : i + 4]):
                put(fields, field, value[i : i + 4])
    elif code in TEXTS and value.rstrip(b"\0"):
        put(fields, TEXTS[code], value.rstrip(b"\0"))
    elif code == 55:
        put(fields, m.F_PARAM_LIST, value)
    elif code == 61:
        put(fields, m.F_CLIENT_ID, value)
    elif code == 81 and len(value) > 3:
        name = labels(value[3:]) if value[0] & 4 else value[3:].rstrip(b"\0")
        if name:
            put(fields, m.F_FQDN, name)


def labels(value):
    """The dotted form of a name in wire form without compression, or nothing where it is damaged."""
    found = []
    while value and value[0]:
        size = value[0]
        if size >= 64 or len(value) < 1 + size:
            return b""
        found.append(value[1 : 1 + size])
        value = value[1 + size :]
    return b".".join(found)
