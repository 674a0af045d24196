"""From counts to p: the three channels of volumes, their pools, and whether their p hold.

*Now*: each feature and side of a bucket gets its p from the pool of the peers' scores; the smallest of them times their
number is the bucket's; its running minimum of the day is compared with full days' minima of the peers, so that p is a
rate per device-day, however many buckets a day has and however dependent they are. *Accumulation*: six buckets' scores
added up, less what the group has in common, an hour's p in the same way, a cumulative sum of −ln p over hours, the
day's largest against the peers' days. Six small common changes are no common mode in any bucket and a large one in
their hour: without taking it off, of 1,060 simulated devices 21 and 25 accumulated to p ≤ 1e-3 on two holidays (7 and
19 less the median of lacks, 0 and 1 where lacks are withheld). While a group's hours lack in common, none of its
buckets is judged for its lack. *Drift*: the level of a week against that of 21 days before, against the peers'
distances; the day's least p against the peers' days, of which those of one drift are one. A day's level is the mean of
its buckets' logarithms, as one huge bucket makes a day's total and not its level (simulated ×16 ramps at p ≤ .01: .28
by totals, .85 so). Twelve ramps of bytes alone, ×16 to ×64 in 17 days of two simulated sites: p ≤ 1e-3 of 7 (the least
p of twelve sides was 1.2e-2 before, whatever was seen).

Until the peers have 100 device-days a p says nothing that anybody should hear: there is none. Not here: evidence.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines import accumulate, common_mode, drift, inflation, seasonal
from baselines.calibration import RANKED_MIN, Law, Pools, point_of
from baselines.selfcheck import ALPHAS, SelfCheck
from sensor.detectors import volume_ablations
from sensor.detectors.volume_groups import GROUPS_MAX, KINDS
from sensor.detectors.volume_state import (
    BUCKET_NS,
    DAY,
    DORMANT,
    FEATURES,
    FLOOR,
    HOUR,
    HOURS,
    HURDLES,
    NOW,
    SIDES,
    YOUNG,
    Cells,
)  # fmt: skip

BUCKET, HOURLY, DRIFT = 0, SIDES, 2 * SIDES
"""First statistic of each kind; then three of whole days."""
DAY_NOW, DAY_HOURS, DAY_DRIFT = 3 * SIDES, 3 * SIDES + 1, 3 * SIDES + 2
STATISTICS = 3 * SIDES + 3
CHECKED = (
    *(f"volumes.{feature}.{side}" for feature in FEATURES for side in ("high", "low")),
    "volumes.now", "volumes.accumulation", "volumes.drift",
)  # fmt: skip
"""What the self-check counts: each statistic of a bucket, and the p of the three channels."""
TRIES = (DAY, DAY // HOUR, 1)
"""Judgements of a day: its buckets, its hours, itself."""
_OF_CHANNEL = {SIDES: (DAY_NOW,), SIDES + 1: (DAY_HOURS,), SIDES + 2: (DAY_DRIFT,)}
P_EPISODE, EPISODE_DAYS = 1e-2, 7
"""A drift that goes on: told of within a week, as its evidence is one a week."""
DRIFT_LEAST = 2e-4
"""No p of a drift is below, so that none pages by itself: what took three weeks can wait for the morning. It still
opens, as that is less than its channel's share of one a day and 1,000 devices."""
WHOLE_DAY = 100
"""Judged buckets, of 144, that make a day comparable with full ones."""
SIGNED_MAX = 7.0
"""Nats that one bucket adds to its hour at most, p = 1e-3: what is rarer is told by itself."""
D_MAX = 300.0
_F = len(FEATURES)
_SHAPES = ((_F,), (_F,), (_F, seasonal.SEASONS), (HURDLES, seasonal.SEASONS))
"""Of level, scale, season and active."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int32]


Common = tuple[int, int, int, int, float]
"""(statistic, group, members, of how many, what they have in common) of a group that acts as one."""


class Summed(msgspec.Struct):
    """An hour as it was judged; columns of shape (devices, SIDES)."""

    alone: Floats
    """Each side's score before what the group has in common is taken off."""
    score: Floats
    raw: Floats
    """p without a floor."""
    before: Floats
    """The cumulative sum before the hour, shape (devices,)."""
    commons: list[Common]
    """What they have in common is in nats."""


class Drifted(msgspec.Struct):
    """A day's drift; columns of shape (devices, SIDES) but as said."""

    moved: drift.Drift
    alone: Floats
    """Each side's distance in unrests, before what the group has in common is taken off."""
    score: Floats
    raw: Floats
    """p without a floor."""
    worst: Floats
    """−log10 of the least p, shape (devices,); −1 where there is none."""
    p: Floats
    """Of the worst among the peers' days, shape (devices,)."""
    commons: list[Common]


class Judged(msgspec.Struct):
    """A bucket as it was judged; columns of shape (devices, …)."""

    z: Floats
    centre: Floats
    spread: Floats
    plain: Floats
    """−ln of each side's probability, shape (devices, SIDES): feature × (high, low)."""
    milder: Floats
    """What it was divided by."""
    score: Floats
    """NaN also where a lack is the whole group's."""
    summed: Floats
    """The score that goes into its hour."""
    p: Floats
    raw: Floats
    """p without a floor: for ordering alone."""
    shifted: Floats
    """What was subtracted from z because the group did it too."""
    commons: list[Common]
    """What they have in common is the median z."""
    who: Flags
    """Devices that were judged."""
    distance: Floats
    """−log10 of the bucket's p, shape (devices,); NaN where it has none."""


class Judge:
    """Pools, self-check and the peers' prior."""

    without: frozenset[str] = frozenset()
    """Parts left out for an ablation (`sensor.model.detection`); what it judges then cannot be verified."""

    def __init__(self) -> None:
        # of drift none opened falsely in the same simulated days: its p go on to the pool's own floor
        self.pools = Pools(STATISTICS, len(KINDS), told=frozenset({DAY_NOW, DAY_HOURS}))
        self.check = SelfCheck(len(CHECKED))
        self.prior = seasonal.prior(
            np.zeros(0, np.int32), 1, np.zeros(0, np.bool_), *(np.zeros((0, *shape), np.float32) for shape in _SHAPES)
        )
        self.prior_at = -1
        self.lacking = np.zeros((GROUPS_MAX, SIDES), np.bool_)
        self._limits_at = -1
        self._held = np.empty((0, SIDES)), np.empty((0, SIDES))

    def bucket(self, c: Cells, bucket: int, season: int, secret: np.uint64, groups: int) -> Judged:
        """Judge a closed bucket of a season."""
        self.pools.advance(bucket * BUCKET_NS)
        peers = self._peers(c, bucket, groups)
        if "peers" in self.without:
            peers = peers._replace(n=np.zeros_like(peers.n))
        n = len(c["seen"])
        high, low, z, centre, spread = (np.empty((n, len(FEATURES))) for _ in range(5))
        seasonal.score(
            c["counts"], bucket, season, secret, FLOOR, c["group"],
            c["level"], c["scale"], c["season"], c["active"], c["usually"], c["visits"], c["seen"],
            peers.n, peers.level, peers.within, peers.between, peers.season, peers.active,
            high, low, z, centre, spread,
        )  # fmt: skip
        who = (c["joined"] == 0) & (bucket - c["last"] < DORMANT) & (c["last"] >= 0)
        who &= (c["seen"] >= YOUNG) | (peers.n[c["group"]] > 0)
        plain = np.stack([high, low], axis=2).reshape(n, SIDES)
        plain[~who] = np.nan
        milder = inflation.inflation(c["share"], c["tries"])
        score = plain / milder
        p, raw = self._p(BUCKET, c["kind"], score)
        found = Judged(z, centre, spread, plain, milder, score, score, p, raw, np.zeros_like(z), [], who, np.empty(n))
        self._common(found, c, groups)
        found.summed = found.score.copy()
        for column in (found.score, found.p, found.raw):
            column[self.lacking[c["group"]]] = np.nan
        found.distance = self._distance(found.raw)
        return found

    def learn_bucket(self, c: Cells, found: Judged, bucket: int, flagged: Flags) -> None:
        """Let a bucket's scores count, but of flagged devices."""
        take = found.who & ~flagged & (c["seen"] >= YOUNG)
        kinds = c["kind"]
        group, (points, floors) = np.where(take, kinds, np.int32(-1)), self._limits()
        inflation.watch(found.plain, points[kinds], take, c["share"], c["tries"])
        self.check.note(slice(SIDES), bucket // DAY, np.where(take[:, None], found.p, np.nan), floors[kinds])
        for k in range(SIDES):
            self.pools.add(BUCKET + k, group, np.ascontiguousarray(found.score[:, k]))
        signed = np.nan_to_num(found.summed[:, ::2]) - np.nan_to_num(found.summed[:, 1::2])
        # Of bytes the level is that of the buckets with any, as elsewhere.
        counted = c["counts"] > np.where(np.arange(len(FEATURES)) < HURDLES, 0.0, -1.0)
        c["day_x"] += np.where(counted, np.log1p(np.maximum(c["counts"], 0.0)), 0.0)
        c["day_any"] += counted
        c["day_n"] += 1
        c["hour"] += np.where(found.who[:, None], np.clip(signed, -SIGNED_MAX, SIGNED_MAX), 0.0)
        c["hour_n"] += found.who

    def of_day(self, statistic: int, kind: Numbers, values: Floats) -> Floats:
        """Return the p of a day's worst so far among the peers' days; NaN where these are fewer than RANKED_MIN."""
        scores = np.where(values >= 0.0, values, np.nan)
        if "pools" in self.without:
            return volume_ablations.of_day(TRIES[statistic - DAY_NOW], scores)
        p, _ = self.pools.p(statistic, kind, scores)
        few = np.array([law.n < RANKED_MIN for law in self._laws(statistic)])
        return np.where(few[kind], np.nan, p)

    def hour(self, c: Cells, hour: int, flagged: Flags, groups: int) -> Summed:
        """Close an hour: move the sums."""
        whole = (c["hour_n"] == HOUR) & (c["joined"] == 0)
        total = np.where(whole[:, None], c["hour"].astype(np.float64), np.nan)
        score = np.stack([np.maximum(total, 0.0), np.maximum(-total, 0.0)], axis=2).reshape(len(whole), SIDES)
        alone = score.copy()
        p, raw = self._p(HOURLY, c["kind"], score)
        commons = self._rest(HOURLY, c, groups, score, p, raw)
        self.lacking[:] = False
        for k, g, *_ in commons:
            self.lacking[g, 1::2] |= k % 2 == 1
        before = c["total"].copy()
        accumulate.accumulate(self._distance(raw) * np.log(10.0), c["total"])
        c["since"][:] = np.where(c["total"] <= 0.0, -1, np.where(before <= 0.0, hour, c["since"]))
        take = whole & ~flagged & (c["seen"] >= YOUNG)
        group = np.where(take, c["kind"], np.int32(-1))
        for k in range(SIDES):
            self.pools.add(HOURLY + k, group, np.ascontiguousarray(score[:, k]))
        c["hour"][:], c["hour_n"][:] = 0.0, 0
        return Summed(alone, score, raw, before, commons)

    def day(self, c: Cells, day: int, groups: int) -> Drifted:
        """Close a day: its worst go to the pools; return how far the devices' levels drifted."""
        kinds = c["kind"]
        take = (c["judged"] >= WHOLE_DAY) & (c["flagged"] == 0) & (c["joined"] == 0)
        for column, statistic in ((NOW, DAY_NOW), (HOURS, DAY_HOURS)):
            self._close(statistic, day, kinds, np.where(take, np.ascontiguousarray(c["worst"][:, column]), -1.0))
        whole = ((c["day_n"] >= WHOLE_DAY) & (c["joined"] == 0))[:, None] & (c["day_any"] > 0)
        c["ring"][..., day % drift.RING] = np.where(whole, c["day_x"] / np.maximum(c["day_any"], 1), -1.0)
        moved = drift.drift(np.where(c["ring"] < 0.0, np.float32(np.nan), c["ring"]), day, kinds)
        ratio = moved.distance / moved.unrest
        alone = np.stack([np.maximum(ratio, 0.0), np.maximum(-ratio, 0.0)], axis=2).reshape(len(kinds), SIDES)
        score = alone.copy()
        p, raw = self._p(DRIFT, kinds, score)
        commons = self._rest(DRIFT, c, groups, score, p, raw)
        # Days of one drift are one: else who drifts for weeks is its own peers (p stayed at 7 of 5,600 in a ramp ×16).
        first = take & (day - c["drifted"] >= EPISODE_DAYS)
        for k in range(SIDES):
            self.pools.add(DRIFT + k, np.where(first, kinds, np.int32(-1)), np.ascontiguousarray(score[:, k]))
        worst = np.nan_to_num(self._distance(raw), nan=-1.0)
        p_day = np.maximum(DRIFT_LEAST, self.of_day(DAY_DRIFT, kinds, np.where(take, worst, -1.0)))
        self._close(DAY_DRIFT, day, kinds, np.where(first, worst, -1.0))
        c["drifted"][:] = np.where(p_day <= P_EPISODE, day, c["drifted"])
        self._demote()
        return Drifted(moved, alone, score, raw, worst, p_day, commons)

    def _close(self, statistic: int, day: int, kinds: Numbers, values: Floats) -> None:
        """Take a day's worst into their pool, −1 none, and count what p they had before."""
        floors = np.array([law.floor for law in self._laws(statistic)])[kinds]
        p = self.of_day(statistic, kinds, values)
        self.check.note(SIDES + statistic - DAY_NOW, day, p, floors)
        self.pools.add(statistic, np.where(values >= 0.0, kinds, np.int32(-1)), np.where(values >= 0.0, values, np.nan))

    def ratios(self) -> dict[tuple[str, float], float]:
        """Return the calibration ratio by statistic and alpha; NaN where there was too little to say."""
        return {
            (name, alpha): self.check.ratio(k, alpha) for k, name in enumerate(CHECKED) for alpha in ALPHAS
        }  # fmt: skip

    def demoted(self) -> list[str]:
        """Return the statistics that give no p below 1e-3, because theirs do not hold."""
        return [name for k, name in enumerate(CHECKED) if set(_OF_CHANNEL.get(k, (k,))) <= self.pools.demoted]

    def device_days(self) -> int:
        """Return how many device-days the pools hold."""
        return int(self.pools.counts[DAY_NOW].sum())

    def _limits(self) -> tuple[Floats, Floats]:
        """Return each side's point at `inflation.ALPHA` and its floor, shape (kinds, SIDES); kept while laws hold."""
        if self._limits_at != self.pools.epoch:
            self._limits_at = self.pools.epoch
            laws = [self._laws(BUCKET + k) for k in range(SIDES)]
            points = np.array([[point_of(law, inflation.ALPHA) for law in side] for side in laws])
            floors = np.array([[law.floor for law in side] for side in laws])
            self._held = np.ascontiguousarray(points.T), np.ascontiguousarray(floors.T)
        return self._held

    def _laws(self, statistic: int) -> list[Law]:
        return [self.pools.law(statistic, kind) for kind in range(len(KINDS))]

    def _p(self, first: int, kinds: Numbers, score: Floats) -> tuple[Floats, Floats]:
        """Return p and p without a floor of each side, shape (n, SIDES)."""
        if "pools" in self.without:
            own = volume_ablations.own(score, nats=first != DRIFT)
            return own, own
        return self.pools.p_each(first, kinds, score)

    def _common(self, found: Judged, c: Cells, groups: int) -> None:
        """Where a group does it at once, judge its members by how they differ from it."""
        for k in range(SIDES):
            for g, hits, size, _ in common_mode.in_common(found.p[:, k], c["group"], groups):
                rows, j = np.nonzero((c["group"] == g) & found.who)[0], k // 2
                z = found.z[rows, j]
                seen = z[~np.isnan(z)]
                median = float(np.median(seen)) if len(seen) else 0.0
                rest = np.ascontiguousarray((z - median) * (-1.0 if k % 2 else 1.0))
                nats = np.empty(len(rows))
                seasonal.tails(rest, nats)
                found.shifted[rows, j] = median
                # Whoever has none of a hurdle, as its group, is no surprise at all.
                found.score[rows, k] = np.nan_to_num(nats) / found.milder[rows, k]
                p, raw = self.pools.p(BUCKET + k, c["kind"][rows], np.ascontiguousarray(found.score[rows, k]))
                found.p[rows, k], found.raw[rows, k] = p, raw
                found.commons.append((k, g, hits, size, median))

    def _rest(self, first: int, c: Cells, groups: int, score: Floats, p: Floats, raw: Floats) -> list[Common]:
        """Where a group does it at once, leave its members what they do beyond it; all but `c` changes in place.

        Of a lack nothing is left: how much a device lacks on a holiday is how much it does on other days.
        """
        commons: list[Common] = []
        for k in range(SIDES):
            side = np.ascontiguousarray(score[:, k])
            found = common_mode.leave_rest(side, p[:, k], c["group"], groups, whole=k % 2 == 1)
            if found:
                score[:, k] = side
                p[:, k], raw[:, k] = self.pools.p(first + k, c["kind"], side)
                commons += [(k, *one) for one in found]
        return commons

    def _distance(self, raw: Floats) -> Floats:
        """Return −log10 of the least p."""
        least = volume_ablations.added_up(raw) if "min-p" in self.without else _least(raw)
        return np.asarray(-np.log10(np.maximum(least, 10.0**-D_MAX)), np.float64)

    def _demote(self) -> None:
        failing = [k for k in range(len(CHECKED)) if self.check.failing(k)]
        self.pools.demote(frozenset(s for k in failing for s in _OF_CHANNEL.get(k, (BUCKET + k,))))

    def _peers(self, c: Cells, bucket: int, groups: int) -> seasonal.Prior:
        """Return what the groups are like; made anew every six hours, from those with a day of their own."""
        due = bucket // (6 * HOUR)
        if due != self.prior_at or len(self.prior.n) < groups:
            ready = (c["seen"] >= DAY) & (c["joined"] == 0) & (bucket - c["last"] < DORMANT)
            self.prior = seasonal.prior(c["group"], groups, ready, c["level"], c["scale"], c["season"], c["active"])
            self.prior_at = due
        return self.prior

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        prior = {f"prior/{name}": getattr(self.prior, name).copy() for name in seasonal.Prior._fields}
        parts = (("pools", self.pools.save()), ("check", self.check.save()))
        held = {f"{part}/{name}": column for part, state in parts for name, column in state.items()}
        return {**held, **prior, "prior_at": np.array([self.prior_at], np.int64), "lacking": self.lacking.copy()}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        self.pools.load({name[6:]: column for name, column in state.items() if name.startswith("pools/")})
        self.check.load({name[6:]: column for name, column in state.items() if name.startswith("check/")})
        self.prior = seasonal.Prior(**{name: state[f"prior/{name}"] for name in seasonal.Prior._fields})
        self.prior_at = int(state["prior_at"][0])
        self.lacking[:] = state.get("lacking", False)
        self._limits_at = -1


def _least(p: Floats) -> Floats:
    """Return the smallest p of each row times how many there are, at most 1; NaN where there is none."""
    return np.asarray(np.minimum(1.0, np.fmin.reduce(p, axis=1) * SIDES), np.float64)
