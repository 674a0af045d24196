"""Suricata's EVE log (https://docs.suricata.io/en/latest/output/eve/eve-json-format.html).

A `flow` record becomes a FLOW row, a protocol's record its message, an alert a notice. `netflow` records are the same
flows again, one way each, and say nothing new; nor do `stats`, `anomaly`, `drop` and what else there is: accepted, and
nothing is made of them.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.fields import Fields
from sensor.wire.suricata_flow import flow
from sensor.wire.suricata_messages import READERS

SAYS_NOTHING = frozenset({
    "stats", "anomaly", "drop", "netflow", "engine", "arp", "nfs", "tftp", "ikev2", "ike", "sip", "snmp", "rfb", "mqtt",
    "modbus", "dnp3", "enip", "ftp_data", "pgsql", "bittorrent_dht", "http2", "doh2", "mdns", "websocket", "pop3",
    "packet", "frame", "lua", "telnet", "template", "metadata", "files",
})  # fmt: skip
"""Types that are known and not used."""


def claims(record: Fields) -> bool:
    """Tell whether a record is EVE's: its type is also the name of its part, or it belongs to one of the flows."""
    kind = (record.text("event_type") or "").lower()
    known = kind == "flow" or kind in READERS or kind in SAYS_NOTHING
    if not known or not record.has("timestamp"):
        return False
    return isinstance(record.value(kind), Mapping) or record.has("flow_id", "src_ip", "dest_ip", "proto")


def read(record: Fields) -> list[Event | AnyMessage | NDArray[np.void]]:
    """Read one record. Raises Malformed: `missing_time`, `bad_time`, `missing_orig_h`, `missing_resp_h`."""
    kind = (record.text("event_type") or "").lower()
    if kind == "flow":
        return [flow(record)]
    reader = READERS.get(kind)
    return [] if reader is None else [*reader(record)]
