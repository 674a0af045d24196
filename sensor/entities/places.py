"""Networks of a site that nobody configured, learned from what the network says.

A router's advertisement of an on-link prefix (RFC 4861 §4.6.2) is taken as a local network where the site has none
configured; a prefix shorter than /48 is nobody's link and would make the world local. IPv4 networks whose hosts speak
ARP though they are not local are only counted. Not here: what is proposed of it (`proposals`); egress, which is learned
from sign-ins (`contacts`).
"""

import ipaddress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensor.entities.networks import PRIVATE, Networks

PREFIXES_MAX = 64
"""Learned prefixes a site; a rogue router could advertise for ever."""
SHORTEST = 48
"""A site gets a /48 and a link a /64 (RFC 6177 §2)."""
HOSTS_MIN = 3
"""Hosts of one /24 before it is proposed: fewer may be mistyped addresses."""
COUNTED_MAX = 4096

Network = tuple[int, int]


class Places:
    """Learned networks by site name, and what is counted besides."""

    def __init__(self) -> None:
        self.learned: dict[str, list[str]] = {}
        self._foreign: dict[Network, list[int]] = {}

    def advertise(self, site: str, prefixes: tuple[str, ...]) -> bool:
        """Take a router's on-link prefixes; tell whether one is new."""
        held = self.learned.setdefault(site, [])
        before = len(held)
        for text in prefixes:
            try:
                network = ipaddress.ip_network(text, strict=False)
            except ValueError:
                continue
            usable = network.version == 6 and network.prefixlen >= SHORTEST and not network.is_link_local
            if usable and not network.is_multicast and str(network) not in held and len(held) < PREFIXES_MAX:
                held.append(str(network))
        return len(held) > before

    def networks(self, site: str) -> Networks:
        """Return the private ranges and what was learned of a site."""
        return Networks((*PRIVATE, *self.learned.get(site, ())))

    def speak(self, site: NDArray[np.int32], address: NDArray[np.uint32]) -> None:
        """Count hosts that speak ARP and are in no local network; site numbers and IPv4 addresses, shape (n,)."""
        for number, value in np.unique(np.stack([site.astype(np.int64), address.astype(np.int64)]), axis=1).T.tolist():
            hosts = self._foreign.setdefault((number, value >> 8), [])
            if value not in hosts and len(hosts) < HOSTS_MIN:
                hosts.append(value)
            if len(self._foreign) > COUNTED_MAX:
                del self._foreign[next(iter(self._foreign))]

    def speaking(self) -> list[tuple[int, int, int]]:
        """Return (site number, first 24 bits, hosts) of IPv4 networks outside the local ones whose hosts speak ARP."""
        return [(*key, len(hosts)) for key, hosts in sorted(self._foreign.items()) if len(hosts) >= HOSTS_MIN]

    def save(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {"learned": self.learned, "foreign": [[*key, hosts] for key, hosts in self._foreign.items()]}

    def load(self, held: dict[str, Any]) -> None:
        """Restore what `save` returned."""
        self.learned = {site: list(prefixes) for site, prefixes in held["learned"].items()}
        self._foreign = {(site, network): hosts for site, network, hosts in held["foreign"]}
