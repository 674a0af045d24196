"""Which link-layer addresses identify a host, and which stand in front of others.

A burned-in MAC is the organisation's, a locally administered one (IEEE 802-2014 §8.2.2, the second bit of the first
byte) the site's. A MAC in front of an outside address, or of more than ROUTER_ADDRESSES local IPv4 addresses, is a
router's and identifies nothing behind it. Group addresses, the virtual MACs that routers hand to each other, and those
that a program gives to every machine alike identify nobody. Not here: which device has a MAC.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.distinct import among, values_of
from sensor.model import addresses
from sensor.model.times import MINUTE_NS

ROUTERS_MAX = 65_536
"""MACs held as routers'; real sites have a handful, a forger's are not worth more room."""
ROUTER_V6 = 16
"""Global IPv6 addresses one host may have: temporary ones live a week, a new one a day (RFC 8981 §3.8), twice over."""
ROUTER_ADDRESSES = 4
"""IPv4 addresses one MAC may stand for; hosts with more are servers with many names, where the address is the better
key anyway."""
FLIP_NS = 10 * MINUTE_NS
"""An address that goes from a MAC to another and back within this time has both: one is a router's before it, seen from
elsewhere. No lease is given and taken so fast."""
FLIPS_MAX = 4096
COUNTED_MAX = 1_000_000
"""MACs whose addresses are counted."""
LOCAL_BIT = 0x0200_0000_0000
GROUP_BIT = 0x0100_0000_0000
_MAC = (1 << 48) - 1
EVERYWHERE = -1
"""Site number in the key of an organisation-wide identity."""

_VIRTUAL = (
    (0x00005E000100, 8),  # VRRP over IPv4, RFC 9568 §7.3
    (0x00005E000200, 8),  # VRRP over IPv6
    (0x00000C07AC00, 8),  # Cisco HSRP
    (0x00000C9FF000, 12),  # Cisco HSRP version 2
    (0x0007B4000000, 16),  # Cisco GLBP
    (0x123456789ABC, 0),  # Azure's answer to every ARP request
    (0x00059A3C7800, 12),  # Cisco AnyConnect's adapter
    (0x00090FFE0001, 0),  # FortiClient's adapter
    (0x00090FAA0001, 0),
    (0x005056C00000, 8),  # VMware's host adapters VMnet1, VMnet8 …
    (0x00FF00000000, 32),  # TAP-Windows
    (0x0A0027000000, 8),  # VirtualBox's host adapter
    (0x025041000001, 0),  # GlobalProtect's adapter
)
"""(first, bits that may differ) of addresses that many hosts have at once."""
_LINK_LOCAL = np.uint64(0xFE80_0000_0000_0000)
_TEN_BITS = np.uint64(0xFFC0_0000_0000_0000)

Words = NDArray[np.uint64]
Key = tuple[int, int]


def key_of(site: int, mac: int) -> Key:
    """Key a burned-in MAC by the organisation, a locally administered one by the site."""
    return (site if mac & LOCAL_BIT else EVERYWHERE, mac)


def mac_of(text: object) -> int:
    """Return the address that a text is, 0 where it is none."""
    try:
        return addresses.parse_mac(text) if isinstance(text, str) else 0
    except ValueError:
        return 0


def identifies(mac: int) -> bool:
    """Tell whether an address can be one host's."""
    return bool(mac) and not mac & GROUP_BIT and not any((mac ^ first) >> bits == 0 for first, bits in _VIRTUAL)


def is_link_local(hi: Words) -> NDArray[np.bool_]:
    """Tell which IPv6 addresses no router forwards (RFC 4291 §2.5.6); by their high words, shape (n,)."""
    return np.asarray(hi & _TEN_BITS == _LINK_LOCAL, np.bool_)


class Macs:
    """Counts of addresses behind MACs.

    Attributes:
        routers: (site, MAC) of routers.
    """

    def __init__(self) -> None:
        self.routers: set[Key] = set()
        self._v4: dict[Key, list[int]] = {}
        self._v6: dict[Key, list[list[int]]] = {}
        self._flips: dict[tuple[int, int, int], tuple[int, int]] = {}

    def own(self, site: NDArray[np.int32], hi: Words, mac: Words, *, linked: bool = False) -> Words:
        """Blank the MACs that do not identify who has an address: group, virtual and routers', shape (n,).

        A link-local address is never forwarded: it is the router's own; so is what the MAC says is its own (`linked`).
        """
        if not mac.any():
            return mac
        mac = np.where(mac & np.uint64(GROUP_BIT), np.uint64(0), mac)
        for first, bits in _VIRTUAL:
            mac[(mac ^ np.uint64(first)) >> np.uint64(bits) == 0] = 0
        if linked or not self.routers:
            return mac
        both = np.array(sorted(self.routers), np.uint64)
        behind = among((site.astype(np.uint64) << np.uint64(48)) | mac, (both[:, 0] << np.uint64(48)) | both[:, 1])
        return np.where(behind & ~is_link_local(hi), np.uint64(0), mac)

    def outside(self, site: NDArray[np.int32], hi: Words, lo: Words, mac: Words) -> list[Key]:
        """Return the MACs that outside addresses show to be routers': the first IPv4 one, or many of IPv6.

        A host's own global IPv6 addresses are outside where no configuration says otherwise; so a few prove nothing.

        Args:
            site: Site numbers, int32, shape (n,).
            hi: Outside addresses, high words, uint64, shape (n,); `lo` the low ones.
            mac: MACs they were seen behind, uint64, shape (n,); 0 is no MAC.
        """
        both = (site.astype(np.uint64) << np.uint64(48)) | mac
        told = [one for one in values_of(both).tolist() if (one >> 48, one & _MAC) not in self.routers]
        if not told:
            return []
        untold = among(both, np.array(told, np.uint64))
        site, hi, lo, mac = site[untold], hi[untold], lo[untold], mac[untold]
        v4 = (hi == 0) & (lo >> np.uint64(32) == 0xFFFF)
        rows = np.stack([site.astype(np.uint64), mac, np.where(v4, 0, hi), np.where(v4, 0, lo)], axis=1)
        found: list[Key] = []
        for number, value, high, low in np.unique(rows, axis=0).tolist():
            key = (number, value)
            if not value or key in self.routers or len(self.routers) + len(found) >= ROUTERS_MAX:
                continue
            behind = self._v6.setdefault(key, [])
            if [high, low] not in behind and (high or low):
                behind.append([high, low])
            if len(self._v6) > ROUTERS_MAX:
                del self._v6[next(iter(self._v6))]
            if key not in found and (not (high or low) or len(behind) > ROUTER_V6):
                found.append(key)
        return found

    def shows(self, site: int, mac: int, lo: int) -> bool:
        """Count a local IPv4 address of a MAC; tell whether it has too many to be a host's."""
        shown = self._v4.setdefault((site, mac), [])
        if lo not in shown and len(shown) <= ROUTER_ADDRESSES:
            shown.append(lo)
        if len(self._v4) > COUNTED_MAX:
            del self._v4[next(iter(self._v4))]
        return len(shown) > ROUTER_ADDRESSES

    def flip(self, where: tuple[int, int, int], before: int, now: int, ts: int) -> int:
        """Take in that an address was seen behind another MAC than before; return which of the two is a router's, or 0.

        Where it comes back, the one with more addresses is; of equals the one that is new.
        """
        came_from, at = self._flips.pop(where, (0, 0))
        self._flips[where] = (before, ts)
        if len(self._flips) > FLIPS_MAX:
            del self._flips[next(iter(self._flips))]
        if came_from != now or ts - at > FLIP_NS:
            return 0
        counts = [len(self._v4.get((where[0], mac), ())) for mac in (before, now)]
        return before if counts[0] >= counts[1] else now

    def make_router(self, key: Key) -> None:
        """Remember a router."""
        self.routers.add(key)
        self._v4.pop(key, None)
        self._v6.pop(key, None)

    def save(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "routers": sorted(self.routers), "v4": [[*key, rows] for key, rows in self._v4.items()],
            "v6": [[*key, rows] for key, rows in self._v6.items()],
            "flips": [[*where, *flip] for where, flip in self._flips.items()],
        }  # fmt: skip

    def load(self, held: dict[str, Any]) -> None:
        """Restore what `save` returned."""
        self.routers = {(site, mac) for site, mac in held["routers"]}
        self._v4 = {(site, mac): rows for site, mac, rows in held["v4"]}
        self._v6 = {(site, mac): rows for site, mac, rows in held["v6"]}
        self._flips = {(site, hi, lo): (mac, ts) for site, hi, lo, mac, ts in held.get("flips", ())}
