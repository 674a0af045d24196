"""Read a capture block by block: container and compression found from the content, every record accounted for.

A block is about 1 MiB of whole records in a buffer that is used again; the record that is not whole yet is carried to
the front of the next one. The reader makes no other copy. The file need not be seekable. It does not decode packets,
does not follow a file that is rotated away, and opens no file itself.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from sensor.errors import Malformed
from sensor.model.capture import FRAME, LINK_UNKNOWN
from sensor.model.source import Ledger
from sensor.packets import linktypes
from sensor.packets.container import DAMAGED, LARGEST_RECORD, SECTION_HEADER, TOO_LARGE, Walker
from sensor.packets.inflate import Stream, open_stream
from sensor.packets.known import KnownBlocks
from sensor.packets.pcap import Pcap
from sensor.packets.pcapng import LARGEST_BLOCK, Pcapng

CHUNK = 1 << 20
"""Bytes of one read: it stays in the second-level cache while it is decoded (256 KiB to 4 MiB measured alike)."""
SCRATCH = 1 << 20
"""Bytes behind the records that the decoder may use, so that one offset addresses both."""
SMALLEST_RECORD = 16
"""Bytes: a record header of a classic capture, or the smallest block that holds a packet."""
POLL_S = 0.2
"""How often a growing file is looked at."""
REMEDY = "give a pcap or pcapng capture, plain or compressed with gzip, zstd or xz"
_EVIDENCE_BYTES = 8
"""By how many bytes damage is recognised when it is met again; a block's type and length."""

Block = tuple[NDArray[np.uint8], NDArray[np.void]]


@dataclass
class _Large:
    """A block that is being passed over because it does not fit the buffer."""

    offset: int
    length: int
    left: int
    trailer: bytes
    is_packet: bool
    evidence: NDArray[np.uint8]
    last: bytes = b""


class CaptureReader:
    """One capture. `frames_seen` = frames yielded + `duplicates` + the sum of `drops`, exactly and at any moment.

    With `buffers=2` a yielded block stays valid while the next one is being asked for, with one only until then.
    """

    def __init__(
        self,
        file: BinaryIO,
        path: str = "-",
        *,
        buffers: int = 1,
        ledger: Ledger | None = None,
        site: str = "local",
        follow: bool = False,
        wait: Callable[[float], object] = time.sleep,
        stop: Callable[[], bool] = lambda: False,
        chunk_bytes: int = CHUNK,
    ) -> None:
        """Prepare to read; nothing is read yet.

        Args:
            file: Binary file, opened by the caller.
            path: Its name, for messages.
            buffers: How many blocks may be in use at once.
            ledger: Where blocks that were read before are known; they are counted and not yielded.
            site: Whose part of the ledger.
            follow: Go on while the file grows, until `stop` says so; yields an empty block each time nothing has come.
            wait: Waits that many seconds.
            stop: Tells that a followed file is to end now.
            chunk_bytes: Bytes of one read. A ledger's blocks are recognised only where it stays the same.
        """
        self.path = path
        self.frames_seen = 0
        self.bytes_seen = 0
        self.duplicates = 0
        self.drops: dict[str, int] = {}
        self.warnings: list[str] = []
        self.first = 0
        """Ordinal in the file of the first frame of the block just yielded."""
        self.scratch_at = -(-(chunk_bytes + LARGEST_BLOCK) // 64) * 64
        """Where the decoder's room begins in every buffer; it has SCRATCH bytes."""
        self._file = file
        self._chunk = chunk_bytes
        self._known = KnownBlocks(ledger, site)
        self._follow, self._wait, self._stop_asked = follow, wait, stop
        self._buffers = [np.zeros(self.scratch_at + SCRATCH, np.uint8) for _ in range(buffers)]
        rows = self.scratch_at // SMALLEST_RECORD + 1
        self._frames = [np.zeros(rows, FRAME) for _ in range(buffers)]
        self._turn = 0
        self._stream: Stream | None = None
        self._walker: Walker | None = None
        self._mark = self._pos = self._end = 0  # begin of the run of records, of what is not walked, of what is empty
        self._row = 0  # first free row of the buffer's frames
        self._base = 0  # offset in the capture of the buffer's first byte
        self._large: _Large | None = None
        self._ended = False

    @property
    def format(self) -> str:
        """`pcap` or `pcapng`, empty before the first block."""
        return self._walker.name if self._walker is not None else ""

    @property
    def linktypes(self) -> dict[int, int]:
        """Frames by the capture's own link-type number."""
        return self._walker.linktypes if self._walker is not None else {}

    @property
    def position(self) -> int:
        """How many bytes of the file itself were read: compressed ones where it is compressed."""
        return self._stream.position() if self._stream is not None else 0

    def blocks(self) -> Iterator[Block]:
        """Read on, yielding (buffer, FRAME rows whose `off` are offsets in it).

        Raises:
            Malformed: Nothing of the file can be read. What is damaged later is counted, and said in `warnings`.
            OSError: From the file.
        """
        try:
            while not self._ended:
                dry = not self._fill()
                idle = dry and self._follow and not self._stop_asked()
                self._ended |= dry and not idle
                yield from self._block(dry=dry)
                if self._ended:
                    break
                self._carry()
                if idle:
                    yield self._buffers[self._turn], self._frames[self._turn][:0]
                    self._wait(POLL_S)
            self._name_refused_links()
        finally:
            self._known.close()

    def _block(self, *, dry: bool) -> Iterator[Block]:
        """Walk what the buffer holds and yield its new records."""
        if self._large is None and (self._walker is not None or self._detect()):
            again = True
            while again:
                again = False
                if self._pass_known(dry=dry):
                    return
                buf, frames = self._buffers[self._turn], self._frames[self._turn]
                for first, begin, end in self._walk():
                    self.first = first
                    yield buf, frames[begin:end]
                if self._walked.stop == DAMAGED:
                    evidence = buf[self._pos : self._pos + _EVIDENCE_BYTES].copy()
                    self._give_up(self._base + self._pos, evidence, self._walked.reason)
                elif self._walked.stop == TOO_LARGE:
                    again = self._pass_over()
        if self._ended:
            self._count_tail()

    def _fill(self) -> bool:
        """Read one chunk behind what is in the buffer; with a growing file, what there is of it. False at the end."""
        if self._stream is None:
            self._stream = open_stream(self._file)
            if self._follow and self._stream.compression:
                raise Malformed(
                    f"file {self.path}, offset 0: a compressed file cannot be followed; follow the plain one"
                )
        view = self._buffers[self._turn].data
        while self._large is not None:
            count = self._stream.readinto(view[: min(self._chunk, self._large.left)])
            if not count:
                return False
            self.bytes_seen += count
            self._base += count
            self._advance(self._large, self._buffers[self._turn][:count])
        wanted = min(self._chunk, self.scratch_at - self._end)
        while wanted and not self._ended:
            count = self._stream.readinto(view[self._end : self._end + wanted])
            if not count:
                return False
            self.bytes_seen += count
            self._end += count
            wanted -= count
        return True

    def _detect(self) -> bool:
        """Find the container from its first bytes; False while there are too few of them."""
        buf, end = self._buffers[self._turn], self._end
        head = buf[: min(end, 24)].tobytes()
        if len(head) >= 4 and int.from_bytes(head[:4], "big") == SECTION_HEADER:
            self._walker = Pcapng()
            return True
        if len(head) < 24 and not self._ended:
            return False
        if self._stream is not None and self._stream.problem and len(head) < 24:
            raise Malformed(f"file {self.path}, offset {self.position}: {self._stream.problem}; {REMEDY}")
        if not head:
            raise Malformed(f"file {self.path}, offset 0: the file is empty; {REMEDY}")
        try:
            self._walker = Pcap(head)
        except Malformed as error:
            raise Malformed(f"file {self.path}, offset 0: {error}; {REMEDY}") from None
        self._pos = self._walker.header_bytes
        return True

    @property
    def _walked(self) -> Walker:
        assert self._walker is not None, "_detect comes first"  # noqa: S101 - an invariant, not a check of input
        return self._walker

    def _pass_known(self, *, dry: bool) -> bool:
        """Count the records of blocks that the ledger knows; True where more bytes are needed to tell."""
        buf, frames = self._buffers[self._turn], self._frames[self._turn]
        while True:
            for length in self._known.lengths(self._base + self._mark):
                stop = self._mark + length
                if stop > self._end:
                    if not dry and self._end < self.scratch_at:
                        return True
                    continue
                records = self._known.records(self._base + self._mark, buf[self._mark : stop])
                if records is not None:
                    break
            else:
                return False
            # Walked all the same: a block may describe interfaces.
            at = -1
            while at != self._pos:
                at = self._pos
                self._pos, _ = self._walked.walk(buf, self._pos, stop, frames[self._row :])
            self._walked.take_drops()
            self._mark = self._pos
            self.duplicates += records
            self.frames_seen += records

    def _walk(self) -> list[tuple[int, int, int]]:
        """Walk the buffer to its last whole record, and remember the run.

        Returns:
            Ordinal of the first frame, first row and last row + 1 of each run of consecutive frames.
        """
        buf, frames = self._buffers[self._turn], self._frames[self._turn]
        before = self.frames_seen
        runs: list[tuple[int, int, int]] = []
        at = -1
        while at != self._pos:
            at = self._pos
            self._pos, count = self._walked.walk(buf, self._pos, self._end, frames[self._row :])
            for reason, dropped in self._walked.take_drops().items():
                self._drop(reason, dropped)
            if count:
                runs.append((self.frames_seen, self._row, self._row + count))
                self.frames_seen += count
                self._row += count
        self._known.remember(self._base + self._mark, buf[self._mark : self._pos], self.frames_seen - before)
        self._mark = self._pos
        return runs

    def _carry(self) -> None:
        """Move the bytes that were not used to the front of the next buffer."""
        self._known.settle()
        buf, start = self._buffers[self._turn], self._mark
        if self._row:  # else nothing of this buffer is in use
            self._turn = (self._turn + 1) % len(self._buffers)
        rest = self._end - start
        self._buffers[self._turn][:rest] = buf[start : self._end].copy()
        self._base += start
        self._mark, self._pos, self._end, self._row = 0, self._pos - start, rest, 0

    def _pass_over(self) -> bool:
        """Begin to pass over a block that is too large; True where its end is in the buffer: walk on there."""
        buf, at = self._buffers[self._turn], self._pos
        length, trailer, is_packet = self._walked.large_block(buf, at)
        self._large = _Large(self._base + at, length, length, trailer, is_packet, buf[at : at + _EVIDENCE_BYTES].copy())
        passed = buf[at : min(at + length, self._end)]
        self._mark = self._pos = at + len(passed)
        return self._advance(self._large, passed)

    def _advance(self, large: _Large, passed: NDArray[np.uint8]) -> bool:
        """Take bytes of a large block as passed over; at its end, check that it ends as it began: True if so."""
        large.left -= len(passed)
        large.last = (large.last + passed[-4:].tobytes())[-4:]
        if large.left:
            return False
        self._large = None
        if large.last != large.trailer:
            self._give_up(large.offset, large.evidence, "a block's length differs between its two ends", large.length)
            return False
        if large.is_packet:
            self._warn(large.offset, f"a packet of more than {LARGEST_RECORD} bytes was passed over")
            self._reject(large.offset, large.evidence, "oversized_record")
        return True

    def _drop(self, reason: str, count: int = 1) -> None:
        self.drops[reason] = self.drops.get(reason, 0) + count
        self.frames_seen += count

    def _reject(self, offset: int, evidence: NDArray[np.uint8], *reasons: str) -> None:
        """Count what stands at an offset and is no frame: as rejected, or as known to have been."""
        if self._known.rejected_before(offset, evidence, len(reasons)):
            self.duplicates += len(reasons)
            self.frames_seen += len(reasons)
            return
        for reason in reasons:
            self._drop(reason)

    def _warn(self, offset: int, text: str) -> None:
        self.warnings.append(f"file {self.path}, offset {offset}: {text}")

    def _count_tail(self) -> None:
        """At the end: what is left is one record that was cut short."""
        stream = self._stream
        if stream is not None and stream.problem:
            self._warn(stream.position(), f"{stream.problem}; what came before it was read")
        if self._large is not None:
            offset, evidence = self._large.offset, self._large.evidence
        else:
            offset, evidence = self._base + self._pos, self._buffers[self._turn][self._pos : self._end]
        if not len(evidence):
            return
        if not offset:
            raise Malformed(f"file {self.path}, offset 0: the section header is cut short; {REMEDY}")
        self._warn(offset, f"the last record is cut short ({self.bytes_seen - offset} bytes of it are there)")
        self._reject(offset, evidence, "truncated_record")

    def _give_up(self, offset: int, evidence: NDArray[np.uint8], why: str, passed: int = 0) -> None:
        """Stop at damage: what stands here may be one record, everything behind it is one more.

        Args:
            offset: Where the damage is.
            evidence: The bytes there.
            why: The reason in words.
            passed: Bytes behind `offset` that are no longer in the buffer, or are behind the walk.
        """
        if not offset:
            raise Malformed(f"file {self.path}, offset 0: {why}; {REMEDY}")
        rest = passed + self._end - self._pos + self._read_to_end()
        self._warn(offset, f"{why}; the {rest} bytes from here on were not read")
        reason, its_bytes = ("", 0) if passed else self._walked.damage()
        reasons = [reason] if reason else []
        self._reject(offset, evidence, *reasons, *(["truncated_record"] if rest > its_bytes else []))
        self._pos = self._mark = self._end
        self._ended = True

    def _read_to_end(self) -> int:
        """Count the bytes behind the buffer, a growing file's not."""
        total = 0
        view = memoryview(bytearray(self._chunk))
        while self._stream is not None and not self._follow:
            count = self._stream.readinto(view)
            if not count:
                break
            total += count
        self.bytes_seen += total
        return total

    def _name_refused_links(self) -> None:
        codes = linktypes.codes()
        for linktype, count in self.linktypes.items():
            if count and codes[linktype] == LINK_UNKNOWN:
                self.warnings.append(
                    f"file {self.path}: link type {linktypes.name(linktype)} is not decoded; {count} frames refused"
                )
