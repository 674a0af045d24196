"""A site's spool to its hub over HTTPS: one request after the other, from what the hub says that it has.

What the hub has is asked at the start, after every failure, and every ASK_S: a hub that was put back from a backup has
less than before, and is sent it again. Nothing is left out because the hub refuses it: that is for somebody to mend,
and until then the spool keeps everything. An answer may bring what the hub gives this site, which is on disk before the
next request says so.
"""

import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable

from sensor.errors import Permanent, Transient
from sensor.model.given import Place
from sensor.model.site_packet import Envelope
from sensor.store.spool import SpoolReader
from sensor.wire.site_envelope import ENVELOPE_MAX, encode
from sensor.wire.site_https import ENVELOPES_MAX, POST_MAX, RETRY_S, Answer
from sensor.wire.site_https_client import HubClient
from sensor.wire.site_return import Postbox

LOOK_S = 5.0
"""Between two looks at the spool: of a commit the thread is told."""
ASK_S = 30.0
"""What the hub gives, an order say, waits so long at most: 1,000 sites ask it 33 times a second over connections that
are open."""
BACKOFF_S, BACKOFF_MAX_S = 1.0, 60.0
_HEADS = POST_MAX - ENVELOPE_MAX
"""Bodies of one request: what is around them fits into the rest."""
_TROUBLE = (OSError, Permanent, sqlite3.Error, ValueError)
_LOG = logging.getLogger(__name__)


class Pusher:
    """Carries one site's spool.

    Attributes:
        problem: Why nothing is carried at present; empty while all is well.
        sent: Envelopes that the hub stored.
        failures: Of attempts, by reason; `away` is also a hub that has no room.
    """

    def __init__(
        self, open_spool: Callable[[], SpoolReader], client: HubClient,
        open_postbox: Callable[[], Postbox] | None = None,
    ) -> None:  # fmt: skip
        """Prepare; nothing is opened before `run`."""
        self._open, self._client, self._open_postbox = open_spool, client, open_postbox
        self._postbox: Postbox | None = None
        self._woken = threading.Event()
        self._cursor: int | None = None
        self._ask_at_s = 0.0
        self.problem, self.sent = "", 0
        self.failures = dict.fromkeys(("away", "permanent", "state"), 0)

    def wake(self) -> None:
        """Hear that there may be something new."""
        self._woken.set()

    def run(self, stop: threading.Event) -> None:
        """Carry until told to stop."""
        failed, spool = 0, None
        try:
            while not stop.is_set():
                self._woken.clear()
                try:
                    spool = spool or self._open()
                    if self._postbox is None and self._open_postbox is not None:
                        self._postbox = self._open_postbox()
                    wait_s = self._round(spool)
                    failed = 0
                except _TROUBLE as error:
                    failed += 1
                    self._failed(error)
                    stop.wait(_backoff_s(failed))
                    continue
                if wait_s == LOOK_S:
                    self._woken.wait(LOOK_S)
                else:
                    stop.wait(wait_s)
        finally:
            self._client.close()
            if spool is not None:
                spool.close()
            if self._postbox is not None:
                self._postbox.close()
                self._postbox = None

    def _round(self, spool: SpoolReader) -> float:
        """Ask, or send one request; return how long to wait before the next."""
        if self._cursor is None or time.monotonic() >= self._ask_at_s:
            answer = self._client.ask(self._taken())
            self._cursor = spool.after(answer.epoch, answer.have)
            spool.acknowledge(self._cursor)
            self._ask_at_s = time.monotonic() + ASK_S
            self._take(answer)
            self._worked()
        envelopes = spool.read(self._cursor, ENVELOPES_MAX, _HEADS)
        if not envelopes:
            return LOOK_S if time.monotonic() < self._ask_at_s else 0.0
        written, at = [], 0
        for one in envelopes:
            content = encode(one)
            at += len(content)
            if at > POST_MAX:
                break
            written.append(content)
        answer = self._client.push(b"".join(written), self._taken())
        return self._heard(spool, envelopes[: len(written)], answer)

    def _heard(self, spool: SpoolReader, sent: list[Envelope], answer: Answer) -> float:
        """Go on behind what the hub has now."""
        self.sent += answer.stored
        self._ask_at_s = time.monotonic() + ASK_S
        self._take(answer)
        done = answer.stored + answer.duplicates
        if answer.ahead or done > len(sent):  # it has less than it had: it was put back meanwhile
            self._cursor = None
            if not done:
                raise Transient("the hub misses what was sent before")
            return 0.0
        if done:
            self._cursor = sent[done - 1].sequence
            spool.acknowledge(self._cursor)
        self._worked()
        if answer.is_full:
            self.failures["away"] += 1
            self.problem = "the hub has no room at present"
            return float(RETRY_S)
        return 0.0

    def _taken(self) -> Place | None:
        return self._postbox.place() if self._postbox is not None else None

    def _take(self, answer: Answer) -> None:
        """Store what the hub gave, and ask at once for what may follow."""
        if answer.given and self._postbox is not None and self._postbox.take(answer.given):
            self._ask_at_s = 0.0

    def _worked(self) -> None:
        if self.problem:
            _LOG.warning("works again: the hub is told")
        self.problem = ""

    def _failed(self, error: Exception) -> None:
        self._cursor = None
        is_ours = isinstance(error, sqlite3.Error | ValueError)
        self.failures["permanent" if isinstance(error, Permanent) else "state" if is_ours else "away"] += 1
        if str(error) != self.problem:
            self.problem = str(error)
            _LOG.warning("the hub is not told: %s", error)


def _backoff_s(failed: int) -> float:
    most = min(BACKOFF_S * 2.0 ** min(failed - 1, 10), BACKOFF_MAX_S)
    return most / 2 + secrets.SystemRandom().random() * most / 2
