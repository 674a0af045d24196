"""The loop of a running sensor: what sources give, in order of event time, through the core, committed at a pace.

The time of day and a steady clock are read here, at the edge, and never in the core: they say when to commit, for whom
to wait, and which records are ahead of time. What is committed is whole: the state, the positions of the sources, the
records that were read and wait for their time. Only then is anything acknowledged, or handed on.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import numpy as np

from sensor.config import Config
from sensor.errors import ConfigError
from sensor.model.source import Account, Batch
from sensor.model.times import SECOND_NS, TICK_NS
from sensor.pipeline.beside import Around
from sensor.pipeline.core import STEP_FLOWS, Core
from sensor.pipeline.disguising import disguise_of
from sensor.pipeline.forwarding import forward
from sensor.pipeline.gathering import Gathering
from sensor.pipeline.keeping import Keeping
from sensor.pipeline.observing import Observing, source_of
from sensor.pipeline.pace import Pace
from sensor.pipeline.replaying import Run
from sensor.pipeline.responding import Responses
from sensor.pipeline.source_health import SourceTally
from sensor.pipeline.sourcing import Sources
from sensor.pipeline.watermark import Watermark
from sensor.wire import memory
from sensor.wire.clock import Clock

FULL_S = 1.0
"""Between two looks at a disk that is full."""
TURN_S = 0.2
"""Between two turns of the loop where nothing came."""
DRAIN_S = 5.0
"""What is given to deliveries when the sensor stops: systemd waits for 90 s, Docker for 10."""
HELD_MAX = 1 << 20
"""Records held at most before only the source that is behind is read: 256 MB of flows."""
_LOG = logging.getLogger(__name__)


class Live:
    """One process's loop."""

    def __init__(
        self, core: Core, sources: Sources, observing: Observing, around: Around, clock: Clock,
        alive: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """Go on where the state ends.

        Args:
            core: What learns.
            sources: Opened already.
            observing: Brings the metrics up to date after each commit.
            around: Told of every commit.
            clock: Time of day.
            alive: Called at least each step: whoever watches the process hears of it.
        """
        self._core, self._sources, self._observing, self._around = core, sources, observing, around
        self._clock, self._alive = clock, alive
        self._mark, self._pace = Watermark(), Pace(time.monotonic())
        self._gathering = Gathering(max(0, core.clock_ns - TICK_NS))
        self._dirty, self._is_whole = False, True
        self._responses = Responses(core.config, core.state.folder, clock)
        self._keeping = Keeping(core, observing.metrics)
        self._tally = SourceTally(lambda: sources.slots, lambda number: self._mark.lag_ns(number) / SECOND_NS)
        self._tally.serve(core)
        if core.held:
            self._gathering.load(core.held, sources.number_of, clock.now_ns())
            core.held = {}
            self._dirty = len(self._gathering) > 0
        core.clock_ns = self._gathering.closed_ns
        self._expect()

    def _expect(self) -> None:
        """Wait for the beginning of every source that was opened just now."""
        for number, slot in enumerate(self._sources.slots):
            if slot.reader is not None and not slot.reader.has_looked:
                self._mark.expect(number, time.monotonic())

    def turn(self, stop: threading.Event) -> None:
        """Do what is to be done now, and wait a moment where that is nothing."""
        self._alive()
        if not self._keeping.has_room():
            stop.wait(FULL_S)
            return
        self._is_whole = False
        took = self._turn()
        self._is_whole = True
        if not took and not self._sources.arrived.wait(TURN_S):
            stop.wait(0)
        self._sources.arrived.clear()

    def _turn(self) -> bool:
        """Take, step and commit what is due; tell whether anything came."""
        self._sources.retry(time.monotonic())
        begin = time.perf_counter()
        took = self._take()
        if took:
            self._core.stages.observe("read", time.perf_counter() - begin)
        self._step(self._mark.bound(time.monotonic()))
        given = self._core.taking.take(self._core.state)
        given |= self._core.state.orders.waits(upwards=self._core.forwarder is not None)
        self._dirty |= given
        is_due = self._dirty and self._pace.is_due(time.monotonic(), urgent=self._is_urgent() or given)
        if is_due and self._keeping.has_room(now=True):
            self.commit()
        self._responses.take(())
        self._say_up()
        return took

    def change(self, config: Config) -> None:
        """Go on under another configuration, of whose parts those that need a restart are as before."""
        self._settle()
        before = self._core.config
        self._core.use(config)
        forward(self._core, config, disguise_of(config, self._core.state.folder, self._core))
        self._tally.serve(self._core)
        for number in self._sources.change(config):
            self._mark.forget(number)
        self._expect()
        self._responses.close()
        try:
            self._responses = Responses(config, self._core.state.folder, self._clock)
        except ConfigError as error:
            _LOG.error("responses kept as they were: %s", error)
            self._responses = Responses(before, self._core.state.folder, self._clock)
        self._around.reload(config)

    def close(self) -> None:
        """Take in what was read, commit it, and close everything but what stands beside.

        Where a turn or a commit failed, nothing more is committed: what is in memory may be half of it, and all that
        was read since the last commit is read again.
        """
        try:
            if self._is_whole:
                self._sources.finish()
                self._settle()
        finally:
            self._sources.close()
            self._responses.close()

    def commit(self) -> None:
        """Make everything durable, acknowledge it, and tell."""
        begin, self._is_whole = time.monotonic(), False
        paused = self._sources.pause()
        self._take()
        core, sources = self._core, self._sources
        read = [slot for slot in sources.slots if slot.account.records]
        run = Run(core, [_Counted(slot.account) for slot in read])
        sources.commit()
        for site, link in sources.links().items():
            core.fleet.link(site, link)
        core.commit(run.inputs(), sources.positions(), self._gathering.save(sources.names()))
        for reader in paused:
            reader.resume(acknowledge=True)
        sources.begin()
        for slot, one in zip(read, run.inputs(), strict=True):
            self._observing.read(slot.type or source_of(one), one)
            self._tally.count(slot.type, one, time.monotonic())
        self._observing.count()
        self._observing.take_stock()
        self._say_lag()
        shown = core.shown()
        core.begin(self._gathering.closed_ns)
        self._dirty = False
        self._observing.begin()
        self._around.wake()
        self._responses.take(shown)
        self._keeping.committed()
        self._is_whole = True
        memory.trim()
        self._pace.committed(begin, time.monotonic())

    def _settle(self) -> None:
        """Step everything that was read, and commit it."""
        paused = self._sources.pause()
        self._take()
        for reader in paused:
            reader.resume(acknowledge=False)
        self._step(None)
        if self._dirty:
            self.commit()

    def _take(self) -> bool:
        """Take in what sources gave; tell whether anything came."""
        took, now_ns = False, self._clock.now_ns()
        numbers = range(len(self._sources.slots))
        behind = self._mark.furthest_behind() if len(self._gathering) >= HELD_MAX else None
        for number in numbers if behind is None else (behind,):
            has_looked = self._sources.has_looked(number)
            for one in self._sources.take(number):
                newest_ns = self._gathering.add(number, one.batch, now_ns)
                self._core.taking.hear(one.batch.reports, self._core.state)  # what is asked for waits for no tick
                if newest_ns and one.behind_ns is not None:
                    newest_ns = min(newest_ns, one.behind_ns)
                if newest_ns or one.behind_ns is not None:
                    self._mark.heard(number, newest_ns, time.monotonic(), has_more=one.behind_ns is not None)
                took = self._dirty = True
            if has_looked:
                self._mark.looked(number)
        return took

    def _step(self, bound_ns: int | None) -> None:
        """Step what lies below the watermark."""
        core, slots = self._core, self._sources.slots
        core.entities.inputs = [slot.account.path for slot in slots]
        sites = np.array([core.entities.site_number(slot.site) for slot in slots], np.int32)
        for step, is_late in self._gathering.steps(bound_ns, STEP_FLOWS):
            if is_late:
                for number, count in zip(*np.unique(step.flows["input"], return_counts=True), strict=True):
                    account = slots[int(number)].account
                    account.late = min(account.late + int(count), account.accepted)
            core.clock_ns = max(core.clock_ns, self._gathering.closed_ns)
            core.step(step, sites)
            self._dirty = True
            self._alive()

    def _is_urgent(self) -> bool:
        """Tell whether somebody is to be told of an incident that changed."""
        incidents = self._core.incidents
        return any(incidents.cases[key].tier != "digest" for key in incidents.changed & incidents.cases.keys())

    def _say_up(self) -> None:
        up: dict[tuple[str, str], bool] = {}
        for slot in self._sources.slots:
            if slot.component is not None:
                key = (slot.site, slot.type)
                up[key] = up.get(key, True) and slot.is_up
        for labels, is_up in up.items():
            self._observing.metrics.source_up.labels(*labels).set(1 if is_up else 0)

    def _say_lag(self) -> None:
        for number, slot in enumerate(self._sources.slots):
            if slot.component is not None:
                self._observing.metrics.source_lag.labels(slot.site, slot.type).set(self._mark.lag_ns(number) / 1e9)


class _Counted(msgspec.Struct):
    """What a source gave since the last commit, as a run wants it."""

    account: Account

    def batches(self) -> Iterator[Batch]:
        """Give nothing: it is stepped already."""
        return iter(())
