"""Pooled p: they hold on heavy-tailed scores and on those of per-device models, and none is below its floor."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import calibration
from baselines.calibration import BINS, DAY_NS, DAYS, SLICE_NS, TOP, Pools
from tests.naive import calibration as naive

ALPHAS = (1e-2, 1e-3, 1e-4)
EDGES = [calibration.edge(at) for at in range(BINS + 1)]


def zeros(n):
    return np.zeros(n, np.int32)


def filled(*pieces, groups=1):
    """One statistic, each piece's scores at its time (in slices), then two days later."""
    pools = Pools(1, groups)
    for at, scores in pieces:
        pools.advance(at * SLICE_NS)
        pools.add(0, zeros(len(scores)), scores)
    pools.advance((max((at for at, _ in pieces), default=0) + 5) * SLICE_NS)
    return pools


scores_of = st.lists(st.floats(0, 1e5) | st.just(math.nan), max_size=80)


@settings(deadline=None)
@given(scores_of, st.integers(0, 9))
def test_bins_and_largest_equal_the_definition(values, seed):
    """Counts by bin and the largest scores, by group, NaN and group −1 left out."""
    scores, group = np.array(values, np.float64), np.random.default_rng(seed).integers(-1, 2, len(values), np.int32)
    counts, top = np.zeros((2, BINS), np.int32), np.full((2, TOP), -1.0)
    calibration.absorb(scores, group, counts, top)
    expected = naive.absorb(scores.tolist(), group.tolist(), EDGES, BINS, TOP)

    for g in (0, 1):
        by_bin, largest = expected.get(g, ([0] * BINS, []))
        # An edge itself may fall to either side of it: the kernel takes a logarithm, the twin compares.
        assert np.abs(np.cumsum(np.array(by_bin) - counts[g])).max() <= sum(v in EDGES for v in values)
        assert sorted(largest) == top[g][top[g] >= 0].tolist()


@settings(deadline=None)
@given(scores_of, st.sampled_from([50, 3_000, 20_000]))
def test_p_equals_the_definition(values, n):
    """Rank between edges and Pareto beyond, for pools without, with a held back, and with a free tail."""
    pools = filled((0, np.random.default_rng(0).standard_t(4, n).__abs__()))
    law = pools.law(0, 0)
    scores = np.array(values, np.float64)
    p, raw = pools.p(0, zeros(len(scores)), scores)

    for k, score in enumerate(scores.tolist()):
        expected = naive.tail_p(score, law.log_rank.tolist(), EDGES, *law.numbers()[:7])
        assert math.isclose(expected, raw[k], rel_tol=1e-6, abs_tol=1e-300) or math.isnan(expected) == np.isnan(raw[k])
        assert np.isnan(p[k]) or p[k] == max(raw[k], law.floor)


@pytest.mark.parametrize("law", ["t4", "pareto", "normal"])
def test_p_hold_on_heavy_tailed_independent_scores(law):
    """A pool of 100,000 scores: the ratio on 400,000 others is within [.5, 2] at 1e-2, 1e-3 and 1e-4."""
    rng = np.random.default_rng(0)
    draw = {
        "t4": lambda n: np.abs(rng.standard_t(4, n)), "pareto": lambda n: rng.pareto(2, n),
        "normal": lambda n: np.abs(rng.normal(size=n)),
    }[law]  # fmt: skip
    pools = filled(*((at, draw(10_000)) for at in range(10)))
    p, _ = pools.p(0, zeros(400_000), draw(400_000))
    ratios = [(p <= alpha).mean() / alpha for alpha in ALPHAS]

    assert [True] * 3 == [0.5 < ratio < 2 for ratio in ratios], ratios


@pytest.mark.slow
def test_p_hold_on_scores_of_per_device_models():
    """1,000 devices, 336 host-hours each, own level and scale learned by the device: ratio within [.5, 2] at each."""
    rng = np.random.default_rng(0)
    devices, hours = 1_000, 336
    level, spread = rng.normal(5, 2, devices), np.exp(rng.normal(-0.5, 0.5, devices))
    mean, square = np.zeros(devices), np.ones(devices)
    pools, below = Pools(1), np.zeros(3)
    judged = 0
    for hour in range(hours):
        pools.advance(hour * 3_600 * 10**9)
        x = level + spread * rng.standard_t(3 + 4 * (np.arange(devices) % 3), devices)
        z = np.abs(x - mean) / np.sqrt(np.maximum(square, 1e-2))
        if hour >= 168:
            p, _ = pools.p(0, zeros(devices), z)
            assert p.min() >= pools.law(0, 0).floor
            below += [(p <= alpha).sum() for alpha in ALPHAS]
            judged += devices
        if hour >= 24:
            pools.add(0, zeros(devices), z)
        weight = max(0.01, 1 / (hour + 1))
        step = np.clip(x - mean, -3 * np.sqrt(square), 3 * np.sqrt(square)) if hour > 5 else x - mean
        mean += weight * step
        square = (1 - weight) * (square + weight * step * step) if hour else square
    ratios = below / (judged * np.array(ALPHAS))

    assert judged >= 120_000
    assert [True] * 3 == [0.5 < ratio < 2 for ratio in ratios], ratios


def test_no_p_below_the_floor():
    """The largest score ever seen gets the floor of its pool's size, not less, whatever the law."""
    rng = np.random.default_rng(0)
    for n in (1, 99, 150, 1_999, 2_000, 9_999, 10_000, 40_000):
        for scores in (np.ones(n), rng.pareto(1, n), rng.random(n)):
            p, _ = filled((0, scores)).p(0, zeros(3), np.array([1e12, 1e4, np.inf]))

            assert (p >= calibration.p_floor(n)).all()
    assert [1e-3, 1e-4, 1e-5, 1e-6] == [calibration.p_floor(n) for n in (1_999, 9_999, 10_000, 100_000)]
    assert [1.0, 0.1, 1e-3] == [
        calibration.p_floor(0),
        calibration.p_floor(1),
        calibration.p_floor(10**6, demoted=True),
    ]


def test_below_ten_thousand_the_shape_is_not_negative():
    """A bounded law looks unbounded until there is enough of it."""
    rng = np.random.default_rng(0)

    assert 0.0 <= filled((0, rng.random(9_000))).law(0, 0).shape
    assert 0.0 > filled((0, rng.random(20_000))).law(0, 0).shape


def test_the_point_of_a_share_is_where_it_begins():
    """One score in 100 of 10,000 equally spaced ones is at 99; an empty pool has no point."""
    law = filled((0, np.arange(10_000) / 100)).law(0, 0)

    assert 97 < calibration.point_of(law, 0.01) < 102
    assert np.isnan(calibration.point_of(Pools(1).law(0, 0), 0.01))


def test_beyond_the_end_of_a_tail_scores_keep_their_order():
    """A bounded law's p stop at the floor; without it they go on falling, and join there."""
    pools = filled((0, np.random.default_rng(0).random(100_000)))
    bend = pools.law(0, 0).bend
    p, raw = pools.p(0, zeros(5), np.array([bend - 1e-9, bend + 1e-9, 1.2, 2.0, 3.0]))

    assert pools.law(0, 0).shape < 0
    assert np.allclose(1e-6, raw[:2], rtol=1e-3)
    assert (np.diff(raw) < 0).all()
    assert raw[-1] > 0
    assert np.allclose(1e-6, p, rtol=1e-3)


def test_what_is_younger_than_24_hours_does_not_judge():
    """A score counts between 24 and 30 hours later, and no more after 28 days."""
    pools = Pools(1)
    pools.advance(0)
    pools.add(0, zeros(7), np.ones(7))
    found = []
    for at in (0, 4, 5, 5 + 4 * DAYS, 4 * (DAYS + 3)):
        pools.advance(at * SLICE_NS)
        found.append(pools.size(0))

    assert [0, 0, 7, 7, 0] == found
    assert np.isnan(Pools(1).p(0, zeros(1), np.array([1.0]))[0][0])


def test_a_small_group_is_judged_by_all():
    """A group with 10,000 scores of its own is judged by them; one with fewer by everybody's."""
    pools = Pools(1, 2)
    pools.advance(0)
    pools.add(0, zeros(20_000), np.full(20_000, 5.0))
    pools.add(0, np.ones(100, np.int32), np.full(100, 50.0))
    pools.advance(5 * SLICE_NS)

    assert [20_000, 20_100] == [pools.size(0, 0), pools.size(0, 1)]


def test_several_statistics_are_judged_at_once_as_one_by_one():
    """p of three statistics in one pass equal those of each, small groups and scores that are missing included."""
    rng = np.random.default_rng(3)
    pools = Pools(4, 3)
    pools.advance(0)
    for statistic in range(4):
        pools.add(statistic, rng.integers(0, 2, 9_000, np.int32), rng.standard_t(4 + statistic, 9_000).__abs__())
    pools.advance(DAY_NS + SLICE_NS)
    group, scores = rng.integers(0, 3, 500, np.int32), rng.standard_t(3, (500, 3)).__abs__()
    scores[::7, 1] = np.nan
    p, raw = pools.p_each(1, group, scores)

    for k in range(3):
        one = pools.p(1 + k, group, scores[:, k].copy())
        assert np.array_equal(p[:, k], one[0], equal_nan=True)
        assert np.array_equal(raw[:, k], one[1], equal_nan=True)
        law = [pools.law(1 + k, g) for g in range(3)]
        for at in range(0, 500, 25):
            expected = naive.tail_p(
                scores[at, k], law[group[at]].log_rank.tolist(), EDGES, *law[group[at]].numbers()[:7]
            )
            assert math.isclose(expected, raw[at, k], rel_tol=1e-6) or math.isnan(expected) == np.isnan(raw[at, k])


def test_a_demoted_statistic_gives_none_below_a_thousandth():
    """Until it is demoted no more."""
    pools = filled((0, np.random.default_rng(0).random(100_000)))
    found = []
    for demoted in (frozenset({0}), frozenset()):
        pools.demote(demoted)
        found.append(float(pools.p(0, zeros(1), np.array([9e3]))[0][0]))

    assert [1e-3, 1e-6] == found


def test_full_slices_are_spread_over_their_bins():
    """A day with more excesses than are kept counts with all of them."""
    rng = np.random.default_rng(0)
    counts, top = np.zeros((2, BINS), np.int32), np.full((2, TOP), -1.0)
    scores = rng.exponential(1, 20_000)
    for k, part in enumerate((scores[:19_900], scores[19_900:])):
        calibration.absorb(part, zeros(len(part)), counts[k : k + 1], top[k : k + 1])
    first = 215
    found, wanted = calibration.excesses(counts, top, first), scores[scores >= calibration.edge(first)]

    assert len(wanted) == len(found) > 2 * TOP
    assert np.allclose(np.sort(wanted), np.sort(found), rtol=0.03)


def test_merging_is_associative_and_commutative():
    """Three workers' scores of several days come to the same pools in any order and grouping, and to the whole's."""
    rng = np.random.default_rng(0)
    pieces = [(at, rng.pareto(2, 300)) for at in range(0, 4 * 31, 3)]
    end = 4 * 31

    def one(which):
        pools = Pools(1)
        for at, scores in pieces[which::3]:
            pools.advance(at * SLICE_NS)
            pools.add(0, zeros(len(scores)), scores)
        pools.advance(end * SLICE_NS)
        return pools

    def joined(a, b):
        a.merge(b)
        return a

    def law(pools):
        one = pools.law(0, 0)
        return one.n, one.start, one.shape, one.scale, one.log_rank.tolist(), pools.held.tolist()

    whole = Pools(1)
    for at, scores in pieces:
        whole.advance(at * SLICE_NS)
        whole.add(0, zeros(len(scores)), scores)
    whole.advance(end * SLICE_NS)

    assert (
        law(whole)
        == law(joined(joined(one(0), one(1)), one(2)))
        == law(joined(one(0), joined(one(1), one(2))))
        == law(joined(joined(one(2), one(0)), one(1)))
    )


def test_save_and_load_is_identity():
    """A loaded pool gives the same p, now and later, one of fewer statistics too; another layout is refused."""
    pools = filled(*((at, np.random.default_rng(at).pareto(2, 2_000)) for at in range(8)))
    other = Pools(1)
    other.load(pools.save())
    x = np.linspace(0, 50, 300)
    for each in (pools, other):
        each.advance(14 * SLICE_NS)

    assert pools.p(0, zeros(300), x)[0].tolist() == other.p(0, zeros(300), x)[0].tolist()
    more = Pools(2)
    more.load(pools.save())
    assert more.p(0, zeros(300), x)[0].tolist() == other.p(0, zeros(300), x)[0].tolist()
    for unlike in (Pools(1, 2), Pools(1)):
        with pytest.raises(ValueError, match="shape"):
            unlike.load(more.save())
    with pytest.raises(ValueError, match="version None"):
        other.load({})


def test_time_never_goes_back():
    """An earlier moment changes nothing."""
    pools = filled((8, np.ones(5)))
    pools.advance(0)

    assert (13 * SLICE_NS, 5) == (pools.now_ns, pools.size(0))
    assert 4 * SLICE_NS == DAY_NS


@pytest.mark.parametrize(
    ("n", "expected"), [(0, 1e-3), (2_000, 1e-3), (20_000, 1e-3), (100_000, 2e-4), (1_000_000, 2e-5)]
)
def test_what_has_few_values_gives_no_p_that_a_check_cannot_tell(n, expected):
    """Twenty of them must be expected."""
    assert expected == pytest.approx(calibration.told_floor(n))


def test_the_floor_of_statistics_of_few_values_is_that_of_their_check():
    """Another statistic of the same scores goes on to its own."""
    rng = np.random.default_rng(0)
    pools = Pools(2, told=frozenset({1}))
    for day in range(4):
        pools.advance(day * DAY_NS)
        for statistic in range(2):
            pools.add(statistic, zeros(30_000), rng.exponential(size=30_000))
    pools.advance(6 * DAY_NS)
    far = np.array([40.0])

    assert pools.p(0, zeros(1), far)[0][0] < 1e-5
    assert calibration.told_floor(pools.size(1)) == pools.p(1, zeros(1), far)[0][0]
    assert pools.p(1, zeros(1), far)[1][0] < 1e-5
