"""Which addresses are the site's own, and which are no host's at all, over whole columns; the words of one in text.

Without configuration the private ranges are local: RFC 1918, RFC 3927 (IPv4 link-local), RFC 4193 and RFC 4291 §2.5.6.
Not here: which local address is which device.
"""

import functools
import ipaddress
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from baselines.prefixes import match
from sensor.model import addresses

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
"""The default of `local_networks`."""

NOBODY = (
    "0.0.0.0/8",  # RFC 1122 §3.2.1.3: this network
    "127.0.0.0/8",  # loopback
    "224.0.0.0/4",  # RFC 5771: multicast
    "255.255.255.255/32",  # limited broadcast
    "::/128",
    "::1/128",
    "ff00::/8",  # RFC 4291 §2.7
)

Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]


NO_ADDRESS = (0, 0)
WORDS_MAX = 1 << 16
"""Addresses in text whose words are remembered: the same few speak all day (about 200 bytes each)."""


@functools.lru_cache(maxsize=WORDS_MAX)
def words_of(text: str | None) -> tuple[int, int]:
    """Return the words of an address in text, zeros where it is none."""
    try:
        return addresses.parse(text) if text else NO_ADDRESS
    except ValueError:
        return NO_ADDRESS


class Networks:
    """A set of prefixes, asked for whole columns.

    Attributes:
        masks: As `baselines.prefixes.match` takes them, uint64, shape (k, 4).
    """

    def __init__(self, prefixes: Sequence[str]) -> None:
        """Take prefixes in text. Raises ValueError where one is none."""
        masks: list[tuple[int, int, int, int]] = []
        for text in prefixes:
            network = ipaddress.ip_network(text, strict=False)
            value, length = int(network.network_address), network.prefixlen
            if network.version == 4:
                value, length = 0xFFFF_0000_0000 | value, length + 96
            mask = ((1 << length) - 1) << (128 - length)
            low = (1 << 64) - 1
            masks.append((value >> 64, value & low, mask >> 64, mask & low))
        self.masks = np.array(masks, np.uint64).reshape(-1, 4)

    def contain(self, hi: Words, lo: Words) -> Flags:
        """Tell which addresses lie in one of the prefixes.

        Args:
            hi: High words, uint64, shape (n,).
            lo: Low words, uint64, shape (n,).

        Returns:
            bool, shape (n,).
        """
        inside = np.empty(len(hi), np.bool_)
        match(hi, lo, self.masks, inside)
        return inside


_NO_HOSTS = Networks(NOBODY)
NO_HOST_MASKS = _NO_HOSTS.masks


def no_host(hi: Words, lo: Words) -> Flags:
    """Tell which addresses can be no single host's: multicast, broadcast, loopback, unspecified. Shape (n,)."""
    return _NO_HOSTS.contain(hi, lo)
