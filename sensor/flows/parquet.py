"""Write flows and ARP messages as Parquet: typed columns under Zeek's names, zstd, one row group per large batch.

Rows are gathered to row groups of 128 Ki before they are written, so that memory stays bounded and a reader can skip.
Times are timestamps in ns, UTC; `duration` is float64 seconds, since few readers know Parquet's interval types.
"""

from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sensor.flows import json_lines
from sensor.model.capture import ARP
from sensor.model.flow import FLOW

ROW_GROUP = 1 << 17
"""Rows: between pyarrow's default of 1 Mi and DuckDB's vector size, 122,880."""

_TEXT, _COUNT = pa.string(), pa.int64()
_TYPES = {
    "ts": pa.timestamp("ns", "UTC"),
    "id.orig_p": pa.uint16(),
    "id.resp_p": pa.uint16(),
    "duration": pa.float64(),
    "orig_bytes": _COUNT,
    "resp_bytes": _COUNT,
    "local_orig": pa.bool_(),
    "local_resp": pa.bool_(),
    "missed_bytes": _COUNT,
    "orig_pkts": _COUNT,
    "orig_ip_bytes": _COUNT,
    "resp_pkts": _COUNT,
    "resp_ip_bytes": _COUNT,
    "ip_proto": pa.uint8(),
    "vlan": pa.uint16(),
    "inner_vlan": pa.uint16(),
}


class ParquetFile:
    """One table, `conn` or `arp`; `close` writes the footer, without which the file cannot be read."""

    def __init__(self, out: BinaryIO, path: str) -> None:
        self._columns = json_lines.flow_columns if path == "conn" else json_lines.arp_columns
        self._waiting: list[NDArray[np.void]] = []
        self._rows = 0
        names = self._columns(np.empty(0, FLOW if path == "conn" else ARP))
        self._schema = pa.schema([(name, _TYPES.get(name, _TEXT)) for name in names])
        self._writer = pq.ParquetWriter(out, self._schema, compression="zstd")

    def write(self, batch: NDArray[np.void]) -> None:
        """Append rows: dtype FLOW for `conn`, ARP for `arp`, shape (n,)."""
        self._waiting.append(batch)
        self._rows += len(batch)
        if self._rows >= ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Write what waits, and the footer; the file itself stays open."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if not self._rows:
            return
        batch = np.concatenate(self._waiting)
        self._waiting, self._rows = [], 0
        columns = dict(self._columns(batch))
        columns["ts"] = batch["ts"]
        arrays = [pa.array(columns[field.name], field.type) for field in self._schema]
        self._writer.write_table(pa.table(arrays, self._schema), ROW_GROUP)
