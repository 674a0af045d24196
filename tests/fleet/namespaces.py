"""A hub and sites in network namespaces: the same 10.0.0.0/24 at each site, and a link to the hub that can be cut."""

import os
import subprocess

LAN = "10.0.0.10"
"""The sensor's and the leaf node's address, at every site."""


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, timeout=30, stdout=subprocess.DEVNULL)


class Network:
    """The namespaces; needs root.

    Attributes:
        hub: Name of the hub's namespace.
    """

    def __init__(self, sites):
        self.sites, self.name = list(sites), f"fleet{os.getpid()}"
        self.hub = f"{self.name}-hub"

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for one in (self.hub, *(self.space(site) for site in self.sites)):
            subprocess.run(["ip", "netns", "del", one], check=False, capture_output=True, timeout=30)

    def space(self, site):
        """Return the name of a site's namespace."""
        return f"{self.name}-{site}"

    def address(self, site):
        """Return the hub's address at the end of a site's link."""
        return f"198.51.100.{4 * self.sites.index(site) + 1}"

    def cut(self, site):
        """Take a site's link away."""
        _ip("-n", self.hub, "link", "set", f"to-{site}", "down")

    def deafen(self, site):
        """Have what the site sends get lost; what it is sent arrives."""
        self._nft(f"add rule inet cut {site} counter drop")

    def mend(self, site):
        """Have the link work again, both ways."""
        self._nft(f"flush chain inet cut {site}")
        _ip("-n", self.hub, "link", "set", f"to-{site}", "up")

    def _nft(self, text):
        subprocess.run(["ip", "netns", "exec", self.hub, "nft", text], check=True, timeout=30)

    def _make(self):
        _ip("netns", "add", self.hub)
        _ip("-n", self.hub, "link", "set", "lo", "up")
        self._nft("add table inet cut")
        self._nft("add chain inet cut in { type filter hook input priority 0 ; }")
        for site in self.sites:
            space, far = self.space(site), self.address(site)
            near = f"198.51.100.{4 * self.sites.index(site) + 2}"
            _ip("netns", "add", space)
            _ip("-n", space, "link", "set", "lo", "up")
            _ip("-n", space, "link", "add", "lan", "type", "veth", "peer", "name", "lan-peer")
            _ip("-n", space, "address", "add", f"{LAN}/24", "dev", "lan")
            _ip("-n", space, "link", "set", "lan-peer", "up")
            _ip("-n", space, "link", "set", "lan", "up")
            _ip("-n", space, "link", "add", "uplink", "type", "veth", "peer", "name", f"to-{site}", "netns", self.hub)
            _ip("-n", space, "address", "add", f"{near}/30", "dev", "uplink")
            _ip("-n", self.hub, "address", "add", f"{far}/30", "dev", f"to-{site}")
            _ip("-n", space, "link", "set", "uplink", "up")
            _ip("-n", self.hub, "link", "set", f"to-{site}", "up")
            self._nft(f"add chain inet cut {site}")
            self._nft(f"add rule inet cut in iifname to-{site} jump {site}")
