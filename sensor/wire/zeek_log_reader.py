"""Read any Zeek log as rows of Python values: a stand-in for the class of this name in pyzeek and zat.

    for row in ZeekLogReader("/opt/zeek/logs/current/conn.log", tail=True).readrows():
        print(row["id.orig_h"], row["duration"])

A row is a dict in the order of the columns: bool, int, float, str; `time` as a datetime in UTC, `interval` as a
timedelta, sets and vectors as lists, unset as None. Where pyzeek differs, and why it is not followed: unset fields are
not 0 or False; times have a zone; a trailing empty field counts; escapes are decoded, `(empty)` and sets too; a
half-written line waits for its end; a log that is rotated without `#close` is followed on; `#close` ends nothing; gzip,
xz, zstd and JSON are read. In JSON, which has no types, `ts` becomes a datetime and everything else stays what it is.

Prints nothing: what cannot be read is counted and logged. One row at a time, some 100,000 a second: for whole logs of
connections take `ZeekSource`.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from sensor.errors import Malformed
from sensor.wire import zeek_values as values
from sensor.wire.follow import Follower
from sensor.wire.line_blocks import LineBlocks
from sensor.wire.unpack import Unpacked
from sensor.wire.zeek_header import Header, Schema, unescape

PAUSE_S = 0.5
"""Between two looks at a file that is tailed; pyzeek looks ten times a second."""
Row = dict[str, object]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOG = logging.getLogger(__name__)


class ZeekLogReader:
    """Reads one log.

    Attributes:
        field_names: The columns of the header in force.
        field_types: Zeek's types of those.
        skipped: Lines that were no row: too few or too many fields, too long, cut short, no JSON object.
    """

    def __init__(
        self, filepath: str | Path, delimiter: str = "\t", tail: bool = False, strict: bool = False,
        pause_s: float = PAUSE_S,
    ) -> None:  # fmt: skip
        """Take a file.

        Args:
            filepath: The log, plain or packed, TSV or JSON.
            delimiter: What parts fields where the header does not say.
            tail: Go on for ever with what is written, through rotation, until `close`.
            strict: Raise where a value is not of its column's type, or a line no row; else keep its text, or skip it.
            pause_s: How long to wait for more, seconds, where `tail`.

        Raises:
            OSError: The file cannot be read.
        """
        if not os.access(filepath, os.R_OK):
            raise OSError(f"cannot read the Zeek log {filepath}")
        self._path, self._tail, self._strict, self._pause_s = str(filepath), tail, strict, pause_s
        self._first = b"#separator " + "".join(f"\\x{byte:02x}" for byte in delimiter.encode()).encode()
        self._is_open = True
        self.skipped = 0
        self._begin()

    def _begin(self) -> None:
        self._header = Header()
        self._header.take(self._first)
        self._schema: Schema | None = None
        self._converters: list[Callable[[bytes], object]] = []
        self.field_names: list[str] = []
        self.field_types: list[str] = []

    def readrows(self) -> Iterator[Row]:
        """Yield rows from the beginning of the file.

        Raises:
            ValueError: Where `strict`, a line or a value that is damaged; says which.
        """
        self._begin()
        for line in self._followed() if self._tail else self._lines():
            if line[:1] == b"#":
                self._take(line)
            elif line.strip():
                row = self._row(line)
                if row is not None:
                    yield row

    def close(self) -> None:
        """Let a reader that tails end, once it has given what there is."""
        self._is_open = False

    def _lines(self) -> Iterator[bytes]:
        with Path(self._path).open("rb") as file:
            stream = Unpacked(file)
            for block in LineBlocks(stream, "", None):
                if block.too_long:
                    self._skip("a line is longer than a megabyte")
                else:
                    yield from (line.removesuffix(b"\r") for line in block.text().removesuffix(b"\n").split(b"\n"))
            if stream.problem:
                self._skip(stream.problem)

    def _followed(self) -> Iterator[bytes]:
        follower = Follower(self._path, Unpacked)
        try:
            while True:
                is_last = not self._is_open
                pieces = follower.poll()
                for piece in pieces:
                    if piece.problem or not piece.is_ended:
                        self._skip(piece.problem or "a line was cut short")
                    else:
                        yield from (line.removesuffix(b"\r") for line in piece.data.splitlines())
                if is_last and not pieces:
                    return
                if not pieces and self._is_open:
                    time.sleep(self._pause_s)
        finally:
            follower.close()

    def _take(self, line: bytes) -> None:
        try:
            self._header.take(line)
        except Malformed as fault:
            self._skip(str(fault))
        if self._header.schema is not self._schema:
            self._schema = self._header.schema
            self.field_names = list(self._schema.fields) if self._schema is not None else []
            self.field_types = list(self._schema.types) if self._schema is not None else []
            types = self.field_types or ["string"] * len(self.field_names)
            self._converters = [_converter(kind, self._schema) for kind in types] if self._schema is not None else []

    def _row(self, line: bytes) -> Row | None:
        schema = self._schema
        if line.lstrip()[:1] == b"{":
            return self._json(line)
        fields = line.split(schema.separator) if schema is not None else []
        if schema is None or len(fields) != len(schema.fields):
            self._skip(f"{len(fields)} fields where the header has {len(self.field_names)}")
            return None
        row: Row = {}
        for name, field, convert in zip(schema.fields, fields, self._converters, strict=True):
            try:
                row[name] = None if field == schema.unset else convert(field)
            except (ValueError, OverflowError, Malformed) as fault:
                if self._strict:
                    raise ValueError(f"{self._path}: column {name} holds {field[:80]!r}") from fault
                row[name] = _text(field)
        return row

    def _json(self, line: bytes) -> Row | None:
        try:
            row = msgspec.json.decode(line, type=dict[str, object])
            if "ts" in row:
                row["ts"] = _moment(row["ts"])
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, OverflowError, Malformed) as fault:
            self._skip(f"no record: {fault}")
            return None
        return row

    def _skip(self, why: str) -> None:
        if self._strict:
            raise ValueError(f"{self._path}: {why}")
        self.skipped += 1
        if self.skipped == 1:
            _LOG.warning("line skipped path=%s: %s", self._path, why)


def _text(field: bytes) -> str:
    return unescape(field).decode("utf-8", "backslashreplace")


def _moment(value: object) -> datetime | None:
    """Make a datetime of seconds since 1970, to the microsecond, or of ISO 8601."""
    found = values.time_ns(str(value) if isinstance(value, float) else value, "ts")
    return None if found is None else _EPOCH + timedelta(microseconds=(found + 500) // 1000)


def _time(field: bytes) -> datetime | None:
    text = field.decode("ascii")
    if text.startswith("-"):
        return _EPOCH + timedelta(seconds=float(text))
    return _moment(text)


_SCALARS: dict[str, Callable[[bytes], object]] = {
    "bool": lambda field: {b"T": True, b"F": False}.get(field, _text(field)), "count": int, "int": int, "port": int,
    "counter": int, "double": float, "time": _time, "interval": lambda field: timedelta(seconds=float(field)),
}  # fmt: skip
"""What makes a value of each of Zeek's types; those that are not here (string, addr, subnet, enum …) are text."""


def _converter(kind: str, schema: Schema) -> Callable[[bytes], object]:
    """Return what makes a value of a field of this type that is not unset."""
    outer, bracket, inner = kind.partition("[")
    if not bracket or outer not in {"set", "vector", "table"}:
        scalar = _SCALARS.get(kind, _text)
        return scalar if scalar is not _text else lambda field: "" if field == schema.empty else _text(field)
    member = _SCALARS.get(inner.removesuffix("]"), _text)

    def several(field: bytes) -> list[object]:
        if field == schema.empty:
            return []
        return [None if one == schema.unset else member(one) for one in field.split(schema.set_separator)]

    return several
