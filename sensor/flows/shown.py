"""FLOW columns as text, shared by the writers: numbers become names, an absent value becomes None.

Assumes flows of our own making: `uid`, `history` and `service` are plain ASCII. Works on whole columns; what is left
for Python per flow is the making of its strings.
"""

import numpy as np
from numpy.typing import NDArray

from sensor.model.addresses import mac, texts
from sensor.model.capture import TUNNELS
from sensor.model.flow import CONN_STATES, PROTOS

_ZEEK_PROTOS = list(PROTOS)
_PROTO_NAMES = [PROTOS.get(number, "unknown_transport") for number in range(256)]
_ARP_OPERATIONS = {1: "request", 2: "reply"}


def decimal_seconds(ns: NDArray[np.int64]) -> list[str]:
    """Write times or intervals in seconds, rounded to six digits; ns, int64, shape (n,), not negative."""
    micros = (ns + 500) // 1000
    parts = zip((micros // 1_000_000).tolist(), (micros % 1_000_000).tolist(), strict=True)
    return [f"{second}.{fraction:06d}" for second, fraction in parts]


def rfc3339(ts_ns: NDArray[np.int64]) -> list[str]:
    """Write times as `2009-11-16T08:00:00.123456Z`; ns since 1970, int64, shape (n,)."""
    return [text + "Z" for text in np.datetime_as_string((ts_ns // 1000).view("datetime64[us]")).tolist()]


def as_zeek_logs(flows: NDArray[np.void]) -> NDArray[np.void]:
    """Leave unset, or 0, what Zeek does in conn.log (base/protocols/conn/main.zeek); dtype FLOW, shape (n,).

    Duration and bytes are unset where all packets came at one moment. Protocols other than TCP, UDP and ICMP have no
    ports there, SCTP included.
    """
    logged = flows.copy()
    at_once = np.flatnonzero(flows["duration"] <= 0)
    for name in ("duration", "orig_bytes", "resp_bytes"):
        logged[name][at_once] = -1
    other = np.flatnonzero(~np.isin(flows["proto"], _ZEEK_PROTOS))
    logged["orig_p"][other] = logged["resp_p"][other] = 0
    return logged


def ascii_texts(column: NDArray[np.bytes_]) -> list[str]:
    """Return a column of bytes as text."""
    found: list[str] = column.astype(f"U{column.dtype.itemsize}").tolist()
    return found


def optional_texts(column: NDArray[np.bytes_]) -> list[str | None]:
    """Return a column of bytes as text, None where it is empty."""
    return [text or None for text in ascii_texts(column)]


def unless(column: NDArray[np.generic], absent: int) -> list[int | None]:
    """Return a column of integers, None where it holds `absent`."""
    found: list[int | None] = column.tolist()
    for row in np.flatnonzero(column == absent).tolist():
        found[row] = None
    return found


def seconds(ns: NDArray[np.int64]) -> list[float | None]:
    """Return intervals in seconds, None where unset; ns, int64, shape (n,), -1 for unset."""
    found: list[float | None] = (ns / 1e9).tolist()
    for row in np.flatnonzero(ns < 0).tolist():
        found[row] = None
    return found


def booleans(column: NDArray[np.int8]) -> list[bool | None]:
    """Return a column of 1, 0 and -1 (unset)."""
    return [None if value < 0 else bool(value) for value in column.tolist()]


def proto_names(column: NDArray[np.uint8]) -> list[str]:
    """Return Zeek's name of each IP protocol."""
    return [_PROTO_NAMES[number] for number in column.tolist()]


def conn_states(column: NDArray[np.uint8]) -> list[str | None]:
    """Return each flow's state by Zeek's name, None where there is none."""
    return [CONN_STATES[number] or None for number in column.tolist()]


def tunnels(column: NDArray[np.uint8]) -> list[str | None]:
    """Return the name of the tunnel each flow was in, None for none."""
    return [TUNNELS[number] or None for number in column.tolist()]


def macs(column: NDArray[np.uint64]) -> list[str | None]:
    """Return link-layer addresses, each distinct one written once, None where unknown (0)."""
    distinct, where = np.unique(column, return_inverse=True)
    names = [mac(value) if value else None for value in distinct.tolist()]
    return [names[row] for row in where.tolist()]


def hosts(hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> list[str]:
    """Return addresses as Zeek writes them."""
    found: list[str] = texts(hi, lo).tolist()
    return found


def v4_hosts(column: NDArray[np.uint32]) -> list[str]:
    """Return IPv4 addresses of a 32-bit column."""
    low = column.astype(np.uint64) | np.uint64(0xFFFF_0000_0000)
    return hosts(np.zeros(len(low), np.uint64), low)


def arp_operations(column: NDArray[np.uint16]) -> list[str]:
    """Return ARP operations by name, other ones by number (RFC 826, IANA arp-parameters)."""
    return [_ARP_OPERATIONS.get(number, str(number)) for number in column.tolist()]
