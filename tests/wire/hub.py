"""A hub's end for tests: a server that keeps what sites send in memory."""

import contextlib
import hashlib
import ssl
import threading
import time

from sensor.wire.site_envelope import decode
from sensor.wire.site_https import Answer, client_context
from sensor.wire.site_https_client import HubClient
from sensor.wire.site_https_server import SiteServer
from sensor.wire.syslog_server import server_context
from tests.wire.certificates import Authority


class Kept:
    """Keeps envelopes by site. `error` is raised instead of an answer; `full` says that there is no room."""

    def __init__(self, *sites):
        self.sites, self.held, self.asked, self.times = set(sites), {}, [], []
        self.error, self.full, self.gate = None, False, threading.Event()
        self.gate.set()

    def knows(self, site):
        return site in self.sites

    def ask(self, site):
        self.asked.append(site)
        if self.error:
            raise self.error
        return Answer(site, 7, len(self.held.get(site, [])), now_ns=time.time_ns())

    def timed(self, site, *times):
        self.times.append((site, *times))

    def take(self, site, written):
        self.gate.wait()
        if self.error:
            raise self.error
        if self.full:
            return Answer(site, 7, 0, is_full=True)
        found = [decode(one) for one in written]
        self.held.setdefault(site, []).extend(found)
        return Answer(site, 7, found[-1].sequence if found else 0, stored=len(found))


class Hub:
    """A server with its authority."""

    def __init__(self, folder, *sites, refuse=(), **limits):
        self.authority, self.store = Authority(folder), Kept(*sites)
        self._issued, self.clients = {}, []
        limits["refused"] = frozenset(self._digest(name) for name in refuse)
        context = server_context(*self.authority.issue("hub"), self.authority.file)
        self.server = SiteServer("127.0.0.1", 0, context, self.store, **limits)
        self.url = f"https://127.0.0.1:{self.server.port}"

    def context(self, name, authority=None):
        """Make the side of somebody with a certificate of this name, always the same, or another authority's."""
        pair = authority.issue(name) if authority else self._issued.get(name) or self.renew(name)
        return client_context(self.authority.file, *pair)

    def renew(self, name):
        """Sign another certificate for a name."""
        self._issued[name] = self.authority.issue(name)
        return self._issued[name]

    def client(self, name, authority=None):
        """Return a site's client."""
        self.clients.append(HubClient(self.url, lambda: self.context(name, authority)))
        return self.clients[-1]

    def _digest(self, name):
        with open(self.renew(name)[0]) as file:  # noqa: PTH123 - a name
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


@contextlib.contextmanager
def hub(folder, *sites, **limits):
    """Serve, for the time of a `with`."""
    served = Hub(folder, *sites, **limits)
    try:
        yield served
    finally:
        served.store.gate.set()
        for client in served.clients:
            client.close()
        served.server.close()
