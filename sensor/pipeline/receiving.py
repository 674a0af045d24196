"""A hub's end of its sites, beside the core: what they send goes into the inbox, whichever way it comes.

A site is who its way proves it to be, and its envelopes are taken as its own alone. What is stored is acknowledged; to
hand it on is the feed's (`sensor.pipeline.site_feed`), which reads the same inbox.
"""

import logging
import resource
import threading
import time
from collections import Counter
from pathlib import Path

from sensor.config import Component, Config, listen_address
from sensor.errors import ConfigError, Malformed
from sensor.metrics import OTHER, SITE_REFUSALS, Metrics
from sensor.model.given import Place
from sensor.pipeline.bundle_intake import BundleIntake, intake
from sensor.pipeline.bundle_settings import trust_of
from sensor.pipeline.postbox import Outgoing
from sensor.pipeline.site_feed import source_of
from sensor.pipeline.site_nats_ends import Taker
from sensor.pipeline.unbundling import Trust
from sensor.sources.site import Settings, settings_of
from sensor.store.inbox import Inbox
from sensor.wire.clock import SystemClock
from sensor.wire.site_envelope import decode
from sensor.wire.site_https import Answer
from sensor.wire.skew import Skew
from sensor.wire.syslog_server import server_context

LOOK_S = 60.0
"""Between two looks for whether the certificate was renewed."""
FILES = 8192
"""Four a connection of the most that the server takes."""
_LOG = logging.getLogger(__name__)


class Stored:
    """The inbox as what receives sees it. Implements wire.site_https_server.Store."""

    def __init__(self, inbox: Inbox, sites: frozenset[str], outgoing: Outgoing | None = None) -> None:
        self._inbox, self.sites, self._outgoing = inbox, sites, outgoing
        self._clock, self._skews = SystemClock(threading.Event()), dict[str, Skew]()

    def knows(self, site: str) -> bool:
        """Tell whether the configuration has this site."""
        return site in self.sites

    def ask(self, site: str) -> Answer:
        """Say what there is of it."""
        have = self._inbox.have(site)
        return Answer(site, have.epoch, have.sequence, now_ns=self._clock.now_ns())

    def timed(self, site: str, sent_ns: int, given_ns: int, heard_ns: int) -> None:
        """Hear when a request was sent, and when an answer of before was given and heard, for the site's clock."""
        skew = self._skews.setdefault(site, Skew())
        skew.add(sent_ns, self._clock.now_ns())
        if given_ns:
            skew.add_reply(given_ns, heard_ns)

    def take(self, site: str, written: list[bytes]) -> Answer:
        """Store envelopes of a site, all of which must be its own.

        Raises:
            Malformed: One is damaged, or says that it is another's; nothing is stored.
            Transient: The disk does not let it now.
        """
        envelopes = [decode(one) for one in written]
        if any(one.site != site for one in envelopes):
            raise Malformed(f"an envelope says that it is of another site than {site}")
        now_ns = self._clock.now_ns()
        skew = self._skews.get(site)
        got = self._inbox.take(site, envelopes, now_ns, skew=skew.estimate() if skew is not None else None)
        return Answer(
            site, got.have.epoch, got.have.sequence, got.stored, got.duplicates, got.ahead, got.is_full, now_ns
        )  # fmt: skip

    def give(self, site: str, taken: Place) -> bytes:
        """Return what a site is given behind what it has."""
        return self._outgoing.give(site, taken) if self._outgoing is not None else b""


class Receiving:
    """All that a hub receives by; also where there is no source of sites, for a reload may name one."""

    def __init__(self, config: Config, folder: Path, metrics: Metrics) -> None:
        """Begin to receive. Raises ConfigError."""
        self._folder, self._metrics = folder, metrics
        self._open: _Open | None = None
        self.reload(config)

    def wake(self) -> None:
        """Hear that a commit was made: bring the metrics up to date."""
        if self._open is not None:
            self._open.look(self._metrics)

    def reload(self, config: Config) -> None:
        """Receive as a configuration says. Raises ConfigError, and goes on as before."""
        one, held = source_of(config), self._open
        sites, trust = frozenset(config.sites), trust_of(config)
        if held is not None and one == held.component:
            held.follow(sites, trust)
            return
        if held is not None:
            held.close()
        self._open = None
        try:
            self._begin(one, sites, trust)
        except ConfigError:
            if held is not None:
                self._begin(held.component, held.store.sites, held.trust)
            raise

    def _begin(self, one: Component | None, sites: frozenset[str], trust: Trust) -> None:
        if one is None:
            return
        self._open = _Open(one, sites, trust, self._folder)
        self.said = f"sites on {', '.join(self._open.ways)}"
        self._metrics.expect_sites()
        self._metrics.saturation.labels("inbox").set(0)

    def close(self, drain_s: float) -> None:  # noqa: ARG002 - Beside
        """Stop: what is not acknowledged is sent again."""
        if self._open is not None:
            self._open.close()
            self._open = None


class _Open:
    """One table's inbox, and the ways that lead to it."""

    def __init__(self, one: Component, sites: frozenset[str], trust: Trust, folder: Path) -> None:
        self.component, self._settings, self.trust = one, settings_of(one.options), trust
        self.ways: list[str] = []
        self._told: dict[str, int] = {}
        place = f"sources.{one.name}"
        try:
            self._inbox = Inbox(folder, self._settings.limit_bytes)
        except ValueError as error:
            raise ConfigError(f"[{place}] {error}") from error
        self._outgoing = Outgoing(folder)
        self.store = Stored(self._inbox, sites, self._outgoing)
        self._listener: _Listener | None = None
        self._taker: Taker | None = None
        self._intake: BundleIntake | None = None
        try:
            if self._settings.listen:
                self._listener = _Listener(place, self._settings, self.store)
                self.ways.append(self._listener.address)
            if self._settings.nats:
                self._taker = Taker(self._settings, self._inbox, sites, self._outgoing)
                self.ways.append(self._settings.nats)
            if self._settings.folder:
                self._intake = intake(place, self._settings, trust, folder)
                self.ways.append(self._settings.folder)
        except ConfigError:
            self.close()
            raise

    def follow(self, sites: frozenset[str], trust: Trust) -> None:
        """Take from these sites alone, by these keys. Raises ConfigError, and goes on as before."""
        if self._taker is not None:
            self._taker.follow(sites)
        if self._intake is not None:
            self._intake.trusts(trust)
        self.trust = trust
        self.store.sites = sites

    def look(self, metrics: Metrics) -> None:
        """Bring the metrics up to date, and take a certificate that was renewed."""
        metrics.saturation.labels("inbox").set(self._inbox.fill())
        refused: Counter[str] = Counter()
        for way in (self._listener, self._taker, self._intake):
            if way is not None:
                refused.update(dict(way.refused))
        for reason, count in refused.items():
            metrics.site_refused.labels(reason if reason in SITE_REFUSALS else OTHER).inc(
                count - self._told.get(reason, 0)
            )
            self._told[reason] = count
        if self._listener is not None:
            self._listener.renew(self.component.name)

    def close(self) -> None:
        """Stop receiving."""
        if self._listener is not None:
            self._listener.close()
        if self._taker is not None:
            self._taker.close()
        if self._intake is not None:
            self._intake.close()
        self._inbox.close()
        self._outgoing.close()


class _Listener:
    """The server to which sites push over HTTPS."""

    def __init__(self, place: str, settings: Settings, store: Stored) -> None:
        from sensor.wire.site_https_server import SiteServer

        host, port = listen_address(place, settings.listen)
        try:
            context = server_context(settings.cert, settings.key, settings.ca)
        except OSError as error:
            raise ConfigError(f"[{place}] cert, key or ca cannot be used: {error}") from error
        allow_files(FILES)
        self._settings = settings
        self._renewed_s, self._looked_s = _changed_s(settings), time.monotonic()
        refused = frozenset(one.replace(":", "").lower() for one in settings.refused)
        try:
            self._server = SiteServer(host, port, context, store, refused=refused)
        except OSError as error:
            raise ConfigError(f"[{place}] listen = {settings.listen!r}: {error.strerror or error}") from error
        self.address = f"https://{f'[{host}]' if ':' in host else host}:{self._server.port}"
        self.refused, self.close = self._server.refused, self._server.close

    def renew(self, name: str) -> None:
        """Take a certificate that was renewed, looked for once a minute."""
        if time.monotonic() - self._looked_s < LOOK_S:
            return
        self._looked_s, changed_s = time.monotonic(), _changed_s(self._settings)
        if changed_s != self._renewed_s:
            try:
                held = self._settings
                self._server.context = server_context(held.cert, held.key, held.ca)
                self._renewed_s = changed_s
                _LOG.info("certificate renewed source=%s", name)
            except OSError as error:
                _LOG.warning("certificate not read, the one before stays in force: %s", error)


def allow_files(count: int) -> None:
    """Let this process have so many files open, as far as it may: a connection is one, and 1,024 are usual."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or count <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def _changed_s(settings: Settings) -> tuple[float, ...]:
    """Return when the files of certificates were written."""
    return tuple(
        path.stat().st_mtime if path.exists() else 0.0 for path in map(Path, (settings.cert, settings.key, settings.ca))
    )
