"""A site that makes bundles of envelopes as files, and a hub that takes them: for tests."""

from sensor.pipeline.unbundling import Trust, Unbundler
from sensor.store.bundle_window import BundleWindow
from sensor.store.inbox import Inbox
from sensor.wire import site_envelope
from tests.wire.bundles_made import KEYS, bundle, hub
from tests.wire.envelopes import envelope

MADE_NS = 1_700_000_000_000_000_000


class Hub:
    """An inbox with its window."""

    def __init__(self, folder, site_keys=None, hub_keys=None):
        self.folder = folder
        self.inbox = Inbox(folder)
        self.window = BundleWindow(folder)
        self.trust = Trust(KEYS if site_keys is None else site_keys, [hub()] if hub_keys is None else hub_keys)
        self.take = Unbundler(self.inbox, self.window, self.trust, lambda: 5).take

    def held(self, site="SYD"):
        """Return (epoch, sequence) of what is held of a site, in the order in which it is handed on."""
        return [(one.head.epoch, one.head.sequence) for one in self.inbox.waiting(site, 0, 10**6)]

    def close(self):
        self.window.close()
        self.inbox.close()


class Post:
    """Makes the bundles of a site, each later than the one before."""

    def __init__(self, folder, site="SYD", epoch=7, **told):
        self.folder, self.site, self.epoch, self.told = folder, site, epoch, told
        self.made_ns = MADE_NS
        folder.mkdir(parents=True, exist_ok=True)

    def envelopes(self, first, last, **fields):
        """Make {sequence: bytes}."""
        fields = {"site": self.site, "epoch": self.epoch} | fields
        return {k: site_envelope.encode(envelope(k, f"{k}".encode() * 9, **fields)) for k in range(first, last + 1)}

    def bytes(self, first, last, contents=None, **told):
        """Make a bundle of a range."""
        self.made_ns += 1
        contents = self.envelopes(first, last) if contents is None else contents
        of = {"site": self.site, "epoch": self.epoch, "first": first, "last": last, "made_ns": self.made_ns}
        return bundle(contents, **{**of, **self.told, **told})

    def put(self, name, content):
        """Write a file."""
        path = self.folder / f"{name}.bundle"
        path.write_bytes(content)
        return path

    def send(self, first, last, **told):
        """Write a bundle of a range under a name that says so."""
        return self.put(f"{self.site}-{first:06d}-{self.made_ns}", self.bytes(first, last, **told))
