"""Turn a file of whatever form into records: JSON, CSV, XML, `#Fields:` logs, dhcpd's leases, syslog and plain lines.

The form is told from the beginning of the file. One JSON object a line, text lines and `#Fields:` logs are read in
blocks of whole lines, so that the ledger knows a block it has seen; JSON documents, XML and CSV, whose records may span
lines, are read as one stream, and each of their records carries a digest instead. UTF-16 (PowerShell's exports) becomes
UTF-8. What a record means is not known here.
"""

import codecs
import hashlib
from collections.abc import Callable, Iterator
from typing import Protocol

from sensor.errors import Malformed
from sensor.model.source import Ledger
from sensor.wire import tables
from sensor.wire.envelopes import decode, from_line
from sensor.wire.json_stream import JsonStream
from sensor.wire.lease_blocks import leases, looks_so
from sensor.wire.line_blocks import Block, LineBlocks
from sensor.wire.record_lines import Item, LineReader, parsed
from sensor.wire.xml_stream import XmlStream, spans_lines

PIECE_BYTES = 1 << 16
HEAD_BYTES = 1 << 16
DIGEST_BYTES = 16
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class Readable(Protocol):
    """What records are read from."""

    def readinto(self, view: memoryview) -> int:
        """Fill some of `view`; 0 at the end."""


class Records:
    """One stream of records; iterate over it once.

    Attributes:
        form: json_lines, json, csv, fields, xml, leases or lines; empty before the first record.
    """

    def __init__(
        self, stream: Readable, site: str, ledger: Ledger | None, counted: Callable[[], int], near_ns: int | None = None
    ) -> None:
        """Take a stream and the ledger's site.

        Args:
            stream: Bytes, decompressed.
            site: Name of the site.
            ledger: Which blocks are known; None: none is.
            counted: Tells how many records came of what was given so far: one may hold many.
            near_ns: A time close to the records', for dates without a year.
        """
        self.form = ""
        self._ahead = _Ahead(stream)
        self._site, self._ledger, self._counted, self._near_ns = site, ledger, counted, near_ns

    def __iter__(self) -> Iterator[Item]:
        head = self._ahead.peek(HEAD_BYTES)
        self.form = form_of(head)
        if self.form == "json":
            yield from self._json()
        elif self.form == "csv":
            yield from self._csv(head)
        elif self.form == "xml":
            yield from self._xml()
        elif self.form == "leases":
            yield from self._leases()
        else:
            yield from self._lines()

    def _json(self) -> Iterator[Item]:
        for cut in JsonStream(lambda: self._ahead.read(PIECE_BYTES)):
            yield Item(reason=cut) if isinstance(cut, str) else parsed(cut, digest_of(cut))

    def _xml(self) -> Iterator[Item]:
        for cut in XmlStream(lambda: self._ahead.read(PIECE_BYTES)):
            if isinstance(cut, str):
                yield Item(reason=cut)
            else:
                yield Item(from_line(cut, self._near_ns), digest=digest_of(cut))

    def _leases(self) -> Iterator[Item]:
        for cut in leases(self._ahead.lines()):
            if isinstance(cut, str):
                yield Item(reason=cut)
            else:
                yield Item(cut, digest=digest_of(repr(cut).encode("utf-8", "replace")))

    def _csv(self, head: bytes) -> Iterator[Item]:
        found = tables.find_header(head.decode("utf-8", "replace"))
        number, header = found or (0, tables.Header([], ","))
        lines = self._ahead.lines()
        for _ in range(number + 1):
            next(lines, None)
        for cells in tables.rows(lines, header):
            if isinstance(cells, str):
                yield Item(reason=cells)
                continue
            try:
                raw = header.record(cells)
            except Malformed as fault:
                yield Item(reason=str(fault))
                continue
            yield Item(raw, digest=digest_of("\x1f".join(cells).encode("utf-8", "replace")))

    def _lines(self) -> Iterator[Item]:
        reader = LineReader(self.form, self._near_ns)
        blocks = LineBlocks(self._ahead, self._site, self._ledger)
        for block in blocks:
            if block.too_long:
                yield Item(reason="line_too_long")
                continue
            text = block.text()
            if block.known is not None:
                reader.pass_known(text)
                yield Item(known=block.known)
                continue
            before, is_whole = self._counted(), True
            for line in self._of(block, text):
                item = reader.line(line)
                if item is not None:
                    is_whole = not item.reason
                    yield item
            if block.ended or is_whole:
                blocks.remember(block, self._counted() - before)

    def _of(self, block: Block, text: bytes) -> list[bytes]:
        """Return the lines of a block; the rest of a line whose beginning was taken before is left out."""
        lines = text.split(b"\n")
        return lines[1:] if block.mid_line else lines


class _Ahead:
    """A stream whose beginning can be looked at; UTF-16 comes out as UTF-8."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._held = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._is_first = True

    def peek(self, count: int) -> bytes:
        """Return up to `count` bytes without taking them."""
        while len(self._held) < count:
            piece = self._next()
            if not piece:
                break
            self._held += piece
        return self._held[:count]

    def read(self, count: int) -> bytes:
        """Take up to `count` bytes; empty at the end."""
        if not self._held:
            self._held = self._next()
        piece, self._held = self._held[:count], self._held[count:]
        return piece

    def readinto(self, view: memoryview) -> int:
        """Fill some of `view`; 0 at the end."""
        piece = self.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def lines(self) -> Iterator[str]:
        """Take lines with their ends, as text; one longer than a cell may be is cut there."""
        rest = b""
        while piece := self.read(PIECE_BYTES):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace") + "\n"
            if len(rest) > tables.CELL_BYTES:
                yield rest.decode("utf-8", "replace")
                rest = b""
        if rest:
            yield rest.decode("utf-8", "replace")

    def _next(self) -> bytes:
        while True:
            buffer = bytearray(PIECE_BYTES)
            count = self._stream.readinto(memoryview(buffer))
            piece = bytes(buffer[:count])
            if self._is_first:
                self._is_first = False
                name = _UTF16.get(piece[:2])
                self._decoder = codecs.getincrementaldecoder(name)("replace") if name else None
                piece = piece.removeprefix(codecs.BOM_UTF8)
            if self._decoder is None:
                return piece
            text = self._decoder.decode(piece, final=not count).lstrip("\ufeff")
            if text or not count:
                return text.encode("utf-8", "replace")


def form_of(head: bytes) -> str:
    """Name the form of a file by its beginning: json_lines, json, csv, fields, xml, leases or lines."""
    text = head.lstrip(codecs.BOM_UTF8 + b"\x00\r\n\t ")
    first, ended, _ = text.partition(b"\n")
    first = first.strip()
    if first[:1] in {b"{", b"["}:
        if not ended or first[:1] == b"[":
            return "json"
        try:
            decode(first)
        except Malformed:
            return "json"
        return "json_lines"
    if spans_lines(text):
        return "xml"
    shown = text.decode("utf-8", "replace")
    if looks_so(shown):
        return "leases"
    if any(tables.fields_line(line) for line in shown.splitlines()[:_FIELDS_LINES]):
        return "fields"
    if first[:1] != b"<" and tables.find_header(shown) is not None:
        return "csv"
    return "lines"


_FIELDS_LINES = 16
"""Exchange and IIS write four or five `#` lines before the columns."""


def digest_of(text: bytes) -> bytes:
    """Return what a record without an id of its own is known by: 16 bytes of BLAKE2b over its text."""
    return hashlib.blake2b(text, digest_size=DIGEST_BYTES).digest()
