"""What a device's flows show of its trade: services it answered and asked, and how many others it answered.

Counts of whole ticks at once, by device row. Not here: what they mean (`roles`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.table import Table
from sensor.model.flow import TCP, UDP

SERVICES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    # name: TCP ports, UDP ports (IANA's registry, and the products' documentation)
    "dns": ((53,), (53,)), "dhcp": ((), (67,)), "kerberos": ((88,), (88,)), "ldap": ((389, 636, 3268, 3269), (389,)),
    "smb": ((445, 139), ()), "print": ((9100, 515, 631), ()), "rtsp": ((554, 8554), ()), "modbus": ((502,), ()),
    "s7": ((102,), ()), "enip": ((44818,), (44818, 2222)), "dnp3": ((20000,), (20000,)), "bacnet": ((), (47808,)),
    "opcua": ((4840,), ()), "web": ((80, 443, 8443), (443,)), "ssh": ((22,), ()), "rdp": ((3389,), (3389,)),
    "proxy": ((3128, 8080, 8118), ()), "nfs": ((2049,), (2049,)), "afp": ((548,), ()), "sip": ((5060, 5061), (5060,)),
    "smtp": ((25, 587), ()), "database": ((1433, 3306, 5432, 1521, 27017), ()), "ntp": ((), (123,)),
    "mdns": ((), (5353,)), "ssdp": ((), (1900,)), "netbios": ((), (137, 138)), "mqtt": ((1883, 8883), ()),
    "vpn": ((1194,), (500, 4500, 1194, 51820)), "syslog": ((601, 6514), (514,)), "snmp": ((), (161,)),
}  # fmt: skip
NAMES = tuple(SERVICES)
OTHER = len(NAMES)
PEER_BITS = 64
"""Slots of the sketch that counts other ends: exact to a few, and saturating near 200 (Whang et al. 1990)."""
_MIX = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio (Knuth, volume 3, section 6.4)."""

SPEC: dict[str, Any] = {
    "answered": (np.int32, (OTHER + 1,), 0),
    "asked": (np.int32, (OTHER + 1,), 0),
    "clients": (np.uint64, (), 0),
}


def _classes() -> NDArray[np.uint8]:
    """Return the service of each port; row 0 TCP, row 1 UDP."""
    table = np.full((2, 1 << 16), OTHER, np.uint8)
    for number, ports in enumerate(SERVICES.values()):
        for row in (0, 1):
            table[row, list(ports[row])] = number
    return table


_CLASS = _classes()


class Activity:
    """Counts by device row."""

    def __init__(self, limit_rows: int) -> None:
        self.table = Table(SPEC, limit_rows)

    def take(
        self, flows: NDArray[np.void], orig: NDArray[np.int32], resp: NDArray[np.int32], both: NDArray[np.bool_],
        count: int,
    ) -> None:  # fmt: skip
        """Count a tick.

        Args:
            flows: dtype FLOW, shape (n,).
            orig: Device rows of the originators, int32, shape (n,); −1 none. `resp` of the responders.
            both: Both ends were seen sending, bool, shape (n,).
            count: Device rows there are.
        """
        self.table.cover(count)
        if not len(flows):
            return
        columns = self.table.columns
        known = (flows["proto"] == TCP) | (flows["proto"] == UDP)
        service = np.where(known, _CLASS[(flows["proto"] == UDP).astype(np.int64), flows["resp_p"]], OTHER)
        for name, row, on in (("answered", resp, (resp >= 0) & both), ("asked", orig, orig >= 0)):
            counts = columns[name]
            np.add.at(counts.reshape(-1), row[on] * np.int64(counts.shape[1]) + service[on], 1)
        on = (resp >= 0) & both
        mixed = (flows["orig_hi"][on] ^ flows["orig_lo"][on]) * _MIX
        np.bitwise_or.at(columns["clients"], resp[on], np.uint64(1) << (mixed >> np.uint64(58)))

    def merge(self, gone: int, kept: int) -> None:
        """Add one row to another."""
        self.table.cover(max(gone, kept) + 1)
        for name, column in self.table.columns.items():
            column[kept] = column[kept] | column[gone] if name == "clients" else column[kept] + column[gone]
        self.table.clear(gone)

    def answered(self, row: int) -> dict[str, int]:
        """Return how many flows of each service a device answered."""
        return self._named("answered", row)

    def asked(self, row: int) -> dict[str, int]:
        """Return how many flows of each service a device opened."""
        return self._named("asked", row)

    def clients(self, row: int) -> float:
        """Return about how many others it answered."""
        if row >= self.table.rows:
            return 0.0
        empty = PEER_BITS - int(self.table.columns["clients"][row]).bit_count()
        return float(-PEER_BITS * np.log(max(empty, 0.5) / PEER_BITS))

    def _named(self, column: str, row: int) -> dict[str, int]:
        if row >= self.table.rows:
            return {}
        counts = self.table.columns[column][row].tolist()
        return {name: count for name, count in zip((*NAMES, "other"), counts, strict=True) if count}
