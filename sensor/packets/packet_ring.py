"""Walk the blocks of a kernel's packet ring, TPACKET_V3 (linux/if_packet.h, Documentation/networking/packet_mmap.rst).

Sans-IO: a block's bytes in, FRAME rows out; nothing is copied. A VLAN tag that the kernel took off is written back in
front of its frame, into room that the kernel leaves there. A frame that is byte for byte what came a moment before is
a duplicate, as a span port makes of what enters by one mirrored port and leaves by another: it gives no row.
"""

import numpy as np

from baselines._jit import kernel, le16, le32, put16, put32, rows, ule64
from sensor.model.capture import FRAME, LINK_ETHERNET, LINK_IEEE802_11, LINK_RADIOTAP, LINK_RAW, LINK_UNKNOWN
from sensor.packets.transport import mix

BLOCK_STATUS, BLOCK_PACKETS, BLOCK_FIRST, BLOCK_SEQUENCE = 8, 12, 16, 24
"""Offsets in struct tpacket_block_desc: u32 status, number of packets, offset of the first; u64 sequence number."""
OF_USER = 1
"""TP_STATUS_USER: the block is ours until the status is set to 0."""
NOT_READY, HAS_VLAN, HAS_TPID = 8, 16, 64
"""TP_STATUS_CSUMNOTREADY, _VLAN_VALID, _VLAN_TPID_VALID."""
ETHERTYPE_VLAN = 0x8100
"""Where the kernel does not say which tag it took off: IEEE 802.1Q."""
SMALLEST_FRAME = 112
"""Bytes a frame takes in a block at least: 96 to the network header (TPACKET3_HDRLEN 68 and 16 for the link layer,
aligned to 16), and 16."""

S_LINK, S_DUPLICATES, S_JOINED, S_NOT_READY, S_TAGGED, S_WINDOW, S_LAST, S_BYTES, S_COUNT = range(9)
"""Words of a walk's state: link type of the interface (LINK_*); frames that were duplicates, larger than any wire
carries, with checksums still to be finished, and with a restored tag; duplicates' window, ns, 0 = keep them; time of
the newest frame, ns; bytes on the wire."""
DUPLICATE_NS = 2_000_000
"""Copies of a span port lie microseconds apart, a full queue of the mirror port (100 packets at 1 Gbit/s) 1.2 ms. What
hosts themselves send twice is later (RFC 6298 §2.4: 1 s; Linux 200 ms) or carries another IP identification."""
DUPLICATE_SLOTS = 1 << 15
"""Frames remembered: at 1.5 M/s they are 20 ms, ten times the window."""
DUPLICATE_BYTES = 192
"""Bytes of a frame that are compared, beside its length: the headers, and of the payload what tells packets apart."""
JOINED_BYTES = 9_300
"""More than any jumbo frame in use (9,216 bytes and tags) has been put together by GRO or LRO."""

LINKS = {1: LINK_ETHERNET, 772: LINK_ETHERNET, 512: LINK_RAW, 65534: LINK_RAW, 768: LINK_RAW, 776: LINK_RAW,
         778: LINK_RAW, 801: LINK_IEEE802_11, 803: LINK_RADIOTAP}  # fmt: skip
"""ARPHRD_ of linux/if_arp.h → LINK_*: Ethernet, loopback, PPP, none (tun), IP tunnels, GRE, 802.11, radiotap."""


def new_state(hardware: int, *, window_ns: int = DUPLICATE_NS) -> tuple[np.ndarray, np.ndarray]:
    """Make a walk's state and its memory of frames, int64, shapes (S_COUNT,) and (2 DUPLICATE_SLOTS,).

    Args:
        hardware: ARPHRD_ number of the interface.
        window_ns: How far apart copies may lie; 0 keeps them.
    """
    state = np.zeros(S_COUNT, np.int64)
    state[S_LINK], state[S_WINDOW] = LINKS.get(hardware, LINK_UNKNOWN), window_ns
    return state, np.zeros(2 * DUPLICATE_SLOTS, np.int64)


@kernel()
def is_copy(buf, off, cap, wire, ts, window, seen):  # type: ignore[no-untyped-def]
    """Tell whether the same frame came within `window` ns, and remember this one; `seen` as `new_state` makes it."""
    h = mix(np.uint64(wire), np.uint64(cap))
    end = off + min(cap, DUPLICATE_BYTES)
    at = off
    while at + 8 <= end:
        h = mix(h, ule64(buf, at))
        at += 8
    while at < end:
        h = mix(h, np.uint64(buf[at]))
        at += 1
    number = np.int64(h | np.uint64(1))
    slot = np.int64(h >> np.uint64(40)) % DUPLICATE_SLOTS * 2
    known = seen[slot] == number and 0 <= ts - seen[slot + 1] <= window
    if known:
        seen[slot] = 0  # a third frame is compared with a fourth: two packets that are alike are not one
    else:
        seen[slot], seen[slot + 1] = number, ts
    return known


@kernel()
def restore(buf, off, tci, tpid):  # type: ignore[no-untyped-def]
    """Write a tag back behind the frame's two addresses, moving those forward by its four bytes."""
    for k in range(12):
        buf[off - 4 + k] = buf[off + k]
    put16(buf, off + 8, (tpid >> 8 & 0xFF) | (tpid & 0xFF) << 8)
    put16(buf, off + 10, (tci >> 8 & 0xFF) | (tci & 0xFF) << 8)


@kernel(rows(np.uint8), "int64", rows(np.int64), rows(np.int64), rows(FRAME))
def walk(buf, pos, state, seen, frames):  # type: ignore[no-untyped-def]
    """Turn a block's frames into rows.

    Args:
        buf: The ring, uint8.
        pos: Where the block begins.
        state: As `new_state` makes it; counted on.
        seen: Its memory of frames.
        frames: Rows to fill, dtype FRAME; a block has SMALLEST_FRAME bytes a row at least.

    Returns:
        The number of rows.
    """
    count = le32(buf, pos + BLOCK_PACKETS)
    at = pos + le32(buf, pos + BLOCK_FIRST)
    ethernet = state[S_LINK] == LINK_ETHERNET
    n = 0
    for _ in range(min(count, len(frames))):
        ts = le32(buf, at + 4) * 1_000_000_000 + le32(buf, at + 8)
        cap, wire, status = le32(buf, at + 12), le32(buf, at + 16), le32(buf, at + 20)
        off = at + le16(buf, at + 24)
        tagged = ethernet and status & HAS_VLAN and cap >= 12
        state[S_BYTES] += wire + 4 if tagged else wire
        state[S_LAST] = max(state[S_LAST], ts)
        if status & NOT_READY:
            state[S_NOT_READY] += 1
        if wire > JOINED_BYTES:
            state[S_JOINED] += 1
        if state[S_WINDOW] and is_copy(buf, off, cap, wire, ts, state[S_WINDOW], seen):
            state[S_DUPLICATES] += 1
        else:
            if tagged:
                restore(buf, off, le32(buf, at + 32), le16(buf, at + 36) if status & HAS_TPID else ETHERTYPE_VLAN)
                state[S_TAGGED] += 1
                off, cap, wire = off - 4, cap + 4, wire + 4
            frame = frames[n]
            frame["ts"], frame["off"], frame["cap"], frame["wire"] = ts, off, cap, wire
            frame["link"], frame["iface"] = state[S_LINK], 0
            n += 1
        at += le32(buf, at)
    return n


@kernel(rows(np.uint8), rows(FRAME), "int64", rows(np.uint8), "int64")
def records(buf, frames, n, out, at):  # type: ignore[no-untyped-def]
    """Write frames as records of a nanosecond pcap (draft-ietf-opsawg-pcap §5), little-endian.

    Args:
        buf: Where the frames lie, uint8.
        frames: dtype FRAME.
        n: How many of them.
        out: Room for them, uint8.
        at: Where to begin in it.

    Returns:
        The first free byte of `out`.
    """
    for i in range(n):
        frame = frames[i]
        ts, off, cap = frame["ts"], np.int64(frame["off"]), np.int64(frame["cap"])
        put32(out, at, ts // 1_000_000_000)
        put32(out, at + 4, ts % 1_000_000_000)
        put32(out, at + 8, cap)
        put32(out, at + 12, np.int64(frame["wire"]))
        at += 16
        for k in range(cap):
            out[at + k] = buf[off + k]
        at += cap
    return at
