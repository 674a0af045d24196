"""What the capture containers share: the seam `Walker`, why a walk stops, and the largest record there can be."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

LARGEST_RECORD = 262_144
"""Bytes: the largest snapshot length in use (libpcap's MAXIMUM_SNAPLEN, Wireshark's WTAP_MAX_PACKET_SIZE_STANDARD).
A record that claims more is damage."""

MICROSECONDS, NANOSECONDS, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
"""Magic numbers of classic captures (draft-ietf-opsawg-pcap, section 4; the last is A. Kuznetzov's format)."""
SECTION_HEADER = 0x0A0D0D0A
"""Type of pcapng's first block, the same in both byte orders."""

NEEDS_MORE = 0
"""Bytes or rows ran out; the next record is not whole yet."""
DAMAGED = 1
"""What stands here is no record, and nothing says where the next one begins."""
AFTER_DROP = 2
"""The next record will be dropped; the walk stopped before it, so that the rows of one walk are consecutive records."""
TOO_LARGE = 3
"""A block that will not fit the buffer, whose length says where it should end."""


def is_capture(head: bytes) -> bool:
    """Tell whether a file that begins so is a capture, by its first four bytes."""
    numbers = {int.from_bytes(head[:4], "big"), int.from_bytes(head[:4], "little")}
    return len(head) >= 4 and bool(numbers & {MICROSECONDS, NANOSECONDS, MODIFIED, SECTION_HEADER})


class Walker(Protocol):
    """One capture's place in its records. Every record becomes a row or is counted in `take_drops`."""

    name: str
    header_bytes: int
    """What must be read before records begin."""
    reason: str
    """In words, why the walk stopped for damage."""

    @property
    def linktypes(self) -> dict[int, int]:
        """Records handed on, by LINKTYPE_ number."""

    @property
    def stop(self) -> int:
        """Why the last walk returned: NEEDS_MORE, DAMAGED, AFTER_DROP or TOO_LARGE."""

    def walk(self, buf: NDArray[np.uint8], pos: int, end: int, frames: NDArray[np.void]) -> tuple[int, int]:
        """Fill FRAME rows from whole records of `buf[pos:end]`; return where it stopped and how many rows."""

    def take_drops(self) -> dict[str, int]:
        """Return how many records the walk has dropped since it was last asked, by reason."""

    def damage(self) -> tuple[str, int]:
        """Return the drop reason of the record at which the walk stopped, and its bytes; "" and 0 for none."""

    def large_block(self, buf: NDArray[np.uint8], pos: int) -> tuple[int, bytes, bool]:
        """Describe the block at which the walk stopped with TOO_LARGE, and take note of what it would have said.

        Returns:
            Its length in bytes, the bytes with which it must end, and whether it is a packet.
        """
