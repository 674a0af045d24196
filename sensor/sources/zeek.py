"""Zeek's logs: conn as flows, any other of `sensor.wire.zeek_kinds` as messages; TSV or JSON, plain or packed.

What a file holds is read from itself: the header of TSV (any column order, unknown columns passed over, several headers
in a row), the keys of JSON (in whatever envelope). A TSV piece without a header is read under the caller's schema, or
under Zeek's default one where exactly one fits its first line; else its lines are refused. conn lines go through
kernels, in blocks of a megabyte; what a kernel leaves open, and every other log, is read a line at a time.

Every record is accounted for: accepted, a duplicate (its block is in the ledger), or refused for one reason: a column
that does not parse (`bad_…`) or is missing (`missing_…`), a line with other than the header's columns
(`column_count`), `no_header`, `not_a_record`, `cut_short`, `line_too_long`, `unsupported_log`, `damaged_compression`.
The first refusal of each reason is logged with file and row; a batch has the row of each. `ZeekSource` reads a file
once, `ZeekFollow` the logs of a running Zeek as they are written and rotated (`sensor.wire.follow`). Does not join logs
by uid.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.errors import Malformed
from sensor.model.flow import FLOW
from sensor.model.protocols import AnyMessage
from sensor.model.source import Account, Batch, Ledger
from sensor.packets.inflate import open_stream
from sensor.wire import zeek_json
from sensor.wire.follow import POLL_BYTES, Follower, Piece
from sensor.wire.line_blocks import SLACK_BYTES, Block, LineBlocks
from sensor.wire.opening import open_input
from sensor.wire.zeek_defaults import LEAD_MAX, guess
from sensor.wire.zeek_header import Header, Schema, directives
from sensor.wire.zeek_kinds import GOING_ON
from sensor.wire.zeek_records import BOM, INTERVAL, Record, format_name, read, try_tsv, variant
from sensor.wire.zeek_tsv import TsvReader

if TYPE_CHECKING:
    from sensor.flows.log_kernels import LogKernels

GUESSES_MAX = 16
"""Lines without a header for which a schema is sought; a file that fits none is not searched for ever."""
READERS_MAX = 256
"""Readers of followed files that are kept; one that is gone is made anew, from the header that comes with a piece."""
REFUSED_MAX = 16_384
"""Refusals of one batch that are told with their rows: a block of a megabyte has no more lines of 64 bytes, and no
record of any log is shorter. Of shorter lines the rest is counted by reason alone."""
_HASH, _BRACE, _NEWLINE = ord("#"), ord("{"), b"\n"
_LOG = logging.getLogger(__name__)


def recognises(head: bytes) -> bool:
    """Tell whether a file that begins with `head` (decompressed) is a Zeek log, of a kind that is read or not."""
    return variant(head) is not None


class ZeekSource:
    """One Zeek log file."""

    def __init__(
        self,
        path: str | Path,
        site: str,
        input_index: int,
        ledger: Ledger | None = None,
        schema: Schema | None = None,
        account: Account | None = None,
    ) -> None:
        """Take `schema` for lines before any header; count into `account` where several files are one input."""
        self.account = account or Account(path=str(path), site=site, format="zeek")
        self._path = str(path)
        self._input = input_index
        self._ledger = ledger
        self._header = Header(schema)
        self._reader: TsvReader | None = None
        self._plan: NDArray[np.int64] | None = None
        self._fresh = True
        """No line has been read under the current header yet."""
        self._guesses = GUESSES_MAX
        self._formats: set[str] = set()
        self._json_kind: str | None = None
        self._directives = b""
        """The header in force, as it was written."""
        self._kernels: LogKernels | None = None
        self._text, self._length = bytearray(), 0
        """The current block: where its bytes are, and how many. What follows them is not its."""
        self._flows: list[NDArray[np.void]] = []
        self._messages: list[AnyMessage] = []
        self._refused: list[tuple[int, str]] = []
        if schema is not None:
            self._use(schema)

    def batches(self) -> Iterator[Batch]:
        """Read on, a block at a time.

        Raises:
            Malformed: Nothing of the file could be read; says why.
            OSError: The file cannot be opened or read.
        """
        with open_input(self._path) as file:
            stream = open_stream(file)
            blocks = LineBlocks(stream, self.account.site, self._ledger)
            for block in blocks:
                before = self.account.records
                is_final = self._block(block)
                self.account.bytes = stream.position()
                if is_final:
                    blocks.remember(block, self.account.records - before)
                if self._flows or self._messages or self._refused:
                    yield self.batch()
            self.account.bytes = stream.position()
            if blocks.is_given_up:
                _LOG.warning(
                    "log given up behind a line without an end path=%s bytes=%d", self._path, self.account.bytes
                )
            if stream.problem:
                self._refuse("damaged_compression", detail=stream.problem)
                yield self.batch()
            self._end(stream.problem)

    def batch(self) -> Batch:
        """Return what was read since the last call."""
        pieces = [np.empty(0, np.uint8), *(rows.view(np.uint8) for rows in self._flows)]
        flows = self._flows[0] if len(self._flows) == 1 else np.concatenate(pieces).view(FLOW)
        batch = Batch(flows=flows, messages=self._messages, refused=self._refused)
        self._flows, self._messages, self._refused = [], [], []
        return batch

    def feed(self, piece: Piece) -> str:
        """Read a piece of a followed log; return what must come with the next piece if this reader is gone by then."""
        if not self._directives:
            for line in piece.carry.encode("latin-1").splitlines():
                self._take(line)
        self.account.bytes += len(piece.data)
        if piece.problem:
            self._refuse(piece.problem)
        elif piece.data:
            length = len(piece.data)
            raw = bytearray(piece.data) + bytes(SLACK_BYTES)
            data = np.frombuffer(raw, np.uint8)
            self._block(Block(piece.offset, data, length, raw, ended=piece.is_ended, mid_line=piece.is_mid_line))
        return self._directives.decode("latin-1")

    def _end(self, problem: str) -> None:
        account = self.account
        if account.records and not account.accepted and not account.duplicates and not self._formats:
            raise Malformed(f"{self._path}: no record could be read: {problem or 'not a Zeek log, or no header'}")

    def _block(self, block: Block) -> bool:
        """Read one block; say whether it is read for good, so that the ledger may know it."""
        if block.too_long:
            self._refuse("line_too_long")
            return False
        self._text, self._length = block.raw, block.length
        if block.known is not None:
            self._pass_known(block.known)
            return False
        at = len(BOM) if block.offset == 0 and self._text.startswith(BOM) else 0
        if not block.ended:
            return block.mid_line or self._tail(self._line(at, block.length))
        if block.mid_line:
            at = self._line_end(0) + 1
        while at < block.length:
            first = self._text[at]
            if first == _HASH:
                end = self._line_end(at)
                self._take(self._line(at, end))
                at = end + 1
            elif first == _BRACE or self._plan is not None:
                at = self._kernel_run(block, at, is_json=first == _BRACE)
            else:
                at = self._line_run(at)
        return True

    def _line_end(self, at: int) -> int:
        """Find the newline that ends the line at `at`; every line of a block has one, but a tail's."""
        return self._text.index(_NEWLINE, at, self._length)

    def _line(self, at: int, end: int) -> bytes:
        """Copy a line."""
        return bytes(memoryview(self._text)[at:end])

    def _pass_known(self, count: int) -> None:
        """Count a block that was read before, and take from it only what later lines need: its headers."""
        self.account.records += count
        self.account.duplicates += count
        text, length = self._text, self._length
        at = 0 if text[:1] == b"#" else text.find(b"\n#", 0, length) + 1
        while at < length and text[at] == _HASH:
            end = text.find(_NEWLINE, at, length)
            end = end if end >= 0 else length
            self._take(self._line(at, end))
            following = text.find(b"\n#", end, length)
            if following < 0:
                break
            at = following + 1

    def _take(self, line: bytes) -> None:
        """Take in a `#` line."""
        before = self._header.schema
        line = line.removesuffix(b"\r")
        self._directives = directives(self._directives, line)
        try:
            self._header.take(line)
        except Malformed as fault:
            _LOG.warning("header refused path=%s row=%d: %s", self._path, self.account.records, fault)
        if self._header.schema is not before:
            self._use(self._header.schema)

    def _use(self, schema: Schema | None) -> None:
        """Read the lines that come under this schema; under None, refuse them."""
        self._reader = TsvReader(schema) if schema is not None else None
        self._plan = None
        self._fresh = True
        if schema is not None:
            self._saw(schema.kind, "tsv")

    def _saw(self, kind: str | None, form: str) -> None:
        """Note a format; a file that holds several is called `zeek`."""
        name = format_name(kind, form)
        if name not in self._formats:
            self._formats.add(name)
            self.account.format = name if len(self._formats) == 1 else "zeek"

    def _room(self) -> "LogKernels":
        """Make the kernels when the first line for them is met: loading them takes time."""
        if self._kernels is None:
            from sensor.flows.log_kernels import LogKernels

            self._kernels = LogKernels()
        return self._kernels

    def _kernel_run(self, block: Block, at: int, *, is_json: bool) -> int:
        """Read lines by a kernel until a `#` line or the end of its room, and judge what it left open."""
        rows, odd, stopped = self._room().read(block.data, at, block.length, None if is_json else self._plan)
        first = self.account.records
        self.account.records += len(rows)
        rows["input"] = self._input
        rows["offset"] = np.arange(first, self.account.records)
        if not is_json and self._reader is not None and self._reader.schema.path in GOING_ON:
            rows["why"] = INTERVAL
        if is_json and len(rows) > len(odd):
            self._saw("conn", "json")
        keep = np.ones(len(rows), np.bool_)
        for number, start in odd:
            found = self._judge(self._line(start, self._line_end(start)), first + number)
            keep[number] = isinstance(found, np.ndarray)
            if isinstance(found, np.ndarray):
                rows[number] = found[0]
            elif found is not None:
                self._messages.append(found)
        kept = _select(rows, keep) if odd else rows
        if len(kept):
            self._flows.append(kept)
            self.account.accepted += len(kept)
        return stopped

    def _line_run(self, at: int) -> int:
        """Read lines one at a time until a `#` line, or one that a kernel may go on from."""
        text, length = self._text, self._length
        while at < length and text[at] != _HASH and text[at] != _BRACE and self._plan is None:
            end = self._line_end(at)
            line = self._line(at, end)
            at = end + 1
            if line and line != b"\r":
                self._one(line)
        return at

    def _one(self, line: bytes) -> None:
        """Read one line that no kernel has looked at."""
        self.account.records += 1
        found = self._judge(line, self.account.records - 1)
        if isinstance(found, np.ndarray):
            self.account.accepted += 1
            self._flows.append(found)
        elif found is not None:
            self._messages.append(found)

    def _judge(self, line: bytes, offset: int) -> Record | None:
        """Read one line in any form; count it, unless it is a flow: those are counted together. None: refused."""
        line = line.removesuffix(b"\r")
        try:
            if line.lstrip()[:1] == b"{":
                record = zeek_json.read(line)
                if record.tsv is not None:
                    found = self._judge_tsv(record.tsv, offset)
                else:
                    kind = self._json_kind if record.is_bare else record.kind
                    self._saw(kind, "json")
                    self._json_kind = kind
                    found = read(record.get, kind, record.path, self._input, offset)
            else:
                found = self._judge_tsv(line, offset)
        except Malformed as fault:
            self._refuse(str(fault), row=offset)
            return None
        if not isinstance(found, np.ndarray):
            self.account.accepted += 1
        return found

    def _judge_tsv(self, line: bytes, offset: int) -> Record:
        reader = self._find_reader(line)
        if reader is None:
            raise Malformed("no_header")
        schema = reader.schema
        if schema.kind is None:
            raise Malformed("unsupported_log")
        found = read(reader.record(line), schema.kind, schema.path, self._input, offset)
        if self._fresh:
            self._fresh = False
            if schema.kind == "conn":
                self._plan = self._room().plan(schema.fields, schema.lead, schema.separator, schema.unset, schema.empty)
        return found

    def _find_reader(self, line: bytes) -> TsvReader | None:
        """Return what reads a TSV line; the first one under a header may show that a shipper put columns before it."""
        if self._reader is None:
            if self._guesses:
                self._guesses -= 1
                self._use(guess(line, try_tsv))
            return self._reader
        plain = self._reader.schema
        more = line.count(plain.separator) + 1 - len(plain.fields) - plain.lead
        if self._fresh and 0 < more <= LEAD_MAX:
            shifted = msgspec.structs.replace(plain, lead=plain.lead + more)
            try:
                try_tsv(line, shifted)
            except Malformed:
                return self._reader
            self._reader = TsvReader(shifted)
        return self._reader

    def _tail(self, line: bytes) -> bool:
        """Read a last line that has no end: a whole JSON object, or a TSV line that lacks nothing which is read."""
        if line[:1] == b"#":
            self._take(line)
            return True
        if not line.strip():
            return True
        before = self.account.accepted
        if self._is_whole_json(line) if line.lstrip()[:1] == b"{" else self._is_whole(line):
            self._one(line)
        else:
            self._refuse("cut_short")
        return self.account.accepted > before

    @staticmethod
    def _is_whole_json(line: bytes) -> bool:
        try:
            zeek_json.decode(line)
        except Malformed:
            return False
        return True

    def _is_whole(self, line: bytes) -> bool:
        """Tell whether a cut can only have harmed a last field that is not read; True also where nothing can be."""
        reader = self._find_reader(line)
        if reader is None or reader.schema.kind is None:
            return True
        asked: set[str] = set()
        try:
            get = reader.record(line)

            def watch(column: str) -> object:
                asked.add(column)
                return get(column)

            read(watch, reader.schema.kind, reader.schema.path, 0, 0)
        except Malformed:
            return False
        column, is_marker = reader.last_field(line)
        return is_marker or column not in asked

    def _refuse(self, reason: str, *, detail: str = "", row: int | None = None) -> None:
        """Count a record that is not accepted, and name the first of each reason. A `row` given is counted already."""
        account = self.account
        if row is None:
            row = account.records
            account.records += 1
        if reason not in account.rejected:
            level = logging.INFO if reason == "unsupported_log" else logging.WARNING
            _LOG.log(level, "record refused path=%s row=%d reason=%s %s", self._path, row, reason, detail)
        account.reject(reason)
        if len(self._refused) < REFUSED_MAX:
            self._refused.append((row, reason))


class ZeekFollow:
    """The logs of a running Zeek: a folder, a file or a pattern, through every rotation."""

    def __init__(self, path: str | Path, site: str, input_index: int, position: str | None = None) -> None:
        """Go on from what `position` returned; None to read the live files from their beginnings.

        Raises:
            ValueError: The position is damaged.
        """
        self.account = Account(path=str(path), site=site, format="zeek")
        self.follower = Follower(str(path), open_stream, position)
        self._input = input_index
        self._readers: dict[int, ZeekSource] = {}

    def poll(self, limit_bytes: int = POLL_BYTES) -> Batch:
        """Read what has come since, about so much at most."""
        batch = Batch()
        rows = [batch.flows]
        for piece in self.follower.pieces(limit_bytes):
            reader = self._reader(piece)
            carry = reader.feed(piece)
            if carry != piece.carry:
                self.follower.note(piece.file, carry)
            found = reader.batch()
            self.follower.reached(piece.file, found.newest_ns())
            rows.append(found.flows)
            batch.messages += found.messages
            batch.refused += found.refused
        self.account.format = "zeek"
        batch.flows = np.concatenate([np.empty(0, np.uint8), *(some.view(np.uint8) for some in rows)]).view(FLOW)
        return batch

    def position(self) -> str:
        """Return how far the batches so far go: to be committed with them, and given to the next process."""
        return self.follower.position()

    def behind_ns(self) -> int | None:
        """Return the event time up to which everything was read, where there is more; None where there is not."""
        return self.follower.behind_ns

    def close(self) -> None:
        """Close every file."""
        self.follower.close()

    def _reader(self, piece: Piece) -> ZeekSource:
        reader = self._readers.pop(piece.file, None)
        if reader is None:
            reader = ZeekSource(piece.path, self.account.site, self._input, account=self.account)
        self._readers[piece.file] = reader  # the last used last
        if len(self._readers) > READERS_MAX:
            del self._readers[next(iter(self._readers))]
        return reader


def _select(rows: NDArray[np.void], keep: NDArray[np.bool_]) -> NDArray[np.void]:
    """Copy the rows that are kept, as bytes: numpy copies columns, and leaves the gaps between them to chance."""
    kept: NDArray[np.void] = rows.view(np.uint8).reshape(len(rows), FLOW.itemsize)[keep].reshape(-1).view(FLOW)
    return kept
