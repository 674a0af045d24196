"""Take Zeek's records from any object that has `readrows()`: pyzeek's or zat's reader, or one alike, as an input.

    ZeekRows(zat.zeek_log_reader.ZeekLogReader(path), "SYD", 0, path=path)

Rows are dicts under Zeek's column names, with Python's values or text. A datetime without a zone is local time, as zat
makes it. What such a reader has lost stays lost: zat's unset counts come as 0, its unset times as 1970-01-02.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sensor.errors import Malformed
from sensor.model.flow import FLOW
from sensor.model.source import Account, Batch
from sensor.wire.zeek_kinds import kind_of
from sensor.wire.zeek_records import format_name, read
from sensor.wire.zeek_rows import Get
from sensor.wire.zeek_tsv import VECTORS

BATCH_ROWS = 4096
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HasRows(Protocol):
    """What is adapted."""

    def readrows(self) -> Iterable[Mapping[str, object]]:
        """Give rows."""


class ZeekRows:
    """An input made of rows; a `sensor.model.source.Source`."""

    def __init__(self, reader: HasRows, site: str, input_index: int, path: str = "", log: str = "") -> None:
        """Take a reader; `log` is the log's name (conn, dns …), which else each row's columns must show."""
        self.account = Account(path=path, site=site, format="zeek")
        self._reader, self._input, self._log = reader, input_index, log

    def batches(self) -> Iterator[Batch]:
        """Read on, a few thousand rows at a time."""
        flows: list[NDArray[np.void]] = []
        batch = Batch()
        for row in self._reader.readrows():
            account = self.account
            number = account.records
            account.records += 1
            kind = kind_of(self._log, frozenset(row))
            try:
                found = read(_getter(row), kind, self._log, self._input, number)
            except Malformed as fault:
                account.reject(str(fault))
                batch.refused.append((number, str(fault)))
            else:
                account.accepted += 1
                account.format = format_name(kind, "rows")
                if isinstance(found, np.ndarray):
                    flows.append(found)
                else:
                    batch.messages.append(found)
            if len(flows) + len(batch.messages) + len(batch.refused) >= BATCH_ROWS:
                yield _whole(batch, flows)
                batch, flows = Batch(), []
        yield _whole(batch, flows)


def _whole(batch: Batch, flows: list[NDArray[np.void]]) -> Batch:
    pieces = [np.empty(0, np.uint8), *(row.view(np.uint8) for row in flows)]
    batch.flows = np.concatenate(pieces).view(FLOW)
    return batch


def _getter(row: Mapping[str, object]) -> Get:
    return lambda column: _plain(row.get(column), several=column in VECTORS)


def _plain(value: object, *, several: bool = False) -> object:
    """Turn a Python value into what a record of a log holds: text, a number, a list, None."""
    if isinstance(value, str):
        if value == "-":
            return None
        if value == "(empty)":
            return [] if several else ""
        return value.split(",") if several else value
    if isinstance(value, datetime):
        try:
            return _seconds(value.astimezone(UTC) - _EPOCH)
        except (OverflowError, ValueError):  # no zone, and too near the ends of Python's calendar for a local time
            return "out of range"
    if isinstance(value, timedelta):
        return _seconds(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    return repr(value) if isinstance(value, float) else value


def _seconds(length: timedelta) -> str:
    micros = length // timedelta(microseconds=1)
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"
