"""Write flows and ARP messages as JSON, one a line, under Zeek's column names.

Beyond conn.log: `community_id`, `vlan`, `inner_vlan`, `orig_l2_addr`, `resp_l2_addr`, `tunnel`. Times are RFC 3339, an
absent value is null. An ARP line says `"_path": "arp"`, as Zeek's JSON streams do.
"""

from collections.abc import Iterable
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.flows import shown
from sensor.flows.community_id import community_ids

Cell = str | int | float | bool | None


class JsonLines:
    """A file of JSON lines; flows and ARP messages may be mixed."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._encoder = msgspec.json.Encoder()

    def write(self, flows: NDArray[np.void]) -> None:
        """Append flows: dtype FLOW, shape (n,)."""
        self._lines(flow_columns(flows))

    def write_arp(self, arps: NDArray[np.void]) -> None:
        """Append ARP messages: dtype ARP, shape (n,)."""
        self._lines(arp_columns(arps))

    def close(self) -> None:
        """Do nothing: every line is complete by itself."""

    def _lines(self, columns: dict[str, Iterable[Cell]]) -> None:
        names = list(columns)
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        self._out.write(self._encoder.encode_lines(rows))


def flow_columns(flows: NDArray[np.void]) -> dict[str, Iterable[Cell]]:
    """Return the columns of a flow line, each as a list of n values; dtype FLOW, shape (n,)."""
    ids = community_ids(flows)  # over the ports, which Zeek does not log for SCTP
    flows = shown.as_zeek_logs(flows)
    return {
        "ts": shown.rfc3339(flows["ts"]),
        "uid": shown.ascii_texts(flows["uid"]),
        "id.orig_h": shown.hosts(flows["orig_hi"], flows["orig_lo"]),
        "id.orig_p": flows["orig_p"].tolist(),
        "id.resp_h": shown.hosts(flows["resp_hi"], flows["resp_lo"]),
        "id.resp_p": flows["resp_p"].tolist(),
        "proto": shown.proto_names(flows["proto"]),
        "service": shown.optional_texts(flows["service"]),
        "duration": shown.seconds(flows["duration"]),
        "orig_bytes": shown.unless(flows["orig_bytes"], -1),
        "resp_bytes": shown.unless(flows["resp_bytes"], -1),
        "conn_state": shown.conn_states(flows["conn_state"]),
        "local_orig": shown.booleans(flows["local_orig"]),
        "local_resp": shown.booleans(flows["local_resp"]),
        "missed_bytes": shown.unless(flows["missed_bytes"], -1),
        "history": shown.optional_texts(flows["history"]),
        "orig_pkts": shown.unless(flows["orig_pkts"], -1),
        "orig_ip_bytes": shown.unless(flows["orig_ip_bytes"], -1),
        "resp_pkts": shown.unless(flows["resp_pkts"], -1),
        "resp_ip_bytes": shown.unless(flows["resp_ip_bytes"], -1),
        "tunnel_parents": [None] * len(flows),
        "ip_proto": flows["proto"].tolist(),
        "community_id": ids,
        "vlan": shown.unless(flows["vlan"], 0),
        "inner_vlan": shown.unless(flows["inner_vlan"], 0),
        "orig_l2_addr": shown.macs(flows["orig_l2"]),
        "resp_l2_addr": shown.macs(flows["resp_l2"]),
        "tunnel": shown.tunnels(flows["tunnel"]),
    }


def arp_columns(arps: NDArray[np.void]) -> dict[str, Iterable[Cell]]:
    """Return the columns of an ARP line, each as a list of n values; dtype ARP, shape (n,)."""
    return {
        "_path": ["arp"] * len(arps),
        "ts": shown.rfc3339(arps["ts"]),
        "op": shown.arp_operations(arps["op"]),
        "sender_mac": shown.macs(arps["sender_mac"]),
        "sender_ip": shown.v4_hosts(arps["sender_ip"]),
        "target_mac": shown.macs(arps["target_mac"]),
        "target_ip": shown.v4_hosts(arps["target_ip"]),
        "vlan": shown.unless(arps["vlan"], 0),
    }
