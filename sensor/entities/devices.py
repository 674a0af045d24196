"""Sightings of addresses and MACs become devices, each valid for a span of time.

A device is keyed by its MAC where that stands in front of its own addresses only (from Ethernet, ARP or a DHCP lease),
else by site and address. A burned-in MAC is the organisation's, a locally administered one (IEEE 802 §8.2, the second
bit of the first byte) and an address are the site's: two sites' 10.0.0.5 never meet. A MAC in front of an outside
address, or of more than ROUTER_ADDRESSES local IPv4 addresses, is a router's and identifies nothing behind it.

The map (site, address) → device is a keyed table asked for whole columns; only sightings that change it are looked at
one by one. Not here: presence over time, merging of devices that were told apart before their MAC was known.
"""

import hashlib
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.keyed import KeyedTable
from baselines.table import Table
from sensor.model import addresses

DEVICES_MAX = 1_000_000
UNCONFIRMED_MAX = 65_536
"""Addresses that were only seen sending: a spoofer cannot fill the table with them."""
ROUTERS_MAX = 65_536
"""MACs held as routers'; real sites have a handful, a forger's are not worth more room."""
ROUTER_V6 = 16
"""Global IPv6 addresses one host may have: temporary ones live a week, a new one a day (RFC 8981 §3.8), twice over."""
ROUTER_ADDRESSES = 4
"""IPv4 addresses one MAC may stand for; hosts with more are servers with many names, where the address is the better
key anyway."""
_SPANS_MAX = 32
"""Addresses remembered a device, the latest."""
_LOCAL_BIT = 0x0200_0000_0000
_GROUP_BIT = 0x0100_0000_0000
EVERYWHERE = -1
"""Site number in the key of an organisation-wide identity."""

SPEC: dict[str, Any] = {
    "mac": (np.uint64, (), 0),
    "hi": (np.uint64, (), 0),
    "lo": (np.uint64, (), 0),
    "site": (np.int32, (), 0),
    "first": (np.int64, (), 0),
    "last": (np.int64, (), 0),
    "flows": (np.int64, (), 0),
    "confirmed": (np.uint8, (), 0),
    "router": (np.uint8, (), 0),
    "name_rank": (np.uint8, (), 0),
}
NAME_RANKS = {"kerberos": 1, "ntlm": 2, "dhcp": 3}
"""A better source of a hostname replaces a worse one."""

Words = NDArray[np.uint64]


class Devices:
    """All devices, and the map of addresses to them.

    Attributes:
        table: One row a device, columns of SPEC.
        ids: Stable id by row.
        names: Hostname by row, where one was seen.
        refused: Sightings that got no row, by reason.
    """

    def __init__(self, secret: int) -> None:
        self.table = Table(SPEC, DEVICES_MAX)
        self.map = KeyedTable({"device": (np.int32, (), -1), "mac": (np.uint64, (), 0)}, 2 * DEVICES_MAX, secret)
        self.ids: list[str] = []
        self.names: dict[int, str] = {}
        self.refused = {"unconfirmed": 0, "table_full": 0}
        self.routers: set[tuple[int, int]] = set()
        self._by_mac: dict[tuple[int, int], int] = {}
        self._mac_v4: dict[tuple[int, int], list[int]] = {}
        self._mac_v6: dict[tuple[int, int], list[list[int]]] = {}
        self._mac_names: dict[tuple[int, int], str] = {}
        self._spans: dict[int, dict[tuple[int, int, int], list[int]]] = {}
        self._unconfirmed = 0

    def __len__(self) -> int:
        """Count the devices."""
        return self.table.rows

    def find(self, site: NDArray[np.int32], hi: Words, lo: Words) -> NDArray[np.int32]:
        """Return the device row of each address now, −1 where it is none's; int32, shape (n,)."""
        rows = self.map.find(site.astype(np.uint64), hi, lo)
        return np.where(rows >= 0, self.map.columns["device"][rows], -1).astype(np.int32)

    def mark_routers(self, site: NDArray[np.int32], hi: Words, lo: Words, mac: Words) -> None:
        """Learn from outside addresses which MACs are routers': at the first IPv4 address, or beyond ROUTER_V6 of IPv6.

        A host's own global IPv6 addresses are outside where no configuration says otherwise; so a few prove nothing.

        Args:
            site: Site numbers, int32, shape (n,).
            hi: Outside addresses, high words, uint64, shape (n,); `lo` the low ones.
            mac: MACs they were seen behind, uint64, shape (n,); 0 is no MAC.
        """
        v4 = (hi == 0) & (lo >> np.uint64(32) == 0xFFFF)
        rows = np.stack([site.astype(np.uint64), mac, np.where(v4, 0, hi), np.where(v4, 0, lo)], axis=1)
        for number, value, high, low in np.unique(rows, axis=0).tolist():
            key = (number, value)
            if not value or key in self.routers or len(self.routers) >= ROUTERS_MAX:
                continue
            behind = self._mac_v6.setdefault(key, [])
            if [high, low] not in behind and (high or low):
                behind.append([high, low])
            if len(self._mac_v6) > ROUTERS_MAX:
                del self._mac_v6[next(iter(self._mac_v6))]
            if not (high or low) or len(behind) > ROUTER_V6:
                self._make_router(number, value)

    def sight(
        self,
        site: NDArray[np.int32],
        hi: Words,
        lo: Words,
        mac: Words,
        ts: NDArray[np.int64],
        *,
        confirmed: NDArray[np.bool_],
    ) -> None:
        """Take in that local addresses were seen sending, in order of time.

        Args:
            site: Site numbers, int32, shape (n,).
            hi: Address, high words, uint64, shape (n,); `lo` the low ones.
            mac: Link-layer addresses, uint64, shape (n,); 0 = not known.
            ts: ns, int64, shape (n,).
            confirmed: Life is certain (it was answered, or spoke ARP), bool, shape (n,).
        """
        if not len(site):
            return
        mac = self._own_macs(site, mac)
        rows = self.map.find(site.astype(np.uint64), hi, lo)
        known = rows >= 0
        known &= np.where(known, self.map.columns["device"][rows] >= 0, False)
        known &= (mac == 0) | (self.map.columns["mac"][rows] == mac)
        for i in _first_of_each(site, hi, lo, mac, np.nonzero(~known)[0]):
            self._place(int(site[i]), int(hi[i]), int(lo[i]), int(mac[i]), int(ts[i]), confirmed=bool(confirmed[i]))
        rows = self.map.find(site.astype(np.uint64), hi, lo)
        held = rows >= 0
        self.map.columns["last"][rows[held]] = ts[held]
        devices = self.map.columns["device"][rows[held]]
        on = devices >= 0
        self._touch(devices[on], ts[held][on], np.asarray(confirmed, np.bool_)[held][on])

    def lease(self, site: int, address: str, mac: int, ts: int) -> None:
        """Bind an address to the device of a MAC from now on (a DHCP acknowledgement)."""
        hi, lo = addresses.parse(address)
        if (site, mac) in self.routers or not mac or mac & _GROUP_BIT:
            return
        self._place(site, hi, lo, mac, ts, confirmed=True)
        device = self._by_mac.get(_mac_key(site, mac), -1)
        if device >= 0:
            self._touch(np.array([device]), np.array([ts]), np.array([True]))

    def name_mac(self, site: int, mac: int, name: str) -> None:
        """Give the device of a MAC its hostname, now or when it appears."""
        key = _mac_key(site, mac)
        if len(self._mac_names) < DEVICES_MAX:
            self._mac_names[key] = name
        if key in self._by_mac:
            self.name(self._by_mac[key], name, "dhcp")

    def name(self, device: int, name: str, source: str) -> None:
        """Give a device a hostname, unless a better source gave it one."""
        ranks = self.table.columns["name_rank"]
        if NAME_RANKS[source] >= ranks[device] and name:
            ranks[device] = NAME_RANKS[source]
            self.names[device] = name[:255]

    def add_flows(self, devices: NDArray[np.int32]) -> None:
        """Count one flow for each listed row (−1 is left out)."""
        counts = np.bincount(devices[devices >= 0], minlength=len(self))
        self.table.columns["flows"][: len(counts)] += counts

    def addresses_of(self, device: int) -> list[tuple[int, int, int, int]]:
        """Return (hi, lo, first ns, last ns) of a device's addresses, latest first."""
        spans = self._spans.get(device, {})
        rows = []
        for (site, hi, lo), (first, last) in spans.items():
            row = int(self.map.find(*_words(site, hi, lo))[0])
            if row >= 0 and self.map.columns["device"][row] == device:
                rows.append((hi, lo, first, max(last, int(self.map.columns["last"][row]))))
            else:
                rows.append((hi, lo, first, last))
        return sorted(rows, key=lambda span: (-span[3], span[0], span[1]))

    def sites_of(self, device: int) -> list[int]:
        """Return the site numbers a device was seen at."""
        return sorted({int(self.table.columns["site"][device]), *(site for site, *_ in self._spans.get(device, {}))})

    def save(self) -> dict[str, NDArray[Any]]:
        """Return the whole state as named arrays."""
        held = {
            "ids": self.ids, "names": list(self.names.items()), "refused": self.refused,
            "routers": sorted(self.routers), "by_mac": [[*key, row] for key, row in self._by_mac.items()],
            "mac_v4": [[*key, rows] for key, rows in self._mac_v4.items()],
            "mac_v6": [[*key, rows] for key, rows in self._mac_v6.items()],
            "mac_names": [[*key, name] for key, name in self._mac_names.items()],
            "spans": [[row, [[*key, *span] for key, span in spans.items()]] for row, spans in self._spans.items()],
            "unconfirmed": self._unconfirmed,
        }  # fmt: skip
        return {
            **{f"table.{name}": column for name, column in self.table.save().items()},
            **{f"map.{name}": column for name, column in self.map.save().items()},
            "held": np.frombuffer(msgspec.json.encode(held), np.uint8),
        }

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        self.table.load({name[6:]: column for name, column in state.items() if name.startswith("table.")})
        self.map.load({name[4:]: column for name, column in state.items() if name.startswith("map.")})
        held = msgspec.json.decode(state["held"].tobytes())
        self.ids, self.refused, self._unconfirmed = held["ids"], held["refused"], held["unconfirmed"]
        self.names = dict(held["names"])
        self.routers = {(site, mac) for site, mac in held["routers"]}
        self._by_mac = {(site, mac): row for site, mac, row in held["by_mac"]}
        self._mac_v4 = {(site, mac): rows for site, mac, rows in held["mac_v4"]}
        self._mac_v6 = {(site, mac): rows for site, mac, rows in held["mac_v6"]}
        self._mac_names = {(site, mac): name for site, mac, name in held["mac_names"]}
        self._spans = {row: {(site, hi, lo): [a, b] for site, hi, lo, a, b in spans} for row, spans in held["spans"]}

    def _own_macs(self, site: NDArray[np.int32], mac: Words) -> Words:
        """Blank the MACs that identify nobody: routers' and group addresses."""
        mac = np.where(mac & np.uint64(_GROUP_BIT), np.uint64(0), mac)
        if not self.routers or not mac.any():
            return mac
        both = np.array(sorted(self.routers), np.uint64)
        behind = np.isin((site.astype(np.uint64) << np.uint64(48)) | mac, (both[:, 0] << np.uint64(48)) | both[:, 1])
        return np.where(behind, np.uint64(0), mac)

    def _place(self, site: int, hi: int, lo: int, mac: int, ts: int, *, confirmed: bool) -> None:
        """Decide whose an address is after a sighting that the map did not expect."""
        if mac and addresses.is_v4(hi, lo):
            shown = self._mac_v4.setdefault((site, mac), [])
            if lo not in shown:
                shown.append(lo)
            if len(self._mac_v4) > DEVICES_MAX:
                del self._mac_v4[next(iter(self._mac_v4))]
            if len(shown) > ROUTER_ADDRESSES:
                self._make_router(site, mac)
                mac = 0
        row = int(self.map.insert(*_words(site, hi, lo))[0])
        held = int(self.map.columns["device"][row])
        if mac:
            device = self._by_mac.get(_mac_key(site, mac), -1)
            if device < 0 and held >= 0 and self.table.columns["mac"][held] == 0:
                device = held
                self._give_mac(device, site, mac)
            elif device < 0:
                device = self._new(site, hi, lo, mac, ts, confirmed=confirmed)
        else:
            device = held if held >= 0 else self._new(site, hi, lo, 0, ts, confirmed=confirmed)
        if held >= 0 and held != device and (span := self._spans.get(held, {}).get((site, hi, lo))):
            span[1] = max(span[1], int(self.map.columns["last"][row]))
        self.map.columns["device"][row] = device
        self.map.columns["mac"][row] = mac or self.map.columns["mac"][row]
        self.map.columns["last"][row] = ts
        if device >= 0:
            self._remember_span(device, site, hi, lo, ts)

    def _new(self, site: int, hi: int, lo: int, mac: int, ts: int, *, confirmed: bool) -> int:
        if not confirmed and self._unconfirmed >= UNCONFIRMED_MAX:
            self.refused["unconfirmed"] += 1
            return -1
        row = self.table.add()
        if row < 0:
            self.refused["table_full"] += 1
            return -1
        columns = self.table.columns
        columns["hi"][row], columns["lo"][row], columns["site"][row] = hi, lo, site
        columns["first"][row] = columns["last"][row] = ts
        columns["confirmed"][row] = confirmed
        self._unconfirmed += not confirmed
        key = f"mac {_mac_key(site, mac)}" if mac else f"address {site} {hi:x} {lo:x} {ts}"
        self.ids.append("dev-" + hashlib.blake2b(key.encode(), digest_size=6).hexdigest())
        if mac:
            self._give_mac(row, site, mac)
        return row

    def _give_mac(self, device: int, site: int, mac: int) -> None:
        self.table.columns["mac"][device] = mac
        self._by_mac[_mac_key(site, mac)] = device
        if _mac_key(site, mac) in self._mac_names:
            self.name(device, self._mac_names[_mac_key(site, mac)], "dhcp")

    def _make_router(self, site: int, mac: int) -> None:
        """Withdraw a MAC: the device it made keeps its first address, the others start their own."""
        self.routers.add((site, mac))
        self._mac_v4.pop((site, mac), None)
        self._mac_v6.pop((site, mac), None)
        device = self._by_mac.pop(_mac_key(site, mac), -1)
        if device < 0:
            return
        columns = self.table.columns
        columns["mac"][device], columns["router"][device] = 0, 1
        mapped = self.map.columns["device"][: len(self.map)] == device
        keys = self.map.columns["keys"][: len(self.map)]
        own = (keys[:, 1] == columns["hi"][device]) & (keys[:, 2] == columns["lo"][device])
        self.map.columns["device"][: len(self.map)][mapped & ~own] = -1
        self.map.columns["mac"][: len(self.map)][mapped] = 0

    def _touch(self, devices: NDArray[Any], ts: NDArray[np.int64], confirmed: NDArray[np.bool_]) -> None:
        columns = self.table.columns
        np.maximum.at(columns["last"], devices, ts)
        np.minimum.at(columns["first"], devices, ts)
        newly = np.unique(devices[confirmed])
        self._unconfirmed -= int((columns["confirmed"][newly] == 0).sum())
        columns["confirmed"][newly] = 1

    def _remember_span(self, device: int, site: int, hi: int, lo: int, ts: int) -> None:
        spans = self._spans.setdefault(device, {})
        span = spans.setdefault((site, hi, lo), [ts, ts])
        span[1] = max(span[1], ts)
        if len(spans) > _SPANS_MAX:
            del spans[min(spans, key=lambda key: (spans[key][1], key))]
        if not addresses.is_v4(int(self.table.columns["hi"][device]), int(self.table.columns["lo"][device])):
            if addresses.is_v4(hi, lo):
                self.table.columns["hi"][device], self.table.columns["lo"][device] = hi, lo


def _mac_key(site: int, mac: int) -> tuple[int, int]:
    """Key a burned-in MAC by the organisation, a locally administered one by the site."""
    return (site if mac & _LOCAL_BIT else EVERYWHERE, mac)


def _words(*values: int) -> tuple[Words, ...]:
    return tuple(np.array([value], np.uint64) for value in values)


def _first_of_each(site: NDArray[np.int32], hi: Words, lo: Words, mac: Words, which: NDArray[np.int64]) -> list[int]:
    """Return the first row of each distinct (site, address, MAC) among `which`, in order of time."""
    if len(which) == 0:
        return []
    rows = np.stack([site[which].astype(np.uint64), hi[which], lo[which], mac[which]], axis=1)
    _, first = np.unique(rows, axis=0, return_index=True)
    return [int(row) for row in which[np.sort(first)]]
