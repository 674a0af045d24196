"""Files of record logs: identity, endpoint, mail, VPN, lease and proxy logs, alone or mixed in one file.

Which product wrote a record is asked of every module of this package that has `claims(record) -> bool`; that module's
`read(record)` makes events, messages or flows of it. So a new product is one file here. A record may be wrapped
(`sensor.wire.envelopes`); what is wrapped as text is offered first, then the record itself, then what it contains.

Every record is accounted for: accepted, a duplicate (its block, its own id, or its bytes are known), or refused for one
reason: what its reader gave (`missing_time` …), `not_recognised`, `not_a_record`, `cut_short`, `too_deep`,
`record_too_long`, `line_too_long`, `column_count`, `damaged_compression`. The first refusal of each reason is logged.
"""

import importlib
import logging
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.model.flow import FLOW
from sensor.model.protocols import AnyMessage
from sensor.model.records import joined
from sensor.model.source import Account, Batch, Ledger
from sensor.packets.inflate import open_stream
from sensor.wire.envelopes import Raw, contained, wrapped_text
from sensor.wire.fields import Assumed, Fields
from sensor.wire.follow import POLL_BYTES, Follower, Piece
from sensor.wire.opening import modified_ns, open_input
from sensor.wire.record_lines import Item, LineReader
from sensor.wire.records import HEAD_BYTES, Records, form_of

BATCH_RECORDS = 4096
READERS_MAX = 256
"""Readers of followed files that are kept; one that is gone is made anew, from the columns that come with a piece."""
DEPTH_MAX = 3
"""Envelopes within envelopes that are opened."""
OFFERS_MAX = 1000
"""After so many in a row that no product claims, the rest of what one record contains is not offered any more: asking
every product costs up to .25 ms, and a megabyte of small objects in a list cost 9 s.
"""
_LOG = logging.getLogger(__name__)

Made = Event | AnyMessage | NDArray[np.void]


class Reader(msgspec.Struct, frozen=True):
    """What one product's module offers."""

    name: str
    claims: Callable[[Fields], bool]
    read: Callable[[Fields], Sequence[Made]]


@cache
def readers() -> tuple[Reader, ...]:
    """Find every module of this package that reads records, in order of their names."""
    found = []
    for module in sorted(one.name for one in pkgutil.iter_modules([str(Path(__file__).parent)])):
        if module in {"records", "detect"}:
            continue
        held = importlib.import_module(f"{__package__}.{module}")
        if hasattr(held, "claims"):
            found.append(Reader(module, held.claims, held.read))
    return tuple(found)


class RecordsSource:
    """One file of records.

    Attributes:
        account: What became of its records; `format` is the product's name, `mixed` where there are several.
        products: Whose records were met.
    """

    def __init__(
        self, path: str | Path, site: str, input_index: int, ledger: Ledger | None = None, only: str | None = None
    ) -> None:
        """Take `only` to read every record as this product's."""
        self.account = Account(path=str(path), site=site, format=only or "records")
        self._input = input_index
        self._ledger = ledger
        self._readers = [one for one in readers() if only in {None, one.name}]
        self._last: Reader | None = None
        self._assumed: Assumed | None = None
        """Time that a record without one takes: of the record before, at first of the file; None: it is refused."""
        self.warnings: list[str] = []
        self._timeless = 0
        self._offers = 0
        """Records offered since one was claimed, within the present one."""
        self.products: set[str] = set()
        self._flows: list[NDArray[np.void]] = []
        self._batch = Batch()

    def batches(self) -> Iterator[Batch]:
        """Read on.

        Raises:
            Malformed: Nothing of the file could be read; says why.
            OSError: The file cannot be opened or read.
        """
        account = self.account
        with open_input(account.path) as file:
            stream = open_stream(file)
            near_ns = modified_ns(account.path)
            self._assumed = Assumed(near_ns)
            items = Records(stream, account.site, self._ledger, lambda: account.records, near_ns)
            for number, item in enumerate(items, 1):
                self.take(item)
                account.bytes = stream.position()
                if number % BATCH_RECORDS == 0:
                    yield self.given()
            account.bytes = stream.position()
            if stream.problem:
                self._refuse("damaged_compression", stream.problem)
        if self._timeless:
            said = f"{self._timeless} records without a time take that of the record before, the first the file's"
            self.warnings.append(f"file {account.path}: {said}")
        yield self.given()
        if account.records and not account.accepted and not account.duplicates and not self.products:
            most = max(account.rejected, key=account.rejected.__getitem__)
            raise Malformed(f"{account.path}: no record could be read: {most}")

    def given(self) -> Batch:
        """Hand out what was made of the records taken in since the last time."""
        batch, self._batch = self._batch, Batch()
        if self._flows:
            batch.flows = joined(self._flows)
            self._flows = []
        return batch

    def take(self, item: Item) -> None:
        """Take one record, or the reason why there is none."""
        account = self.account
        self._offers = 0
        if item.known:
            account.records += item.known
            account.duplicates += item.known
        elif item.raw is None:
            self._refuse(item.reason)
        elif not self._open(item.raw, item.digest, 0):
            self._refuse("not_recognised")

    def _open(self, raw: Raw, digest: bytes | None, depth: int) -> bool:
        """Read a record, or those it wraps; False where no product claims any of it."""
        self._offers += 1
        if self._offers > OFFERS_MAX:
            return False
        if depth < DEPTH_MAX:
            for inner in wrapped_text(raw):
                if self._open(inner, digest, depth + 1):
                    return True
        fields = Fields(raw, self._assumed)
        reader = self._claimant(fields)
        if reader is not None:
            self._read(reader, fields, digest)
            return True
        return depth < DEPTH_MAX and self._open_contained(raw, digest, depth)

    def _open_contained(self, raw: Raw, digest: bytes | None, depth: int) -> bool:
        """Read the records of a list or an object; those that nobody claims are refused if one of them is claimed."""
        unclaimed = 0
        is_claimed = False
        for number, inner in enumerate(contained(raw)):
            own = None if digest is None else digest + number.to_bytes(4, "little")
            if self._open(inner, own, depth + 1):
                is_claimed = True
            else:
                unclaimed += 1
        for _ in range(unclaimed if is_claimed else 0):
            self._refuse("not_recognised")
        return is_claimed

    def _claimant(self, fields: Fields) -> Reader | None:
        """Find whose record this is; products' claims exclude each other, so the last one is asked first."""
        if self._last is not None and self._last.claims(fields):
            return self._last
        found = next((one for one in self._readers if one is not self._last and one.claims(fields)), None)
        self._last = found or self._last
        return found

    def _read(self, reader: Reader, fields: Fields, digest: bytes | None) -> None:
        self._offers = 0
        self._saw(reader.name)
        try:
            made = reader.read(fields)
        except Malformed as fault:
            self._refuse(str(fault))
            return
        account = self.account
        row = account.records
        account.records += 1
        if self._assumed is not None:
            self._timeless += self._assumed.used > 0
            ts = next((one.ts for one in made if isinstance(one, Event)), self._assumed.ns)
            self._assumed = Assumed(ts)
        if self._is_known(reader.name, made, digest):
            account.duplicates += 1
            return
        account.accepted += 1
        for one in made:
            if isinstance(one, Event):
                self._batch.events.append(msgspec.structs.replace(one, input=self._input, row=row))
            elif isinstance(one, np.ndarray):
                one["input"], one["offset"] = self._input, row
                self._flows.append(one.astype(FLOW, copy=False))
            else:
                self._batch.messages.append(msgspec.structs.replace(one, input=self._input, offset=row))

    def _is_known(self, name: str, made: Sequence[Made], digest: bytes | None) -> bool:
        """Tell whether the record was read before, by its own id, else by its bytes."""
        if self._ledger is None:
            return False
        raw_id = next((one.raw_id for one in made if isinstance(one, Event) and one.raw_id), None)
        if raw_id is not None:
            return not self._ledger.add_record(name, raw_id.encode("utf-8", "replace"))
        return digest is not None and not self._ledger.add_record(f"{name}@{self.account.site}", digest)

    def _saw(self, name: str) -> None:
        if name not in self.products:
            self.products.add(name)
            self.account.format = name if len(self.products) == 1 else "mixed"

    def _refuse(self, reason: str, detail: str = "") -> None:
        """Count a record that is not accepted, and name the first of each reason."""
        account = self.account
        if reason not in account.rejected and account.path:
            what = detail or _remedy(reason)
            _LOG.warning("record refused path=%s row=%d reason=%s %s", account.path, account.records, reason, what)
        self._batch.refused.append((account.records, reason))
        account.records += 1
        account.reject(reason)


def _remedy(reason: str) -> str:
    if reason == "not_recognised":
        return "(no source knows its fields)"
    return "(`spanline events FILE` shows what was made of each record)"


class RecordsFollow:
    """Record logs that grow, one record a line: a folder, a file or a pattern, through every rotation.

    Attributes:
        account: What became of the records of all its files.
    """

    def __init__(
        self, path: str | Path, site: str, input_index: int, position: str | None = None, ledger: Ledger | None = None,
        only: str | None = None,
    ) -> None:  # fmt: skip
        """Go on from what `position` returned; None to read the live files from their beginnings.

        Raises:
            ValueError: The position is damaged.
        """
        self._records = RecordsSource(path, site, input_index, ledger, only)
        self.account = self._records.account
        self.follower = Follower(str(path), open_stream, position)
        self._lines: dict[int, LineReader] = {}

    def poll(self, limit_bytes: int = POLL_BYTES) -> Batch:
        """Read what has come since, about so much at most."""
        batches: list[Batch] = []
        for piece in self.follower.pieces(limit_bytes):
            if piece.problem:
                self._records.take(Item(reason=piece.problem))
            reader = self._reader(piece)
            lines = piece.data.split(b"\n")
            for line in lines[1:] if piece.is_mid_line else lines:
                item = reader.line(line)
                if item is not None:
                    self._records.take(item)
            if reader.carry != piece.carry:
                self.follower.note(piece.file, reader.carry)
            batches.append(self._records.given())
            self.follower.reached(piece.file, batches[-1].newest_ns())
        return _together([*batches, self._records.given()])

    def position(self) -> str:
        """Return how far the batches so far go: to be committed with them, and given to the next process."""
        return self.follower.position()

    def behind_ns(self) -> int | None:
        """Return the event time up to which everything was read, where there is more; None where there is not."""
        return self.follower.behind_ns

    def close(self) -> None:
        """Close every file."""
        self.follower.close()

    def _reader(self, piece: Piece) -> LineReader:
        reader = self._lines.pop(piece.file, None)
        if reader is None:
            form = form_of(piece.data[:HEAD_BYTES]) if not piece.carry else "fields"
            reader = LineReader(form, None, piece.carry)
        self._lines[piece.file] = reader  # the last used last
        if len(self._lines) > READERS_MAX:
            del self._lines[next(iter(self._lines))]
        return reader


def _together(batches: Sequence[Batch]) -> Batch:
    """Return batches as one."""
    whole = Batch()
    for one in batches:
        whole.messages += one.messages
        whole.events += one.events
        whole.refused += one.refused
    whole.flows = joined([whole.flows, *(one.flows for one in batches)])
    return whole


def recognises(head: bytes) -> bool:
    """Tell whether a product claims one of the first records of a file."""
    return product_of(head) is not None


def product_of(head: bytes) -> str | None:
    """Name the product of the first record of `head` that is claimed; None where none is.

    Args:
        head: The beginning of a file, decompressed.
    """
    source = RecordsSource("", "", 0)
    for item in Records(BytesIO(head), "", None, lambda: 0):
        if item.raw is not None:
            source.take(item)
        if source.products:
            return min(source.products)
    return None
