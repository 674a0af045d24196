"""Write flows as Zeek's conn.log, and ARP messages in the same form.

The layout is that of Zeek 7's ASCII writer (https://docs.zeek.org/en/master/log-formats.html), columns those of
base/protocols/conn/main.zeek. `#open` and `#close` give event time, the first flow's and the last moment seen, so that
the same capture gives the same bytes. Zeek has no ARP log of its own; ours has the columns of `ARP_FIELDS`.

`tunnel_parents` stays unset. Fields never need Zeek's escapes: texts are ours, see `sensor.flows.shown`.
"""

from itertools import repeat
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from sensor.flows import shown

FIELDS = {
    "ts": "time", "uid": "string", "id.orig_h": "addr", "id.orig_p": "port", "id.resp_h": "addr", "id.resp_p": "port",
    "proto": "enum", "service": "string", "duration": "interval", "orig_bytes": "count", "resp_bytes": "count",
    "conn_state": "string", "local_orig": "bool", "local_resp": "bool", "missed_bytes": "count", "history": "string",
    "orig_pkts": "count", "orig_ip_bytes": "count", "resp_pkts": "count", "resp_ip_bytes": "count",
    "tunnel_parents": "set[string]", "ip_proto": "count",
}  # fmt: skip
"""Columns and their types, in Zeek's order."""
ARP_FIELDS = {
    "ts": "time", "op": "string", "sender_mac": "string", "sender_ip": "addr", "target_mac": "string",
    "target_ip": "addr", "vlan": "count",
}  # fmt: skip
UNSET = "-"


class ZeekLog:
    """One log: header with the first rows, `#close` at the end. The path says which: `conn` or `arp`."""

    def __init__(self, out: BinaryIO, path: str) -> None:
        self._out = out
        self._path = path
        self._last_ns = 0
        self._open = False

    def write(self, batch: NDArray[np.void]) -> None:
        """Append rows: dtype FLOW for `conn`, ARP for `arp`, shape (n,)."""
        if not len(batch):
            return
        self._begin(int(batch["ts"][0]))
        if self._path == "conn":
            last, columns = batch["ts"] + np.maximum(batch["duration"], 0), conn_columns(batch)
        else:
            last, columns = batch["ts"], arp_columns(batch)
        self._last_ns = max(self._last_ns, int(last.max()))
        self._out.write("".join(map("%s\n".__mod__, map("\t".join, zip(*columns, strict=True)))).encode("ascii"))

    def close(self) -> None:
        """Write the last line; the file itself stays open. An empty log has a header too."""
        self._begin(0)
        self._out.write(f"#close\t{_moment(self._last_ns)}\n".encode())

    def _begin(self, ts_ns: int) -> None:
        if self._open:
            return
        self._open = True
        fields = FIELDS if self._path == "conn" else ARP_FIELDS
        lines = (
            "#separator \\x09",
            "#set_separator\t,",
            "#empty_field\t(empty)",
            f"#unset_field\t{UNSET}",
            f"#path\t{self._path}",
            f"#open\t{_moment(ts_ns)}",
            "\t".join(("#fields", *fields)),
            "\t".join(("#types", *fields.values())),
        )
        self._out.write(("\n".join(lines) + "\n").encode("ascii"))


def conn_columns(flows: NDArray[np.void]) -> list[list[str]]:
    """Return the columns of conn.log as text, in the order of FIELDS; dtype FLOW, shape (n,)."""
    flows = shown.as_zeek_logs(flows)
    return [
        shown.decimal_seconds(flows["ts"]),
        shown.ascii_texts(flows["uid"]),
        shown.hosts(flows["orig_hi"], flows["orig_lo"]),
        _integers(flows["orig_p"]),
        shown.hosts(flows["resp_hi"], flows["resp_lo"]),
        _integers(flows["resp_p"]),
        shown.proto_names(flows["proto"]),
        _or_unset(shown.optional_texts(flows["service"])),
        _intervals(flows["duration"]),
        _counts(flows["orig_bytes"]),
        _counts(flows["resp_bytes"]),
        _or_unset(shown.conn_states(flows["conn_state"])),
        _flags(flows["local_orig"]),
        _flags(flows["local_resp"]),
        _counts(flows["missed_bytes"]),
        _or_unset(shown.optional_texts(flows["history"])),
        _counts(flows["orig_pkts"]),
        _counts(flows["orig_ip_bytes"]),
        _counts(flows["resp_pkts"]),
        _counts(flows["resp_ip_bytes"]),
        list(repeat(UNSET, len(flows))),
        _integers(flows["proto"]),
    ]


def arp_columns(arps: NDArray[np.void]) -> list[list[str]]:
    """Return the columns of the ARP log as text, in the order of ARP_FIELDS; dtype ARP, shape (n,)."""
    return [
        shown.decimal_seconds(arps["ts"]),
        shown.arp_operations(arps["op"]),
        _or_unset(shown.macs(arps["sender_mac"])),
        shown.v4_hosts(arps["sender_ip"]),
        _or_unset(shown.macs(arps["target_mac"])),
        shown.v4_hosts(arps["target_ip"]),
        ["-" if vlan == 0 else str(vlan) for vlan in arps["vlan"].tolist()],
    ]


def _integers(column: NDArray[np.generic]) -> list[str]:
    return list(map(str, column.tolist()))


def _counts(column: NDArray[np.int64]) -> list[str]:
    found = _integers(column)
    for row in np.flatnonzero(column < 0).tolist():
        found[row] = UNSET
    return found


def _intervals(column: NDArray[np.int64]) -> list[str]:
    found = shown.decimal_seconds(np.maximum(column, 0))
    for row in np.flatnonzero(column < 0).tolist():
        found[row] = UNSET
    return found


def _flags(column: NDArray[np.int8]) -> list[str]:
    return ["-" if value < 0 else "T" if value else "F" for value in column.tolist()]


def _or_unset(column: list[str | None]) -> list[str]:
    return [value or UNSET for value in column]


def _moment(ts_ns: int) -> str:
    """Write event time as Zeek writes #open: 2009-11-16-08-00-00, UTC."""
    text = str(np.datetime64(ts_ns // 1_000_000_000, "s"))
    return text.replace("T", "-").replace(":", "-")
