"""A fleet's two ends over NATS: the spool to the leaf node, and from the hub's server into the inbox.

Here the options of a table become a link, and what comes becomes envelopes that the inbox takes. What is carried how is
`sensor.wire.site_nats`' own.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence

from sensor.config import Secret
from sensor.errors import ConfigError, Malformed, Permanent, Transient
from sensor.model.given import Place
from sensor.model.sink import SecretPlace
from sensor.model.site_packet import Envelope
from sensor.pipeline.postbox import Outgoing
from sensor.sinks.site import Settings as SinkSettings
from sensor.sources.site import Settings as SourceSettings
from sensor.store.inbox import Inbox
from sensor.store.spool import SpoolReader
from sensor.wire import site_nats
from sensor.wire.clock import SystemClock
from sensor.wire.site_envelope import decode
from sensor.wire.site_nats_in import Receiver
from sensor.wire.site_nats_out import Publisher
from sensor.wire.site_return import Postbox

STOP_S = 2.0
_LOG = logging.getLogger(__name__)


def publisher(
    settings: SinkSettings, site: str, open_spool: Callable[[], SpoolReader],
    open_postbox: Callable[[], Postbox] | None = None,
) -> Publisher:  # fmt: skip
    """Make what carries a site's spool to its leaf node; nothing is opened yet. Raises ConfigError."""
    wrong = site_nats.wrong_site(site)
    if wrong is not None:
        raise ConfigError(wrong)
    link = _link(settings.nats, settings.user, settings.password, settings.ca_file, settings.cert, settings.key)
    return Publisher(site, link, open_spool, open_postbox)


class Taker:
    """Takes what sites send over NATS, in a thread of its own.

    Attributes:
        refused: What was not taken, by reason.
    """

    def __init__(
        self, settings: SourceSettings, inbox: Inbox, sites: frozenset[str], outgoing: Outgoing | None = None
    ) -> None:
        """Begin. Raises ConfigError where a site's name cannot be told apart over NATS."""
        self._link = _link(settings.nats, settings.user, settings.password, settings.ca, settings.cert, settings.key)
        self._inbox, self._clock, self._outgoing = inbox, SystemClock(threading.Event()), outgoing
        self.refused: Counter[str] = Counter()
        self._sites: frozenset[str] | None = None
        self._receiver: Receiver | None = None
        self.follow(sites)

    @property
    def problem(self) -> str:
        """Say why nothing comes at present; empty while all is well."""
        return self._receiver.problem if self._receiver is not None else ""

    def follow(self, sites: frozenset[str]) -> None:
        """Take from these sites alone. Raises ConfigError, and goes on as before."""
        if sites == self._sites:
            return
        for wrong in filter(None, map(site_nats.wrong_site, sorted(sites))):
            raise ConfigError(wrong)
        self.close()
        self._sites, self._stop = sites, threading.Event()
        give = self._outgoing.give if self._outgoing is not None else None
        self._receiver = Receiver(sorted(sites), self._link, self.take, self.have, give)
        self._thread = threading.Thread(
            target=self._run, args=(self._receiver, self._stop), name="sites nats", daemon=True
        )
        self._thread.start()

    def take(self, site: str, contents: Sequence[bytes]) -> list[bool]:
        """Store envelopes of a site; tell of each whether it is stored. Raises Transient."""
        envelopes = [self._read(site, content) for content in contents]
        got = self._inbox.take(site, [one for one in envelopes if one is not None], self._clock.now_ns())
        if got.is_full:
            self.refused["not_now"] += 1
        all_are = not (got.ahead or got.is_full)
        return [
            one is not None and (all_are or (one.epoch == got.have.epoch and one.sequence <= got.have.sequence))
            for one in envelopes
        ]

    def have(self, site: str) -> site_nats.Have:
        """Say what is stored of a site."""
        have = self._inbox.have(site)
        given = self._outgoing.newest(site) if self._outgoing is not None else Place()
        return site_nats.Have(have.epoch, have.sequence, given)

    def close(self) -> None:
        """Stop: what is not acknowledged comes again."""
        if self._receiver is not None:
            self._stop.set()
            self._thread.join(STOP_S)
            self._receiver = None

    def _read(self, site: str, content: bytes) -> Envelope | None:
        """Read an envelope of a site; None where it is none, or another's."""
        try:
            envelope = decode(content)
        except Malformed as error:
            self._refuse("malformed", site, str(error))
            return None
        if envelope.site != site:
            self._refuse("unknown_site", site, f"an envelope that says it is of {envelope.site}")
            return None
        return envelope

    def _refuse(self, reason: str, site: str, why: str) -> None:
        if not self.refused[reason]:
            _LOG.warning("refused site=%s reason=%s: %s", site, reason, why)
        self.refused[reason] += 1

    def _run(self, receiver: Receiver, stop: threading.Event) -> None:
        try:
            receiver.run(stop)
        except Permanent as error:
            receiver.problem = str(error)
            _LOG.error("nothing comes from sites: %s", error)


def probe(settings: SinkSettings, site: str) -> str:
    """Reach the leaf node without sending anything; say what is there. Raises Transient, Permanent."""
    return site_nats.ask(
        _link(settings.nats, settings.user, settings.password, settings.ca_file, settings.cert, settings.key), site
    )


def look(settings: SourceSettings) -> str:
    """Reach the hub's server; say what is there. Raises Transient, Permanent."""
    return site_nats.look(
        _link(settings.nats, settings.user, settings.password, settings.ca, settings.cert, settings.key)
    )


def _link(url: str, user: str, password: SecretPlace | None, ca: str, cert: str, key: str) -> site_nats.Link:
    return site_nats.Link(url, user, None if password is None else lambda: _read_secret(password), ca, cert, key)


def _read_secret(place: SecretPlace) -> str:
    try:
        return Secret(env=place.env, file=place.file).read()
    except ConfigError as error:
        raise Transient(str(error)) from error
