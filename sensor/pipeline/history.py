"""A replay's metrics at the times at which they were true, as OpenMetrics text that a Prometheus takes in afterwards.

What a running sensor would have shown is looked at as event time goes on, written for every STEP of it from the first
record to the last. Records, bytes and drops of a batch (some 10,000 rows) come in equal parts with its rows that were
accepted. Counters begin at 0 even where their labels came up later, so that their first increase counts. The inventory
is looked at once an hour. Not here: exemplars (`promtool` keeps none); the seconds of stages are of today's machine.

For `promtool tsdb create-blocks-from openmetrics`, which wants each family in one piece and `# EOF` at the end.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from prometheus_client.utils import floatToGoString

import sensor
from sensor.metrics import Metrics
from sensor.model.result import InputResult
from sensor.model.source import Account, Batch
from sensor.model.times import DAY_NS, HOUR_NS, SECOND_NS
from sensor.pipeline.core import Core
from sensor.pipeline.observing import Observing, source_of

SHORT_NS = 2 * DAY_NS
STEPS_NS = (60 * SECOND_NS, 120 * SECOND_NS)
"""Event time between two samples, up to SHORT_NS of it and beyond: as sensors are scraped; and as far apart as a rate
over 4 minutes still has two of them, Grafana's least where sensors are scraped once a minute (`$__rate_interval`)."""
STOCK_NS = HOUR_NS
MINUTE_NS = 60 * SECOND_NS
_EXACT = 2.0**53
_HALF_UP = 1e-6
"""Against sums of parts that come to a hair less than a whole."""
_Series = tuple[str, tuple[tuple[str, str], ...]]


class _Read:
    """What was read of an input, spread over the event time of its rows.

    A batch's records, bytes and refusals come when its rows do, in equal parts: a log of a week may be one batch.
    """

    def __init__(self, account: Account) -> None:
        self._before = _copied(account)
        self._records: dict[int, float] = {}
        self._bytes: dict[int, float] = {}
        self._rejected: dict[int, Counter[str]] = {}
        self._newest = 0
        self._order: list[int] | None = None
        self._sums = [0.0, 0.0]
        self.given = Account(path=account.path, site=account.site, format=account.format)

    def add(self, account: Account, times: NDArray[np.int64]) -> None:
        """Take what a batch brought, whose rows are of these times, ns."""
        before, self._before = self._before, _copied(account)
        minutes, rows = np.unique(times // MINUTE_NS, return_counts=True)
        if len(minutes):
            self._newest = max(self._newest, int(minutes[-1]))
        shares = (rows / rows.sum()).tolist() if len(minutes) else [1.0]
        for minute, share in zip(minutes.tolist() or [self._newest], shares, strict=True):
            self._records[minute] = self._records.get(minute, 0.0) + (account.records - before.records) * share
            self._bytes[minute] = self._bytes.get(minute, 0.0) + (account.bytes - before.bytes) * share
        for reason, count in account.rejected.items():
            self._rejected.setdefault(self._newest, Counter())[reason] += count - before.rejected.get(reason, 0)
        self.given.format = account.format

    def until(self, end_ns: int) -> InputResult:
        """Return what is newly there at a time, which only goes on."""
        if self._order is None:
            self._order = sorted({*self._records, *self._rejected}, reverse=True)
        before = _copied(self.given)
        while self._order and (self._order[-1] + 1) * MINUTE_NS <= end_ns:
            minute = self._order.pop()
            self._sums[0] += self._records.get(minute, 0.0)
            self._sums[1] += self._bytes.get(minute, 0.0)
            for reason, count in self._rejected.get(minute, {}).items():
                self.given.reject(reason, count)
        self.given.records, self.given.bytes = (int(total + _HALF_UP) for total in self._sums)
        return _since(_result(self.given), before)


class Watched:
    """One replay's metrics: their last state, and on demand what they were."""

    def __init__(self, core: Core, *, is_history: bool) -> None:
        """Begin to count, before the run does."""
        self._core, self._observing = core, Observing(core, Metrics(sensor.__version__), ())
        self._history = History(self._observing) if is_history else None

    def heard(self, number: int, account: Account, batch: Batch) -> None:
        """Take what was read of an input: what a run calls after each batch."""
        if self._history is not None:
            self._history.heard(number, account, batch)

    def coming(self, end_ns: int) -> None:
        """Hear that the tick that ends then is next: what a run calls before each."""
        if self._history is not None:
            self._history.coming(end_ns)

    def write(self, inputs: Sequence[InputResult], last: Path | None, history: Path | None) -> None:
        """End, and write the last state and the history, each where there is a place for it. Raises OSError."""
        if self._history is not None and history is not None:
            self._history.finish(self._core.entities.now_ns, inputs)
            self._history.write(history)
        else:
            for one in inputs:
                self._observing.read(source_of(one), one)
            self._observing.count(every=True)
            self._observing.take_stock()
        if last is not None:
            last.write_bytes(self._observing.metrics.text())


class History:
    """What a replay's metrics were, by event time."""

    def __init__(self, observing: Observing) -> None:
        """Take what brings the metrics up to date."""
        self._observing = observing
        self._read: dict[int, _Read] = {}
        self._oldest_ns = self._newest_ns = 0
        self._step_ns = 0
        self._next_ns = self._stock_ns = 0
        self._at: tuple[int, int] | None = None
        self._changes: dict[_Series, list[tuple[int, float]]] = {}

    def heard(self, number: int, account: Account, batch: Batch) -> None:
        """Note how far an input was read, by the event time of what came."""
        times = _times(batch)
        if number not in self._read:
            self._read[number] = _Read(Account(path=account.path, site=account.site, format=account.format))
        self._read[number].add(account, times)
        if len(times):
            oldest_ns, newest_ns = int(times.min()), int(times.max())
            self._oldest_ns = min(oldest_ns, self._oldest_ns or oldest_ns)
            self._newest_ns = max(self._newest_ns, newest_ns)

    def coming(self, end_ns: int) -> None:
        """Look at the metrics, where a step of event time is over before the tick that comes."""
        if not self._step_ns:
            self._step_ns = STEPS_NS[self._newest_ns - self._oldest_ns > SHORT_NS]
            self._next_ns = (end_ns - 1) // self._step_ns * self._step_ns  # everything is 0 then, and every source up
        if end_ns > self._next_ns:
            self._take(self._next_ns)
            self._look(self._next_ns)
            self._next_ns = -(-end_ns // self._step_ns) * self._step_ns

    def finish(self, end_ns: int, inputs: Iterable[InputResult]) -> None:
        """Look for the last time, when everything is committed.

        Args:
            end_ns: Event time that was reached.
            inputs: What became of every input, by number.
        """
        for number, one in enumerate(inputs):
            held = self._read.get(number)
            self._observing.read(source_of(one), one if held is None else _since(one, held.given))
        self._observing.count(every=True)
        self._observing.take_stock()
        self._look(end_ns)

    def write(self, path: Path) -> None:
        """Write it. Raises OSError."""
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for family in self._observing.metrics.registry.collect():
                file.write(f"# HELP {family.name} {family.documentation}\n# TYPE {family.name} {family.type}\n")
                for sample in family.samples:
                    series = (sample.name, tuple(sample.labels.items()))
                    file.writelines(self._lines(series))
            file.write("# EOF\n")

    def _take(self, end_ns: int) -> None:
        """Bring the metrics up to date."""
        for held in self._read.values():
            found = held.until(end_ns)
            self._observing.read(source_of(found), found)
        self._observing.count()
        if end_ns - self._stock_ns >= STOCK_NS:
            self._observing.take_stock()
            self._stock_ns = end_ns

    def _look(self, end_ns: int) -> None:
        """Note what changed."""
        self._at = (self._at[0] if self._at else end_ns, end_ns)
        for family in self._observing.metrics.registry.collect():
            for sample in family.samples:
                series = (sample.name, tuple(sample.labels.items()))
                changes = self._changes.setdefault(series, [])
                if not changes or changes[-1][1] != sample.value:
                    changes.append((end_ns, sample.value))

    def _grid(self) -> Iterator[int]:
        assert self._at is not None  # noqa: S101 - a look was taken
        first, last = self._at
        yield from range(first, last, self._step_ns or STEPS_NS[0])
        yield last

    def _lines(self, series: _Series) -> Iterator[str]:
        """Give one series' lines: its last value at each step, 0 before there was one."""
        name, labels = series
        inner = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels)
        head = f"{name}{{{inner}}} " if inner else f"{name} "
        changes, k = self._changes[series], 0
        value = "1" if name.endswith("_build_info") else "0"
        for ts in self._grid():
            while k < len(changes) and changes[k][0] <= ts:
                value, k = _text(changes[k][1]), k + 1
            yield f"{head}{value} {ts // SECOND_NS}\n"


def _times(batch: Batch) -> NDArray[np.int64]:
    """Return when each row of a batch is complete, ns."""
    said = np.array([one.ts for one in (*batch.messages, *batch.events, *batch.reports)], np.int64)
    found = np.concatenate([said, batch.flows["ts"] + batch.flows["duration"].clip(0), batch.arp["ts"]])
    return found[found > 0].astype(np.int64)


def _copied(account: Account) -> Account:
    return msgspec.structs.replace(account, rejected=dict(account.rejected))


def _result(account: Account) -> InputResult:
    return InputResult(
        path=account.path, site=account.site, format=account.format, records=account.records, bytes=account.bytes,
        accepted=account.accepted, late=account.late, duplicates=account.duplicates, rejected=account.rejected,
    )  # fmt: skip


def _since(now: InputResult, before: Account) -> InputResult:
    """Return what came since the last look."""
    grown = {reason: count - before.rejected.get(reason, 0) for reason, count in now.rejected.items()}
    return msgspec.structs.replace(
        now, records=now.records - before.records, bytes=now.bytes - before.bytes, rejected=grown
    )


def _text(value: float) -> str:
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
