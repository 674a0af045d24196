"""What volumes remember of each device, its features, and how much of it there is.

Six counts a bucket of 10 minutes. Everything of a device is one row: about 2.8 kB, of the 16 KiB that a device may take
in all (METHOD in force). Not here: what is done with it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines import drift, seasonal
from baselines.cardinality import REGISTERS
from baselines.table import Table
from sensor.model.times import MINUTE_NS

FEATURES = ("bytes_out", "bytes_in", "flows_out", "flows_in", "failed_out", "peers_out")
"""In the order of `baselines.tally`; the peers come from their sketch."""
HURDLES = 2
"""Bytes: whether there are any at all is apart from how many."""
PEERS = FEATURES.index("peers_out")
SIDES = 2 * len(FEATURES)
"""Statistics of a bucket: each feature's high side, then its low one."""
FLOOR = np.array([0.7, 0.7, *[seasonal.SCALE_MIN] * 4])
"""Bytes are heavy-tailed: on real hosts log1p of bytes put the 99 % point at 45 scales, hence ≥ .7."""
BUCKET_NS = 10 * MINUTE_NS
HOUR, DAY = 6, seasonal.BUCKETS_A_DAY
"""Buckets."""
READY = DAY
"""Buckets a device, or one of its group, must have learned: 24 h."""
YOUNG = 36
"""Buckets a device must have learned before its scores go to the pool: with fewer they are wild."""
DORMANT = 7 * DAY
"""Buckets without a flow after which a device is away: neither judged nor learned."""
ROWS_MAX = 1_000_000
NOW, HOURS = 0, 1
"""Columns of `worst`: the day's worst bucket, and the largest sum of its hours."""

_F = len(FEATURES)
SPEC: dict[str, Any] = {
    "counts": (np.float64, (_F,), 0.0), "registers": (np.uint8, (REGISTERS,), 0),
    "level": (np.float32, (_F,), 0.0), "scale": (np.float32, (_F,), 0.0),
    "season": (np.float32, (_F, seasonal.SEASONS), 0.0), "active": (np.float32, (HURDLES, seasonal.SEASONS), 0.0),
    "usually": (np.float32, (HURDLES,), 0.0), "visits": (np.uint16, (seasonal.SEASONS,), 0),
    "seen": (np.int64, (), 0), "took": (np.int32, (_F,), 0),
    "share": (np.float32, (SIDES,), 0.0), "tries": (np.int32, (), 0),
    "hour": (np.float32, (_F,), 0.0), "hour_n": (np.int16, (), 0),
    "total": (np.float32, (), 0.0), "since": (np.int64, (), -1),
    "worst": (np.float64, (2,), -1.0), "judged": (np.int16, (), 0),
    "day_x": (np.float64, (_F,), 0.0), "day_any": (np.int16, (_F,), 0), "day_n": (np.int16, (), 0),
    "ring": (np.float32, (_F, drift.RING), -1.0),  # a day's mean of log1p(count); below 0 where it was not seen whole
    "drifted": (np.int64, (), -1),  # the last day whose drift was told
    "last": (np.int64, (), -1), "held": (np.int16, (), 0), "flagged": (np.uint8, (), 0),
    "group": (np.int32, (), 0), "kind": (np.int32, (), 0), "asked": (np.int8, (), -1),
    "joined": (np.uint8, (), 0),  # another row stands for it: it neither has a say nor learns that it is silent
}  # fmt: skip
LEARNED = ("level", "scale", "season", "active", "usually", "visits", "seen")
"""In the order that `baselines.seasonal` takes them."""
_OLD_FEATURES = [0, 1, 2, 3, 5]
"""Features of the release before: the first four, and the peers."""

Cells = dict[str, NDArray[Any]]


def cells(table: Table) -> Cells:
    """Return the columns of the rows in use."""
    return {name: column[: table.rows] for name, column in table.columns.items()}


def state_bytes() -> int:
    """Return how many bytes a device takes."""
    return sum(int(np.dtype(kind).itemsize * np.prod(shape, dtype=np.int64)) for kind, shape, _ in SPEC.values())


def follow(table: Table, merged: list[tuple[int, int]]) -> None:
    """Let rows that turned out to be another device go on as it: with the habits of the one that learned more."""
    columns = table.columns
    for gone, kept in merged:
        if columns["seen"][gone] > columns["seen"][kept]:
            for name in (*LEARNED, "took", "share", "tries", "ring", "total", "since", "asked"):
                columns[name][kept] = columns[name][gone]
        columns["counts"][kept] += columns["counts"][gone]
        for name in ("registers", "worst", "drifted", "last", "flagged", "judged", "day_x", "day_any", "day_n"):
            columns[name][kept] = np.maximum(columns[name][kept], columns[name][gone])
        table.clear(gone)
        columns["joined"][gone] = 1


def of_the_release_before(state: Cells) -> Cells:
    """Return the rows of the release before, which had five features and no season, as this one has them."""
    rows = len(state["seen"])
    made = {name: np.full((rows, *shape), fill, kind) for name, (kind, shape, fill) in SPEC.items()}
    for name in ("counts", "level", "scale"):
        made[name][:, _OLD_FEATURES] = state[name]
    made["seen"], made["joined"] = state["seen"].astype(np.int64), state["joined"].astype(np.uint8)
    made["took"][:, _OLD_FEATURES] = np.minimum(state["seen"], 1 << 30)[:, None]
    # Whether there were any bytes was not kept: half of the buckets, as if nothing were known.
    made["usually"][:] = 0.5
    return {**made, "_version": state["_version"], "_free": state["_free"]}
