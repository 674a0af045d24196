"""Decode a plain, gzip, xz or zstd file, told apart by its first bytes, with the standard library's readers.

For readers that are used as a library, where this package's own decoder (`sensor.packets.inflate`) is out of reach.
What was decoded before damage is handed on, a piece at a time; the damage is kept as `problem`, never raised.
"""

import gzip
import io
import lzma
import zlib
from typing import Any, BinaryIO

_MAGICS = ((b"\x1f\x8b", "gzip"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
_PIECE_BYTES = 65_536


class Unpacked:
    """A file's text; a `follow_text.Stream`."""

    def __init__(self, file: BinaryIO) -> None:
        """Look at a file's first bytes; it must be seekable."""
        head = file.read(6)
        file.seek(0)
        self.compression = next((name for magic, name in _MAGICS if head.startswith(magic)), "")
        self.problem = ""
        self._errors: tuple[type[Exception], ...] = (EOFError, OSError, zlib.error, lzma.LZMAError)
        self._text: Any = self._reader(file)

    def _reader(self, file: BinaryIO) -> Any:  # noqa: ANN401 - four libraries' readers, which share `readinto` alone
        if self.compression == "gzip":
            return gzip.GzipFile(fileobj=file)
        if self.compression == "xz":
            return lzma.LZMAFile(file)
        if self.compression == "zstd":
            import zstandard

            self._errors = (*self._errors, zstandard.ZstdError)
            return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return file if isinstance(file, io.BufferedIOBase) else io.BufferedReader(file)

    def readinto(self, view: memoryview) -> int:
        """Fill some of `view`; 0 at the end, or at damage."""
        if self.problem:
            return 0
        try:
            return int(self._text.readinto(view[:_PIECE_BYTES]) or 0)
        except self._errors as error:
            self.problem = f"the {self.compression or 'file'} data is damaged or cut short ({error})"
            return 0
