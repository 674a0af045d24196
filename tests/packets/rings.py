"""Blocks of a packet ring as the kernel fills them, linux/if_packet.h, struct by struct."""

import struct

OF_USER, NOT_READY, HAS_VLAN, HAS_TPID = 1, 8, 16, 64
MAC_AT = 86
"""TPACKET3_HDRLEN 68 and 16 for the link layer, aligned to 16, less the link layer's 14, and 4 that are reserved."""


def block(frames, *, sequence=1, room=1 << 16):
    """Return a block, bytes.

    Args:
        frames: (ts_ns, content, wire, status, tci, tpid) each.
        sequence: The block's number.
        room: Size of the block.
    """
    first = 48
    body = b""
    for number, (ts, content, wire, status, tci, tpid) in enumerate(frames):
        size = (MAC_AT + len(content) + 15) // 16 * 16
        following = 0 if number == len(frames) - 1 else size
        head = struct.pack("=IIIIIIHHIIHHI", following, ts // 10**9, ts % 10**9, len(content), wire, status,
                           MAC_AT, MAC_AT + 14, 0, tci, tpid, 0, 0)  # fmt: skip
        body += (head.ljust(MAC_AT, b"\0") + content).ljust(size, b"\0")
    head = struct.pack("=IIIIII", 1, 0, OF_USER, len(frames), first, first + len(body)) + struct.pack("=Q", sequence)
    made = head.ljust(first, b"\0") + body
    assert len(made) <= room
    return made.ljust(room, b"\0")
