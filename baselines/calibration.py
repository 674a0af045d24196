"""A score's p from the scores of all peers: a sketch a group and statistic, over 28 days, lagged by 24 h.

A per-device model gives only a score; how often peers reach it is what gives a p. A sketch is a histogram of 512
logarithmic bins a day and the day's largest scores as they are (36 a slice, about 1,000 in all): rank down to the
.1 % point, a generalised Pareto tail beyond it (`baselines.pareto`). What came in the last 24 h waits in slices of six
hours, so that nobody is judged by what he did an hour ago. A group with fewer than SMALL scores is judged by all
groups' together.

No p is below its pool's floor: 1/(10 n), 1e-3 until n = 2,000 and 1e-4 until 10,000; of statistics that have one value
a day also what a self-check can tell of (`told_floor`). There is no reference tail: none
was made from enough real data. Assumes that the caller leaves out whom an open incident is about. Sums and largest
values of slices merge in any order. Not here: what a group is, and whether the p hold (`baselines.selfcheck`).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines import pareto
from baselines._jit import kernel, rows
from baselines.selfcheck import EXPECTED_MIN

VERSION = 1
BINS = 512
LOW, HIGH = -2.0, 4.0
"""log10 of the scores that the bins span: 2.7 % a bin. What is outside falls into the first or last."""
DAYS = 28
SLICE_NS = 6 * 3_600 * 1_000_000_000
"""What waits does so in pieces of six hours: the lag is 24 to 30 h."""
DAY_NS = 4 * SLICE_NS
WAITING = 5
"""Slices that can be younger than 24 h."""
TOP = 36
"""Largest scores kept as they are in a slice: 28 × 36 = 1,008 in a full pool."""
SMALL = 10_000
"""Scores below which a pool's floors and shape are held back: the method in force."""
TAIL_SHARE = 1e-3
"""Where the tail begins: the method in force."""
TAIL_MIN, TAIL_MAX = 50, 1_000
"""Excesses that a tail rests on. Over 60 pools of 10,000 scores of Student's t with 4 degrees of freedom the ratio at
1e-4 lay between .38 and 3.2 (10 to 90 %) with 10 of them and between .55 and 3.1 with 50; 100 were no better. With
100,000 scores it lies between .8 and 1.4."""
RANKED_MIN = 100
"""Scores below which there is no tail at all, ranks alone."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
F64, I32 = rows(np.float64), rows(np.int32)
F64_2D, I32_2D = rows(np.float64, 2), rows(np.int32, 2)


class Law(NamedTuple):
    """How the scores of a pool are distributed, as of one moment.

    `log_rank` is ln of the share at or above each bin's lower edge, float64, shape (BINS + 1,). Beyond `start` the
    share is `share` · GPD(`shape`, `scale`); `start` is infinite where there is no tail. A tail that ends (shape < 0)
    goes on exponentially from `bend`, where it reaches the floor: what lies beyond its end can still be put in order.
    """

    n: int
    log_rank: Floats
    start: float
    share: float
    shape: float
    scale: float
    bend: float
    floor: float

    def numbers(self) -> tuple[float, ...]:
        """Return all but the ranks, as `tail_p` takes them."""
        return (self.n, self.start, self.share, self.shape, self.scale, self.bend, p_floor(self.n), self.floor)


@kernel(F64, I32, I32_2D, F64_2D)
def absorb(scores: Floats, group: NDArray[np.int32], counts: NDArray[np.int32], top: Floats) -> None:
    """Count scores into bins, and keep the largest.

    Args:
        scores: float64, shape (n,); NaN is left out.
        group: Pool of each, −1 none, int32, shape (n,).
        counts: In and out, int32, shape (groups, BINS).
        top: In and out: largest scores, ascending, −1 where there are fewer, float64, shape (groups, TOP).
    """
    for i in range(len(scores)):
        score, g = scores[i], group[i]
        if np.isnan(score) or g < 0:
            continue
        at = 0
        if score > 10.0**LOW:
            at = min(BINS - 1, int((np.log10(score) - LOW) / (HIGH - LOW) * BINS))
        counts[g, at] += 1
        if score > top[g, 0]:
            j = 1
            while j < top.shape[1] and top[g, j] < score:
                top[g, j - 1] = top[g, j]
                j += 1
            top[g, j - 1] = score


@kernel(F64, I32, F64_2D, F64_2D, F64)
def tail_p(scores: Floats, group: NDArray[np.int32], log_rank: Floats, tails: Floats, p: Floats) -> None:
    """Return each score's p, without its floor.

    Args:
        scores: float64, shape (n,), NaN = none.
        group: Pool of each, int32, shape (n,).
        log_rank: As `Law` has it, float64, shape (groups, BINS + 1).
        tails: `Law.numbers` of each pool, float64, shape (groups, 8).
        p: Out, float64, shape (n,); NaN where there is no score, or nothing to compare it with.
    """
    for i in range(len(scores)):
        score, g = scores[i], group[i]
        if np.isnan(score) or g < 0 or tails[g, 0] < 1.0:
            p[i] = np.nan
            continue
        if score > tails[g, 1]:
            shape, scale = tails[g, 3], tails[g, 4]
            excess = score - tails[g, 1]
            if score > tails[g, 5]:
                p[i] = tails[g, 6] * np.exp(-(score - tails[g, 5]) / scale)
            elif abs(shape) < 1e-9:
                p[i] = tails[g, 2] * np.exp(-excess / scale)
            else:
                p[i] = tails[g, 2] * max(0.0, 1.0 + shape * excess / scale) ** (-1.0 / shape)
            continue
        place = 0.0
        if score > 10.0**LOW:
            place = min(float(BINS), (np.log10(score) - LOW) / (HIGH - LOW) * BINS)
        at = min(BINS - 1, int(place))
        p[i] = np.exp(log_rank[g, at] + (place - at) * (log_rank[g, at + 1] - log_rank[g, at]))


def p_floor(n: int, demoted: bool = False) -> float:
    """Return the smallest p that a pool of n observations may give; a demoted one gives none below 1e-3."""
    if n <= 0:
        return 1.0
    floor = 1e-3 if n < 2_000 or demoted else 1e-4 if n < SMALL else 0.0
    return min(1.0, max(floor, 1.0 / (10.0 * n)))


def p_of(law: Law, score: float) -> float:
    """Return the p of one score under a law, none below its floor."""
    p = np.empty(1)
    tail_p(
        np.array([score]), np.zeros(1, np.int32), law.log_rank[None, :].copy(), np.array([law.numbers()], np.float64), p
    )
    return max(float(p[0]), law.floor)


def told_floor(n: int) -> float:
    """Return the smallest p of whose share a week's self-check could tell within a factor of two.

    Twenty such p are expected of n observations; never above 1e-3, the floor of what does not hold. Over 24,000
    simulated device-days the day's accumulation fell below 1e-4 six times as often as it should: what became an
    incident is left out of its pool, and no check tells that of the two that are expected.
    """
    return min(1e-3, EXPECTED_MIN / max(n, 1))


def point_of(law: Law, alpha: float) -> float:
    """Return the score that a share `alpha` of a pool reaches, by ranks; NaN where it has fewer than RANKED_MIN."""
    if law.n < RANKED_MIN:
        return float(np.nan)
    at = int(np.nonzero(law.log_rank >= np.log(alpha))[0][-1])
    return edge(min(BINS, at + 1))


def edge(at: int) -> float:
    """Return the lower edge of a bin."""
    return float(10.0 ** (LOW + (HIGH - LOW) * at / BINS))


_EDGES = np.array([edge(at) for at in range(BINS + 1)])


_ALL = -1
"""Key of what all groups share."""


class Pools:
    """Sketches of several statistics for several groups.

    Attributes:
        counts: int32, shape (statistics, WAITING + DAYS, groups, BINS): first the slices that wait, then the days.
        top: Largest scores, float64, shape (statistics, WAITING + DAYS, groups, TOP), ascending, −1 where fewer.
        held: Number of the six hours, or of the day, in each slot, −1 none, int64, shape (WAITING + DAYS,).
        epoch: Raised whenever what p are made from changes.
        demoted: Statistics whose p do not hold: none below 1e-3.
        now_ns: Event time it was last told.
    """

    def __init__(self, statistics: int, groups: int = 1, told: frozenset[int] = frozenset()) -> None:
        """Begin with nothing.

        Args:
            statistics: How many.
            groups: Of each.
            told: Statistics of few observations: no p is rarer than the self-check can tell (`told_floor`).
        """
        self._told = told
        self.counts = np.zeros((statistics, WAITING + DAYS, groups, BINS), np.int32)
        self.top = np.full((statistics, WAITING + DAYS, groups, TOP), -1.0)
        self.held = np.full(WAITING + DAYS, -1, np.int64)
        self.epoch = 0
        self.demoted: frozenset[int] = frozenset()
        self.now_ns = -1
        self._laws: dict[tuple[int, int], Law] = {}
        self._sizes: dict[int, list[int]] = {}
        self._stacked: dict[tuple[int, int], tuple[Floats, Floats]] = {}

    def advance(self, now_ns: int) -> None:
        """Let what is 24 h old count, and what is older than 28 days go. Time never goes back."""
        self.now_ns = max(now_ns, self.now_ns)
        ready = self.now_ns - DAY_NS
        changed = False
        for slot in range(WAITING):
            piece = int(self.held[slot])
            if piece >= 0 and (piece + 1) * SLICE_NS <= ready:
                self._release(slot, piece // 4)
                changed = True
        oldest = self.now_ns // DAY_NS - DAYS - 1
        gone = np.nonzero((self.held >= 0) & (self.held < oldest) & (np.arange(len(self.held)) >= WAITING))[0]
        self.counts[:, gone], self.top[:, gone], self.held[gone] = 0, -1.0, -1
        if changed or len(gone):
            self.epoch += 1
            self._forget()

    def add(self, statistic: int, group: NDArray[np.int32], scores: Floats) -> None:
        """Take in scores of the moment that `advance` was given.

        Args:
            statistic: Which.
            group: int32, shape (n,), −1 = none.
            scores: ≥ 0, high = strange, float64, shape (n,); NaN is left out.
        """
        piece = max(0, self.now_ns) // SLICE_NS
        slot = piece % WAITING
        if self.held[slot] != piece:
            self.held[slot] = piece
        absorb(scores, group, self.counts[statistic, slot], self.top[statistic, slot])

    def p(self, statistic: int, group: NDArray[np.int32], scores: Floats) -> tuple[Floats, Floats]:
        """Return the p of scores and the p without a floor, which is only good for ordering.

        Args:
            statistic: Which.
            group: int32, shape (n,), ≥ 0.
            scores: float64, shape (n,).

        Returns:
            Two float64 columns; NaN where the score is, or where the pool is empty.
        """
        p, raw = self.p_each(statistic, group, scores[:, None])
        return p[:, 0], raw[:, 0]

    def p_each(self, first: int, group: NDArray[np.int32], scores: Floats) -> tuple[Floats, Floats]:
        """Return what `p` does for several statistics that follow each other, in one pass.

        Args:
            first: The first of them.
            group: int32, shape (n,), ≥ 0.
            scores: float64, shape (n, statistics).

        Returns:
            Two float64 arrays, shape (n, statistics).
        """
        count = scores.shape[1]
        ranks, tails = self._columns(first, count)
        pool = (group[:, None] + np.arange(count, dtype=np.int32) * np.int32(self.counts.shape[2])).reshape(-1)
        raw = np.empty(scores.size)
        tail_p(np.ascontiguousarray(scores).reshape(-1), pool, ranks, tails, raw)
        return np.maximum(raw, tails[:, 7][pool]).reshape(scores.shape), raw.reshape(scores.shape)

    def _columns(self, first: int, count: int) -> tuple[Floats, Floats]:
        """Return the laws of statistics as columns over their groups, one after the other, kept until one changes."""
        if (first, count) not in self._stacked:
            laws = [self.law(first + k, g) for k in range(count) for g in range(self.counts.shape[2])]
            tails = np.array([one.numbers() for one in laws], np.float64)
            self._stacked[first, count] = np.stack([one.log_rank for one in laws]), tails
        return self._stacked[first, count]

    def law(self, statistic: int, group: int) -> Law:
        """Return how a pool's scores are distributed; all groups' where its own are fewer than SMALL."""
        key = (statistic, group)
        if key not in self._laws:
            if statistic not in self._sizes:
                self._sizes[statistic] = self.counts[statistic, WAITING:].sum(axis=(0, 2)).tolist()
            if self._sizes[statistic][group] >= SMALL:
                self._laws[key] = self._law_of(statistic, slice(group, group + 1))
            else:
                everybody = (statistic, _ALL)
                if everybody not in self._laws:
                    self._laws[everybody] = self._law_of(statistic, slice(None))
                self._laws[key] = self._laws[everybody]
        return self._laws[key]

    def _law_of(self, statistic: int, which: slice) -> Law:
        law = law_of(
            self.counts[statistic, WAITING:][:, which].reshape(-1, BINS),
            self.top[statistic, WAITING:][:, which].reshape(-1, TOP),
            demoted=statistic in self.demoted,
        )
        return law if statistic not in self._told else law._replace(floor=max(law.floor, told_floor(law.n)))

    def size(self, statistic: int, group: int = 0) -> int:
        """Return how many scores a p of this group rests on."""
        return self.law(statistic, group).n

    def demote(self, statistics: frozenset[int]) -> None:
        """Hold back the p of these statistics, and of no other."""
        if statistics != self.demoted:
            self.demoted = statistics
            self._forget()
            self.epoch += 1

    def _forget(self) -> None:
        self._laws.clear()
        self._sizes.clear()
        self._stacked.clear()

    def merge(self, other: "Pools") -> None:
        """Take in what another process saw; associative and commutative where both are at the same moment."""
        self.advance(other.now_ns)
        for slot, number in enumerate(other.held.tolist()):
            if number < 0:
                continue
            day = number // 4 if slot < WAITING else number
            waits = slot < WAITING and (number + 1) * SLICE_NS > self.now_ns - DAY_NS
            if day < self.now_ns // DAY_NS - DAYS - 1:
                continue
            mine = slot if waits else WAITING + day % DAYS
            self.held[mine] = number if waits else day
            self.counts[:, mine] += other.counts[:, slot]
            self.top[:, mine] = _largest(self.top[:, mine], other.top[:, slot])
        self._forget()
        self.epoch += 1

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays: the bins of slots that hold anything."""
        used = np.nonzero(self.counts)
        return {
            "head": np.array([VERSION, self.now_ns, self.epoch, *self.counts.shape], np.int64),
            "held": self.held.copy(),
            "at": np.ravel_multi_index(used, self.counts.shape).astype(np.int64),
            "counts": self.counts[used],
            "top_at": np.nonzero(self.top.reshape(-1) >= 0)[0],
            "top": self.top[self.top >= 0],
            "demoted": np.array(sorted(self.demoted), np.int64),
        }

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `save` returned, or a release before with fewer statistics. Raises ValueError for others."""
        head = state.get("head")
        if head is None or int(head[0]) != VERSION:
            found = None if head is None else int(head[0])
            raise ValueError(f"calibration state of version {found}; this program reads {VERSION}")
        if head[3] > self.counts.shape[0] or tuple(head[4:].tolist()) != self.counts.shape[1:]:
            raise ValueError(f"pools of shape {tuple(head[3:].tolist())}, not {self.counts.shape}")
        self.now_ns, self.epoch = int(head[1]), int(head[2])
        self.held[:] = state["held"]
        self.counts[:], self.top[:] = 0, -1.0
        self.counts.reshape(-1)[state["at"]] = state["counts"]
        self.top.reshape(-1)[state["top_at"]] = state["top"]
        self.demoted = frozenset(state["demoted"].tolist())
        self._forget()

    def _release(self, slot: int, day: int) -> None:
        """Let a slice that waited count as part of its day."""
        into = WAITING + day % DAYS
        if self.held[into] != day:
            self.counts[:, into], self.top[:, into], self.held[into] = 0, -1.0, day
        self.counts[:, into] += self.counts[:, slot]
        self.top[:, into] = _largest(self.top[:, into], self.top[:, slot])
        self.counts[:, slot], self.top[:, slot], self.held[slot] = 0, -1.0, -1


def _largest(a: Floats, b: Floats) -> Floats:
    """Return the TOP largest of both, ascending along the last axis."""
    both = np.sort(np.concatenate([a, b], axis=-1), axis=-1)
    return both[..., -TOP:]


def law_of(counts: NDArray[np.int32], top: Floats, *, demoted: bool = False) -> Law:
    """Return the law of scores from their slices.

    Args:
        counts: int32, shape (slices, BINS).
        top: Largest scores of each slice, ascending, −1 where fewer, float64, shape (slices, TOP).
        demoted: Its p do not hold.
    """
    bins = counts.sum(axis=0, dtype=np.int64)
    n = int(bins.sum())
    above = np.append(np.cumsum(bins[::-1])[::-1], 0)
    log_rank = np.log((above + 1.0) / (n + 1.0))
    nothing = Law(n, log_rank, np.inf, 1.0, 0.0, 0.0, np.inf, p_floor(n, demoted))
    if n < RANKED_MIN:
        return nothing
    wanted = min(max(TAIL_SHARE * n, TAIL_MIN), TAIL_MAX, n / 10.0)
    first = int(np.nonzero(above >= wanted)[0][-1])
    if first == 0:
        return nothing
    start = edge(first)
    values = excesses(counts, top, first)
    shape, scale = pareto.fit(values - start, pareto.SHAPE_MIN if n >= SMALL else 0.0)
    share = float(above[first] + 1) / (n + 1)
    if scale <= 0.0:
        return nothing
    bend = start + scale / shape * ((p_floor(n) / share) ** -shape - 1.0) if shape < 0.0 else np.inf
    return Law(n, log_rank, start, share, shape, scale, bend, p_floor(n, demoted))


def excesses(counts: NDArray[np.int32], top: Floats, first: int) -> Floats:
    """Return the scores at or above a bin's lower edge: those kept as they are, the others spread over their bins.

    Args:
        counts: int32, shape (slices, BINS).
        top: As `law_of` has it.
        first: The bin.
    """
    start = edge(first)
    found = [top[top >= start]]
    edges = _EDGES[first:]
    # Most slices kept all of theirs, or have none.
    for i in np.nonzero(counts[:, first:].sum(axis=1) != (top >= start).sum(axis=1))[0].tolist():
        of_slice, kept_here = counts[i, first:], top[i][top[i] >= start]
        at = np.clip(np.searchsorted(edges, kept_here, side="right") - 1, 0, BINS - first - 1)
        rest = np.maximum(of_slice - np.bincount(at, minlength=BINS - first), 0)
        for j in np.nonzero(rest)[0].tolist():
            among = (np.arange(rest[j]) + 0.5) / rest[j]
            found.append(edges[j] + among * (edges[j + 1] - edges[j]))
    return np.concatenate(found)
