"""What the program must beat: a random score, bytes alone, own z, HBOS, half-space trees, and RITA's published formula.

Each gives a device-day a score; alarms are the device-days above a threshold, which is set on days without attacks so
that as many a day are false as is asked. They see the same flows, in hours: bytes out and in, flows opened, failed, to
the resolver, peers, ports, and the largest upload to one address. Written from the published definitions.
"""

import numpy as np

from sensor.model.flow import CONN_STATES
from tests.evaluation.network.simulator import DAY_NS

FEATURES = ("bytes out", "bytes in", "flows", "failed", "questions", "peers", "ports", "largest upload")
FAILED = np.isin(CONN_STATES, ("S0", "REJ", "RSTOS0", "OTH", "SH"))
HOURS = 24
TREES, DEPTH = 25, 8
"""Tan, Ting, Liu 2011, "Fast Anomaly Detection for Streaming Data", section 4: 25 trees; 15 levels there."""
BINS = 20
RITA_MIN = 20
"""Connections of a pair before RITA looks at it: its `DefaultConnectionThresh`."""


def hourly(day, devices):
    """Return counts by device, hour and feature, float64, shape (devices, 24, features)."""
    flows, owner = day.flows, day.owner.astype(np.int64)
    cell = owner * HOURS + (flows["ts"] % DAY_NS) // (DAY_NS // HOURS)
    size = devices * HOURS
    out = np.maximum(flows["orig_bytes"], 0).astype(float)
    table = np.zeros((size, len(FEATURES)))
    table[:, 0] = np.bincount(cell, out, size)
    table[:, 1] = np.bincount(cell, np.maximum(flows["resp_bytes"], 0), size)
    table[:, 2] = np.bincount(cell, minlength=size)
    table[:, 3] = np.bincount(cell, FAILED[flows["conn_state"]], size)
    table[:, 4] = np.bincount(cell, flows["resp_p"] == 53, size)
    place = cell.astype(np.uint64) << np.uint64(32)
    for column, value in ((5, flows["resp_lo"] & np.uint64(0xFFFF_FFFF)), (6, flows["resp_p"].astype(np.uint64))):
        there = np.unique(place | value) >> np.uint64(32)
        table[:, column] = np.bincount(there.astype(np.int64), minlength=size)
    both, at = np.unique(place | (flows["resp_lo"] & np.uint64(0xFFFF_FFFF)), return_inverse=True)
    np.maximum.at(table[:, 7], (both >> np.uint64(32)).astype(np.int64), np.bincount(at, out))
    return np.log1p(table).reshape(devices, HOURS, len(FEATURES))


class Learned:
    """What the baselines learn from days without attacks: (days, devices, 24, features)."""

    def __init__(self, history, seed=0):
        days = np.stack(history)
        whole = np.log1p(np.expm1(days).sum(axis=2))
        self.mean, self.std = whole.mean(axis=0), np.maximum(whole.std(axis=0), 0.3)
        daily = whole.reshape(-1, days.shape[-1])
        self.low, self.high = daily.min(axis=0), daily.max(axis=0) + 1e-9
        self.histograms = [
            np.histogram(daily[:, f], BINS, (self.low[f], self.high[f]))[0] / len(daily) for f in range(daily.shape[1])
        ]
        self.rng = np.random.default_rng(seed)
        self.trees = _Trees(days.reshape(-1, days.shape[-1]), self.rng)

    def scores(self, day, devices):
        """Return each baseline's score of each device on a day, float64, shape (devices,)."""
        table = hourly(day, devices)
        daily = np.log1p(np.expm1(table).sum(axis=1))
        z = np.abs(daily - self.mean) / self.std
        trees = self.trees.scores(table.reshape(-1, table.shape[-1])).reshape(devices, HOURS)
        return {
            "random": self.rng.random(devices),
            "bytes only": np.log1p(np.expm1(table[:, :, 0]).sum(axis=1)),
            "own z": z.max(axis=1),
            "own z, features over 3σ": (z > 3.0).sum(axis=1).astype(float),
            "HBOS": self._hbos(daily),
            "half-space trees": trees.max(axis=1),
            "RITA's formula": rita(day, devices),
        }  # fmt: skip

    def _hbos(self, daily):
        """Goldstein and Dengel 2012: the sum of log(1 / height of the bin) over features."""
        total = np.zeros(len(daily))
        for f, heights in enumerate(self.histograms):
            place = ((daily[:, f] - self.low[f]) / (self.high[f] - self.low[f]) * BINS).astype(int)
            inside = (place >= 0) & (place < BINS)
            height = np.where(inside, heights[np.clip(place, 0, BINS - 1)], 0.0)
            total += -np.log(np.maximum(height, 1e-6))
        return total


class _Trees:
    """Half-space trees with the mass of the learning days; a low mass is strange."""

    def __init__(self, points, rng):
        self.rng, size = rng, 2 ** (DEPTH + 1)
        self.feature = rng.integers(0, points.shape[1], (TREES, size))
        self.cut = np.zeros((TREES, size))
        self.mass = np.zeros((TREES, size))
        low, high = points.min(axis=0), points.max(axis=0)
        for tree in range(TREES):
            s = rng.uniform(0, 1, points.shape[1])
            width = 2 * np.maximum(s, 1 - s) * np.maximum(high - low, 1e-9)
            middle = low + s * (high - low)
            self._split(tree, 1, middle - width, middle + width)
            node = np.ones(len(points), int)
            for _ in range(DEPTH):
                self.mass[tree] += np.bincount(node, minlength=size)
                node = self._down(tree, node, points)
            self.mass[tree] += np.bincount(node, minlength=size)

    def _split(self, tree, node, low, high):
        if node >= 2**DEPTH:
            return
        f = self.feature[tree, node]
        self.cut[tree, node] = middle = (low[f] + high[f]) / 2
        below, above = high.copy(), low.copy()
        below[f] = above[f] = middle
        self._split(tree, 2 * node, low, below)
        self._split(tree, 2 * node + 1, above, high)

    def _down(self, tree, node, points):
        side = points[np.arange(len(points)), self.feature[tree, node]] >= self.cut[tree, node]
        return 2 * node + side

    def scores(self, points):
        total = np.zeros(len(points))
        for tree in range(TREES):
            node, depth = np.ones(len(points), int), np.zeros(len(points))
            done = np.zeros(len(points), bool)
            for level in range(DEPTH):
                done |= self.mass[tree, node] < 25
                node = np.where(done, node, self._down(tree, node, points))
                depth = np.where(done, depth, level + 1)
            total += self.mass[tree, node] * 2.0**depth
        return -np.log1p(total)


def rita(day, devices):
    """Return each device's largest beacon score by the published formula, over pairs of at least 20 connections."""
    flows, owner = day.flows, day.owner
    order = np.lexsort((flows["ts"], flows["resp_lo"], owner))
    pair = np.stack([owner[order].astype(np.uint64), flows["resp_lo"][order]])
    starts = np.nonzero(np.r_[True, (np.diff(pair) != 0).any(axis=0)])[0]
    best = np.zeros(devices)
    span_s = 86_400.0
    for a, b in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
        at = order[a:b]
        if b - a < RITA_MIN or flows["resp_p"][at[0]] == 53:
            continue
        ts = np.unique(flows["ts"][at] // 10**9)
        if len(ts) > 3:
            k = int(owner[at[0]])
            best[k] = max(best[k], rita_score(ts, np.maximum(flows["orig_bytes"][at], 0), span_s, b - a))
    return best


def rita_score(ts, sizes, span_s, connections):
    """Return RITA 4's score of a pair: skew, dispersion and count of its gaps; skew, dispersion and size of its bytes.

    As activecm/rita-legacy documents it in pkg/beacon: Bowley's skewness, the median absolute deviation cut off at 30 s
    and 32 bytes, one connection each 10 s, the commonest size against 65,535 bytes; the mean of the six.
    """
    gaps = np.sort(np.diff(np.sort(ts)))
    sizes = np.sort(sizes)
    values, counts = np.unique(sizes, return_counts=True)
    parts = [
        1 - abs(bowley(gaps)), max(0.0, 1 - _mad(gaps) / 30.0), min(1.0, connections / (span_s / 10.0)),
        1 - abs(bowley(sizes)), max(0.0, 1 - _mad(sizes) / 32.0), max(0.0, 1 - values[counts.argmax()] / 65_535.0),
    ]  # fmt: skip
    return float(np.ceil(sum(parts) / 6 * 1_000) / 1_000)


def bowley(values):
    """Return Bowley's skewness of sorted values; 0 where a quartile is the median."""
    low, middle, high = (float(values[round(q * (len(values) - 1))]) for q in (0.25, 0.5, 0.75))
    if high == low or middle in (low, high):
        return 0.0
    return (low + high - 2 * middle) / (high - low)


def _mad(values):
    return float(np.median(np.abs(values - values[round(0.5 * (len(values) - 1))])))
