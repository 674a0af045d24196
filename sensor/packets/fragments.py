"""Reassembly of IP fragments (RFC 791 §3.2, RFC 8200 §4.5) in a table of fixed size.

A datagram in parts waits in one of `SLOTS` places of 64 KiB. A bitmap of 8-byte units tells what has come; where parts
overlap the first one wins, as it does for most receivers. A datagram that is not whole within 30 s of event time after
its first part is given up (RFC 791 asks for 15 s, Linux waits 30 s). When the probe sequence of a new datagram finds
no free place and none that is overdue, its part is refused. Every refusal and every part of a datagram that is given
up is counted.
"""

import numpy as np

from baselines._jit import kernel, row_loader

SLOTS = 256
"""Datagrams in parts at a time: 16 MiB. A site that fragments (NFS over UDP, IPsec, DNSSEC) has tens in flight."""
PROBES = 8
PLACE_BYTES = 65536
UNITS = PLACE_BYTES // 8 // 64
TIMEOUT_NS = 30_000_000_000

PLACE = np.dtype(
    [
        ("src_hi", np.uint64),
        ("src_lo", np.uint64),
        ("dst_hi", np.uint64),
        ("dst_lo", np.uint64),
        ("ident", np.uint64),  # identification << 8 | protocol, +1 so that 0 means free
        ("first", np.int64),  # ns
        ("total", np.int64),  # payload bytes, -1 until the last part has come
        ("units", np.int64),  # 8-byte units that have come
        ("high", np.int64),  # where the part that reaches furthest ends
        ("header", np.int64),  # bytes of IP headers in front of the payload
        ("frames", np.int64),
    ],
    align=True,
)

place_row = row_loader(PLACE)

GIVEN_UP, WAITING = 0, 1
"""Counters: frames of datagrams that were given up; frames that wait now."""


@kernel()
def clear(places, bits, slot, counts):  # type: ignore[no-untyped-def]
    """Free a place; its frames are no longer waiting."""
    place = place_row(places, slot)
    counts[WAITING] -= place.frames
    place.ident = np.uint64(0)
    place.frames = 0
    for k in range(slot * UNITS, (slot + 1) * UNITS):
        bits[k] = np.uint64(0)


@kernel()
def find(places, bits, counts, src_hi, src_lo, dst_hi, dst_lo, ident, ts, seed):  # type: ignore[no-untyped-def]
    """Return the place of a datagram, a fresh one where it has none, or -1 where none can be had."""
    mixed = (src_lo ^ seed) * np.uint64(0x9E3779B97F4A7C15) ^ dst_lo * np.uint64(0xBF58476D1CE4E5B9) ^ ident
    mixed = (mixed ^ mixed >> np.uint64(29)) * np.uint64(0x94D049BB133111EB)
    start = np.int64(mixed >> np.uint64(40))
    free = np.int64(-1)
    for probe in range(PROBES):
        slot = (start + probe) % SLOTS
        place = place_row(places, slot)
        if place.ident != np.uint64(0) and ts - place.first > TIMEOUT_NS:
            counts[GIVEN_UP] += place.frames
            clear(places, bits, slot, counts)
        if place.ident == np.uint64(0):
            if free < 0:
                free = slot
        elif (
            place.ident == ident
            and place.src_lo == src_lo
            and place.dst_lo == dst_lo
            and place.src_hi == src_hi
            and place.dst_hi == dst_hi
        ):
            return slot
    if free >= 0:
        place = place_row(places, free)
        place.src_hi, place.src_lo, place.dst_hi, place.dst_lo = src_hi, src_lo, dst_hi, dst_lo
        place.ident, place.first, place.total, place.units, place.high, place.header = ident, ts, -1, 0, 0, 0
    return free


@kernel()
def add(places, bits, store, counts, slot, buf, pos, size, offset, more, header, frame):  # type: ignore[no-untyped-def]
    """Put one part into its place.

    Args:
        slot: The place, from `find`.
        pos: First byte of the part in `buf`.
        size: Its length, bytes; all of it was captured.
        offset: Where it belongs in the payload, bytes, a multiple of 8.
        more: Whether parts follow.
        header: Bytes of IP headers in front of it.
        frame: 1, or 0 where its frame has been accounted for already: it holds another packet.

    Returns:
        The payload's length once the datagram is whole, else -1; -2 where the part cannot belong to a datagram.
    """
    place = place_row(places, slot)
    end = offset + size
    wrong = end > PLACE_BYTES - 1 or (more and size & 7) or size == 0
    if place.total >= 0:  # a datagram has one end, and nothing behind it: else units behind it would fill its holes
        wrong = wrong or end > place.total or (not more and end != place.total)
    if wrong or (not more and end < place.high):
        if place.units == 0:
            place.ident = np.uint64(0)
        return -2
    place.frames += frame
    counts[WAITING] += frame
    if not more:
        place.total = end
    place.high = max(place.high, end)
    if offset == 0:
        place.header = header
    base = slot * PLACE_BYTES
    done = 0
    while done < size:
        unit = (offset + done) >> 3
        word, bit = slot * UNITS + (unit >> 6), np.uint64(1) << np.uint64(unit & 63)
        width = min(8, size - done)
        if bits[word] & bit == np.uint64(0):
            bits[word] |= bit
            place.units += 1
            for k in range(width):
                store[base + offset + done + k] = buf[pos + done + k]
        done += width
    if place.total >= 0 and place.units >= (place.total + 7) >> 3:
        return place.total
    return -1
