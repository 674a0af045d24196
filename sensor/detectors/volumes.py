"""Volumes: how much a device sends, receives and opens in 10 minutes, against its own level and the pool of its peers.

Both directions count: a flood, and a server that falls silent. A device has a say after 24 h of its own buckets; until
then it is learning. Volume alone never opens an incident: it goes to the digest, or joins one (own volume reached a
recall of .59 at p = 1e-3 and none at 1e-4). Buckets in which the sensor saw nothing at all teach nothing.

Not here yet: season, CUSUM, drift.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines import volumes
from baselines.calibration import Pool
from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.table import Table
from sensor.model.evidence import Entity, Evidence, Finding
from sensor.model.ids import identify
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339, span

FEATURES = ("bytes_out", "bytes_in", "flows_out", "flows_in", "peers_out")
_WORDS = {
    "bytes_out": ("sent", "payload bytes"), "bytes_in": ("received", "payload bytes"),
    "flows_out": ("opened", "flows"), "flows_in": ("answered", "flows"), "peers_out": ("contacted", "distinct peers"),
}  # fmt: skip
_FLOOR = np.array([0.7, 0.7, volumes.SCALE_MIN, volumes.SCALE_MIN, volumes.SCALE_MIN])
"""Bytes are heavy-tailed: on real hosts log1p of bytes put the 99 % point at 45 scales, hence ≥ .7."""
READY = DAY_NS // volumes.BUCKET_NS
"""Buckets a device must have learned: 24 h."""
P_SHOWN = 1e-2
"""Scores above this p are not worth a row."""
P_NO_LEARNING = 1e-3
PAIRS_MAX = 1 << 21
"""Rows of the table of (device, responder) pairs of a bucket, of which half are used."""

_SPEC: dict[str, Any] = {
    "counts": (np.float64, (len(FEATURES),), 0.0),
    "level": (np.float64, (len(FEATURES),), 0.0),
    "scale": (np.float64, (len(FEATURES),), 0.0),
    "seen": (np.int64, (), 0),
    "joined": (np.uint8, (), 0),  # another row stands for it: it neither has a say nor learns that it is silent
}


def detector(names: Names, secret: int) -> "Volumes":
    """Make the detector of this module."""
    return Volumes(names, secret)


class Volumes:
    """Five counts a device and 10 minutes."""

    name = "volumes"
    family = "volume"
    techniques: tuple[str, ...] = ("T1048", "T1498")
    needs = "history"
    unit = "scales of log1p(count) from the device's own level"
    citation = "Finch 2009, section 9; pooled p: METHOD in force"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._secret = np.uint64(secret)
        self._table = Table(_SPEC, 1_000_000)
        self._pool = Pool(len(FEATURES))
        self._bucket = -1
        self._pairs = KeyedTable({}, PAIRS_MAX, secret)
        self._flagged = np.zeros(0, np.bool_)
        self._scored = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"volumes": self._table.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Close the bucket where the tick begins another one, and judge it."""
        self._follow(tick)
        bucket = (tick.end_ns - 1) // volumes.BUCKET_NS
        if self._bucket < 0 or not tick.learn:
            self._bucket = bucket if self._bucket < 0 else self._bucket
            return []
        return self._close(bucket) if bucket > self._bucket else []

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count the tick into the open bucket; what is flagged now keeps its bucket out of the baseline."""
        if not tick.learn:
            return
        self._table.cover(self._names.count())
        if len(self._flagged) < len(flagged):
            self._flagged = np.concatenate([self._flagged, np.zeros(len(flagged) - len(self._flagged), np.bool_)])
        self._flagged[: len(flagged)] |= flagged
        counts = self._table.columns["counts"]
        flows = tick.flows
        for end, device, out, into in (("orig", tick.orig_device, 0, 1), ("resp", tick.resp_device, 1, 0)):
            on = device >= 0
            self._table.columns["joined"][device[on]] = 0
            np.add.at(counts[:, out], device[on], np.maximum(flows["orig_bytes"][on], 0))
            np.add.at(counts[:, into], device[on], np.maximum(flows["resp_bytes"][on], 0))
            np.add.at(counts[:, 2 if end == "orig" else 3], device[on & tick.fresh], 1)
        self._count_peers(tick, counts)

    def coverage(self) -> Coverage:
        """Say how many devices have 24 h of history."""
        rows = int((self._table.columns["joined"][: self._table.rows] == 0).sum())
        if not rows:
            return Coverage(detector=self.name, state="no_input", why="no flow of a local device")
        seen = self._table.columns["seen"][: self._table.rows]
        ready = int((seen >= READY).sum())
        if ready:
            return Coverage(detector=self.name, state="judged", why=f"{ready} of {rows} devices have 24 h of history")
        longest = span(int(seen.max()) * volumes.BUCKET_NS)
        return Coverage(detector=self.name, state="learning", why=f"needs 24 h of history; the longest is {longest}")

    def progress(self, device: int) -> float:
        """Return how far a device's 24 h of history are, 0 to 1."""
        return min(1.0, float(self._table.columns["seen"][device]) / READY) if device < self._table.rows else 0.0

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = {f"table/{name}": column for name, column in self._table.save().items()}
        state |= {f"pairs/{name}": column for name, column in self._pairs.save().items()}
        return {**state, "pool": self._pool.counts.copy(), "bucket": np.array([self._bucket, self._scored], np.int64),
                "flagged": self._flagged.copy()}  # fmt: skip

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        self._table.load({name[6:]: column for name, column in state.items() if name.startswith("table/")})
        self._pool.load({"counts": state["pool"]})
        self._bucket, self._scored = (int(value) for value in state["bucket"])
        self._pairs.load({name[6:]: column for name, column in state.items() if name.startswith("pairs/")})
        self._flagged = state["flagged"].astype(np.bool_)

    def _follow(self, tick: Tick) -> None:
        """Let rows that turned out to be another device go on as it: with the level of the one that carried more."""
        if not tick.merged:
            return
        self._table.cover(self._names.count())
        columns = self._table.columns
        for gone, kept in tick.merged:
            columns["counts"][kept] += columns["counts"][gone]
            if columns["level"][gone].sum() > columns["level"][kept].sum():
                for name in ("level", "scale", "seen"):
                    columns[name][kept] = columns[name][gone]
            self._table.clear(gone)
            columns["joined"][gone] = 1

    def _count_peers(self, tick: Tick, counts: NDArray[np.float64]) -> None:
        """Count each distinct responder of a device once a bucket; `peers_out` stands still once the table is full."""
        on = np.nonzero(tick.orig_device >= 0)[0]
        if len(on) == 0 or len(self._pairs) + len(on) > PAIRS_MAX // 2:
            return
        before = len(self._pairs)
        device, flows = tick.orig_device[on], tick.flows[on]
        self._pairs.insert(device.astype(np.uint64), flows["resp_hi"].copy(), flows["resp_lo"].copy())
        fresh = self._pairs.columns["keys"][before : len(self._pairs), 0].astype(np.int64)
        np.add.at(counts[:, 4], fresh, 1)

    def _close(self, bucket: int) -> list[Finding]:
        rows = self._table.rows
        columns = {name: column[:rows] for name, column in self._table.columns.items()}
        z = np.full((rows, len(FEATURES)), np.nan)
        volumes.score(
            columns["counts"],
            self._bucket,
            self._secret,
            columns["level"],
            columns["scale"],
            _FLOOR,
            columns["seen"],
            z,
        )
        ready = columns["seen"] >= READY
        findings, strange = self._judge(z, ready, columns)
        flagged = np.zeros(rows, np.bool_)
        flagged[: len(self._flagged)] = self._flagged[:rows]
        teaches = ~(flagged | strange | (columns["joined"] == 1))
        volumes.learn(
            columns["counts"], self._bucket, self._secret, teaches, columns["level"], columns["scale"], _FLOOR,
            columns["seen"],
        )  # fmt: skip
        for feature in range(len(FEATURES)):
            self._pool.add(feature, np.abs(z[ready, feature]))
        self._scored += int(ready.sum())
        columns["counts"][:] = 0.0
        self._pairs = KeyedTable({}, PAIRS_MAX, int(self._secret))
        self._flagged = np.zeros(rows, np.bool_)
        self._bucket = bucket
        return findings

    def _judge(
        self, z: NDArray[np.float64], ready: NDArray[np.bool_], columns: dict[str, NDArray[Any]]
    ) -> tuple[list[Finding], NDArray[np.bool_]]:
        """Return a finding for each device whose smallest p over the features, times their number, is small."""
        p = np.full(z.shape, np.nan)
        for feature in range(len(FEATURES)):
            p[ready, feature] = self._pool.p(feature, np.abs(z[ready, feature]))
        least = np.nanmin(np.where(np.isnan(p), 1.0, p), axis=1, initial=1.0)
        least = np.minimum(1.0, least * len(FEATURES))
        found = [
            self._finding(row, int(np.nanargmin(p[row])), z[row], float(least[row]), columns)
            for row in np.nonzero(least <= P_SHOWN)[0].tolist()
        ]
        return found, least < P_NO_LEARNING

    def _finding(
        self, device: int, feature: int, z: NDArray[np.float64], p: float, columns: dict[str, NDArray[Any]]
    ) -> Finding:
        observed = float(columns["counts"][device, feature])
        level, scale = (
            float(columns["level"][device, feature]),
            max(float(columns["scale"][device, feature]), _FLOOR[feature]),
        )
        low, usual, high = (max(0.0, round(float(np.expm1(level + k * scale)), 1)) for k in (-2, 0, 2))
        verb, what = _WORDS[FEATURES[feature]]
        name, site, identity = (
            self._names.device_name(device),
            self._names.device_site(device),
            self._names.device_id(device),
        )
        start = self._bucket * volumes.BUCKET_NS
        n = self._pool.size(feature)
        text = (
            f"{name} {verb} {observed:,.0f} {what} in the 10 minutes from {rfc3339(start)[11:16]} UTC; usual for it: "
            f"{usual:,.0f} (95 %: {low:,.0f}–{high:,.0f}). {z[feature]:+.1f} scales; among {n:,} device-buckets of its "
            f"peers p = {p:.2g}."
        )
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, start // DAY_NS), ts=rfc3339(start + volumes.BUCKET_NS),
            site=site, entity=Entity(kind="device", id=identity), detector=self.name, family=self.family,
            source="network", observed=observed, expected=usual, range=(low, high), reference="peers", reference_n=n,
            p=p, db=decibans(p), text=text, model="volumes.ewma/1",
            basis={"level": level, "scale": float(scale), "z": float(z[feature]), "count": observed, "p_pool": p},
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, techniques=(), digest=p < P_NO_LEARNING,
            check=f"What ran on {name} at that time: a backup, an update, a large transfer?",
        )  # fmt: skip
