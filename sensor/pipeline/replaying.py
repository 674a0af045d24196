"""One run over inputs: read, put in order, stepped through, committed, told.

An input that fails is reported and the others go on: this module holds the only broad except.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sensor.errors import Malformed
from sensor.model.capture import ARP
from sensor.model.flow import FLOW
from sensor.model.indicator import IndicatorList, IndicatorResult
from sensor.model.result import InputResult, ReplayResult
from sensor.model.source import Account, Batch, Source
from sensor.model.times import TICK_NS, rfc3339
from sensor.pipeline.collecting import look_rarely
from sensor.pipeline.core import STEP_FLOWS, Core
from sensor.pipeline.looking_back import find
from sensor.store.sorting import EventOrder, Step

if TYPE_CHECKING:
    from sensor.flows.parquet import ParquetFile

Heard = Callable[[int, Account, Batch], None]
_LOG = logging.getLogger(__name__)


class Run:
    """One replay: sources read to their end, put in order, stepped through, committed."""

    def __init__(self, core: Core, sources: Sequence[Source], *, flows_out: Path | None = None) -> None:
        """Take sources whose input numbers are their places; `flows_out` is a Parquet file for every flow."""
        self.core, self.sources, self._flows_out = core, sources, flows_out
        self.errors: dict[int, str] = {}
        self._indicators: tuple[IndicatorResult, ...] = ()
        self._begin = time.monotonic()
        look_rarely()

    def go(
        self, positions: Callable[[], Mapping[str, str]] = dict, told: Callable[[int], None] | None = None,
        heard: Heard | None = None, coming: Callable[[int], None] | None = None,
    ) -> None:  # fmt: skip
        """Read everything, in order of event time, and commit, with the positions there are by then.

        Args:
            positions: Asked at the end, for what is committed with the state.
            told: Called with the event time, ns, that has been reached, after each tick.
            heard: Called after each batch with the number of its input and what was read of that by then.
            coming: Called with the end of a tick, ns, before it is stepped.
        """
        entities = self.core.entities
        entities.inputs = [source.account.path for source in self.sources]
        sites = np.array([entities.site_number(source.account.site) for source in self.sources], np.int32)
        with EventOrder(FLOW, ARP) as order, _flow_table(self._flows_out) as table:
            for number, source in enumerate(self.sources):
                self._read(number, source, order, heard)
            for step in order.ticks(TICK_NS, STEP_FLOWS):
                if coming is not None:
                    coming(step.end_ns)
                if table is not None:
                    table.write(step.flows.copy())
                if step.end_ns <= self.core.clock_ns:
                    self._count_late(step)
                self.core.step(step, sites)
                if told is not None:
                    told(step.end_ns)
        self.core.commit(self.inputs(), positions())

    def look_back(self, lists: Sequence[IndicatorList]) -> None:
        """Look for indicators in all that was kept, and commit what is found."""
        self._indicators = find(self.core, lists)
        self.core.commit(self.inputs())

    def inputs(self) -> tuple[InputResult, ...]:
        """Return every input's account so far."""
        return tuple(self._input(number) for number in range(len(self.sources)))

    def result(self) -> ReplayResult:
        """Write what came of it."""
        core = self.core
        inputs = self.inputs()
        shown = core.shown()
        return ReplayResult(
            version=1, inputs=inputs, packets=sum(one.records for one in inputs if one.format.startswith("pcap")),
            flows=core.seen.flows, events=sum(core.event_counts.values()),
            signins=sum(n for (_, _, kind), n in core.event_counts.items() if kind == "signin"),
            first_ts=None if core.seen.first_ns is None else rfc3339(core.seen.first_ns),
            last_ts=None if core.seen.last_ns is None else rfc3339(core.seen.last_ns),
            devices=core.entities.devices.count(), accounts=len(core.entities.identity.accounts),
            incidents=tuple(one for one in shown if one.tier != "digest"),
            digest=tuple(one for one in shown if one.tier == "digest"), unusual=core.unusual_rows(),
            coverage=core.coverage(), elapsed_s=round(time.monotonic() - self._begin, 3), visible=core.seen.visible(
                core.entities.devices.count(), dns=core.entities.address_names.dns_seen,
                late=any(one.late for one in inputs),
                duplicates=any(one.duplicates for one in inputs), bad_checksums=_bad_checksums(inputs),
            ),
            clocks=core.entities.clocks(), indicators=self._indicators,
        )  # fmt: skip

    def _read(self, number: int, source: Source, order: EventOrder, heard: Heard | None) -> None:
        """Supervise one source: what it got before it failed is kept."""

        def read() -> None:
            begin = time.perf_counter()
            for batch in source.batches():
                order.add(number, batch)
                if heard is not None:
                    heard(number, source.account, batch)
                now = time.perf_counter()
                self.core.stages.observe("read", now - begin)
                begin = now

        error = supervised(source.account.path, read)
        if error is not None:
            self.errors[number] = error

    def _count_late(self, step: Step) -> None:
        said = np.array([one.input for one in (*step.messages, *step.events, *step.reports)], np.int64)
        late = np.bincount(
            np.concatenate([step.flows["input"], said, step.arp_input]).astype(np.int64), minlength=len(self.sources)
        )
        for source, count in zip(self.sources, late.tolist(), strict=True):
            source.account.late = min(source.account.late + count, source.account.accepted)

    def _input(self, number: int) -> InputResult:
        account = self.sources[number].account
        return InputResult(
            path=account.path, site=account.site, format=account.format, records=account.records, bytes=account.bytes,
            accepted=account.accepted, late=account.late, duplicates=account.duplicates,
            rejected=dict(sorted(account.rejected.items())), error=self.errors.get(number),
            warnings=tuple(getattr(self.sources[number], "warnings", ())),
        )  # fmt: skip


def supervised(path: str, work: Callable[[], None]) -> str | None:
    """Do a part of an input's work; return why it failed, None where it did not.

    Args:
        path: What the log calls the input.
        work: What is done.
    """
    try:
        work()
    except (Malformed, OSError) as error:
        _LOG.warning("input unreadable path=%s: %s", path, error)
        return str(error)
    except Exception as error:
        _LOG.exception("input failed path=%s", path)
        return f"internal error: {type(error).__name__}: {str(error)[:200]}"
    return None


def _bad_checksums(inputs: Sequence[InputResult]) -> float:
    bad = sum(one.rejected.get("bad_checksum", 0) + one.rejected.get("bad_ip_checksum", 0) for one in inputs)
    return bad / max(1, sum(one.records for one in inputs))


@contextlib.contextmanager
def _flow_table(path: Path | None) -> Iterator["ParquetFile | None"]:
    if path is None:
        yield None
        return
    from sensor.flows.parquet import ParquetFile

    with path.open("wb") as out:
        table = ParquetFile(out, "conn")
        yield table
        table.close()
