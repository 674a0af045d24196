"""Columns that the records of many Zeek logs share: whose connection it is, texts and numbers by name.

A record about a host or a file, not a connection, has empty addresses and ports 0. Reads columns only; what a log's own
columns mean stands in the module of its readers.
"""

from typing import Any

from sensor.wire import zeek_values as values
from sensor.wire.zeek_rows import Get, need, uid

NAMES_KEPT = 256
"""Members of a set that are kept: the most that Zeek itself puts in one (`Log::max_field_container_elements` is 100)
and more, so that a hostile record cannot make a message of a million texts."""
BYTES_PER_TEXT = 4096
"""A text is cut behind this many characters: no name, path or reply that says something is longer (PATH_MAX)."""


def text(get: Get, column: str) -> str | None:
    """Read a text, cut at BYTES_PER_TEXT; None where it is unset. Raises Malformed where it is no scalar."""
    found = values.text(get(column), column)
    return found if found is None else found[:BYTES_PER_TEXT]


def first_text(get: Get, *columns: str) -> str | None:
    """Read the first of some columns that is set: names differ by version. A set gives its first member."""
    for column in columns:
        value = get(column)
        found = (texts(get, column) or (None,))[0] if isinstance(value, list) else text(get, column)
        if found is not None:
            return found
    return None


def texts(get: Get, column: str) -> tuple[str, ...]:
    """Read a set or vector of texts, of which NAMES_KEPT are kept."""
    value = get(column)
    if isinstance(value, list):
        value = value[:NAMES_KEPT]
    return tuple(member[:BYTES_PER_TEXT] for member in values.texts(value, column))


def port(get: Get, column: str) -> int | None:
    """Read a port or another number of 16 bits."""
    return values.port(get(column), column)


def count(get: Get, column: str) -> int | None:
    """Read an unsigned number."""
    return values.count(get(column), column)


def connection(get: Get, proto: int) -> dict[str, Any]:
    """Read the columns that every record of a connection has, which must be set."""
    return {
        "ts": need(values.time_ns(get("ts"), "ts"), "ts"),
        "uid": uid(get("uid")),
        "orig_h": need(values.address_text(get("id.orig_h"), "id.orig_h"), "id.orig_h"),
        "orig_p": need(port(get, "id.orig_p"), "id.orig_p"),
        "resp_h": need(values.address_text(get("id.resp_h"), "id.resp_h"), "id.resp_h"),
        "resp_p": need(port(get, "id.resp_p"), "id.resp_p"),
        "proto": proto,
    }


def hosts(get: Get, proto: int, orig: str = "", resp: str = "", orig_p: str = "", resp_p: str = "") -> dict[str, Any]:
    """Read the columns of a record that need not be about a connection.

    Args:
        get: The record.
        proto: The IP protocol's number, 0 where the log does not say.
        orig: Column of the originator's address where the record has no connection; empty for none.
        resp: The same of the responder's.
        orig_p: Column of the originator's port there.
        resp_p: The same of the responder's.
    """
    if get("id.orig_h") is not None:
        return connection(get, proto)
    return {
        "ts": need(values.time_ns(get("ts"), "ts"), "ts"),
        "uid": uid(get("uid")),
        "orig_h": address(get, orig) or "",
        "orig_p": (port(get, orig_p) if orig_p else None) or 0,
        "resp_h": address(get, resp) or "",
        "resp_p": (port(get, resp_p) if resp_p else None) or 0,
        "proto": proto,
    }


def address(get: Get, column: str) -> str | None:
    """Read an address, the first of a set of them; None for no column."""
    value = get(column) if column else None
    if isinstance(value, list):
        value = next((member for member in value if member is not None), None)
    return values.address_text(value, column)


def transport(get: Get, column: str = "proto") -> int:
    """Read the transport's name as its number; 0 where it is unset or unknown."""
    return {"tcp": 6, "udp": 17, "icmp": 1}.get((text(get, column) or "").lower(), 0)
