"""Parquet keeps the values of the JSON lines, typed."""

import io
import json

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sensor.flows import parquet
from sensor.flows.json_lines import JsonLines
from sensor.flows.parquet import ParquetFile
from sensor.model.times import rfc3339
from tests.flows.rows import START_NS, arps, flow, many


def table(path, *batches):
    """What pyarrow reads of what was written."""
    out = io.BytesIO()
    file = ParquetFile(out, path)
    for batch in batches:
        file.write(batch)
    file.close()
    return out


@pytest.mark.parametrize(("path", "rows", "write"), [("conn", many(), "write"), ("arp", arps(), "write_arp")])
def test_values_are_those_of_the_json_lines(path, rows, write):
    """Column for column, nulls included; times to the nanosecond."""
    lines = io.BytesIO()
    getattr(JsonLines(lines), write)(rows)
    expected = [json.loads(line) for line in lines.getvalue().splitlines()]
    found = pq.read_table(table(path, rows))
    moments = found["ts"].cast(pa.int64()).to_pylist()
    assert rows["ts"].tolist() == moments
    names = [name for name in found.column_names if name != "ts"]
    assert [{name: row[name] for name in names} for row in expected] == found.select(names).to_pylist()
    assert [row["ts"] for row in expected] == [rfc3339(ns) for ns in moments]


def test_columns_are_typed():
    """Times, ports, counts and texts are not all text."""
    schema = pq.read_schema(table("conn", many()))
    assert pa.timestamp("ns", "UTC") == schema.field("ts").type
    assert (pa.uint16(), pa.int64(), pa.float64(), pa.bool_()) == tuple(
        schema.field(name).type for name in ("id.orig_p", "orig_bytes", "duration", "local_orig")
    )


def test_rows_are_gathered_to_row_groups(monkeypatch):
    """Small batches make no small row groups, large ones are cut."""
    monkeypatch.setattr(parquet, "ROW_GROUP", 10)
    found = pq.ParquetFile(table("conn", *[flow()] * 12, np.concatenate([flow()] * 13)))
    assert [10, 10, 5] == [found.metadata.row_group(k).num_rows for k in range(found.num_row_groups)]
    assert "ZSTD" == found.metadata.row_group(0).column(0).compression


def test_a_file_without_rows_can_be_read():
    """It has the columns."""
    found = pq.read_table(table("conn"))
    assert (0, True) == (found.num_rows, "community_id" in found.column_names)


def test_another_reader_reads_it():
    """polars sees the same rows and the first moment."""
    out = table("conn", many())
    out.seek(0)
    found = pl.read_parquet(out)
    assert (len(many()), START_NS) == (len(found), found["ts"].to_physical()[0])
