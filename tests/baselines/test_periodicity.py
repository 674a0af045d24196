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
