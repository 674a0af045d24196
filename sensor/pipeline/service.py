"""The long-running process: configured sources, metrics, and the installation's own secret."""

import contextlib
import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import sensor
from sensor.config import Config
from sensor.metrics import Metrics
from sensor.model.capture import DROP_REASONS
from sensor.pipeline.core import Core, secret_of
from sensor.pipeline.feeds import ONCE_ONLY, Feed, Polled, open_feeds
from sensor.pipeline.inputs import Options, open_sources
from sensor.pipeline.replaying import Run, metrics_of
from sensor.pipeline.responding import Responses
from sensor.store.state import State
from sensor.wire.clock import SystemClock
from sensor.wire.inputs import match_pattern

IDLE_S = 1.0
"""Between two looks at sources that had nothing new: rotation is counted in such looks."""
_LOG = logging.getLogger(__name__)


class Sensor:
    """The long-running process: captures are read to their end, logs followed, APIs polled, the metrics served."""

    def __init__(self, config: Config, state: State, secret_file: Path) -> None:
        """Open everything; the secret of the installation is made at first. Raises ConfigError, ValueError."""
        self.config, self.state = config, state
        self.metrics = Metrics(sensor.__version__)
        self._core = Core(config, state, _own_secret(secret_file))
        kinds = [(str(one.options.get("site", config.site)), one.type) for one in config.sources.values()]
        self.metrics.expect(
            [config.site, *config.sites], kinds, [one.name for one in self._core.detectors], self._core.saturation(),
            DROP_REASONS,
        )  # fmt: skip

    @contextlib.contextmanager
    def serve(self, host: str, port: int) -> Iterator[str]:
        """Serve /metrics on a thread of its own; yields `address:port`."""
        from prometheus_client import start_http_server

        server, thread = start_http_server(port, addr=host, registry=self.metrics.registry)
        try:
            yield f"{host}:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def follow(self, stop: threading.Event) -> None:
        """Take in what is new of every source that goes on, until told to stop; commits after each step."""
        folder = Path(self.config.state) / "checkpoints"
        clock = SystemClock(stop)
        feeds = open_feeds(
            self.config, self.state.ledger, lambda name: self.state.meta(f"position:{name}"), clock, folder
        )
        responses = Responses(self.config, self.state.folder, clock)
        try:
            while not stop.is_set():
                took = bool(feeds) and self._step(feeds)
                responses.take(self._core.shown() if took else ())
                if not took:
                    stop.wait(IDLE_S)
        finally:
            responses.close()
            for feed in feeds.values():
                feed.close()

    def _step(self, feeds: Mapping[str, Feed]) -> bool:
        """Take in what every feed has now; False where none had anything."""
        for name, feed in feeds.items():
            up = self.metrics.source_up.labels(feed.account.site, self.config.sources[name].type)
            up.set(0 if feed.problem else 1)
        polled = [one for one in map(Polled, feeds.values()) if one.has_any]
        if not polled:
            return False
        run = Run(self._core, polled)
        run.go(lambda: {name: text for name, feed in feeds.items() if (text := feed.position()) is not None})
        for feed in feeds.values():
            feed.acknowledge()
        metrics_of(self._core, run, run.result(), self.metrics)
        self._core.begin()
        return True

    def read_all(self, stopped: Callable[[], bool], *, every: bool = True) -> None:
        """Read files to their end, one source after the other, until told to stop; commits after each.

        Args:
            stopped: Tells whether to stop.
            every: Also those of sources that could be followed.
        """
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
            run.go()
            metrics_of(self._core, run, run.result(), self.metrics)
            self._core.begin()


def _own_secret(path: Path) -> int:
    """Return the installation's key, making it where there is none; readable by its owner only."""
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
    return secret_of(path)
