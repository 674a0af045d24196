"""The gate on gaps: what is periodic passes, what is not does not, at any rate and however it is chunked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import periodicity
from tests.naive import periodicity as naive

S = 10**9
DAY = 86_400 * S
HOUR = 3600 * S
AGE = 600 * S


class Kernel:
    """The kernel with its state, fed in pieces of any size."""

    def __init__(self, rows):
        self.first, self.told = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        self.latest, self.began, self.count, self.passed = (np.zeros((rows, 2), np.int64) for _ in range(4))
        self.gaps = np.zeros((rows, 2, periodicity.KEPT), np.uint16)
        self.measures = np.zeros((1, 4))

    def feed(self, row, ts):
        n = len(row)
        events, self.measures = np.zeros((2 * n + 1, 4), np.int64), np.zeros((2 * n + 1, 4))
        count = periodicity.observe(
            np.asarray(row, np.int64), np.asarray(ts, np.int64), self.first, self.latest, self.began, self.count,
            self.gaps, self.told, self.passed, AGE, 6 * HOUR, np.zeros(periodicity.BINS), events,
            self.measures,
        )  # fmt: skip
        return [tuple(event) for event in events[:count].tolist()]


def passes(times_s):
    """Whether a stream passes at any look."""
    ts = np.sort(np.asarray(times_s)) * S + S
    return bool(Kernel(1).feed(np.zeros(len(ts), np.int64), ts.astype(np.int64)))


def jittered(rng, period_s, share, span_s):
    return np.cumsum(period_s * (1 + rng.uniform(-share, share, int(span_s / period_s))))


def mixed(rng, n=4000):
    """Three streams, one periodic, with retries and pauses."""
    row = rng.integers(0, 3, n)
    ts = np.zeros(n, np.int64)
    for k, gap in enumerate((60.0, 20.0, 5.0)):
        mine = np.nonzero(row == k)[0]
        steps = rng.exponential(gap, len(mine)) if k == 1 else gap * (1 + rng.uniform(-0.3, 0.3, len(mine)))
        steps[rng.random(len(mine)) < 0.2] = 0.3
        steps[rng.random(len(mine)) < 0.01] = 5000
        ts[mine] = (np.cumsum(steps) * S).astype(np.int64) + S
    order = np.argsort(ts, kind="stable")
    return row[order], ts[order]


@pytest.mark.parametrize("seed", range(3))
def test_kernel_equals_twin_on_mixed_streams(seed):
    """Jittered, random, retried and paused streams give the twin's looks."""
    row, ts = mixed(np.random.default_rng(seed))

    expected = naive_looks(row, ts)

    assert expected == Kernel(3).feed(row, ts)
    assert {0, 2} == {event[1] for event in expected}


def naive_looks(row, ts):
    """The twin's looks, stream by stream, in the order of events."""
    found = []
    for who in np.unique(row).tolist():
        mine = np.nonzero(row == who)[0]
        looks = naive.observe([(who, int(ts[i])) for i in mine], AGE, 6 * HOUR)
        found += [(int(mine[number]), *rest) for number, *rest in looks]
    return sorted(found, key=lambda event: (event[0], event[2]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1.0, 4000.0), min_size=24, max_size=60), st.integers(0, 1))
def test_measures_equal_the_twins(gaps, scale):
    """Half-width, merging share, correlation and period of any gaps are the definition's."""
    merge_s = (1, 10)[scale]
    count = len(gaps)
    ring = np.zeros((1, 2, periodicity.KEPT), np.uint16)
    kept = [0.0] * min(count, 48)
    for k, gap in enumerate(gaps):
        ring[0, scale, k % 48] = periodicity.code_of(np.int64(int(gap * S)))
        kept[k % 48] = int(gap * S) / S
    measures = np.zeros((1, 4))
    verdict = periodicity.judge(
        ring, np.int64(0), scale, np.int64(count), merge_s * S, np.zeros(periodicity.BINS), measures, 0
    )

    passed, width, share, rho, period = naive.judge(kept, merge_s)
    assert np.allclose([width, share, rho, period], measures[0], rtol=1e-9)
    assert passed == verdict


def test_any_chunking_gives_the_same_looks():
    """Feeding one event at a time equals feeding all at once."""
    row, ts = mixed(np.random.default_rng(5), 1500)
    pieces = Kernel(3)

    whole = [event[1:] for event in Kernel(3).feed(row, ts)]

    assert whole == [event[1:] for who, at in zip(row, ts, strict=True) for event in pieces.feed([who], [at])]


def test_it_looks_at_few_counts():
    """Each 24 to 192, 384 and each doubling; `looks` counts them."""
    at = [n for n in range(1, 4000) if periodicity.is_look(n)]

    assert [*range(24, 193, 24), 384, 768, 1536, 3072] == at == [n for n in range(1, 4000) if naive.looks_at(n)]
    assert [0, 1, 3, 9, 10, 12] == [periodicity.looks(n) for n in (23, 24, 95, 767, 768, 4000)]


@pytest.mark.parametrize("mean_s", np.geomspace(2, 1800, 10).round(1).tolist())
def test_a_poisson_stream_does_not_pass(mean_s):
    """Of 300 streams of any rate, through 800 gaps of both scales, at most one passes (1,000 in the slow test)."""
    assert poisson_passes(mean_s, 300, seed=int(mean_s * 10)) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("mean_s", np.geomspace(2, 1800, 10).round(1).tolist())
def test_of_a_thousand_poisson_streams_two_pass_at_most(mean_s):
    """The bar: at each of 10 rates at most 2 of 1,000 draws."""
    assert poisson_passes(mean_s, 1000, seed=int(mean_s * 10) + 1) <= 2


def poisson_passes(mean_s, streams, seed):
    rng = np.random.default_rng(seed)
    return sum(passes(np.cumsum(rng.exponential(mean_s, 1200))) for _ in range(streams))


@pytest.mark.parametrize(
    ("period_s", "share", "span_s", "at_least"),
    [
        (60, 0.2, 3600, 0.95),
        (60, 0.5, 86_400, 0.95),
        (300, 0.5, 86_400, 0.95),
        (3600, 0.1, 3 * 86_400, 0.95),
        (5, 0.0, 3600, 0.95),
        (60, 0.8, 86_400, 0.7),
        (300, 0.8, 86_400, 0.7),
    ],
)
def test_jittered_streams_are_found(period_s, share, span_s, at_least):
    """The bars: ±20 % in an hour, ±50 % and ±80 % in a day, hourly in three days, every 5 s."""
    rng = np.random.default_rng(period_s)
    found = [passes(jittered(rng, period_s, share, span_s)) for _ in range(200)]

    assert np.mean(found) >= at_least


def test_missed_events_do_not_hide_a_period():
    """±50 % with 30 % of the events missed: three of four are found in a day, though there are 200 of them in all."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(200):
        times = jittered(rng, 300, 0.5, 86_400)
        found.append(passes(times[rng.random(len(times)) > 0.3]))

    assert np.mean(found) >= 0.75


def test_nothing_passes_in_its_first_ten_minutes():
    """Every 5 s: up to 96 gaps are too young, 120 and more are not."""
    row, ts = np.zeros(200, np.int64), np.arange(200) * 5 * S + S

    assert [(gaps, 0, 0, gaps) for gaps in (120, 144, 168, 192)] == Kernel(1).feed(row, ts)


def test_what_goes_on_is_told_again_every_six_hours():
    """Once passed, a stream is looked at again as long as it goes on."""
    ts = np.arange(1440) * 60 * S + S
    events = [event for event in Kernel(1).feed(np.zeros(1440, np.int64), ts) if event[2] == 0]

    assert [*range(24, 193, 24), 384, 744, 768, 1128] == [event[3] for event in events]


def runs_in(kernel, scale):
    """Return the runs of a kernel's first row."""
    return periodicity.runs_of(
        int(kernel.first[0]), int(kernel.latest[0, scale]), int(kernel.began[0, scale]), int(kernel.count[0, scale]),
        kernel.gaps[0, scale],
    )  # fmt: skip


def heard(times):
    """Return the runs at the wider merging gap of a stream, s."""
    kernel = Kernel(1)
    ts = np.array(sorted(times), np.int64) * S
    kernel.feed(np.zeros(len(ts), np.int64), ts)
    return runs_in(kernel, 1)


def same(a, b):
    return (a.began.tolist(), a.seen, a.latest) == (b.began.tolist(), b.seen, b.latest)


TIMES = st.sets(st.integers(1, 9000).map(lambda k: k * 11), max_size=80)


@settings(deadline=None)
@given(TIMES, TIMES, TIMES)
def test_merging_is_associative_and_commutative(one, two, three):
    """To the nanosecond."""
    a, b, c = heard(one), heard(two), heard(three)
    merge = periodicity.merge

    assert same(merge(merge(a, b), c), merge(a, merge(b, c)))
    assert same(merge(a, b), merge(b, a))


@settings(deadline=None)
@given(TIMES, st.sets(st.integers(1, 9000).map(lambda k: k * 11)))
def test_merged_is_as_if_one_had_seen_both(every, mine):
    """Events further apart than the merging gap, some seen here and some there: the same runs, as far as codes tell."""
    merged, both = periodicity.merge(heard(every & mine), heard(every - mine)), heard(every)

    assert (both.seen, both.latest, len(both.began)) == (merged.seen, merged.latest, len(merged.began))
    reach = 9000 * 11 * S  # each code is within half a step of its gap, and all gaps together are no longer than this
    assert np.abs(both.began - merged.began).max(initial=0) <= reach / (2 * periodicity.STEPS) + 1000


def test_what_is_merged_goes_on():
    """A beacon that moves from one sensor to another passes as it would have at one, a look's count included."""
    rng = np.random.default_rng(7)
    ts = (jittered(rng, 300.0, 0.2, 60 * 300) * S).astype(np.int64)
    parts = [Kernel(1), Kernel(1)]
    for kernel, piece in zip(parts, (ts[:30], ts[30:45]), strict=True):
        kernel.feed(np.zeros(len(piece), np.int64), piece)
    after = Kernel(1)
    after.first[0] = parts[0].first[0]
    for scale in range(2):
        runs = periodicity.merge(*(runs_in(kernel, scale) for kernel in parts))
        after.count[0, scale], after.gaps[0, scale] = periodicity.written(runs)
        after.began[0, scale], after.latest[0, scale] = runs.began[-1], runs.latest
    whole = Kernel(1)
    whole.feed(np.zeros(45, np.int64), ts[:45])

    assert whole.count.tolist() == after.count.tolist()
    rest = np.zeros(15, np.int64)
    expected = [event[1:] for event in whole.feed(rest, ts[45:])]
    assert expected == [event[1:] for event in after.feed(rest, ts[45:])]
    assert np.allclose(whole.measures, after.measures, rtol=0.01, atol=0.01)
    assert expected


def test_runs_of_nothing_are_none():
    """And write nothing."""
    nothing = heard(())
    count, ring = periodicity.written(periodicity.merge(nothing, nothing))

    assert (0, 0, 0, 0) == (len(nothing.began), nothing.seen, count, int(ring.sum()))
