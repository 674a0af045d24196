"""Volumes: what a device sends, receives, opens, answers and fails, against itself and its peers.

Both sides count: a flood, and a server that falls silent. There is a score from the device's own level and season
(`baselines.seasonal`), and a p from how often its peers reach it (`volume_judge`), in three channels: *now*,
*accumulation*, *drift*. A device has a say after 24 h of its own or its group's buckets, and once the peers have 100
device-days. Volume alone never opens an incident: it goes to the digest, or joins one (own volume reached a recall of
.59 at p = 1e-3 and none at 1e-4). What a whole group does at once is one row of the site.

What is below p = 1e-3 or in an open incident teaches no level for 48 h; only the latter is kept from the pools, which
would otherwise lose the tail that they are for. Buckets in which the sensor saw nothing at all teach nothing. Seasons
are hours by the site's clock.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines import seasonal
from baselines.calibration import RANKED_MIN
from baselines.cardinality import add, estimate
from baselines.table import Table
from baselines.tally import tally
from sensor.detectors import volume_text as texts
from sensor.detectors.first_contacts import contacts
from sensor.detectors.pooled import law_numbers
from sensor.detectors.volume_groups import MAJORITY, Groups
from sensor.detectors.volume_judge import (
    BUCKET,
    DAY_DRIFT,
    DAY_HOURS,
    DAY_NOW,
    DRIFT,
    DRIFT_LEAST,
    HOURLY,
    WHOLE_DAY,
    Common,
    Judge,
    Judged,
)
from sensor.detectors.volume_state import (
    BUCKET_NS,
    DAY,
    FLOOR,
    HOUR,
    HOURS,
    NOW,
    PEERS,
    READY,
    ROWS_MAX,
    SIDES,
    SPEC,
    Cells,
    cells,
    follow,
    of_the_release_before,
)
from sensor.detectors.volume_verify import again, recount
from sensor.model.evidence import Finding
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import HOUR_NS, span

__all__ = ["Volumes", "again", "detector", "recount"]

P_SHOWN = 1e-2
"""A p above this is not worth a row."""
P_NO_LEARNING = 1e-3
DRIFT_CHANGE = float(np.log(2.0))
"""A level that neither doubled nor halved is no drift to tell of, however rare: among servers that are all steady a
tenth of their unrest is, and eight of ten false incidents of drift in a simulated fortnight were of a fifth or less."""
HELD = 2 * DAY
"""Buckets for which strangeness alone keeps a device from learning: 48 h; then what it does is what it does."""
VERSION = 2


def detector(names: Names, secret: int) -> "Volumes":
    """Make the detector of this module."""
    return Volumes(names, secret)


class Volumes:
    """Six counts a device and 10 minutes."""

    name = texts.NAME
    family = texts.FAMILY
    techniques: tuple[str, ...] = ("T1048", "T1498", "T1046")
    needs = "history"
    unit = "−log10 of the day's least p of a bucket"
    citation = "Finch 2009, section 9; Hosking and Wallis 1987; Page 1954; METHOD in force"

    def __init__(self, names: Names, secret: int) -> None:
        self._names, self._secret = names, np.uint64(secret)
        self._table = Table(SPEC, ROWS_MAX)
        self._groups, self.judge = Groups(names), Judge()
        self._bucket = -1
        self._told: set[int] = set()

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"volumes": self._table.saturation}

    @property
    def calibration(self) -> dict[tuple[str, float], float]:
        """Calibration ratio by statistic and alpha; NaN where there was too little to say."""
        return self.judge.ratios()

    def score(self, tick: Tick) -> list[Finding]:
        """Close the bucket where the tick begins another one, and judge it."""
        self._told = set()
        if tick.merged:
            self._cover(tick)
            follow(self._table, tick.merged)
        bucket = (tick.end_ns - 1) // BUCKET_NS
        if self._bucket < 0 or not tick.learn:
            self._bucket = bucket if self._bucket < 0 else self._bucket
            return []
        found = self._close(bucket) if bucket > self._bucket else []
        self._told = {finding.device for finding in found}
        return found

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count the tick into the open bucket; what an open incident is about keeps its bucket out of the baselines."""
        if not tick.learn:
            return
        self._cover(tick)
        c = self._table.columns
        # What is flagged for no more than our own rows of this tick is in no incident: it is held by its p instead.
        for row in np.nonzero(flagged)[0].tolist():
            if row not in self._told:
                c["flagged"][row] |= 3
        flows = tick.flows
        if not len(flows):
            return
        tally(
            tick.orig_device, tick.resp_device, flows["orig_bytes"].copy(), flows["resp_bytes"].copy(), tick.fresh,
            contacts(tick).outcome == 1, c["counts"],
        )  # fmt: skip
        add(tick.orig_device, flows["resp_hi"].copy(), flows["resp_lo"].copy(), self._secret, c["registers"])
        for ends in (tick.orig_device, tick.resp_device):
            at = ends[ends >= 0]
            c["last"][at], c["joined"][at] = self._bucket, 0

    def coverage(self) -> Coverage:
        """Say how many devices have 24 h of history, and whether their p hold."""
        c = cells(self._table)
        there = c["joined"] == 0
        if not there.any():
            return Coverage(detector=self.name, state="no_input", why="no flow of a local device")
        ready, days = int(((c["seen"] >= READY) & there).sum()), self.judge.device_days()
        if ready and days >= RANKED_MIN:
            why = f"{ready} of {int(there.sum())} devices have 24 h of history, their peers {days:,} device-days"
            demoted = self.judge.demoted()
            why += f"; no p below 1e-3, as they do not hold: {', '.join(demoted)}" if demoted else ""
            return Coverage(detector=self.name, state="judged", why=why)
        longest = span(int(c["seen"].max()) * BUCKET_NS)
        why = f"needs 24 h of history and {RANKED_MIN} device-days of peers; the longest is {longest}, there are {days}"
        return Coverage(detector=self.name, state="learning", why=why)

    def progress(self, device: int) -> float:
        """Return how far a device's 24 h of history are, 0 to 1."""
        return min(1.0, float(self._table.columns["seen"][device]) / READY) if device < self._table.rows else 0.0

    def progresses(self, count: int) -> NDArray[np.float64]:
        """Return the same of the first device rows, float64, shape (count,)."""
        found, known = np.zeros(count), min(count, self._table.rows)
        found[:known] = np.minimum(1.0, self._table.columns["seen"][:known] / READY)
        return found

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        parts = (("table", self._table.save()), ("judge", self.judge.save()), ("groups", self._groups.save()))
        state = {f"{part}/{name}": column for part, held in parts for name, column in held.items()}
        return {**state, "head": np.array([VERSION, self._bucket], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned, or the release before. Raises ValueError for a version it cannot read."""
        table = _part(state, "table")
        if "head" not in state:
            self._table.load(of_the_release_before(table))
            self._bucket = int(state["bucket"][0])
            columns = cells(self._table)
            columns["last"][:] = self._bucket
            self._groups.place(columns, np.arange(self._table.rows))
            return
        if int(state["head"][0]) != VERSION:
            raise ValueError(f"volumes of version {int(state['head'][0])}; this program reads {VERSION}")
        self._table.load(table)
        self._bucket = int(state["head"][1])
        self._groups.load(_part(state, "groups"))
        self.judge.load(_part(state, "judge"))

    def _cover(self, tick: Tick) -> None:
        before = self._table.rows
        self._table.cover(self._names.count())
        if self._table.rows > before:
            rows = np.arange(before, self._table.rows)
            self._table.columns["last"][rows] = (tick.end_ns - 1) // BUCKET_NS
            self._groups.place(self._table.columns, rows)

    def _close(self, bucket: int) -> list[Finding]:
        """Judge the open bucket, then learn it; and its hour and day, where the next one is of another."""
        c, closed = cells(self._table), self._bucket
        c["counts"][:, PEERS] = estimate(c["registers"])
        found = self.judge.bucket(c, closed, self._season(closed), self._secret, len(self._groups.known))
        flagged = (c["flagged"] & 1) > 0
        findings = [*self._commons(found.commons, closed * BUCKET_NS, BUCKET_NS), *self._now(found, c, closed, flagged)]
        self.judge.learn_bucket(c, found, closed, flagged)
        if bucket // HOUR != closed // HOUR:
            findings += self._hour(c, closed // HOUR, flagged)
        if bucket // DAY != closed // DAY:
            findings += self._day(c, closed)
        c["counts"][:], c["registers"][:] = 0.0, 0
        c["flagged"] &= np.uint8(2)
        self._bucket = bucket
        return findings

    def _season(self, bucket: int) -> int:
        """Return the season of a bucket by the clock on the wall: people keep local hours and weekends."""
        return seasonal.season_of(bucket, self._names.utc_offset_s(bucket * BUCKET_NS))

    def _now(self, found: Judged, c: Cells, bucket: int, flagged: NDArray[np.bool_]) -> list[Finding]:
        """Tell the devices whose day has not been as bad before; let all learn but the strange."""
        distance, kinds = found.distance, c["kind"]
        has_p = ~np.isnan(distance)
        worse = has_p & (distance > c["worst"][:, NOW])
        c["worst"][:, NOW] = np.where(worse, distance, c["worst"][:, NOW])
        c["judged"] += has_p
        p = self.judge.of_day(DAY_NOW, kinds, np.where(has_p, distance, -1.0))
        told = worse & (p <= P_SHOWN) & self._ready(c)
        findings = [self._bucket_finding(found, c, bucket, row, float(p[row])) for row in np.nonzero(told)[0].tolist()]
        strange = p < P_NO_LEARNING
        c["held"][:] = np.where(strange, np.minimum(c["held"] + 1, 2 * HELD), np.maximum(c["held"] - 1, 0))
        # A row that was not seen since it came, or for a week, has nothing to teach.
        here = (c["joined"] == 0) & (bucket - c["last"] < 7 * DAY)
        take = here & ~flagged & ~(strange & (c["held"] <= HELD))
        seasonal.learn(
            c["counts"], bucket, self._season(bucket), self._secret, FLOOR, take, c["level"], c["scale"],
            c["season"], c["active"], c["usually"], c["visits"], c["seen"], c["took"],
        )  # fmt: skip
        return findings

    def _bucket_finding(self, found: Judged, c: Cells, bucket: int, row: int, p: float) -> Finding:
        of, kind = texts.whose(self._names, row), int(c["kind"][row])
        side = int(np.nanargmin(found.raw[row]))
        feature, pools = side // 2, self.judge.pools
        score, worst = float(found.score[row, side]), float(found.distance[row])
        common = any(k == side and g == c["group"][row] for k, g, *_ in found.commons)
        z, plain = float(found.z[row, feature]), float(found.plain[row, side])
        numbers = {
            "u": float(seasonal.jitter(row, feature, bucket, self._secret)), "common": float(common),
            "centre": float(found.centre[row, feature]), "spread": float(found.spread[row, feature]),
            "any": texts.share_of_any(z, plain, low=side % 2 == 1), "shifted": float(found.shifted[row, feature]),
            "milder": float(found.milder[row, side]), "score": score, "worst": worst,
        }  # fmt: skip
        day = pools.law(DAY_NOW, kind)
        basis = texts.counted(c, of, bucket, side, numbers)
        basis |= law_numbers(pools.law(BUCKET + side, kind), score, "law")
        basis |= law_numbers(day, worst, "day")
        return texts.now(of, c, bucket, side, basis, p, day, kind)

    def _commons(self, commons: list[Common], begin_ns: int, length_ns: int) -> list[Finding]:
        """Tell the groups of which more than half acted as one."""
        told = []
        for k, g, hits, size, median in commons:
            if hits > MAJORITY * size:
                judged, as_one, _ = self._groups.days[g].tolist()
                self._groups.days[g, 2] = 1
                when = (begin_ns, length_ns)
                told.append(texts.common(*self._groups.known[g], when, k, (hits, size), median, (as_one, judged)))
        return told

    def _hour(self, c: Cells, hour: int, flagged: NDArray[np.bool_]) -> list[Finding]:
        found = self.judge.hour(c, hour, flagged, len(self._groups.known))
        total = c["total"].astype(np.float64)
        worse = (total > c["worst"][:, HOURS]) & ~np.isnan(found.raw).all(axis=1)
        c["worst"][:, HOURS] = np.where(worse, total, c["worst"][:, HOURS])
        p = self.judge.of_day(DAY_HOURS, c["kind"], np.where(worse, total, -1.0))
        findings = self._commons(found.commons, hour * HOUR_NS, HOUR_NS)
        for row in np.nonzero((p <= P_SHOWN) & self._ready(c) & (total > 0.0))[0].tolist():
            side, kind, pools = int(np.nanargmin(found.raw[row])), int(c["kind"][row]), self.judge.pools
            day, alone, score = pools.law(DAY_HOURS, kind), float(found.alone[row, side]), float(found.score[row, side])
            basis = {
                "hour": hour, "feature": side // 2, "low": side % 2, "statistics": SIDES, "alone": alone,
                "shifted": alone - score, "score": score, "total_before": float(found.before[row]),
                "total": float(total[row]), "since": float(c["since"][row]),
                **law_numbers(pools.law(HOURLY + side, kind), score, "law"),
                **law_numbers(day, float(total[row]), "day"),
            }  # fmt: skip
            of = texts.whose(self._names, row)
            findings.append(texts.accumulated(of, hour, side, basis, float(p[row]), day, kind))
        return findings

    def _day(self, c: Cells, bucket: int) -> list[Finding]:
        day = bucket // DAY
        found = self.judge.day(c, day, len(self._groups.known))
        findings = []
        for row in np.nonzero((found.p <= P_SHOWN) & self._ready(c) & (c["flagged"] == 0))[0].tolist():
            side, kind, pools = int(np.nanargmin(found.raw[row])), int(c["kind"][row]), self.judge.pools
            moved, feature = found.moved, side // 2
            if abs(moved.distance[row, feature]) < DRIFT_CHANGE:
                continue
            then, score = float(moved.before[row, feature]), float(found.score[row, side])
            law = pools.law(DAY_DRIFT, kind)
            basis = {
                "day": day, "feature": feature, "low": side % 2, "statistics": SIDES,
                "now": then + float(moved.distance[row, feature]), "before": then,
                "unrest": float(moved.unrest[row, feature]), "days": float(moved.days[row, feature]),
                "shifted": float(found.alone[row, side]) - score, "score": score, "worst": float(found.worst[row]),
                **law_numbers(pools.law(DRIFT + side, kind), score, "law"),
                **law_numbers(law, float(found.worst[row]), "day"),
            }  # fmt: skip
            basis["day_floor"] = max(basis["day_floor"], DRIFT_LEAST)
            of = texts.whose(self._names, row)
            findings.append(texts.drifted(of, day, side, basis, float(found.p[row]), law, kind))
        self._groups.close_day(c["group"][c["judged"] >= WHOLE_DAY])
        c["worst"][:] = -1.0
        for name in ("judged", "day_x", "day_any", "day_n", "flagged"):
            c[name][:] = 0
        self._groups.refresh(c, bucket)
        return findings

    def _ready(self, c: Cells) -> NDArray[np.bool_]:
        """Return the devices that have 24 h of history, or one of whose group has."""
        longest = np.zeros(len(self._groups.known), np.int64)
        np.maximum.at(longest, c["group"], c["seen"])
        return np.asarray(longest[c["group"]] >= READY, np.bool_)


def _part(state: dict[str, NDArray[Any]], part: str) -> dict[str, NDArray[Any]]:
    return {name[len(part) + 1 :]: column for name, column in state.items() if name.startswith(f"{part}/")}
