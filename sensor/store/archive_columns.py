"""Records of the core as Arrow columns of the archive's tables (`sensor.model.archive`).

What repeats (addresses, devices, names of sites and inputs) is encoded by Arrow once for each distinct value, so that a
flow costs a few hundred nanoseconds. Text that is no UTF-8 is escaped.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sensor.model import addresses
from sensor.model.archive import TABLES
from sensor.model.capture import TUNNELS
from sensor.model.flow import CONN_STATES, ENDINGS, PROTOS


class _WithoutPandas(MetaPathFinder):
    """Says that there is no pandas: pyarrow looks for it once, and to import it takes .4 s of a small replay."""

    def find_spec(self, name: str, *_: object) -> None:
        """Raise ImportError for pandas; leave the rest to others."""
        if name == "pandas":
            raise ImportError(name)


if "pandas" not in sys.modules:
    _hidden = _WithoutPandas()
    sys.meta_path.insert(0, _hidden)
    pa.array([None])
    sys.meta_path.remove(_hidden)

TYPES = {
    "int64": pa.int64(), "uint16": pa.uint16(), "uint8": pa.uint8(), "bool": pa.bool_(), "text": pa.string(),
    "time": pa.int64(),
}  # fmt: skip
TIMESTAMP = pa.timestamp("ns", "UTC")
SHOWN_TS = "shown_ts"
"""`ts` again as a timestamp, so that a query by either can skip what it does not ask for."""
_PROTO_NAMES = [PROTOS.get(number, "unknown_transport") for number in range(256)]
_COUNTS = (
    "orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "duration",
)  # fmt: skip
_NOT_ASCII = 0x80
_V4 = np.uint64(addresses.V4_PREFIX)

Columns = dict[str, Any]


def schema(table: str) -> pa.Schema:
    """Return the schema of a table's files."""
    fields = [(name, TYPES[kind]) for name, (kind, _) in TABLES[table].items()]
    return pa.schema([*fields, (SHOWN_TS, TIMESTAMP)])


def table_of(name: str, columns: Columns) -> pa.Table:
    """Put columns together; those that are encoded by distinct value are kept so.

    Args:
        name: One of TABLES.
        columns: Arrow arrays or lists of n values, by column.
    """
    columns[SHOWN_TS] = pa.array(columns["ts"], pa.int64()).cast(TIMESTAMP)
    arrays = []
    for field in schema(name):
        held = columns[field.name]
        arrays.append(held if isinstance(held, pa.Array) else pa.array(held, field.type))
    return pa.Table.from_arrays(arrays, [field.name for field in schema(name)])


def flow_columns(
    flows: NDArray[np.void], orig_device: NDArray[np.int32], resp_device: NDArray[np.int32],
    orig_local: NDArray[np.bool_], resp_local: NDArray[np.bool_], fresh: NDArray[np.bool_],
    device_id: Callable[[int], str], input_path: Callable[[int], str],
) -> Columns:  # fmt: skip
    """Return the columns of flows but `n`, `tick`, `site` and what few flows have; every argument of shape (n,)."""
    columns: Columns = {name: integers(flows[name], -1) for name in _COUNTS}
    columns |= {name: ascii_text(flows[name]).dictionary_encode() for name in ("service", "history")}
    return columns | {
        "uid": ascii_text(flows["uid"]),
        "ts": integers(flows["ts"]),
        "orig_h": hosts(flows["orig_hi"], flows["orig_lo"]),
        "orig_p": integers(flows["orig_p"]),
        "resp_h": hosts(flows["resp_hi"], flows["resp_lo"]),
        "resp_p": integers(flows["resp_p"]),
        "proto": coded(flows["proto"], _PROTO_NAMES),
        "ip_proto": integers(flows["proto"]),
        "conn_state": coded(flows["conn_state"], CONN_STATES),
        "local_orig": pa.array(orig_local),
        "local_resp": pa.array(resp_local),
        "orig_l2_addr": macs(flows["orig_l2"]),
        "resp_l2_addr": macs(flows["resp_l2"]),
        "vlan": integers(flows["vlan"], 0),
        "inner_vlan": integers(flows["inner_vlan"], 0),
        "tunnel": coded(flows["tunnel"], TUNNELS),
        "orig_device": named(orig_device, device_id),
        "resp_device": named(resp_device, device_id),
        "fresh": pa.array(fresh),
        "why": coded(flows["why"], ENDINGS),
        "input": named(flows["input"], input_path),
        "record": integers(flows["offset"]),
    }


def arp_columns(
    arp: NDArray[np.void], device: NDArray[np.int32], inputs: NDArray[np.int32],
    device_id: Callable[[int], str], input_path: Callable[[int], str],
) -> Columns:  # fmt: skip
    """Return the columns of ARP messages but `n`, `tick` and `site`; every argument of shape (n,)."""
    nothing = np.zeros(len(arp), np.uint64)
    return {
        "ts": integers(arp["ts"]),
        "op": integers(arp["op"]),
        "sender_mac": macs(arp["sender_mac"]),
        "sender_ip": hosts(nothing, arp["sender_ip"].astype(np.uint64) | _V4),
        "target_mac": macs(arp["target_mac"]),
        "target_ip": hosts(nothing, arp["target_ip"].astype(np.uint64) | _V4),
        "vlan": integers(arp["vlan"], 0),
        "device": named(device, device_id),
        "input": named(inputs, input_path),
        "record": integers(arp["offset"]),
    }


def struct_columns(table: str, rows: Sequence[msgspec.Struct], given: Columns, others: dict[str, str]) -> Columns:
    """Return the columns of records that are Structs: those given, then fields of the same name.

    Args:
        table: One of TABLES.
        rows: The records, n of them.
        given: Columns that are no plain field.
        others: Column → field, where the names differ.
    """
    columns = dict(given)
    for name, (kind, _) in TABLES[table].items():
        if name not in columns:
            field = others.get(name, name)
            values = [getattr(row, field) for row in rows]
            columns[name] = texts(values) if kind == "text" else pa.array(values, TYPES[kind])
    return columns


def integers(column: NDArray[Any], absent: int | None = None) -> pa.Array:
    """Return a column of integers, null where it holds `absent`."""
    column = np.ascontiguousarray(column)
    return pa.array(column, mask=None if absent is None else column == absent)


def coded(column: NDArray[Any], names: Sequence[str]) -> pa.Array:
    """Return the names that a column of codes stands for, null for the empty name."""
    column = np.ascontiguousarray(column)
    empty = np.array([not name for name in names])
    codes = pa.array(column.astype(np.int16), mask=empty[column])
    return pa.DictionaryArray.from_arrays(codes, pa.array(list(names)))


def named(column: NDArray[Any], name_of: Callable[[int], str]) -> pa.Array:
    """Return what a column of numbers is called, each distinct one asked for once; null below 0."""
    column = np.ascontiguousarray(column)
    encoded = pa.array(column, mask=column < 0).dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        encoded.indices, texts(name_of(one) for one in encoded.dictionary.to_pylist())
    )


def hosts(hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> pa.Array:
    """Return addresses as Zeek writes them, each distinct one written once."""
    words = np.empty((len(hi), 2), np.uint64)
    words[:, 0], words[:, 1] = hi, lo
    raw = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(hi), [None, pa.py_buffer(words)])
    encoded = raw.dictionary_encode()
    distinct = np.frombuffer(b"".join(encoded.dictionary.to_pylist()), np.uint64).reshape(-1, 2)
    return pa.DictionaryArray.from_arrays(
        encoded.indices, pa.array(addresses.texts(distinct[:, 0], distinct[:, 1]), pa.string())
    )


def macs(column: NDArray[np.uint64]) -> pa.Array:
    """Return link-layer addresses, null where unknown (0)."""
    column = np.ascontiguousarray(column)
    encoded = pa.array(column, mask=column == 0).dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        encoded.indices, pa.array([addresses.mac(one) for one in encoded.dictionary.to_pylist()], pa.string())
    )


def ascii_text(column: NDArray[np.bytes_]) -> pa.Array:
    """Return a column of bytes as text, null where it is empty; bytes of 0 are left out."""
    width = column.dtype.itemsize
    whole = np.ascontiguousarray(column).view(np.uint8).reshape(len(column), width)
    there = whole != 0
    content = whole[there]
    if len(content) and content.max() >= _NOT_ASCII:
        return texts(one.decode("utf-8", "backslashreplace") or None for one in column.tolist())
    lengths = there.sum(axis=1)
    offsets = np.zeros(len(column) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    valid = np.packbits(lengths > 0, bitorder="little")
    return pa.StringArray.from_buffers(len(column), pa.py_buffer(offsets), pa.py_buffer(content), pa.py_buffer(valid))


def texts(values: Iterable[object]) -> pa.Array:
    """Return texts as they are, those that are no UTF-8 escaped."""
    made = [None if one is None else str(one) for one in values]
    try:
        return pa.array(made, pa.string())
    except (UnicodeEncodeError, pa.ArrowException):
        escaped = [None if one is None else one.encode("utf-8", "backslashreplace").decode() for one in made]
        return pa.array(escaped, pa.string())


def scattered(values: Mapping[int, str | None], order: NDArray[np.int64]) -> pa.Array:
    """Return a column of which few rows have a value.

    Args:
        values: By place before rows were put in order.
        order: The place each row had, int64, shape (n,).
    """
    if not values:
        return pa.nulls(len(order), pa.string())
    whole: list[str | None] = [None] * len(order)
    for place, value in values.items():
        whole[place] = value
    return texts(whole[place] for place in order.tolist())


def as_json(values: Iterable[object]) -> pa.Array:
    """Return each value as JSON text; an empty mapping is null."""
    encoder = msgspec.json.Encoder(enc_hook=str)
    return texts(encoder.encode(one).decode() if one != {} else None for one in values)
