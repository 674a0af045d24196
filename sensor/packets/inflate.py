"""Read a plain, gzip, zstd or xz file as one stream of bytes, told apart by their first bytes.

Memory stays bounded whatever the ratio: every step asks for no more bytes than the caller has room for. What was
decoded before damage is handed on: to the byte for gzip, to the compression block (at most 128 KiB) for zstd, to 4 KiB
of compressed bytes for xz. Damage and a cut end are kept as `problem`, never raised. Several members or frames in a row
are one stream (RFC 1952 §2.2, RFC 8878 §3.1). An archive inside an archive is not opened.
"""

import contextlib
import lzma
import zlib
from typing import Any, BinaryIO, Protocol

GZIP, ZSTD, XZ = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00"
SKIPPABLE = range(0x184D2A50, 0x184D2A60)
"""Magic numbers of zstd's skippable frames (RFC 8878 §3.1.2)."""
HEAD_BYTES = 6

PIECE_BYTES = 65_536
XZ_PIECE_BYTES = 4096
XZ_MEMORY_BYTES = 128 << 20
"""`xz -9` needs 65 MiB to decompress (xz(1)); a file that asks for more than twice that is refused."""
ZSTD_WINDOW_BYTES = 128 << 20
"""What the zstd program itself accepts without --long (zstd(1), windowLog 27)."""
GZIP_WINDOW = 31
"""zlib's 15-bit window plus 16: a gzip header and checksum are expected (zlib manual, inflateInit2)."""


class Stream(Protocol):
    """Bytes of a capture, whatever they are stored as."""

    compression: str
    """gzip, zstd or xz, empty for a plain file."""
    problem: str
    """Why the stream ended before its end, empty while all is well."""

    def readinto(self, view: memoryview) -> int:
        """Fill some of `view`; 0 at the end."""

    def position(self) -> int:
        """Return how many bytes of the file itself were taken in."""


def open_stream(file: BinaryIO) -> Stream:
    """Look at a file's first bytes and return the stream that reads it. The file need not be seekable."""
    head = b""
    while len(head) < HEAD_BYTES:
        piece = file.read(HEAD_BYTES - len(head))
        if not piece:
            break
        head += piece
    if head[:2] == GZIP:
        return _Members(file, head, "gzip", PIECE_BYTES)
    if head == XZ:
        return _Members(file, head, "xz", XZ_PIECE_BYTES)
    if head[:4] == ZSTD or int.from_bytes(head[:4], "little") in SKIPPABLE:
        return _Zstd(file, head)
    return _Plain(file, head)


class _Plain:
    """The file as it is, after the bytes that were already looked at."""

    compression = ""
    problem = ""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file: Any = file
        self._head = head
        self._taken = len(head)

    def readinto(self, view: memoryview) -> int:
        if self._head:
            count = min(len(self._head), len(view))
            view[:count] = self._head[:count]
            self._head = self._head[count:]
            return count
        count = self._file.readinto(view) or 0
        self._taken += count
        return count

    def position(self) -> int:
        return self._taken


class _Members:
    """gzip members, or xz streams, one after the other."""

    def __init__(self, file: BinaryIO, head: bytes, compression: str, piece_bytes: int) -> None:
        self._file = file
        self._input = head
        self._taken = len(head)
        self._piece_bytes = piece_bytes
        self._decoder: Any = None
        self._rescue = b""
        self.compression = compression
        self.problem = ""

    def readinto(self, view: memoryview) -> int:
        while not self.problem:
            if self._decoder is None and not self._next_member():
                break
            ended = self._decoder.needs_input and not self._input and not self._more()
            produced = self._step(len(view))
            if produced:
                view[: len(produced)] = produced
                return len(produced)
            if ended and self._decoder is not None and not self.problem:
                self.problem = f"the {self.compression} data is cut short"
        return self._hand_rescued(view)

    def position(self) -> int:
        return self._taken - len(self._input)

    def _more(self) -> bool:
        """Take in one piece of compressed bytes, full unless the file ends."""
        pieces = []
        wanted = self._piece_bytes
        while wanted:
            piece = self._file.read(wanted)
            if not piece:
                break
            pieces.append(piece)
            wanted -= len(piece)
        self._input += b"".join(pieces)
        self._taken += self._piece_bytes - wanted
        return wanted < self._piece_bytes

    def _next_member(self) -> bool:
        """Start on the next member; zero bytes between members are padding (gzip(1), xz format §2.2)."""
        self._input = self._input.lstrip(b"\0")
        while len(self._input) < HEAD_BYTES and self._more():
            self._input = self._input.lstrip(b"\0")
        if not self._input:
            return False
        if not self._input.startswith(GZIP if self.compression == "gzip" else XZ):
            self.problem = f"bytes that are not {self.compression} follow the compressed data"
            return False
        if self.compression == "gzip":
            self._decoder = _Inflate()
        else:
            self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)
        return True

    def _step(self, room: int) -> bytes:
        taken, self._input = self._input, b""
        try:
            produced: bytes = self._decoder.decompress(taken, room)
        except (zlib.error, lzma.LZMAError) as error:
            self.problem = f"the {self.compression} data is damaged ({error})"
            if isinstance(self._decoder, _Inflate):
                self._rescue = self._decoder.rescue
            self._decoder = None
            return b""
        if self._decoder.eof:
            self._input = self._decoder.unused_data
            self._decoder = None
        return produced

    def _hand_rescued(self, view: memoryview) -> int:
        count = min(len(view), len(self._rescue))
        view[:count] = self._rescue[:count]
        self._rescue = self._rescue[count:]
        return count


class _Inflate:
    """zlib's decoder behind lzma's interface, which also keeps what was decoded before damage."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(GZIP_WINDOW)
        self.rescue = b""

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    def decompress(self, piece: bytes, room: int) -> bytes:
        piece = self._zlib.unconsumed_tail + piece
        before = self._zlib.copy()
        try:
            return self._zlib.decompress(piece, room)
        except zlib.error:
            self.rescue = _decode_to_damage(before, piece)
            raise


def _decode_to_damage(decoder: Any, piece: bytes) -> bytes:
    """Decode byte by byte until the damage; Python's zlib throws away what one failing call had decoded."""
    parts: list[bytes] = []
    with contextlib.suppress(zlib.error):
        for at in range(len(piece)):
            parts += [decoder.decompress(piece[at : at + 1])]
    return b"".join(parts)


class _Zstd:
    """zstd frames one after the other; their structure is followed to know whether the last one is whole."""

    compression = "zstd"

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        import zstandard  # only where a zstd file is read: start-up

        self._frames = _ZstdFrames(file, head)
        self._error = zstandard.ZstdError
        decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
        source: Any = self._frames
        self._reader: Any = decoder.stream_reader(source, read_size=PIECE_BYTES, read_across_frames=True)
        self.problem = ""

    def readinto(self, view: memoryview) -> int:
        if self.problem:
            return 0
        try:
            count: int = self._reader.readinto1(view)
        except self._error as error:
            self.problem = f"the zstd data is damaged ({error})"
            return 0
        if not count and not self._frames.whole:
            self.problem = "the zstd data is cut short"
        return count

    def position(self) -> int:
        return self._frames.taken


class _ZstdFrames:
    """Pass bytes on and follow the frames in them (RFC 8878 §3.1.1), since python-zstandard does not report a cut."""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file = file
        self._head = head
        self._field = b""
        self._want = 4
        self._skip = 0
        self._at = self._magic
        self._checksum = False
        self.taken = 0

    @property
    def whole(self) -> bool:
        """Whether the bytes so far end with a frame."""
        return self._at == self._magic and not self._field and not self._skip

    def read(self, size: int) -> bytes:
        piece, self._head = (self._head, b"") if self._head else (self._file.read(size), b"")
        self.taken += len(piece)
        self._follow(piece)
        return piece

    def _follow(self, piece: bytes) -> None:
        at = 0
        while at < len(piece):
            if self._skip:
                step = min(self._skip, len(piece) - at)
                self._skip -= step
                at += step
                continue
            step = min(self._want - len(self._field), len(piece) - at)
            self._field += piece[at : at + step]
            at += step
            if len(self._field) == self._want:
                value = int.from_bytes(self._field, "little")
                self._field = b""
                self._at(value)

    def _magic(self, value: int) -> None:
        self._at, self._want = (self._skippable, 4) if value in SKIPPABLE else (self._descriptor, 1)

    def _skippable(self, value: int) -> None:
        self._skip, self._at, self._want = value, self._magic, 4

    def _descriptor(self, value: int) -> None:
        single = value >> 5 & 1
        content_size = (single, 2, 4, 8)[value >> 6]
        dictionary = (0, 1, 2, 4)[value & 3]
        self._checksum = bool(value & 4)
        self._skip, self._at, self._want = (1 - single) + dictionary + content_size, self._block, 3

    def _block(self, value: int) -> None:
        last, kind, size = value & 1, value >> 1 & 3, value >> 3
        self._skip = 1 if kind == 1 else size
        if last:
            self._skip += 4 if self._checksum else 0
            self._at, self._want = self._magic, 4
