"""Records of logs that have one a line: JSON objects, rows under a `#Fields:` line or a CSV header, plain text.

Keeps what later lines need of earlier ones, the columns; `carry` gives that to a reader that goes on elsewhere. A value
that spans lines is not read here (`sensor.wire.records` reads whole files of such).
"""

import codecs

import msgspec

from sensor.errors import Malformed
from sensor.wire import tables
from sensor.wire.envelopes import Raw, decode, from_line


class Item(msgspec.Struct, frozen=True):
    """A record; or the reason why there is none; or so many that were read before."""

    raw: Raw | None = None
    reason: str = ""
    known: int = 0
    digest: bytes | None = None
    """Of its bytes, where the ledger does not know its block."""


class LineReader:
    """Reads lines in order.

    Attributes:
        carry: The line that named the present columns; empty where none has.
    """

    def __init__(self, form: str, near_ns: int | None = None, carry: str = "") -> None:
        """Take the file's form (fields and csv have columns), a time close to the records', and what was carried."""
        self.carry = ""
        self._form, self._near_ns = form, near_ns
        self._header: tables.Header | None = None
        if carry:
            self._take_columns(carry)

    def line(self, line: bytes) -> Item | None:
        """Read one line; None where it holds no record."""
        line = line.strip(b"\r\n \t\x00").removeprefix(codecs.BOM_UTF8)
        if not line:
            return None
        if line[:1] == b"{":
            return parsed(line)
        if line[:1] == b"#" and self.take_header(line):
            return None
        if self._header is None and self._form == "csv":
            self._take_columns(line.decode("utf-8", "replace"))
            return None
        if self._header is not None:
            try:
                return Item(self._header.record(self._header.cells(line.decode("utf-8", "replace"))))
            except Malformed as fault:
                return Item(reason=str(fault))
        return Item(from_line(line, self._near_ns))

    def take_header(self, line: bytes) -> bool:
        """Take a `#` line in; True where it is no record."""
        text = line.decode("utf-8", "replace")
        header = tables.fields_line(text)
        if header is not None:
            self._header, self.carry = header, text
        return header is not None or self._form == "fields"

    def pass_known(self, text: bytes) -> None:
        """Take from lines that were read before only what later ones need: their columns."""
        if self._form == "fields":
            for line in text.split(b"\n"):
                if line[:1] == b"#":
                    self.take_header(line.strip(b"\r"))

    def _take_columns(self, text: str) -> None:
        """Take columns from a `#Fields:` line or a CSV header row; other lines before a header are passed over."""
        found = tables.fields_line(text)
        if found is None:
            at = tables.find_header(text)
            found = at[1] if at is not None else None
        if found is not None:
            self._header, self.carry = found, text


def parsed(text: bytes, digest: bytes | None = None) -> Item:
    """Parse a JSON object into an item, or into the reason why it is none."""
    try:
        return Item(decode(text), digest=digest)
    except Malformed as fault:
        return Item(reason=str(fault))
