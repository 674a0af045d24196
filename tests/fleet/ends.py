"""The two ends of a link, in memory: a spool of numbered envelopes, an inbox that notes what comes; and threads."""

import contextlib
import threading
import time

import zstandard

from sensor.errors import Malformed
from sensor.model.given import Letter, Place
from sensor.model.site_packet import KINDS, Envelope
from sensor.wire import site_return
from sensor.wire.site_envelope import decode
from sensor.wire.site_nats import Have, Link
from sensor.wire.site_nats_in import Receiver
from sensor.wire.site_nats_out import Publisher
from tests.fleet.servers import PASSWORD

EPOCH = 17


class Spool:
    """Numbered envelopes of one site; keeps all of them."""

    def __init__(self, site, count=0):
        self.site, self.position, self.held, self.closed = site, 0, [], False
        self.add(count)

    def add(self, count):
        for sequence in range(len(self.held) + 1, len(self.held) + 1 + count):
            body = f"{self.site} {sequence} ".encode() * 20
            self.held.append(
                Envelope(
                    site=self.site, epoch=EPOCH, sequence=sequence, began=0, previous=sequence - 1,
                    kind=KINDS[sequence % len(KINDS)], first_ns=sequence, last_ns=sequence, raw_bytes=len(body),
                    body=zstandard.compress(body),
                )
            )  # fmt: skip

    def acked(self):
        return self.position

    def after(self, epoch, have):
        return min(have, len(self.held)) if epoch else 0

    def read(self, after, count, limit_bytes):
        assert limit_bytes > 0
        return self.held[after : after + count]

    def acknowledge(self, sequence):
        self.position = sequence

    def close(self):
        self.closed = True


class Inbox:
    """What came, by site: in the order of its numbers, or not at all; the second and later of one number apart."""

    def __init__(self, gifts=None):
        self.came, self.doubled, self.ahead, self.refused, self.refuse = {}, 0, 0, [], set()
        self.gifts = gifts or Gifts()
        self.problem = None

    def take(self, site, contents):
        if self.problem is not None:
            raise self.problem
        return [self._take(site, content) for content in contents]

    def _take(self, site, content):
        try:
            envelope = decode(content)
        except Malformed as error:
            self.refused.append((site, str(error)))
            return False
        if envelope.site != site or envelope.sequence in self.refuse:
            self.refused.append((site, f"{envelope.site} {envelope.sequence}"))
            return False
        known = self.came.setdefault(site, {})
        if envelope.sequence > len(known) + 1:
            self.ahead += 1
            return False
        self.doubled += envelope.sequence in known
        known.setdefault(envelope.sequence, envelope)
        return True

    def have(self, site):
        sequence = len(self.came.get(site, {}))
        return Have(EPOCH if sequence else 0, sequence, self.gifts.place(site))


def link(server):
    """Return how to reach a server of the fleet's."""
    return Link(server.url, password=lambda: PASSWORD)


@contextlib.contextmanager
def running(*ends):
    """Run publishers and receivers, each in a thread, for the time of a `with`."""
    stop = threading.Event()
    threads = [threading.Thread(target=one.run, args=(stop,)) for one in ends]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        stop.set()
        for one in threads:
            one.join(30)
        assert not any(one.is_alive() for one in threads)


def publisher(fleet, site, spool, postbox=None):
    """Return what carries a site's spool to its leaf node, and what it is given into a postbox."""
    return Publisher(site, link(fleet.leaves[site]), lambda: spool, None if postbox is None else lambda: postbox)


class Gifts:
    """What a hub gives, one letter a number; a site's has the site's name in it."""

    def __init__(self):
        self.count = {}

    def place(self, site):
        return Place(EPOCH, self.count[site]) if self.count.get(site) else Place()

    def give(self, site, taken):
        following = range(taken.sequence + 1, self.count.get(site, 0) + 1)[:5]
        letters = [Letter(EPOCH, number, "k", f"{site} {number}".encode()) for number in following]
        return site_return.encode(site, letters) if letters else b""


class Box:
    """A site's postbox in memory."""

    def __init__(self, site):
        self.site, self.got, self.closed = site, [], False

    def place(self):
        return Place(EPOCH, len(self.got)) if self.got else Place()

    def take(self, content):
        for one in site_return.decode(content, self.site):
            if one.sequence == len(self.got) + 1:
                self.got.append(one.body.decode())
        return True

    def close(self):
        self.closed = True


def receiver(fleet, inbox, sites=None, give=None):
    """Return what takes envelopes at the hub, and gives sites what `give` has for them."""
    return Receiver(sites or fleet.sites, link(fleet.hub), inbox.take, inbox.have, give)


def wait(condition, within_s=60.0):
    """Wait until something holds; a machine may be busy."""
    until_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until_s, "not within the time"
        time.sleep(0.05)
