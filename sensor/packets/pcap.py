"""Walk the records of a classic capture file (draft-ietf-opsawg-pcap, sections 4 and 5).

Reads both byte orders, microsecond and nanosecond files, and A. Kuznetzov's modified format (magic 0xa1b2cd34), whose
record headers have 24 bytes. Files older than version 2.3 hold a record's two lengths in the other order, those of 2.3
in either (libpcap's savefile reader says so). The link type is the low 16 bits of the network field; the bits above say
whether frames end in a checksum, which nothing here needs to know: packet lengths come from the IP header.

Sans-IO: bytes in, FRAME rows out, resumable at any byte. It does not guess at patched formats that kept the usual
magic.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from baselines._jit import be32, kernel, le32, rows
from sensor.errors import Malformed
from sensor.model.capture import FRAME
from sensor.packets import linktypes
from sensor.packets.container import DAMAGED, LARGEST_RECORD, MICROSECONDS, MODIFIED, NANOSECONDS, NEEDS_MORE

FILE_HEADER = 24
RECORD_HEADER, MODIFIED_RECORD_HEADER = 16, 24

_SCALE_NS = {MICROSECONDS: 1000, NANOSECONDS: 1, MODIFIED: 1000}

# Columns of the walk's state.
BIG, SCALE, HEADER, LINK, LENGTHS, STOP = range(6)
LENGTHS_AS_WRITTEN, LENGTHS_SWAPPED, LENGTHS_EITHER = 0, 1, 2


@kernel(rows(np.uint8), "int64", "int64", rows(np.int64), rows(FRAME))
def walk(
    buf: NDArray[np.uint8], pos: int, end: int, state: NDArray[np.int64], frames: NDArray[np.void]
) -> tuple[int, int]:
    """Turn whole records of `buf[pos:end]` into rows, until bytes or rows run out or a record is impossible.

    Args:
        buf: Read buffer, uint8.
        pos: First byte of a record header.
        end: Bytes that are filled.
        state: As `Pcap` sets it up, int64, shape (6,); STOP is set to why the walk returned.
        frames: Rows to fill, dtype FRAME.

    Returns:
        The first byte that was not used, and the number of rows filled.
    """
    big = state[BIG] != 0
    scale = state[SCALE]
    header = state[HEADER]
    link = state[LINK]
    order = state[LENGTHS]
    room = len(frames)
    n = 0
    state[STOP] = NEEDS_MORE
    while n < room and pos + header <= end:
        seconds = be32(buf, pos) if big else le32(buf, pos)
        fraction = be32(buf, pos + 4) if big else le32(buf, pos + 4)
        captured = be32(buf, pos + 8) if big else le32(buf, pos + 8)
        wire = be32(buf, pos + 12) if big else le32(buf, pos + 12)
        if order == LENGTHS_SWAPPED or (order == LENGTHS_EITHER and captured > wire):
            captured, wire = wire, captured
        if captured > LARGEST_RECORD:
            state[STOP] = DAMAGED
            break
        start = pos + header
        if start + captured > end:
            break
        frame = frames[n]
        frame["ts"] = seconds * 1_000_000_000 + fraction * scale
        frame["off"] = start
        frame["cap"] = captured
        frame["wire"] = wire
        frame["link"] = link
        frame["iface"] = 0
        pos = start + captured
        n += 1
    return pos, n


class Pcap:
    """One file's place in the walk. Its seconds are unsigned 32 bits, so no time is ever out of range."""

    name = "pcap"
    header_bytes = FILE_HEADER

    def __init__(self, header: bytes) -> None:
        """Read the file header, 24 bytes. Raises Malformed where it is not one, saying why."""
        swapped = int.from_bytes(header[:4], "little") not in _SCALE_NS
        magic = int.from_bytes(header[:4], "big" if swapped else "little")
        if magic not in _SCALE_NS:
            raise Malformed(f"no capture file begins with {header[:4].hex() or 'nothing'}")
        if len(header) < FILE_HEADER:
            raise Malformed("the file header is cut short")
        order = ">" if swapped else "<"
        major, minor = struct.unpack(order + "HH", header[4:8])
        # 2 is the only version in use; libpcap names 543.0 as what some DG/UX systems wrote.
        if (major, minor) != (543, 0) and (major != 2 or minor > 4):
            raise Malformed(f"pcap version {major}.{minor} is not known; convert the file with a program that wrote it")
        old = LENGTHS_SWAPPED if minor < 3 else LENGTHS_EITHER if minor == 3 else LENGTHS_AS_WRITTEN
        self.linktype = struct.unpack(order + "I", header[20:24])[0] & 0xFFFF
        self.linktypes: dict[int, int] = {self.linktype: 0}
        self.reason = ""
        self._state = np.zeros(6, np.int64)
        self._state[BIG] = swapped
        self._state[SCALE] = _SCALE_NS[magic]
        self._state[HEADER] = MODIFIED_RECORD_HEADER if magic == MODIFIED else RECORD_HEADER
        self._state[LINK] = linktypes.codes()[self.linktype]
        self._state[LENGTHS] = old

    def walk(self, buf: NDArray[np.uint8], pos: int, end: int, frames: NDArray[np.void]) -> tuple[int, int]:
        """Fill rows; see the kernel."""
        pos, n = walk(buf, pos, end, self._state, frames)
        self.linktypes[self.linktype] += n
        if self.stop == DAMAGED:
            self.reason = f"a record claims more than {LARGEST_RECORD} bytes, the largest snapshot length in use"
        return pos, n

    @property
    def stop(self) -> int:
        """Why the last walk returned."""
        return int(self._state[STOP])

    def take_drops(self) -> dict[str, int]:
        """Return how many records the walk itself has dropped since it was last asked, by reason."""
        return {}

    def damage(self) -> tuple[str, int]:
        """Return the drop reason of the record at which the walk stopped for damage, and the bytes of its header."""
        return "oversized_record", int(self._state[HEADER])

    def large_block(self, buf: NDArray[np.uint8], pos: int) -> tuple[int, bytes, bool]:  # noqa: ARG002
        """Describe nothing: no record is passed over, since only its own length would say where the next begins."""
        raise AssertionError("the walk of a pcap never stops with TOO_LARGE")
