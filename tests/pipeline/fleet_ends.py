"""Sites and a hub without their cores: spools that are filled, an inbox that is emptied, and HTTPS between them."""

import contextlib
import socket
import threading

from sensor.pipeline.postbox import Outgoing, Postbox
from sensor.pipeline.pushing import Pusher
from sensor.pipeline.receiving import Stored
from sensor.pipeline.site_feed import SiteFeed
from sensor.store.inbox import META, Inbox
from sensor.store.spool import SpoolReader
from sensor.store.state import State
from sensor.wire.clock import SystemClock
from sensor.wire.site_https import client_context
from sensor.wire.site_https_client import HubClient
from sensor.wire.site_https_server import SiteServer
from sensor.wire.syslog_server import server_context
from tests.store.test_spool import packet
from tests.wire.certificates import Authority


class Hub:
    """A hub's inbox, server and feed over a state; what the feed gives is kept with the state, as a core would."""

    def __init__(self, folder, pair, ca, *sites, port=0, limit_bytes=1 << 30):
        self.folder, self._pair, self.ca = folder, pair, ca
        self.sites, self.port, self.limit_bytes = frozenset(sites), port, limit_bytes
        self.open()

    def open(self):
        """Begin, as a process does."""
        self.state = State(self.folder, exclusive=True)
        self.inbox = Inbox(self.folder, self.limit_bytes)
        self.outgoing = Outgoing(self.folder)
        self.stored = Stored(self.inbox, self.sites, self.outgoing)
        context = server_context(*self._pair, self.ca)
        self.server = SiteServer("127.0.0.1", self.port, context, self.stored)
        self.port = self.server.port
        self.feed = SiteFeed(
            Inbox(self.folder, durable=False), "sites", "HUB", self.state.meta(f"{META}sites"),
            SystemClock(threading.Event()), 3600.0,
        )  # fmt: skip

    def step(self, *, commit=True, acknowledge=True):
        """Take what came, and make it part of the state: texts of reports, in order."""
        batch = self.feed.poll()
        if commit:
            taken = [f"{one.site} {one.reason}" for one in batch.reports]
            said = self.state.meta("said") or ""
            meta = {f"{META}sites": self.feed.position(), "said": "\n".join([said, *taken]).strip()}
            self.state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta=meta)
            if acknowledge:
                self.feed.acknowledge()
        return len(batch.reports)

    def said(self, site):
        """Return the texts of one site that are in the state, in order."""
        return [line[len(site) + 1 :] for line in (self.state.meta("said") or "").split("\n") if line.startswith(site)]

    def close(self):
        """End."""
        self.server.close()
        self.inbox.close()
        self.outgoing.close()
        self.feed.close()
        self.state.close()


class Site:
    """A site's state, and what carries its spool."""

    def __init__(self, folder, name, pair, ca):
        self.folder, self.name, self.ca = folder, name, ca
        self.pair, self.count = pair, 0
        self.open()
        self._thread = None

    def open(self):
        """Begin, as a process does."""
        self.state = State(self.folder, exclusive=True)

    def tell(self, *texts, kind="incidents"):
        """Commit a packet of each text."""
        with self.state._connection:
            self.state.spool.put([packet(kind, body_of(text), self.count + k) for k, text in enumerate(texts)])
        self.count += len(texts)

    def push(self, url):
        """Carry to a hub, in a thread, until `stop`."""
        self._stop = threading.Event()
        client = HubClient(url, lambda: client_context(self.ca, *self.pair))
        self.pusher = Pusher(
            lambda: SpoolReader(self.folder, self.name), client, lambda: Postbox(self.folder, self.name)
        )
        self._thread = threading.Thread(target=self.pusher.run, args=(self._stop,), daemon=True)
        self._thread.start()

    def stop(self):
        """Carry no more."""
        if self._thread is not None:
            self._stop.set()
            self.pusher.wake()
            self._thread.join()
            self._thread = None

    def close(self):
        """End."""
        self.stop()
        self.state.close()


def body_of(text):
    """Return the body of a packet with one report that says this."""
    from sensor.model.report import Verdict, encode

    return encode([Verdict(ts=1, incident="INC-1", evidence=(), verdict="true", reason=text)])


class Line:
    """A line to a hub that is cut at random, after any number of bytes in either direction.

    Attributes:
        port: Where it begins.
        cuts: How often it was cut.
        is_whole: It is cut no more.
    """

    def __init__(self, port, rng):
        self._to, self._rng, self.cuts, self.is_whole = port, rng, 0, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._held = []

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._held:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._held += [near, far]
                left = [self._rng.randint(0, 12_000)]
                for a, b in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(a, b, left, (near, far)), daemon=True).start()

    def _carry(self, a, b, left, both):
        with contextlib.suppress(OSError):
            while piece := a.recv(4096):
                left[0] -= len(piece)
                if left[0] < 0 and not self.is_whole:
                    b.sendall(piece[: left[0]])
                    self.cuts += 1
                    break
                b.sendall(piece)
        for one in both:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def fleet(folder, *names, **limits):
    """Make a hub and sites, in folders of their own."""
    (folder / "keys").mkdir()
    authority = Authority(folder / "keys")
    hub = Hub(folder / "hub", authority.issue("hub"), authority.file, *names, **limits)
    sites = [Site(folder / name, name, authority.issue(name), authority.file) for name in names]
    try:
        yield hub, *sites
    finally:
        for one in sites:
            one.close()
        hub.close()
