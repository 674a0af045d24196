"""The long-running process: configured sources, metrics, and the installation's own secret."""

import contextlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import sensor
from sensor.config import Config, service_manager
from sensor.metrics import Metrics
from sensor.pipeline.beside import Around
from sensor.pipeline.claims import Claims
from sensor.pipeline.collecting import look_rarely
from sensor.pipeline.core import Core, secret_of
from sensor.pipeline.disguising import disguise_of, recognised_of
from sensor.pipeline.erasing import is_asked
from sensor.pipeline.feeds import ONCE_ONLY
from sensor.pipeline.forwarding import forward
from sensor.pipeline.giving import join_fleet
from sensor.pipeline.inputs import Options, open_sources
from sensor.pipeline.live import DRAIN_S, Live
from sensor.pipeline.observing import Observing
from sensor.pipeline.reloading import Reloading
from sensor.pipeline.replaying import Run
from sensor.pipeline.riskiest import riskiest_of
from sensor.pipeline.sourcing import Sources
from sensor.store.alive import Alive
from sensor.store.state import State
from sensor.wire import memory
from sensor.wire.clock import SystemClock
from sensor.wire.inputs import match_pattern
from sensor.wire.service_manager import ServiceManager

_LOG = logging.getLogger(__name__)


class Sensor:
    """The long-running process: captures are read to their end, logs followed, APIs polled, the metrics served."""

    def __init__(self, config: Config, state: State, secret_file: Path) -> None:
        """Open everything; the secret of the installation is made at first. Raises ConfigError, ValueError."""
        memory.settle()
        look_rarely()
        self.config, self.state = config, state
        self.manager = ServiceManager(*service_manager())
        self.metrics = Metrics(sensor.__version__)
        self.metrics.watch_process()
        self._core = Core(config, state, _own_secret(secret_file))
        forward(self._core, config, disguise_of(config, state.folder, self._core))
        join_fleet(self._core, config)
        self._core.recognise = recognised_of(config, state.folder, self._core)
        kinds = [(str(one.options.get("site", config.site)), one.type) for one in config.sources.values()]
        self._observing = Observing(self._core, self.metrics, kinds, riskiest_of(config, state.folder))
        self._observing.count()
        self._observing.take_stock()  # what the state holds, before anything new is committed
        self._around: Around | None = None
        self._signs = Alive(state.folder)

    @contextlib.contextmanager
    def beside(self) -> Iterator[tuple[str, ...]]:
        """Open what stands beside the core, for as long as files are read and sources followed.

        Yields:
            What each says of itself.

        Raises:
            ConfigError: One of them cannot be opened as it is configured.
        """
        self._around = Around(self.config, self.state.folder, self.metrics)
        try:
            yield self._around.said()
        finally:
            self._around.close(DRAIN_S)
            self._signs.end()

    def follow(
        self, stop: threading.Event, reloading: Reloading | None = None, ready: Callable[[], None] = lambda: None
    ) -> None:  # fmt: skip
        """Take in what is new of every source that goes on, until told to stop.

        Args:
            stop: Tells whether to stop; then what was read is committed and handed on, within DRAIN_S.
            reloading: Looks for another configuration.
            ready: Called once every source is open.

        Raises:
            ConfigError: A source or a response cannot be opened as it is configured.
        """
        clock = SystemClock(stop)
        sources = Sources(
            Claims(self.state.ledger), clock, Path(self.config.state) / "checkpoints",
            lambda name: self.state.meta(f"position:{name}"),
        )  # fmt: skip
        with contextlib.ExitStack() as opened:
            opened.callback(sources.close)
            sources.open(self.config)
            around = self._around or Around(self.config, self.state.folder, self.metrics, ())
            live = Live(self._core, sources, self._observing, around, clock, self._alive)
            opened.callback(live.close)
            self.manager.ready("following")
            ready()
            while not stop.is_set() and not is_asked(self.state.folder):
                live.turn(stop)
                changed = reloading.look(time.monotonic()) if reloading is not None else None
                if changed is not None:
                    self.manager.reloading()
                    self.config = changed
                    live.change(changed)
                    self.manager.ready("following")
            if stop.is_set():
                self.manager.stopping()
            else:
                self.manager.reloading()  # somebody is to be erased: what runs begins anew on the state without them

    def _alive(self) -> None:
        """Give a sign of life to whoever watches."""
        self.manager.alive()
        self._signs.beat(time.monotonic())

    def read_all(self, stopped: Callable[[], bool], *, every: bool = True) -> None:
        """Read files to their end, one source after the other, until told to stop; commits after each.

        Args:
            stopped: Tells whether to stop.
            every: Also those of sources that could be followed.
        """
        self.manager.ready("reading files")  # which may take longer than a start may
        for name, one in self.config.sources.items():
            if stopped():
                return
            if "path" not in one.options or not (every or one.type in ONCE_ONLY):
                continue
            pattern, site = str(one.options["path"]), str(one.options.get("site", self.config.site))
            inputs = match_pattern(pattern, site)
            if not inputs:
                _LOG.warning("source has no file source=%s path=%s", name, pattern)
                self.metrics.source_up.labels(site, one.type).set(0)
                continue
            options = Options(
                format=one.type, ignore_checksums=bool(one.options.get("ignore_checksums", False)),
                threads=int(str(one.options.get("threads", 1))),
            )  # fmt: skip
            run = Run(self._core, open_sources(inputs, self.state.ledger, options, self.config.networks()))
            run.go(told=lambda _: self._alive())
            for read in run.inputs():
                self._observing.read(one.type, read)
            self._observing.count()
            self._observing.take_stock()
            self._core.begin()
            self._observing.begin()
            if self._around is not None:
                self._around.wake()


def _own_secret(path: Path) -> int:
    """Return the installation's key, making it where there is none; readable by its owner only."""
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
    return secret_of(path)
