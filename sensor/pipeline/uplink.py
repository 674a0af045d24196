"""The way from a site to its hub, beside the core: what carries the spool, and how full that is.

One carrier at a time, by what the sink of type `site` says. It runs in a thread of its own over a connection of its own
to the spool, and asks nothing of the core; what it does not carry stays in the spool.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import Protocol

import msgspec

from sensor.config import Component, Config
from sensor.errors import ConfigError, Permanent
from sensor.metrics import Metrics
from sensor.model.site_packet import KINDS
from sensor.pipeline import bundle_settings
from sensor.pipeline.postbox import Postbox
from sensor.pipeline.pushing import Pusher
from sensor.pipeline.site_nats_ends import probe as nats_probe
from sensor.pipeline.site_nats_ends import publisher
from sensor.sinks.site import Settings
from sensor.store.spool import Spool, SpoolReader
from sensor.wire.site_https import client_context
from sensor.wire.site_https_client import HubClient

LOOK_S = 1.0
"""Between two looks for whether everything is sent, when the sensor stops."""
STOP_S = 1.0
_LOG = logging.getLogger(__name__)


class Carrier(Protocol):
    """What carries the spool to the hub.

    Attributes:
        problem: Why it does not at present; empty while all is well.
        sent: Envelopes that the hub has by it.
    """

    problem: str
    sent: int

    def run(self, stop: threading.Event) -> None:
        """Carry until told to stop. Raises Permanent where it can never work."""


def hub_of(config: Config) -> Component | None:
    """Return the table of the hub; None where there is none."""
    return next((one for one in config.sinks.values() if one.type == "site"), None)


def settings_of(one: Component) -> Settings:
    """Return its options, checked already when the configuration was read."""
    return msgspec.convert(one.options, Settings)


def limit_spool(config: Config, spool: Spool) -> None:
    """Have the spool be as large as the configuration says."""
    one = hub_of(config)
    settings = Settings() if one is None else settings_of(one)
    spool.limit_bytes, spool.keep_bytes = settings.limit_bytes, settings.keep_bytes
    if settings.folder:  # nothing comes back: what was exported may be asked for as long as there is room
        spool.keep_bytes = spool.limit_bytes


def carrier_of(settings: Settings, site: str, folder: Path) -> Carrier:
    """Make what carries, by the options; nothing is opened yet. Raises ConfigError, or OSError: no such file."""

    def open_spool() -> SpoolReader:
        return SpoolReader(folder, site)

    def open_postbox() -> Postbox:
        return Postbox(folder, site)

    if settings.nats:
        return publisher(settings, site, open_spool, open_postbox)
    client_context(settings.ca_file, settings.cert, settings.key)
    return Pusher(open_spool, _client(settings), open_postbox)


def _client(settings: Settings) -> HubClient:
    return HubClient(
        settings.url, lambda: client_context(settings.ca_file, settings.cert, settings.key), settings.proxy
    )


def probe(config: Config) -> str:
    """Reach the hub, without sending anything; say what it has. Raises OSError, Permanent."""
    one = hub_of(config)
    assert one is not None  # noqa: S101 - asked where there is one
    settings = settings_of(one)
    if settings.folder:
        return bundle_settings.probe(settings)
    if settings.nats:
        return nats_probe(settings, config.site)
    client = _client(settings)
    try:
        answer = client.ask()
    finally:
        client.close()
    if answer.site != config.site:
        raise Permanent(f"the certificate is that of site {answer.site}; this is {config.site}")
    return f"{settings.url} knows site {answer.site}, and has {answer.have} of its envelopes"


class Uplink:
    """It; also where no hub is configured, for a reload may name one."""

    def __init__(self, config: Config, folder: Path, metrics: Metrics) -> None:
        """Begin to carry. Raises ConfigError."""
        self._folder, self._metrics = folder, metrics
        self._running: _Running | None = None
        self.reload(config)

    def wake(self) -> None:
        """Hear that a commit was made."""
        if self._running is not None:
            self._running.wake()
            self._running.measure(self._metrics)

    def reload(self, config: Config) -> None:
        """Carry to the hub that a configuration names. Raises ConfigError, and goes on as before."""
        one, held = hub_of(config), self._running
        if held is not None and held.component == one and held.site == config.site:
            return
        fresh = None if one is None else _Running(one, config.site, self._folder)
        if held is not None:
            held.end(0.0)
            self._metrics.forget_sink(held.component.name)
        self._running = fresh
        if fresh is not None:
            name = fresh.component.name
            self._metrics.expect_sink(name)
            self._metrics.sink_up.labels(name).set_function(fresh.is_up)
            self._metrics.sink_lag.labels(name).set_function(fresh.waits_s)
            self._metrics.expect_hub()
            fresh.start()
            fresh.measure(self._metrics)

    def close(self, drain_s: float) -> None:
        """End, after what is committed has been sent, as far as the time allows."""
        if self._running is not None:
            self._running.end(drain_s)


class _Running(threading.Thread):
    """One carrier's thread."""

    def __init__(self, one: Component, site: str, folder: Path) -> None:
        super().__init__(name=f"sink {one.name}", daemon=True)
        self.component, self.site, self._folder = one, site, folder
        self._settings, self._stop_event = settings_of(one), threading.Event()
        self._looker: SpoolReader | None = None
        self._told = {"sent": 0}
        self._waits_since_s: float | None = None
        self._failed, self._lock = "", threading.Lock()
        try:
            self._carrier = (
                bundle_settings.carrier(self._settings, site, folder)
                if self._settings.folder
                else carrier_of(self._settings, site, folder)
            )
        except (OSError, ConfigError) as error:
            raise ConfigError(f"[sinks.{one.name}] {error}") from error

    def run(self) -> None:
        """Carry until told to end."""
        try:
            self._carrier.run(self._stop_event)
        except (Permanent, OSError, sqlite3.Error) as error:
            self._failed = str(error)
            _LOG.error("stopped sink=%s: %s", self.component.name, error)

    def wake(self) -> None:
        """Hear that there may be something new."""
        wake = getattr(self._carrier, "wake", None)
        if wake is not None:
            wake()

    def end(self, drain_s: float) -> None:
        """End within a time; a request under way beyond it is left to end by itself."""
        until_s = time.monotonic() + drain_s
        self.wake()
        drains = getattr(self._carrier, "drains", True)
        while drains and self.is_alive() and time.monotonic() < until_s and not self._carrier.problem:
            if not self._looked().held():
                break
            time.sleep(min(0.05, LOOK_S))
        self._stop_event.set()
        self.wake()
        if self.ident is not None:
            self.join(STOP_S)
        if self._looker is not None:
            self._looker.close()
            self._looker = None

    def measure(self, metrics: Metrics) -> None:
        """Bring the metrics up to date that change with commits."""
        name = self.component.name
        try:
            held, counts, size = self._looked().held(), self._looked().counts(), self._looked().size()
        except sqlite3.Error as error:
            _LOG.warning("spool not looked at: %s", error)
            return
        metrics.saturation.labels("spool").set(size / self._settings.limit_bytes)
        self._grow(metrics.sink_sent.labels(name), "sent", self._carrier.sent)
        for reason, count in getattr(self._carrier, "failures", {}).items():
            self._grow(metrics.sink_failures.labels(name, reason), reason, count)
        for kind in KINDS:
            metrics.spool_bytes.labels(kind).set(held[kind].bytes if kind in held else 0)
            dropped = counts.get((kind, "dropped"))
            self._grow(metrics.spool_dropped.labels(kind), f"dropped {kind}", dropped.count if dropped else 0)

    def is_up(self) -> float:
        """Return 1 while the hub takes what it is sent."""
        return float(self.is_alive() and not self._failed and not self._carrier.problem)

    def waits_s(self) -> float:
        """Return how long something has waited that the hub does not have."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            waits, now_s = bool(self._looked().held()), time.monotonic()
            self._waits_since_s = (self._waits_since_s or now_s) if waits else None
            return now_s - self._waits_since_s if self._waits_since_s is not None else 0.0
        return 0.0

    def _grow(self, counter: "Counts", key: str, now: int) -> None:
        counter.inc(max(0, now - self._told.get(key, 0)))
        self._told[key] = now

    def _looked(self) -> SpoolReader:
        if self._looker is None:
            self._looker = SpoolReader(self._folder, self.site)
        return self._looker


class Counts(Protocol):
    """A counter of the metrics."""

    def inc(self, amount: float = 1) -> None:
        """Add to it."""
