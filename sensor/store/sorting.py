"""Records of many inputs in event-time order, with bounded memory: sorted runs on disk, merged.

The order is (key, input, offset), where the key is the time at which a record is complete. It does not depend on how
the records were cut into batches, nor on the order in which the inputs were read.
"""

import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import IO, Any, Generic, Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import DTypeLike, NDArray

from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.model.records import copied, joined, picked
from sensor.model.report import AnyReport
from sensor.model.source import Batch

RUN_ROWS = 1 << 17
"""Rows kept in memory before a run is written: 40 MB of flows."""
BLOCK_ROWS = 1 << 13
"""Rows read at a time from each run when merging."""
SPOOL_BYTES = 1 << 26
"""Encoded messages kept in memory before they go to disk."""

Keys = NDArray[np.int64]
Rows = NDArray[np.void]
_PLACE = np.dtype([("input", np.int32), ("offset", np.int64), ("at", np.int64), ("length", np.int32)])


class Runs:
    """Rows of one dtype with a key each; add them all, then read them in order.

    `dtype` must have the fields `input` and `offset`.
    """

    def __init__(self, dtype: DTypeLike, run_rows: int = RUN_ROWS, block_rows: int = BLOCK_ROWS) -> None:
        self._dtype = np.dtype(dtype)
        self._run_rows, self._block_rows = run_rows, block_rows
        self._pending: list[tuple[Keys, Rows]] = []
        self._pending_rows = 0
        self._file: IO[bytes] | None = None
        self._runs: list[tuple[int, int]] = []

    def add(self, keys: Keys, rows: Rows) -> None:
        """Take rows in, in any order; they are copied."""
        for start in range(0, len(keys), self._run_rows):
            piece = slice(start, start + self._run_rows)
            self._pending.append((keys[piece].copy(), copied(rows[piece])))
            self._pending_rows += len(self._pending[-1][0])
            if self._pending_rows >= self._run_rows:
                self._spill()

    def blocks(self) -> Iterator[tuple[Keys, Rows]]:
        """Read everything in order, block by block."""
        last = self._sorted_pending()
        if self._file is None:
            if len(last[0]):
                yield last
            return
        readers = [_Reader(self._file, self._dtype, at, rows, self._block_rows) for at, rows in self._runs]
        readers.append(_Reader.over(last, self._dtype, self._block_rows))
        yield from _merge(readers)

    def close(self) -> None:
        """Drop the file of runs."""
        if self._file is not None:
            self._file.close()

    def _sorted_pending(self) -> tuple[Keys, Rows]:
        keys = np.concatenate([np.empty(0, np.int64), *(keys for keys, _ in self._pending)])
        rows = joined([np.empty(0, self._dtype), *(rows for _, rows in self._pending)])
        self._pending, self._pending_rows = [], 0
        return _in_order(keys, rows)

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="spanline-sort-")  # noqa: SIM115 - closed by close()
        keys, rows = self._sorted_pending()
        at = self._file.seek(0, 2)
        self._file.write(keys.tobytes())
        self._file.write(rows.tobytes())
        self._runs.append((at, len(keys)))


class _Reader:
    """One sorted run, read block by block."""

    def __init__(self, file: IO[bytes] | None, dtype: np.dtype[Any], at: int, rows: int, block_rows: int) -> None:
        self._file, self._dtype, self._at, self._total, self._block_rows = file, dtype, at, rows, block_rows
        self._read = 0
        self.keys: Keys = np.empty(0, np.int64)
        self.rows: Rows = np.empty(0, dtype)

    @classmethod
    def over(cls, run: tuple[Keys, Rows], dtype: np.dtype[Any], block_rows: int) -> "_Reader":
        """Stand for a run that is in memory whole."""
        reader = cls(None, dtype, 0, 0, block_rows)
        reader.keys, reader.rows = run
        return reader

    @property
    def more(self) -> bool:
        """There are rows on disk beyond the loaded ones."""
        return self._read < self._total

    def extend(self) -> None:
        """Load another block behind what is loaded."""
        if self._file is None or not self.more:
            return
        n = min(self._block_rows, self._total - self._read)
        self._file.seek(self._at + 8 * self._read)
        keys = np.frombuffer(self._file.read(8 * n), np.int64)
        self._file.seek(self._at + 8 * self._total + self._dtype.itemsize * self._read)
        rows = np.frombuffer(self._file.read(self._dtype.itemsize * n), self._dtype)
        self.keys, self.rows = np.concatenate([self.keys, keys]), joined([self.rows, rows])
        self._read += n

    def take(self, count: int) -> tuple[Keys, Rows]:
        """Take the first rows away."""
        taken = self.keys[:count], self.rows[:count]
        self.keys, self.rows = self.keys[count:], self.rows[count:]
        return taken


def _merge(readers: list[_Reader]) -> Iterator[tuple[Keys, Rows]]:
    """Yield what lies below the smallest last key of the runs that have more; rows of equal key stay together."""
    while True:
        for reader in readers:
            if not len(reader.keys):
                reader.extend()
        going_on = [reader for reader in readers if reader.more]
        if not going_on:
            keys, rows = _joined([reader.take(len(reader.keys)) for reader in readers])
            if len(keys):
                yield keys, rows
            return
        bound = min(int(reader.keys[-1]) for reader in going_on)
        keys, rows = _joined([reader.take(int(np.searchsorted(reader.keys, bound))) for reader in readers])
        if len(keys):
            yield keys, rows
        else:
            for reader in going_on:
                if int(reader.keys[-1]) == bound:
                    reader.extend()


def _joined(parts: list[tuple[Keys, Rows]]) -> tuple[Keys, Rows]:
    return _in_order(np.concatenate([keys for keys, _ in parts]), joined([rows for _, rows in parts]))


def _in_order(keys: Keys, rows: Rows) -> tuple[Keys, Rows]:
    order = np.lexsort((rows["offset"], rows["input"], keys))
    return keys[order], picked(rows, order)


T = TypeVar("T", AnyMessage, Event, AnyReport)


class Spool(Generic[T]):
    """Structs spooled to disk beyond SPOOL_BYTES, read back in order of event time."""

    def __init__(self, of: object, place: str, run_rows: int = RUN_ROWS, block_rows: int = BLOCK_ROWS) -> None:
        """Take their type, and the name of the field that holds their place in their input."""
        self._place = place
        self._spool = tempfile.SpooledTemporaryFile(SPOOL_BYTES, prefix="spanline-sort-")  # noqa: SIM115 - see close()
        self._runs = Runs(_PLACE, run_rows, block_rows)
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(of)

    def add(self, number: int, structs: Sequence[T]) -> None:
        """Take an input's Structs in."""
        at = self._spool.seek(0, 2)
        rows, keys = np.zeros(len(structs), _PLACE), np.zeros(len(structs), np.int64)
        for i, one in enumerate(structs):
            blob = self._encoder.encode(one)
            rows[i] = (number, getattr(one, self._place), at, len(blob))
            keys[i] = one.ts
            self._spool.write(blob)
            at += len(blob)
        self._runs.add(keys, rows)

    def blocks(self) -> Iterator[tuple[Keys, Rows]]:
        """Read where all of them lie, in order; `read` turns that into Structs."""
        return self._runs.blocks()

    def read(self, rows: Rows) -> list[T]:
        """Return those at the given places, with the number of their input set."""
        found = []
        for number, _, at, length in rows.tolist():
            self._spool.seek(at)
            one = self._decoder.decode(self._spool.read(length))
            found.append(msgspec.structs.replace(one, input=number))
        return found

    def close(self) -> None:
        """Drop the files."""
        self._spool.close()
        self._runs.close()


class Cursor:
    """A stream of ordered blocks, taken by time."""

    def __init__(self, blocks: Iterator[tuple[Keys, Rows]], dtype: DTypeLike) -> None:
        self._blocks = blocks
        self._dtype = np.dtype(dtype)
        self._keys: Keys = np.empty(0, np.int64)
        self._rows: Rows = np.empty(0, self._dtype)

    def peek(self) -> int | None:
        """Return the key of the next row, None at the end."""
        while not len(self._keys):
            following = next(self._blocks, None)
            if following is None:
                return None
            self._keys, self._rows = following
        return int(self._keys[0])

    def take(self, end: int, limit: int | None = None) -> tuple[Keys, Rows]:
        """Take the rows whose key is below `end`, at most `limit` of them."""
        keys: list[Keys] = []
        rows: list[Rows] = []
        left = limit
        while (following := self.peek()) is not None and following < end and left != 0:
            count = int(np.searchsorted(self._keys, end))
            count = count if left is None else min(count, left)
            keys.append(self._keys[:count])
            rows.append(self._rows[:count])
            self._keys, self._rows = self._keys[count:], self._rows[count:]
            left = None if left is None else left - count
        if len(keys) == 1:
            return keys[0], rows[0]
        return np.concatenate([np.empty(0, np.int64), *keys]), joined([np.empty(0, self._dtype), *rows])


class Step(msgspec.Struct, frozen=True):
    """What is complete at the end of a tick, or a part of it; everything in order of event time."""

    end_ns: int
    flows: Rows
    messages: list[AnyMessage]
    arp: Rows
    arp_input: NDArray[np.int32]
    events: list[Event]
    reports: list[AnyReport] = []


class EventOrder:
    """Records of all inputs of a run; closes its temporary files on exit."""

    def __init__(self, flow: DTypeLike, arp: DTypeLike, run_rows: int = RUN_ROWS) -> None:
        """Take the dtypes of the rows; `arp` rows get the number of their input beside them."""
        self._flow = np.dtype(flow)
        self._arp = np.dtype([("input", np.int32), ("offset", np.int64), ("row", np.dtype(arp))])
        self.flows = Runs(self._flow, run_rows)
        self.messages = Spool[AnyMessage](AnyMessage, "offset", run_rows)
        self.events = Spool[Event](Event, "row", run_rows)
        self.reports = Spool[AnyReport](AnyReport, "offset", run_rows)
        self.arp = Runs(self._arp, run_rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for part in (self.flows, self.messages, self.events, self.reports, self.arp):
            part.close()

    def add(self, number: int, batch: Batch) -> None:
        """Take one batch of an input in. A flow is complete at its last packet, anything else at its own time."""
        if len(batch.flows):
            own = copied(batch.flows)
            own["input"] = number
            self.flows.add(own["ts"] + np.maximum(own["duration"], 0), own)
        if batch.messages:
            self.messages.add(number, batch.messages)
        if batch.events:
            self.events.add(number, batch.events)
        if batch.reports:
            self.reports.add(number, batch.reports)
        if len(batch.arp):
            rows = np.zeros(len(batch.arp), self._arp)
            rows["input"], rows["offset"], rows["row"] = number, batch.arp["offset"], batch.arp
            self.arp.add(batch.arp["ts"].copy(), rows)

    def ticks(self, tick_ns: int, limit: int) -> Iterator[Step]:
        """Cut everything at ticks; empty ticks are left out.

        Args:
            tick_ns: Length of a tick.
            limit: Flows a step at most: a tick with more is given in several steps of the same end.
        """
        flows = Cursor(self.flows.blocks(), self._flow)
        messages = Cursor(self.messages.blocks(), _PLACE)
        events = Cursor(self.events.blocks(), _PLACE)
        reports = Cursor(self.reports.blocks(), _PLACE)
        arp = Cursor(self.arp.blocks(), self._arp)
        while True:
            heads = [one.peek() for one in (flows, messages, events, reports, arp)]
            there = [head for head in heads if head is not None]
            if not there:
                return
            end = (min(there) // tick_ns + 1) * tick_ns
            keys, rows = flows.take(end, limit)
            cut = end if len(keys) < limit else int(keys[-1]) + 1
            said = self.messages.read(messages.take(cut)[1])
            told = self.events.read(events.take(cut)[1])
            heard = self.reports.read(reports.take(cut)[1])
            asked = arp.take(cut)[1]
            yield Step(end, rows, said, asked["row"], asked["input"].copy(), told, heard)
