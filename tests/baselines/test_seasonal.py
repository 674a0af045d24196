"""Level, season and scale of bucket counts: against the definition, with and without peers, and what is not learned."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from baselines import seasonal
from baselines.keyed import mix
from tests.naive import seasonal as naive

SECRET = np.uint64(77)
FLOOR = np.array([0.7, seasonal.SCALE_MIN])
F32 = np.float32


def fresh(rows, features=2, hurdles=1):
    return {
        "level": np.zeros((rows, features), F32), "scale": np.zeros((rows, features), F32),
        "season": np.zeros((rows, features, 48), F32), "active": np.zeros((rows, hurdles, 48), F32),
        "usually": np.zeros((rows, hurdles), F32), "visits": np.zeros((rows, 48), np.uint16),
        "seen": np.zeros(rows, np.int64),
    }  # fmt: skip


def nobody(features=2, hurdles=1):
    empty = np.zeros((1, features), F32)
    return seasonal.Prior(
        np.zeros(1, np.int64), empty, empty, empty, np.zeros((1, features, 48), F32), np.zeros((1, hurdles, 48), F32)
    )


def learned(counts, start=0, take=None, state=None, took=None):
    rows = counts[0].shape[0]
    state = fresh(rows) if state is None else state
    took = np.zeros((rows, 2), np.int32) if took is None else took
    for bucket, count in enumerate(counts, start=start):
        seasonal.learn(
            count, bucket, seasonal.season_of(bucket), SECRET, FLOOR,
            np.ones(rows, np.bool_) if take is None else take, *state.values(), took,
        )  # fmt: skip
    return state, took


def scored(counts, bucket, state, peers=None):
    out = [np.zeros(counts.shape) for _ in range(5)]
    peers = nobody() if peers is None else peers
    seasonal.score(
        counts, bucket, seasonal.season_of(bucket), SECRET, FLOOR, np.zeros(len(counts), np.int32), *state.values(),
        peers.n, peers.level, peers.within, peers.between, peers.season, peers.active, *out,
    )  # fmt: skip
    return out


def u_of(row, feature, bucket):
    with np.errstate(over="ignore"):
        return naive.jitter(int(mix(np.uint64(row), np.uint64(feature), np.uint64(bucket), SECRET)))


def drawn(buckets, rows=3, seed=0):
    rng = np.random.default_rng(seed)
    for bucket in range(buckets):
        day = 1 + math.sin(bucket / 144 * 2 * math.pi)
        some = rng.random((rows, 2)) < [[0.6, 0.9]]
        yield (
            np.floor(np.exp(rng.normal(3 + day, 1, (rows, 2)))) * some * rng.choice([1, 1e6], (rows, 2), p=[0.97, 0.03])
        )


def test_level_season_and_scale_equal_the_definition():
    """Ten days with outliers and empty buckets give the twin's numbers, hurdle or not, in each season."""
    counts = list(drawn(1_440))
    state, _ = learned(counts)
    for i in range(3):
        for j in range(2):
            us = [u_of(i, j, bucket) for bucket in range(1_440)]
            seasons = [seasonal.season_of(bucket) for bucket in range(1_440)]
            level, scale, season, active, usually, visits = naive.learn(
                [float(count[i, j]) for count in counts], us, seasons, FLOOR[j], hurdle=j == 0
            )

            assert math.isclose(level, state["level"][i, j], rel_tol=1e-3)
            assert math.isclose(scale, state["scale"][i, j], rel_tol=1e-3)
            assert np.allclose(season, state["season"][i, j], atol=1e-3)
            assert visits == state["visits"][i].tolist()
            if j == 0:
                assert np.allclose(active, state["active"][i, 0], atol=1e-4)
                assert math.isclose(usually, state["usually"][i, 0], rel_tol=1e-3)


@pytest.mark.parametrize("learned_buckets", [0, 1, 2, 50, 1_440])
def test_scores_equal_the_definition(learned_buckets):
    """With peers and without, with any and none, far out on both sides."""
    state, _ = learned(list(drawn(learned_buckets))) if learned_buckets else (fresh(3), None)
    group, _ = learned(list(drawn(2_000, seed=5)))
    everyone = seasonal.prior(
        np.zeros(3, np.int32), 1, np.ones(3, np.bool_), group["level"], group["scale"], group["season"],
        group["active"],
    )  # fmt: skip
    bucket = 1_445
    season = seasonal.season_of(bucket)
    for count in (0.0, 1.0, 60.0, 3e3):
        for peers in (None, everyone):
            high, low, z, _, _ = scored(np.full((3, 2), count), bucket, state, peers)
            for i, j in np.ndindex(3, 2):
                hurdle = j == 0
                own = {
                    "n": int(state["seen"][i]), "visits": int(state["visits"][i, season]),
                    "level": float(state["level"][i, j]), "scale": float(state["scale"][i, j]),
                    "season": float(state["season"][i, j, season]),
                    "active": float(state["active"][i, 0, season]), "usually": float(state["usually"][i, 0]),
                }  # fmt: skip
                others = peers and {
                    "n": 3, "level": float(peers.level[0, j]), "within": float(peers.within[0, j]),
                    "between": float(peers.between[0, j]), "season": float(peers.season[0, j, season]),
                    "active": float(peers.active[0, 0, season]),
                }  # fmt: skip
                expected = naive.score(count, u_of(i, j, bucket), own, others, FLOOR[j], hurdle)

                assert np.allclose(expected, (high[i, j], low[i, j], z[i, j]), rtol=1e-5, equal_nan=True)


def test_nothing_is_scored_that_was_not_visible():
    """NaN counts give NaN, and so does a row that knows nothing and has no peers."""
    state, _ = learned(list(drawn(100)))

    assert all(np.isnan(column).all() for column in scored(np.full((3, 2), np.nan), 100, state))
    assert all(np.isnan(column).all() for column in scored(np.ones((3, 2)), 100, fresh(3)))


def test_far_tails_are_finite_and_grow():
    """nats follows −ln of the normal tail to 1 in 10⁴ where that can be computed, and goes on beyond it."""
    zs = [-40.0, -3.0, 0.0, 3.0, 7.99, 8.01, 20.0, 36.0]

    assert np.allclose(
        [-math.log(naive.tail(z)) if z > -8 else 0.0 for z in zs], [seasonal.nats(z) for z in zs], rtol=1e-4
    )
    assert 5e3 > seasonal.nats(90.0) > seasonal.nats(40.0) > 800
    state, _ = learned([np.full((1, 2), 10.0)] * 100)
    assert seasonal.NATS_MAX >= scored(np.full((1, 2), 1e300), 101, state)[0].max()


def test_a_flagged_row_does_not_learn():
    """Where `take` is false nothing changes, not even the number of buckets."""
    state, took = learned(list(drawn(50)))
    before = [column.copy() for column in (*state.values(), took)]
    learned([np.full((3, 2), 1e9)], start=50, take=np.zeros(3, np.bool_), state=state, took=took)

    assert all(np.array_equal(old, new) for old, new in zip(before, (*state.values(), took), strict=True))


def test_one_huge_bucket_moves_the_level_by_three_scales_at_most():
    """1e12 once does not poison the baseline."""
    state, took = learned([np.full((1, 2), 10.0)] * 100)
    before = state["level"].copy()
    learned([np.full((1, 2), 1e12)], start=100, state=state, took=took)

    assert (np.abs(state["level"] - before) <= 3 * np.maximum(state["scale"], FLOOR) / 100 + 1e-6).all()


def test_a_daily_habit_becomes_usual():
    """After three weeks a nightly backup of ×100 scores less than half of what it did on the second night."""
    rng = np.random.default_rng(0)

    def day():
        usual = np.where((np.arange(144) >= 12) & (np.arange(144) < 18), 10_000.0, 100.0)[:, None, None]
        return list(usual * rng.lognormal(0, 0.6, (144, 1, 2)))

    state, took = learned(day())
    first = scored(np.full((1, 2), 10_000.0), 144 + 14, state)[2][0]
    for number in range(1, 19):
        learned(day(), start=144 * number, state=state, took=took)
    later = scored(np.full((1, 2), 10_000.0), 144 * 19 + 14, state)[2][0]

    assert (later < first / 2).all()
    # 22 days after a Thursday is a Friday: the same season; at noon it would still be a surprise.
    assert (scored(np.full((1, 2), 10_000.0), 144 * 22 + 75, state)[2][0] > 2 * later).all()


def test_seasons_follow_the_calendar():
    """Hour of the day in UTC, weekends apart."""
    for text, expected in (("1970-01-01T00:00", 0), ("2026-11-21T13:59", 37), ("2026-11-23T23:50", 23)):
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)

        assert expected == seasonal.season_of(int(moment.timestamp()) // 600)


def test_seasons_follow_the_local_clock():
    """Monday at nine in Sydney is Sunday evening in UTC, and no weekend; half an hour of Adelaide's counts too."""
    sunday = int(datetime.fromisoformat("2026-11-22T22:00").replace(tzinfo=UTC).timestamp()) // 600

    assert (46, 9) == (seasonal.season_of(sunday), seasonal.season_of(sunday, 11 * 3_600))
    assert 8 == seasonal.season_of(sunday, 37_800)
    assert 34 == seasonal.season_of(sunday, -12 * 3_600)


def test_peers_speak_for_a_row_that_has_learned_nothing():
    """Its prediction is the group's centre, as wide as rows differ; a week later it is mostly its own."""
    counts = [np.array([[50.0, 50.0], [5_000.0, 5_000.0]]) for _ in range(1_008)]
    state, _ = learned(counts)
    everyone = seasonal.prior(
        np.zeros(2, np.int32), 1, np.ones(2, np.bool_), state["level"], state["scale"], state["season"], state["active"]
    )
    new = {name: np.zeros_like(column) for name, column in state.items()}
    _, _, _, centre, spread = scored(np.full((2, 2), 500.0), 1_008, new, everyone)
    _, _, _, own, narrow = scored(np.full((2, 2), 500.0), 1_008, state, everyone)

    assert np.allclose(state["level"].mean(axis=0), centre, atol=0.2)
    assert (spread > 2).all()
    assert np.allclose(state["level"], own, atol=0.1)
    assert (narrow < 0.75).all()


def test_the_floor_is_the_tie_breakers_own_deviation():
    """A constant count has the standard deviation of log1p(u), which is the smallest scale."""
    u = (np.arange(100_000) + 0.5) / 100_000

    assert math.isclose(seasonal.SCALE_MIN, np.log1p(u).std(), rel_tol=1e-2)
