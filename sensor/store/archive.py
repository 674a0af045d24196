"""The archive: what the core took in, as Parquet under STATE/archive/<table>/site=…/dt=…/hr=…, visible by commits.

Records are gathered to FLUSH_BYTES, cut into partitions, sorted by time and written as one file a partition; the
manifest lists the files with the state's commit and not before. A day of few records is one file (`hr=all`), not 24.
Where commits are many, FANOUT files of one partition and level are merged into one of the next, up to ROWS_MAX rows:
a partition holds at most FANOUT − 1 small files a level. What was taken in `keep_days` ago goes, then the oldest until
`limit_bytes` holds; `since_ns` says from when on nothing is missing.

Does not know what a record means, nor whether it was seen before: that is the ledger's, before it comes here.
"""

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.model.archive import TABLES
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, HOUR_NS
from sensor.store.archive_buffer import Buffer
from sensor.store.manifest import FOLDER, KEPT_COMMITS, UNSTAMPED, ArchiveFile, digest_of
from sensor.store.state import State

if TYPE_CHECKING:
    import pyarrow as pa

FLUSH_BYTES = 1 << 25
"""Of records that wait in memory: 131,072 flows, one row group; as Arrow they take about as much again."""
ROW_GROUP = 1 << 17
"""Rows: near DuckDB's 122,880, as `spanline flows` writes them."""
FANOUT = 16
ROWS_MAX = 1 << 20
"""Rows of a merged file: reading, sorting and writing it takes about 400 MB for flows."""
SPARSE_ROWS = 2048
"""Rows an hour below which a day of more than SPARSE_HOURS hours is one file: a footer alone takes 8 kB."""
SPARSE_HOURS = 2
WRITING_MAX = 4
"""Files that may wait to be written, each of at most a flush: then the core waits."""
_RISING = ("n", "tick", "ts", "shown_ts", "record")
"""Columns that go up: their differences are stored."""
_REPEATED = frozenset(
    {
        "site", "orig_h", "resp_h", "proto", "service", "conn_state", "history", "orig_l2_addr", "resp_l2_addr",
        "tunnel", "orig_device", "resp_device", "destination", "process", "user", "why", "input", "sender_mac",
        "sender_ip",
        "target_mac", "target_ip", "device", "kind", "query", "account_entity", "source", "action", "outcome",
        "reason_code", "account", "account_id", "ip", "country", "city", "mfa", "app", "resource", "user_agent", "os",
        "device_id", "device_name", "result", "corroboration", "category",
    }
)  # fmt: skip
"""Columns whose values repeat: each distinct one is stored once. Trying it on the others doubled the time to write."""


class Gone(NamedTuple):
    """What gave way to a full disk."""

    size_bytes: int = 0
    rows: int = 0
    until_ns: int = 0
    """Event time of the newest of them."""


class Archive:
    """Writes one state's archive. Its files are read by `sensor.store.archive_reader`."""

    def __init__(self, state: State, names: Names, clock_ns: int, *, enabled: bool = True) -> None:
        """Go on where the last commit left it.

        Args:
            state: Whose archive it is.
            names: Whom to ask for the ids of devices and the paths of inputs.
            clock_ns: Event time up to which the state has learned; what it learned without an archive is missing.
            enabled: Whether to keep what is taken in; what was kept before expires all the same.
        """
        self._folder, self._manifest, self._enabled = state.folder / FOLDER, state.manifest, enabled
        self._buffer = Buffer(names)
        facts = self._manifest.facts
        if enabled and facts.until_ns != clock_ns:
            facts = msgspec.structs.replace(facts, since_ns=max(facts.since_ns, clock_ns))
        self._facts = facts
        self._writer: ThreadPoolExecutor | None = None
        self._writing: list[tuple[ArchiveFile, Future[tuple[int, bytes]]]] = []
        self._folders: set[Path] = set()
        self._clean = False
        self._kept_commits = KEPT_COMMITS

    def take(self, tick: Tick) -> None:
        """Take a tick's records in, as they were resolved."""
        if not self._enabled:
            return
        count = self._buffer.take(tick, self._facts.next_n)
        self._facts = msgspec.structs.replace(self._facts, next_n=self._facts.next_n + count)
        if self._buffer.bytes >= FLUSH_BYTES:
            self._flush()

    def prepare(self, clock_ns: int, keep_days: int, limit_bytes: int, lacking: int = 0) -> Gone:
        """Write what waits, durably, and say in the manifest what the archive is after the coming commit.

        Args:
            clock_ns: Event time up to which the state will have learned, from which ages are counted.
            keep_days: Age at which files go.
            limit_bytes: Bytes at most; the oldest go first.
            lacking: Bytes that the disk should have free and has not; the oldest give way, and at once.

        Returns:
            What gave way.
        """
        if not self._clean:
            self._remove_orphans()
        self._flush()
        self._settle()
        self._manifest.stamp(clock_ns)
        has_expired = self._expire(clock_ns - keep_days * DAY_NS, limit_bytes)
        gone = self._give_way(lacking)
        self._kept_commits = 0 if lacking else KEPT_COMMITS
        if not has_expired and not lacking:
            self._merge()
            self._settle()
        self._sync()
        if self._enabled:
            self._facts = msgspec.structs.replace(self._facts, until_ns=clock_ns)
        self._manifest.set_facts(self._facts)
        return gone

    def committed(self) -> None:
        """Delete files that no list names any more."""
        for path in self._manifest.take_gone(self._kept_commits):
            (self._folder / path).unlink(missing_ok=True)

    def give_way(self, lacking: int) -> Gone:
        """Have the oldest committed files give way at once, without a commit: there may be no room for one."""
        gone = self._give_way(lacking)
        for path in self._manifest.drop_now(self._facts):
            (self._folder / path).unlink(missing_ok=True)
        return gone

    def _flush(self) -> None:
        if not self._buffer.bytes:
            return
        import pyarrow as pa

        for name, table in self._buffer.tables().items():
            for place, part in _parts(table):
                self._write(name, place, 0, part)
        pa.default_memory_pool().release_unused()

    def _write(self, name: str, place: str, level: int, part: "pa.Table", taken_ns: int = UNSTAMPED) -> None:
        """Have one file written, on a thread beside the core; it is not listed before the commit."""
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, "archive")
        number, ts = self._facts.next_file, part.column("ts")
        self._facts = msgspec.structs.replace(self._facts, next_file=number + 1)
        path = f"{name}/{place}/{number:010d}.parquet"
        file = ArchiveFile(path, name, place, level, taken_ns, ts[0].as_py(), ts[len(ts) - 1].as_py(), len(part), 0)
        self._folders |= {one for one in (self._folder / path).parents if one.is_relative_to(self._folder)}
        self._settle(WRITING_MAX - 1)
        self._writing.append((file, self._writer.submit(write_file, self._folder / path, part)))

    def _settle(self, left: int = 0) -> None:
        """Wait for the files that are being written, but the last `left`."""
        while len(self._writing) > left:
            file, work = self._writing.pop(0)
            size, digest = work.result()
            self._manifest.add(msgspec.structs.replace(file, size_bytes=size), digest)

    def _sync(self) -> None:
        """Make the names of the files written since the last commit durable; what is in them is already."""
        for folder in self._folders | ({self._folder.parent} if self._folders else set()):
            _fsync(folder)
        self._folders = set()

    def _merge(self) -> None:
        """Merge the committed files of partitions that have too many of one level."""
        for files in self._manifest.crowded(FANOUT, ROWS_MAX // 2):
            some = _fitting(files[:FANOUT])
            taken_ns = min(one.taken_ns for one in some)
            self._write(some[0].table, some[0].place, some[0].level + 1, self._read(some), taken_ns)
            self._manifest.drop([one.path for one in some])

    def _read(self, files: Sequence[ArchiveFile]) -> "pa.Table":
        import pyarrow as pa
        import pyarrow.parquet as pq

        whole = pa.concat_tables([pq.read_table(self._folder / one.path, partitioning=None) for one in files])
        return whole.sort_by([("ts", "ascending"), ("n", "ascending")])

    def _expire(self, before_ns: int, limit_bytes: int) -> bool:
        """Take off the list what is too old, then the oldest of what is too much; tell whether anything was."""
        total, oldest = self._manifest.size()
        if total <= limit_bytes and oldest >= before_ns:
            return False
        gone: list[ArchiveFile] = []
        for one in self._oldest_first():
            if one.taken_ns < before_ns or total > limit_bytes:
                total -= one.size_bytes
                gone.append(one)
        self._forget(gone)
        return bool(gone)

    def _give_way(self, lacking: int) -> Gone:
        """Take the oldest committed files off the list until so many bytes are free, those that go anyway counted."""
        lacking -= self._manifest.leaving_bytes()
        gone: list[ArchiveFile] = []
        for one in self._oldest_first(pending=False) if lacking > 0 else ():
            if lacking <= 0:
                break
            lacking -= one.size_bytes
            gone.append(one)
        self._forget(gone)
        return Gone(
            sum(one.size_bytes for one in gone), sum(one.count for one in gone),
            max((one.last_ns for one in gone), default=0),
        )  # fmt: skip

    def _oldest_first(self, *, pending: bool = True) -> list[ArchiveFile]:
        listed = [one for one in self._manifest.files(pending=pending) if one.path not in self._manifest.dropped]
        return sorted(listed, key=lambda file: (file.last_ns, file.path))

    def _forget(self, gone: Sequence[ArchiveFile]) -> None:
        """Take files off the list, and say from when on the archive is whole."""
        if gone:
            self._manifest.drop([one.path for one in gone])
            self._facts = msgspec.structs.replace(
                self._facts, since_ns=max(self._facts.since_ns, gone[-1].last_ns + 1),
                forgotten=self._facts.forgotten + sum(one.count for one in gone),
            )  # fmt: skip

    def _remove_orphans(self) -> None:
        """Delete files that an interrupted run wrote and no commit listed, and those that wait to be deleted."""
        self._clean = True
        for gone in self._manifest.take_gone(0):
            (self._folder / gone).unlink(missing_ok=True)
        self._settle()
        known = self._manifest.known() | {one.path for one in self._manifest.files(pending=True)}
        for name in TABLES:
            for path in (self._folder / name).glob("site=*/dt=*/hr=*/*.parquet"):
                if str(path.relative_to(self._folder)) not in known:
                    path.unlink()


def _parts(table: "pa.Table") -> "list[tuple[str, pa.Table]]":
    """Cut a table into partitions, each sorted by time and order of arrival."""
    site = table.column("site").combine_chunks().dictionary_encode()
    codes = np.asarray(site.indices.to_numpy(zero_copy_only=False), np.int64)
    ts = table.column("ts").to_numpy()
    if (np.diff(codes) < 0).any() or ((np.diff(ts) < 0) & (np.diff(codes) == 0)).any():
        # Rows come in order of `n`, which a stable sort keeps where the times are the same.
        order = np.argsort(ts, kind="stable")
        order = order[np.argsort(codes[order], kind="stable")]
        table, codes, ts = table.take(order), codes[order], ts[order]
    places = _places(codes, np.floor_divide(ts, HOUR_NS))
    return [
        (_path(site.dictionary[int(codes[start])].as_py(), int(places[start])), table.slice(start, end - start))
        for start, end in _runs(codes, places)
    ]


def _places(codes: NDArray[np.int64], hours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each row's partition: twice its hour since 1970, or on a sparse day 48 times the day and one.

    Args:
        codes: Site, shape (n,), sorted.
        hours: Hour since 1970, shape (n,), sorted within a site.
    """
    places, days = 2 * hours, np.floor_divide(hours, 24)
    for start, end in _runs(codes, days):
        apart = 1 + int(np.count_nonzero(np.diff(hours[start:end])))
        if apart > SPARSE_HOURS and (end - start) < SPARSE_ROWS * apart:
            places[start:end] = 48 * days[start] + 1
    return places


def _runs(first: NDArray[np.int64], second: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return (start, end) of the stretches in which both columns stay the same."""
    cuts = (np.flatnonzero((np.diff(first) != 0) | (np.diff(second) != 0)) + 1).tolist()
    return list(zip([0, *cuts], [*cuts, len(first)], strict=True))


def _path(site: str, place: int) -> str:
    """Return the folder of a site and a partition."""
    day, hour = divmod(place // 2, 24)
    date = np.datetime_as_string(np.datetime64(day, "D"))
    # A dot alone is no name to make a folder of, and an empty one is read as none.
    named = quote(site, safe="").replace(".", "%2E") or "%00"
    return f"site={named}/dt={date}/hr={'all' if place % 2 else f'{hour:02d}'}"


def _fitting(files: Sequence[ArchiveFile]) -> list[ArchiveFile]:
    """Return the first files whose rows together are not too many for one."""
    some: list[ArchiveFile] = []
    for one in files:
        if some and sum(file.count for file in some) + one.count > ROWS_MAX:
            break
        some.append(one)
    return some


def write_file(path: Path, part: "pa.Table") -> tuple[int, bytes]:
    """Write one file durably; return its size and digest.

    Args:
        path: Where; folders are made.
        part: Rows of one partition, by time.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(
        part, sink, compression="zstd", row_group_size=ROW_GROUP, store_schema=False,
        use_dictionary=[one for one in part.column_names if one in _REPEATED],
        column_encoding={one: "DELTA_BINARY_PACKED" for one in _RISING if one in part.column_names},
    )  # fmt: skip
    content = memoryview(sink.getvalue())
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return len(content), digest_of(content)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
