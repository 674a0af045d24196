"""Walk the blocks of a pcapng capture (draft-ietf-opsawg-pcapng, sections 3 and 4).

Several sections, each in its own byte order and with its own interfaces; Enhanced, Simple and the obsolete Packet
blocks; `if_tsresol` (powers of ten and of two) and `if_tsoffset`. Other blocks are passed over by their length. The
section length is not used: blocks are walked one by one, which is right for any value, -1 (unknown) included.

A block's length stands at both of its ends and is a multiple of four; where that fails the file is damaged and the walk
stops. A Simple Packet Block has no time; it takes that of the packet before it. Name resolution, statistics and
decryption secrets are not read. Sans-IO: bytes in, FRAME rows out, resumable at any byte.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from baselines._jit import be16, be32, kernel, le16, le32, rows
from sensor.model.capture import FRAME, LINK_UNKNOWN
from sensor.packets import linktypes
from sensor.packets.container import (
    AFTER_DROP,
    DAMAGED,
    LARGEST_RECORD,
    NEEDS_MORE,
    SECTION_HEADER,
    TOO_LARGE,
)
from sensor.packets.ticks import to_ns

LARGEST_BLOCK = LARGEST_RECORD + 32 + 65_536 + 8
"""Bytes: a packet of the largest size in an Enhanced Packet Block with one option of the largest size."""

INTERFACE, OBSOLETE_PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 1, 2, 3, 6
BYTE_ORDER_MAGIC = 0x1A2B3C4D
MAX_INTERFACES = 65_535
"""Of one section; FRAME numbers them in 16 bits. A packet of one beyond is handed on with LINK_UNKNOWN."""
DEFAULT_RESOLUTION = 6
"""Microseconds, where an interface has no if_tsresol (section 4.2)."""
OPTION_END, OPTION_TSRESOL, OPTION_TSOFFSET = 0, 9, 14

# Columns of the walk's state.
BIG, INTERFACES, LAST_TS, STOP, WHY, OUT_OF_TIME, OVERSIZED, TRUNCATED = range(8)
# Columns of the interface table. LINKTYPE is -1 for the row that stands for an interface which was not described.
LINKTYPE, LINK, SNAPLEN, RESOLUTION, OFFSET_S = range(5)

# What WHY says, in words.
REASONS = (
    "",
    "it is not a section of a pcapng file",
    "the section is of a version that is not known (only 1 is)",
    "a block's length is impossible (below 12 bytes or no multiple of 4)",
    "a block's length differs between its two ends",
    "the section header is too short",
)
NO_SECTION, BAD_VERSION, BAD_LENGTH, BAD_TRAILER, SHORT_SECTION = range(1, 6)


@kernel()
def describe(
    buf: NDArray[np.uint8], pos: int, stop: int, big: bool, row: NDArray[np.int64], links: NDArray[np.uint16]
) -> None:
    """Fill an interface's row from the body of its description block (section 4.2), `buf[pos:stop]`."""
    linktype = be16(buf, pos) if big else le16(buf, pos)
    row[LINKTYPE] = linktype
    row[LINK] = links[linktype]
    row[SNAPLEN] = be32(buf, pos + 4) if big else le32(buf, pos + 4)
    row[RESOLUTION] = DEFAULT_RESOLUTION
    row[OFFSET_S] = 0
    pos += 8
    while pos + 4 <= stop:
        code = be16(buf, pos) if big else le16(buf, pos)
        length = be16(buf, pos + 2) if big else le16(buf, pos + 2)
        pos += 4
        if code == OPTION_END or pos + length > stop:
            break
        if code == OPTION_TSRESOL and length == 1:
            row[RESOLUTION] = buf[pos]
        elif code == OPTION_TSOFFSET and length == 8:
            high = be32(buf, pos) if big else le32(buf, pos + 4)
            low = be32(buf, pos + 4) if big else le32(buf, pos)
            row[OFFSET_S] = np.int64((np.uint64(high) << np.uint64(32)) | np.uint64(low))
        pos += (length + 3) & ~3


@kernel()
def enter_section(buf: NDArray[np.uint8], pos: int, state: NDArray[np.int64]) -> int:
    """Read a section header's byte order and version (section 4.1); 16 bytes are there. Returns WHY, 0 if well."""
    if le32(buf, pos + 8) == BYTE_ORDER_MAGIC:
        big, length, major = 0, le32(buf, pos + 4), le16(buf, pos + 12)
    elif be32(buf, pos + 8) == BYTE_ORDER_MAGIC:
        big, length, major = 1, be32(buf, pos + 4), be16(buf, pos + 12)
    else:
        return NO_SECTION
    if major != 1:
        return BAD_VERSION
    if length < 28:
        return SHORT_SECTION
    state[BIG] = big
    return 0


@kernel()
def note_block(
    buf: NDArray[np.uint8],
    kind: int,
    body: int,
    last: int,
    big: bool,
    state: NDArray[np.int64],
    interfaces: NDArray[np.int64],
    links: NDArray[np.uint16],
) -> None:
    """Take in a block that is no packet: a section begins, or has one more interface; others say nothing to us."""
    if kind == SECTION_HEADER:
        state[INTERFACES] = 0
    elif kind == INTERFACE and last - body >= 8:
        if state[INTERFACES] < MAX_INTERFACES:
            describe(buf, body, last, big, interfaces[state[INTERFACES]], links)
        state[INTERFACES] += 1


@kernel(
    rows(np.uint8),
    "int64",
    "int64",
    rows(np.int64),
    rows(np.int64, 2),
    rows(np.uint16),
    rows(np.int64),
    rows(FRAME),
)
def walk(
    buf: NDArray[np.uint8],
    pos: int,
    end: int,
    state: NDArray[np.int64],
    interfaces: NDArray[np.int64],
    links: NDArray[np.uint16],
    seen: NDArray[np.int64],
    frames: NDArray[np.void],
) -> tuple[int, int]:
    """Turn whole blocks of `buf[pos:end]` into rows, until bytes or rows run out or a block is impossible.

    Args:
        buf: Read buffer, uint8.
        pos: First byte of a block.
        end: Bytes that are filled.
        state: Place in the file and counters of drops, int64, shape (8,).
        interfaces: The section's interfaces, int64, shape (MAX_INTERFACES + 1, 5); the last is a missing one's.
        links: LINK_ code by linktype, uint16, shape (65536,).
        seen: Packets by linktype, int64, shape (65536,); added to.
        frames: Rows to fill, dtype FRAME.

    Returns:
        The first byte that was not used, and the number of rows filled.
    """
    room = len(frames)
    n = 0
    why = 0
    stop = NEEDS_MORE
    big = state[BIG] != 0
    # The checks of a block stand here and not in a function of their own: passing arrays on costs 30 ns a record.
    while n < room and pos + 12 <= end:
        kind = be32(buf, pos) if big else le32(buf, pos)
        if kind == SECTION_HEADER:  # reads the same in both byte orders
            if pos + 16 > end:
                break
            why = enter_section(buf, pos, state)
            if why != 0:
                break
            big = state[BIG] != 0
        length = be32(buf, pos + 4) if big else le32(buf, pos + 4)
        if length < 12 or length & 3:
            why = BAD_LENGTH
            break
        if length > LARGEST_BLOCK:
            stop = TOO_LARGE
            break
        if pos + length > end:
            break
        if (be32(buf, pos + length - 4) if big else le32(buf, pos + length - 4)) != length:
            why = BAD_TRAILER
            break
        body = pos + 8
        last = pos + length - 4
        if kind not in (ENHANCED_PACKET, SIMPLE_PACKET, OBSOLETE_PACKET):
            note_block(buf, kind, body, last, big, state, interfaces, links)
            pos += length
            continue
        simple = kind == SIMPLE_PACKET
        start = body + (4 if simple else 20)
        iface = 0
        captured = 0
        wire = 0
        ts = state[LAST_TS]
        dropped = TRUNCATED
        if start <= last:
            if kind == ENHANCED_PACKET:
                iface = be32(buf, body) if big else le32(buf, body)
            elif kind == OBSOLETE_PACKET:
                iface = be16(buf, body) if big else le16(buf, body)
            iface = min(iface, MAX_INTERFACES)
            known = iface if iface < state[INTERFACES] else MAX_INTERFACES
            if simple:
                wire = be32(buf, body) if big else le32(buf, body)
                captured = min(wire, last - start)
                if interfaces[known, SNAPLEN] > 0:
                    captured = min(captured, interfaces[known, SNAPLEN])
            else:
                high = be32(buf, body + 4) if big else le32(buf, body + 4)
                low = be32(buf, body + 8) if big else le32(buf, body + 8)
                captured = be32(buf, body + 12) if big else le32(buf, body + 12)
                wire = be32(buf, body + 16) if big else le32(buf, body + 16)
                ticks = (np.uint64(high) << np.uint64(32)) | np.uint64(low)
                ts = to_ns(ticks, interfaces[known, RESOLUTION], interfaces[known, OFFSET_S])
            if captured > LARGEST_RECORD:
                dropped = OVERSIZED
            elif captured <= last - start:
                dropped = 0 if ts >= 0 else OUT_OF_TIME
        if dropped != 0:
            if n > 0:
                stop = AFTER_DROP
                break
            state[dropped] += 1
            pos += length
            continue
        frame = frames[n]
        frame["ts"] = ts
        frame["off"] = start
        frame["cap"] = captured
        frame["wire"] = wire
        frame["link"] = interfaces[known, LINK]
        frame["iface"] = iface
        if interfaces[known, LINKTYPE] >= 0:
            seen[interfaces[known, LINKTYPE]] += 1
        state[LAST_TS] = ts
        pos += length
        n += 1
    state[WHY] = why
    state[STOP] = stop if why == 0 else DAMAGED
    return pos, n


class Pcapng:
    """One file's place in the walk: its section's byte order and interfaces, the last time, what was dropped."""

    name = "pcapng"
    header_bytes = 0

    def __init__(self) -> None:
        """Begin before the first section header."""
        self._state = np.zeros(8, np.int64)
        self._interfaces = np.zeros((MAX_INTERFACES + 1, 5), np.int64)
        self._forget(MAX_INTERFACES)
        self._links = linktypes.codes()
        self._seen = np.zeros(1 << 16, np.int64)
        self.reason = ""

    @property
    def linktypes(self) -> dict[int, int]:
        """Packets handed on, by LINKTYPE_ number."""
        return {int(k): int(self._seen[k]) for k in np.flatnonzero(self._seen)}

    @property
    def stop(self) -> int:
        """Why the last walk returned."""
        return int(self._state[STOP])

    def walk(self, buf: NDArray[np.uint8], pos: int, end: int, frames: NDArray[np.void]) -> tuple[int, int]:
        """Fill rows; see the kernel."""
        pos, n = walk(buf, pos, end, self._state, self._interfaces, self._links, self._seen, frames)
        if self.stop == DAMAGED:
            self.reason = REASONS[self._state[WHY]]
        return pos, n

    def take_drops(self) -> dict[str, int]:
        """Return how many packets the walk has dropped since it was last asked, by reason."""
        if not self._state[OUT_OF_TIME:].any():
            return {}
        reasons = ("time_out_of_range", "oversized_record", "truncated_record")
        drops = {reason: int(count) for reason, count in zip(reasons, self._state[OUT_OF_TIME:], strict=True) if count}
        self._state[OUT_OF_TIME:] = 0
        return drops

    def damage(self) -> tuple[str, int]:
        """Say that the walk stops for damage at no record of its own: blocks are what is damaged."""
        return "", 0

    def large_block(self, buf: NDArray[np.uint8], pos: int) -> tuple[int, bytes, bool]:
        """Describe the block at which the walk stopped with TOO_LARGE, and take note of what it would have said.

        Returns:
            Its length in bytes, the bytes with which it must end, and whether it is a packet.
        """
        order: Literal["big", "little"] = "big" if self._state[BIG] else "little"
        kind = int.from_bytes(buf[pos : pos + 4].tobytes(), order)
        trailer = buf[pos + 4 : pos + 8].tobytes()
        if kind == SECTION_HEADER:
            self._state[INTERFACES] = 0
        elif kind == INTERFACE:
            if self._state[INTERFACES] < MAX_INTERFACES:
                self._forget(int(self._state[INTERFACES]))
            self._state[INTERFACES] += 1
        return int.from_bytes(trailer, order), trailer, kind in (ENHANCED_PACKET, SIMPLE_PACKET, OBSOLETE_PACKET)

    def _forget(self, row: int) -> None:
        self._interfaces[row] = (-1, LINK_UNKNOWN, 0, DEFAULT_RESOLUTION, 0)
