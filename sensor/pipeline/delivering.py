"""Incidents to the configured sinks, each at its own pace, at least once.

A sink has a thread, which reads what changed from the state's outbox, sends it, and writes down what was acknowledged
before it sends more. A sink that is away is tried again, ever more slowly, and holds up nobody else. What a sink will
not take at all is counted and passed over; what it may take later is not.
"""

import contextlib
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from sensor import registry
from sensor.config import Component, Config, Secret
from sensor.errors import ConfigError, Permanent, Transient
from sensor.metrics import Metrics
from sensor.model.incident import TIERS, Incident
from sensor.model.sink import Delivery, Fit, Options, SecretPlace, Sink
from sensor.pipeline.privacy import Outgoing, pseudonyms_of
from sensor.store.outbox import Outbox
from sensor.wire.clock import SystemClock

LOOK_S = 0.5
"""Between two looks for what the command line closed: of what this process commits the thread is told."""
PROBE_S = 60.0
"""Between two attempts to reach a sink that is sent nothing, so that its being down is known before it is needed."""
BACKOFF_S, BACKOFF_MAX_S = 1.0, 60.0
STOP_S = 1.0
"""Given to threads that were told to stop at once."""
LOOKED_AT = 100
"""Changes a look while a sink is away: enough to know of one that waits for it, the rest at the next."""
REPEATED_MAX = 2_000
"""Open incidents that are sent again, the latest changed; the alert budget allows far fewer."""
Told = Callable[[Incident], Incident]
"""An incident as a sink is told of it."""
_TROUBLE = (OSError, Permanent, sqlite3.Error)
_LOG = logging.getLogger(__name__)


class Tried(NamedTuple):
    """What came of trying to reach a sink."""

    name: str
    type: str
    ok: bool
    why: str


def options_of(one: Component) -> Options:
    """Return a sink's options, checked already when the configuration was read."""
    made: Options = msgspec.convert(one.options, registry.load("sensor.sinks", one.type).Settings)
    return made


def build(name: str, one: Component, stop: threading.Event) -> Sink:
    """Make a sink; nothing is sent yet. Raises ConfigError."""
    clock = SystemClock(stop)
    try:
        made: Sink = registry.load("sensor.sinks", one.type).build(
            options_of(one), Fit(_read_secret, clock.now_ns, clock.sleep)
        )
    except (ConfigError, Permanent, OSError, ValueError) as error:
        raise ConfigError(f"[sinks.{name}] {error}") from error
    return made


def probe(config: Config) -> list[Tried]:
    """Try to reach each configured sink without sending an incident."""
    found = []
    for name, one in _of_incidents(config):
        try:
            sink = build(name, one, threading.Event())
            try:
                found.append(Tried(name, one.type, ok=True, why=sink.probe()))
            finally:
                sink.close()
        except (OSError, Permanent, ValueError) as error:
            found.append(Tried(name, one.type, ok=False, why=str(error)))
    return found


def as_ocsf(incident: Incident) -> dict[str, object]:
    """Return an incident as its sink writes it, for whoever asks for one by hand."""
    made: dict[str, object] = registry.load("sensor.sinks", "ocsf").finding(incident, incident.id)
    return made


class Deliveries:
    """Every configured sink with its thread; also where none is, for a reload may name one."""

    def __init__(self, config: Config, folder: Path, metrics: Metrics) -> None:
        """Begin. Raises ConfigError; then none has begun."""
        self._folder, self._metrics = folder, metrics
        self._carriers: dict[str, Carrier] = {}
        self.reload(config)

    def wake(self) -> None:
        """Hear that a commit was made."""
        for carrier in self._carriers.values():
            carrier.woken.set()

    def reload(self, config: Config) -> None:
        """Deliver to what a configuration names; one that is as it was goes on. Raises ConfigError, and keeps all."""
        held = self._carriers
        pseudonyms = pseudonyms_of(config, self._folder)
        told = Outgoing(pseudonyms, self._folder).incident if pseudonyms is not None else _as_it_is
        carriers = {
            name: held[name] if name in held and held[name].component == one else self._carrier(one, told)
            for name, one in _linked(config)
        }
        _end([one for name, one in held.items() if carriers.get(name) is not one], 0.0)
        for name in held.keys() - carriers.keys():
            self._metrics.forget_sink(name)
        for name, one in carriers.items():
            if held.get(name) is not one:
                self._metrics.expect_sink(name)
                self._metrics.sink_lag.labels(name).set_function(one.waits_s)
                one.start()
        self._carriers = carriers

    def close(self, drain_s: float) -> None:
        """End, after what is committed has been sent, as far as the time allows."""
        _end(list(self._carriers.values()), drain_s)
        self._carriers = {}

    def _carrier(self, one: Component, told: Told) -> "Carrier":
        stop = threading.Event()
        told = _as_it_is if options_of(one).real_names else told
        return Carrier(one, build(one.name, one, stop), self._folder, self._metrics, stop, told)


def _of_incidents(config: Config) -> list[tuple[str, Component]]:
    """Return the sinks that take incidents one by one; the hub is told otherwise (`uplink`)."""
    return [(name, one) for name, one in config.sinks.items() if one.type != "site"]


def _as_it_is(incident: Incident) -> Incident:
    return incident


def _linked(config: Config) -> Iterator[tuple[str, Component]]:
    """Give each sink; one that does not say where the console is links to the one of the configuration."""
    for name, one in _of_incidents(config):
        known = one.options.get("console_url") or config.console.url
        yield name, msgspec.structs.replace(one, options={**one.options, "console_url": known})


def _end(carriers: "Sequence[Carrier]", drain_s: float) -> None:
    """End threads; one that waits for an answer beyond the time is left to end by itself."""
    until_s = time.monotonic() + drain_s
    for carrier in carriers:
        carrier.ending.set()
        carrier.woken.set()
    for carrier in carriers:
        carrier.join(max(0.0, until_s - time.monotonic()))
    for carrier in carriers:
        carrier.stop.set()
        carrier.woken.set()
    for carrier in carriers:
        carrier.join(STOP_S / len(carriers))


class Carrier(threading.Thread):
    """One sink's thread.

    Attributes:
        component: The sink as it is configured.
        woken: Set where there may be something new.
        ending: Set to have it end when everything is sent.
        stop: Set to have it end at once.
    """

    def __init__(
        self, one: Component, sink: Sink, folder: Path, metrics: Metrics, stop: threading.Event, told: Told
    ) -> None:  # fmt: skip
        super().__init__(name=f"sink {one.name}", daemon=True)
        self.component, self._told = one, told
        self.woken, self.ending, self.stop = threading.Event(), threading.Event(), stop
        self._sink_name, self._sink, self._options, self._folder = one.name, sink, options_of(one), folder
        self._metrics, self._clock = metrics, SystemClock(stop)
        self._waits_since_s: float | None = None
        self._failures, self._said = 0, ""
        self._repeat_at_s, self._probe_at_s = time.monotonic(), time.monotonic()

    def run(self) -> None:
        """Deliver until told to end."""
        outbox: Outbox | None = None
        try:
            while not self.stop.is_set():
                self.woken.clear()
                is_last = self.ending.is_set()  # what was committed before that is seen by the round that follows
                try:
                    outbox = outbox or self._open()
                    sent = self._round(outbox)
                except _TROUBLE as error:
                    self._failed(error)
                    if is_last:
                        return
                    self._hold_off(outbox)
                    continue
                self._worked()
                if not sent:
                    if is_last:
                        return
                    self.woken.wait(LOOK_S)
        finally:
            if not (self.stop.is_set() or self.ending.is_set()):  # our own fault: the thread is gone, and is seen to be
                self._metrics.sink_up.labels(self._sink_name).set(0)
                _LOG.error("stopped sink=%s", self._sink_name)
            self._sink.close()
            if outbox is not None:
                outbox.close()

    def _open(self) -> Outbox:
        """Open the state's outbox. Raises Transient: a commit that takes long is no reason to give up."""
        try:
            return Outbox(self._folder, self._sink_name)
        except ValueError as error:
            raise Transient(str(error)) from error

    def _round(self, outbox: Outbox) -> bool:
        """Send one batch of what changed, and what is due again; False where nothing changed."""
        now_s = time.monotonic()
        cursor, since = outbox.cursor()
        changed = outbox.changed(cursor, self._sink.most)
        if changed:
            self._waits_since_s = self._waits_since_s or now_s
            notes = self._send([one for one in changed if self._wants(one, since)])
            outbox.acknowledge(changed[-1].number, notes)
            self._metrics.sink_sent.labels(self._sink_name).inc(len(notes))
            self._probe_at_s = now_s + PROBE_S if notes else self._probe_at_s
        else:
            self._waits_since_s = None
        late_s = self._sink.repeat_s if changed else 0.0  # what is new goes first, but not for ever
        if self._sink.repeat_s and now_s >= self._repeat_at_s + late_s:
            self._repeat(outbox)
            self._repeat_at_s = now_s + self._sink.repeat_s
        if now_s >= self._probe_at_s and not self.ending.is_set():
            self._sink.probe()
            self._probe_at_s = now_s + PROBE_S
        return bool(changed)

    def _send(self, deliveries: Sequence[Delivery]) -> list[tuple[Delivery, str]]:
        """Send; where one of several will not be taken, each by itself."""
        if not deliveries:
            return []
        outside = [msgspec.structs.replace(one, incident=self._told(one.incident)) for one in deliveries]
        try:
            return list(zip(deliveries, self._sink.send(outside, self._clock.now_ns()), strict=True))
        except ValueError as error:  # Malformed, or what cannot be written: neither may hold up all others for ever
            if len(deliveries) > 1:
                return [pair for one in deliveries for pair in self._send([one])]
            self._metrics.sink_failures.labels(self._sink_name, "refused").inc()
            _LOG.error("refused sink=%s incident=%s: %s", self._sink_name, deliveries[0].incident.id, error)
            return []

    def _repeat(self, outbox: Outbox) -> None:
        below = outbox.last() + 1
        for _ in range(0, REPEATED_MAX, self._sink.most):
            held = outbox.open(below, self._sink.most)
            if not held:
                return
            self._send(held)
            below = held[-1].number

    def _wants(self, one: Delivery, since: int) -> bool:
        """Tell whether the sink is to have it: what it once had it is told to the end."""
        if one.before is not None:
            return True
        incident, options = one.incident, self._options
        if options.sites and not set(options.sites) & set(incident.sites):
            return False
        if incident.state != "open" and (one.number <= since or incident.verdict == "duplicate"):
            return False  # over before the sink was there, or part of another incident
        return TIERS.index(incident.tier) <= TIERS.index(options.min_tier)

    def _worked(self) -> None:
        if self._failures:
            _LOG.warning("works again sink=%s after_failures=%d", self._sink_name, self._failures)
        self._failures, self._said = 0, ""
        self._metrics.sink_up.labels(self._sink_name).set(1)

    def _failed(self, error: Exception) -> None:
        reason = (
            "permanent" if isinstance(error, Permanent) else "state" if isinstance(error, sqlite3.Error) else "away"
        )
        self._failures += 1
        self._metrics.sink_up.labels(self._sink_name).set(0)
        self._metrics.sink_failures.labels(self._sink_name, reason).inc()
        if str(error) != self._said:
            self._said = str(error)
            _LOG.warning("not delivered sink=%s reason=%s: %s", self._sink_name, reason, error)

    def _hold_off(self, outbox: Outbox | None) -> None:
        """Wait before the next attempt, no longer than until told to end; what changes meanwhile waits from then on."""
        until_s, seen = time.monotonic() + self._backoff(), 0
        while not (self.stop.is_set() or self.ending.is_set()) and (left_s := until_s - time.monotonic()) > 0:
            self.woken.wait(min(left_s, LOOK_S))
            self.woken.clear()
            if outbox is not None and self._waits_since_s is None:
                with contextlib.suppress(sqlite3.Error):
                    seen = self._look(outbox, seen)

    def _look(self, outbox: Outbox, seen: int) -> int:
        """See whether something waits among what changed after a number; return the number of the last one seen."""
        cursor, since = outbox.cursor()
        changed = outbox.changed(max(cursor, seen), LOOKED_AT)
        if any(self._wants(one, since) for one in changed):
            self._waits_since_s = time.monotonic()
        return changed[-1].number if changed else seen

    def waits_s(self) -> float:
        """Return how long the oldest change has waited, whether an attempt is under way, failed or is yet to be."""
        since_s = self._waits_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def _backoff(self) -> float:
        most = min(BACKOFF_S * 2.0 ** min(self._failures - 1, 10), BACKOFF_MAX_S)
        return most / 2 + secrets.SystemRandom().random() * most / 2


def _read_secret(place: SecretPlace) -> str:
    try:
        return Secret(env=place.env, file=place.file).read()
    except ConfigError as error:
        raise Transient(str(error)) from error
