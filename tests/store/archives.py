"""Archives written by hand, for tests of what stands on them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sensor.model.times import TICK_NS
from sensor.store import archive as written
from sensor.store.state import State
from tests.detectors.ticks import entities, tick
from tests.scenes import flow, flows


def rows_over(hours, each=3, hosts=4):
    """Flows spread over hours, `each` of them an hour."""
    return flows(
        *(
            flow(f"10.0.0.{k % hosts + 1}", at_s=3600 * hour + 60 * k, uid=f"C{hour}-{k}")
            for hour in range(hours)
            for k in range(each)
        )
    )


def ticks_of(known, rows):
    """Cut flows at ticks, as the core does."""
    ends = ((rows["ts"] + np.maximum(rows["duration"], 0)) // TICK_NS + 1) * TICK_NS
    return [tick(known, rows[ends == end], end_ns=int(end)) for end in np.unique(ends).tolist()]


class Writer:
    """An archive of a state of its own, and commits of nothing but it."""

    def __init__(self, folder, clock_ns=0, **options):
        self.state = State(folder)
        self.known = entities()
        self.clock_ns = clock_ns
        self.archive = written.Archive(self.state, self.known, clock_ns, **options)

    def take(self, rows):
        for one in ticks_of(self.known, rows):
            self.archive.take(one)
            self.clock_ns = max(self.clock_ns, one.end_ns)
        return self

    def commit(self, keep_days=90, limit_bytes=10**12):
        self.archive.prepare(self.clock_ns, keep_days, limit_bytes)
        self.state.commit(
            columns={"x": np.arange(3)}, incidents=(), devices=(), accounts=(), inputs=(), meta={"version": "1"}
        )
        self.archive.committed()
        return self

    def close(self):
        self.state.close()


def listed(folder, table="flows"):
    """The files of a table that the last commit lists."""
    with State(folder, readonly=True) as state:
        return state.manifest.files(table)


def held(folder, table="flows"):
    """The rows of a table as the last commit has them, in order of arrival."""
    paths = [folder / "archive" / one.path for one in listed(folder, table)]
    if not paths:
        return []
    whole = pa.concat_tables([pq.read_table(path, partitioning=None) for path in paths])
    return whole.sort_by("n").to_pylist()


def on_disk(folder):
    """Every file below the archive's folder."""
    return sorted(str(path.relative_to(folder / "archive")) for path in folder.glob("archive/**/*.parquet"))


def edit(path, column, change):
    """Write a file again with one column changed, its page checksums and statistics made anew."""
    whole = pq.read_table(path, partitioning=None)
    values = [change(value) for value in whole.column(column).to_pylist()]
    at = whole.schema.get_field_index(column)
    pq.write_table(whole.set_column(at, whole.schema.field(at), pa.array(values, whole.schema.field(at).type)), path)
