"""One record of any Zeek log that is read, and what log a file is by its first lines."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sensor.errors import Malformed
from sensor.model.flow import ENDINGS, FLOW
from sensor.model.protocols import AnyMessage
from sensor.wire import zeek_json, zeek_rows
from sensor.wire.zeek_defaults import guess
from sensor.wire.zeek_header import Header, Schema
from sensor.wire.zeek_inventory import INVENTORY
from sensor.wire.zeek_kinds import GOING_ON
from sensor.wire.zeek_messages import READERS
from sensor.wire.zeek_tsv import TsvReader

Record = NDArray[np.void] | AnyMessage
"""A FLOW row, shape (1,), or a message."""
INTERVAL = ENDINGS.index("interval")
BOM = b"\xef\xbb\xbf"
"""UTF-8's byte order mark, which some editors and collectors put first."""


def read(get: Callable[[str], object], kind: str | None, path: str, input: int, offset: int) -> Record:
    """Read a record of a log of this kind and path. Raises Malformed with the reason it is refused for."""
    if kind is None:
        raise Malformed("unsupported_log")
    if kind != "conn":
        return READERS[kind](get, input, offset)
    row = np.zeros(1, FLOW)
    row["size_sq"] = row["gap_sq"] = np.nan
    zeek_rows.fill(row, get)
    row["input"], row["offset"] = input, offset
    row["why"] = INTERVAL if path in GOING_ON else 0
    return row


def try_tsv(line: bytes, schema: Schema) -> None:
    """Read a line under a schema and throw the result away. Raises Malformed where it does not fit."""
    read(TsvReader(schema).record(line), schema.kind, schema.path, 0, 0)


def format_name(kind: str | None, form: str) -> str:
    """Name a format: zeek-conn-tsv, zeek-dns-json; zeek-tsv and zeek-json for logs that are not read."""
    return f"zeek-{kind}-{form}" if kind else f"zeek-{form}"


def variant(head: bytes) -> str | None:
    """Name the format of the Zeek log that `head` (decompressed) begins; None where it is no Zeek log.

    A header, or a JSON record with Zeek's `uid` or a log's name, is enough; so is a headerless line that one of Zeek's
    default schemas fits.
    """
    header = Header()
    for line in head.removeprefix(BOM).splitlines():
        if line[:1] == b"#":
            try:
                header.take(line)
            except Malformed:
                return None
            if header.schema is not None:
                return format_name(header.schema.kind, "tsv")
        elif line.lstrip()[:1] == b"{":
            return _json_variant(line)
        elif line.strip():
            schema = guess(line, try_tsv)
            return format_name(schema.kind, "tsv") if schema is not None else None
    return None


def _json_variant(line: bytes) -> str | None:
    try:
        record = zeek_json.read(line)
    except Malformed:
        return None
    if record.tsv is not None:
        schema = guess(record.tsv, try_tsv)
        return format_name(schema.kind, "tsv") if schema is not None else None
    is_zeeks = record.kind is not None or bool(record.path) or record.get("uid") is not None
    if record.kind in INVENTORY and not record.path:  # its few columns are others' too (`ts` and `host`): it must read
        try:
            read(record.get, record.kind, "", 0, 0)
        except Malformed:
            return None
    return format_name(record.kind, "json") if is_zeeks and record.get("ts") is not None else None
