"""Fill a FLOW row from a conn.log record in any form: the judge of what the kernels left open.

Where a text is longer than its column: a history is cut, services are cut after the last whole name that fits, a uid
is refused, since it is what other logs point to.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sensor.model.addresses import is_v4
from sensor.model.flow import CONN_STATES, FLOW, ICMP, ICMPV6, TCP, UDP
from sensor.wire import zeek_values as values
from sensor.wire.zeek_values import bad, missing

T = TypeVar("T")

Get = Callable[[str], object]
"""Looks up a column of one record: text, a JSON value, or None where it is unset or the log has no such column."""

UNKNOWN_PROTO = 255
"""`unknown_transport` where the log has no ip_proto column: IANA's reserved number."""
_PROTOS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "unknown_transport": UNKNOWN_PROTO}
_STATES = {name: number for number, name in enumerate(CONN_STATES)}
_COUNTS = (
    "orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes",
)  # fmt: skip
UID_BYTES, HISTORY_BYTES, SERVICE_BYTES = (FLOW[name].itemsize for name in ("uid", "history", "service"))


def fill(row: NDArray[np.void], get: Get) -> None:
    """Set the columns of one FLOW row that a record has.

    Args:
        row: Shape (1,), dtype FLOW, every column unset. Half written where the record is refused.
        get: The record.

    Raises:
        Malformed: `missing_<column>` or `bad_<column>`, for the first column that is.
    """
    row["ts"] = need(values.time_ns(get("ts"), "ts"), "ts")
    duration = values.interval_ns(get("duration"), "duration")
    row["duration"] = -1 if duration is None else duration
    orig = need(values.address(get("id.orig_h"), "id.orig_h"), "id.orig_h")
    row["orig_hi"], row["orig_lo"] = orig
    row["resp_hi"], row["resp_lo"] = need(values.address(get("id.resp_h"), "id.resp_h"), "id.resp_h")
    row["orig_p"] = need(values.port(get("id.orig_p"), "id.orig_p"), "id.orig_p")
    row["resp_p"] = need(values.port(get("id.resp_p"), "id.resp_p"), "id.resp_p")
    row["vlan"] = values.port(get("vlan"), "vlan") or 0
    row["inner_vlan"] = values.port(get("inner_vlan"), "inner_vlan") or 0
    row["uid"] = uid(get("uid")).encode()
    row["history"] = (values.text(get("history"), "history") or "").encode()[:HISTORY_BYTES]
    row["service"] = _services(get("service"))
    row["conn_state"] = _state(get("conn_state"))
    row["proto"] = protocol(get, v4=is_v4(*orig))
    for column in ("local_orig", "local_resp"):
        local = values.boolean(get(column), column)
        row[column] = -1 if local is None else int(local)
    for column, name in (("orig_l2", "orig_l2_addr"), ("resp_l2", "resp_l2_addr")):
        row[column] = values.mac(get(name), name) or 0
    for column in _COUNTS:
        number = values.count(get(column), column)
        row[column] = -1 if number is None else number


def need(value: T | None, column: str) -> T:
    """Return a value that must be set. Raises Malformed(`missing_<column>`)."""
    if value is None:
        raise missing(column)
    return value


def uid(value: object) -> str:
    """Read a connection's uid, empty where it is unset."""
    text = values.text(value, "uid") or ""
    if len(text.encode()) > UID_BYTES:
        raise bad("uid")
    return text


def protocol(get: Get, *, v4: bool) -> int:
    """Read the IP protocol's number out of `proto` and `ip_proto`."""
    name = need(values.text(get("proto"), "proto"), "proto")
    if name not in _PROTOS:
        raise bad("proto")
    if name == "unknown_transport":
        number = values.count(get("ip_proto"), "ip_proto", 255)
        return UNKNOWN_PROTO if number is None else number
    return ICMPV6 if name == "icmp" and not v4 else _PROTOS[name]


def _services(value: object) -> bytes:
    """Join services as Zeek writes them, as many as fit."""
    text = ",".join(values.texts(value, "service")).encode()
    if len(text) <= SERVICE_BYTES:
        return text
    whole = text[: SERVICE_BYTES + 1].rpartition(b",")[0]
    return whole or text[:SERVICE_BYTES]


def _state(value: object) -> int:
    name = values.text(value, "conn_state") or ""
    number = _STATES.get(name)
    if number is None:
        raise bad("conn_state")
    return number
