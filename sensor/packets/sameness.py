"""Equal numbers for payloads that say the same about their flow, and the memory of what was handed over lately.

A controller is polled thousands of times a second, with the same few requests. Of those one is handed over, then one a
minute with the number of its likes, and in between at powers of 16. What tells requests apart: Modbus unit, function
and what is written where; DNP3 addresses, function and the objects of a command; S7comm function and what is written
where; EtherNet/IP command, CIP service and path; DCE-RPC context and operation; of an announced name the message's
first bytes. Values and sequence numbers do not count. The memory is of fixed size: where it is full, the older of two
makes room. What was counted there, and at the end of an input what was counted since the last row, is not told.
"""

import numpy as np

from baselines._jit import be16, byte, kernel, le16, ule64
from sensor.model.metadata import K_DCE_RPC, K_DNP3, K_DNP3_UDP, K_ENIP, K_ENIP_UDP, K_MODBUS, K_NAME, K_S7
from sensor.packets.tlv import BYTES, INT, INTS
from sensor.packets.transport import mix

NAME_BYTES = 512
"""Bytes of an announcement that tell it from others."""
UNITS_MAX = 8
"""Requests of one segment that are looked at; masters rarely send more than two at once."""
ITEMS_MAX = 4
"""Items of EtherNet/IP's common packet format that are looked at; CIP messages have two (CIP volume 2 §2-6)."""

AGAIN_NS = 60_000_000_000
"""How often the same is handed over again: an hour's polling is then 60 rows, and a count is at most a minute old."""
PLACES = 4096
"""Distinct sayings remembered, 64 KiB; a site of 200 controllers with ten different requests each fills half."""
COUNT_BITS = 20
"""Of a place's second word for the count of one minute; at 17,000 a second it stops. The rest is time, in units of
2^20 ns."""
COUNT_MASK = (1 << COUNT_BITS) - 1


@kernel(pin=(BYTES, INT, INT, INT))
def hashed(buf, start, end, h):  # type: ignore[no-untyped-def]
    """Hash bytes and their number on top of a hash; eight bytes a step, for announcements are hundreds."""
    h = mix(np.uint64(h), np.uint64(end - start))
    while start + 8 <= end:
        h = mix(h, ule64(buf, start))
        start += 8
    for i in range(start, end):
        h = mix(h, np.uint64(buf[i]))
    return np.int64(h)


@kernel(pin=(BYTES, INT, INT, INT))
def modbus(buf, pos, cap_end, h):  # type: ignore[no-untyped-def]
    """Unit, function, exception code; of writes the address and quantity (Modbus TCP §4.1 of the messaging guide)."""
    for _ in range(UNITS_MAX):
        if pos + 9 > cap_end:
            break
        function = byte(buf, pos + 7)
        size = 8
        if function & 0x80:
            size = 9
        elif function == 5 or function == 6 or function == 22:
            size = 10
        elif function == 15 or function == 16 or function == 23:
            size = 12
        h = hashed(buf, pos + 6, min(pos + size, cap_end), h)
        pos += 6 + max(be16(buf, pos + 4), 1)
    return h


@kernel(pin=(BYTES, INT, INT, INT))
def dnp3(buf, pos, cap_end, h):  # type: ignore[no-untyped-def]
    """Link function and addresses, application function; of commands the first object header and point."""
    h = hashed(buf, pos + 3, min(pos + 8, cap_end), h)
    if cap_end - pos > 12:
        size = 13 + (9 if 2 <= buf[pos + 12] <= 6 else 0)
        h = hashed(buf, pos + 12, min(pos + size, cap_end), h)
    return h


@kernel(pin=(BYTES, INT, INT, INT))
def s7(buf, pos, cap_end, h):  # type: ignore[no-untyped-def]
    """Message type, function, errors of an answer; of writes what is written; of user data group and subfunction."""
    if cap_end - pos < 19:
        return hashed(buf, min(pos + 5, cap_end), cap_end, h)
    kind = byte(buf, pos + 8)
    h = hashed(buf, pos + 8, pos + 9, h)
    start = pos + (19 if kind == 2 or kind == 3 else 17)
    size = 1
    if kind == 7:
        start, size = start + 4, 3
    elif start < cap_end and buf[start] != 4:
        size = 14
    return hashed(buf, min(start, cap_end), min(start + size, cap_end), h)


@kernel(pin=(BYTES, INT, INT, INT))
def enip(buf, pos, cap_end, h):  # type: ignore[no-untyped-def]
    """Command and status; of the CIP message within, service, general status or path, and what is tunnelled in it."""
    h = hashed(buf, pos, pos + 2, h)
    h = hashed(buf, min(pos + 8, cap_end), min(pos + 12, cap_end), h)
    if (buf[pos] != 0x6F and buf[pos] != 0x70) or cap_end - pos < 32:
        return h
    at = pos + 32
    for _ in range(ITEMS_MAX):
        if at + 8 > cap_end:
            break
        item, size = le16(buf, at), le16(buf, at + 2)
        if item == 0xB1 or item == 0xB2:
            at += 6 if item == 0xB1 else 4
            words = byte(buf, at + 1)
            reach = 4 if buf[at] & 0x80 else 2 + 2 * words
            if buf[at] == 0x52 and words == 2:
                reach += 16
            return hashed(buf, at, min(at + reach, cap_end), h)
        at += 4 + size
    return h


@kernel(pin=(INT, BYTES, INT, INT, INT))
def sameness(kind, buf, pos, cap_end, start):  # type: ignore[no-untyped-def]
    """Return a number that is equal for payloads of a kind and of a flow's end (`start`) that say the same; 0: none."""
    h = np.int64(mix(np.uint64(start), np.uint64(kind)))
    if kind == K_MODBUS:
        h = modbus(buf, pos, cap_end, h)
    elif kind == K_DNP3 or kind == K_DNP3_UDP:
        h = dnp3(buf, pos, cap_end, h)
    elif kind == K_S7:
        h = s7(buf, pos, cap_end, h)
    elif kind == K_ENIP or kind == K_ENIP_UDP:
        h = enip(buf, pos, cap_end, h)
    elif kind == K_DCE_RPC and buf[pos + 2] == 0 and cap_end - pos >= 24:
        h = hashed(buf, pos + 20, pos + 24, h)
    elif kind == K_NAME:
        h = hashed(buf, pos + 2, min(pos + NAME_BYTES, cap_end), h)
    else:
        return 0
    return h | 1


@kernel(pin=(INTS, INT, INT, INT))
def likes(memory, first, number, ts):  # type: ignore[no-untyped-def]
    """Count one more of the same.

    Args:
        memory: Borrowed int64; `PLACES` pairs of words lie from `first` on.
        number: What `sameness` gave.
        ts: Of the packet, ns.

    Returns:
        0 where it is not to be handed over; else how many there were since the last time, this one included. Within a
        minute that is the first, the 16th, the 256th and so on: a burst shows at once, and how large it is.
    """
    place = first + 2 * (np.int64(np.uint64(number) >> np.uint64(40)) & (PLACES - 1))
    other = first + ((place - first) ^ 2)
    if memory[place] != number and (memory[other] == number or memory[other + 1] < memory[place + 1]):
        place = other
    moment = ts >> COUNT_BITS
    if memory[place] != number:
        memory[place], memory[place + 1] = number, moment << COUNT_BITS | 1
        return 1
    last = memory[place + 1]
    seen = last & COUNT_MASK
    told = np.int64(1)
    while told << 4 <= seen:
        told <<= 4
    elapsed = moment - (last >> COUNT_BITS)
    if elapsed < 0 or elapsed >= AGAIN_NS >> COUNT_BITS:
        memory[place + 1] = moment << COUNT_BITS | 1
        return seen - told + 1
    seen = min(seen + 1, COUNT_MASK)
    memory[place + 1] = (last & ~COUNT_MASK) | seen
    return seen - told if seen == told << 4 else 0
