"""Cut a stream of lines into blocks of whole lines, about 1 MiB each, and recognise blocks that were read before.

The cuts depend on the bytes alone: the last line end within BLOCK_BYTES. So a file that has grown gives the blocks it
gave before, up to where it ended, and what follows is new. A line without an end is a block of its own, at the end; a
line longer than a block is passed over, and a stream without an end of a line for LINE_MAX_BYTES is given up. Positions
count the bytes of the text, not of a compressed file.
"""

from collections.abc import Iterator
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.source import Ledger
from sensor.wire.block_digest import keyed

BLOCK_BYTES = 1 << 20
"""The block of the ledger; a megabyte amortises a call per block and stays in the second-level cache."""
LINE_MAX_BYTES = 128 << 20
"""A line beyond this is no line: the longest record seen has 40 KB. A kilobyte of gzip can hold a megabyte of one line,
and to look for its end would take as long as whoever made it likes."""
SLACK_BYTES = 128
"""Bytes that may be read behind a block's end."""
_NEWLINE = b"\n"


class Readable(Protocol):
    """What blocks are read from."""

    def readinto(self, view: memoryview) -> int:
        """Fill some of `view`; 0 at the end."""


class Block(msgspec.Struct, frozen=True):
    """A run of lines. Its bytes are valid until the next block is asked for."""

    offset: int
    """Its first byte in the text."""
    data: NDArray[np.uint8]
    """uint8, shape (length + SLACK_BYTES,)."""
    length: int
    raw: bytearray
    """The same bytes."""
    known: int | None = None
    """How many records it held when it was read before; None where it is new."""
    ended: bool = True
    """False where the last line has no end, and is the only one."""
    too_long: bool = False
    """True where this is the beginning of a line that exceeds a block; the rest of it was passed over."""
    mid_line: bool = False
    """True where it begins within a line whose beginning was taken as a whole line before."""

    def text(self) -> bytes:
        """Copy its bytes."""
        return self.data[: self.length].tobytes()


class LineBlocks:
    """One stream, cut."""

    def __init__(self, stream: Readable, site: str, ledger: Ledger | None) -> None:
        self._stream = stream
        self._site = site
        self._ledger = ledger
        self._digest_of = keyed(ledger.key) if ledger is not None else None
        self._buffer = bytearray(BLOCK_BYTES + SLACK_BYTES)
        self._array = np.frombuffer(self._buffer, np.uint8)
        self._have = 0
        self._offset = 0
        self._at_end = False
        self.is_given_up = False
        """A line was so long that what follows it was not looked for."""

    def __iter__(self) -> Iterator[Block]:
        mid_line = False
        while True:
            self._fill()
            if not self._have:
                return
            block = self._known() or self._cut(mid_line=mid_line)
            mid_line = not block.ended and not block.too_long
            yield block
            if block.too_long:
                self._pass_line()
            else:
                self._consume(block.length)

    def remember(self, block: Block, records: int) -> None:
        """Tell the ledger what a new block held. Only before the next block is asked for."""
        if self._ledger is not None and self._digest_of is not None and block.known is None and not block.too_long:
            digest = self._digest_of(memoryview(self._buffer)[: block.length])
            self._ledger.remember(self._site, block.offset, digest, block.length, records)

    def _fill(self) -> None:
        view = memoryview(self._buffer)[:BLOCK_BYTES]
        while self._have < BLOCK_BYTES and not self._at_end:
            count = self._stream.readinto(view[self._have :])
            self._have += count
            self._at_end = count == 0

    def _known(self) -> Block | None:
        if self._ledger is None or self._digest_of is None:
            return None
        for length in self._ledger.lengths(self._site, self._offset):
            if not 0 < length <= self._have:
                continue
            records = self._ledger.records(self._site, self._offset, self._digest_of(memoryview(self._buffer)[:length]))
            if records is not None:
                ended = self._buffer[length - 1] == _NEWLINE[0]
                return Block(self._offset, self._array, length, self._buffer, known=records, ended=ended)
        return None

    def _cut(self, *, mid_line: bool) -> Block:
        length = self._buffer.rfind(_NEWLINE, 0, self._have) + 1
        if length:
            return Block(self._offset, self._array, length, self._buffer, mid_line=mid_line)
        too_long = self._have == BLOCK_BYTES
        return Block(
            self._offset, self._array, self._have, self._buffer, ended=False, too_long=too_long, mid_line=mid_line
        )

    def _consume(self, length: int) -> None:
        self._have -= length
        self._array[: self._have] = self._array[length : length + self._have]
        self._offset += length

    def _pass_line(self) -> None:
        """Read on to the end of a line; give up the stream where that is beyond anything a log holds."""
        begin = self._offset
        while self._have:
            if self._offset - begin > LINE_MAX_BYTES:
                self._have, self._at_end, self.is_given_up = 0, True, True
                return
            end = self._buffer.find(_NEWLINE, 0, self._have)
            if end >= 0:
                self._consume(end + 1)
                return
            self._consume(self._have)
            self._fill()
