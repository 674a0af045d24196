"""Level and scale of bucket counts: against the definition, and what must not be learned."""

import math

import numpy as np

from baselines import volumes
from baselines.keyed import mix
from tests.naive import volumes as naive

SECRET = np.uint64(77)
FLOOR = np.array([volumes.SCALE_MIN, 0.7])


def run(counts):
    rows, features = counts[0].shape
    level, scale, seen = np.zeros((rows, features)), np.zeros((rows, features)), np.zeros(rows, np.int64)
    for bucket, count in enumerate(counts):
        volumes.learn(count, bucket, SECRET, np.ones(rows, np.bool_), level, scale, FLOOR, seen)
    return level, scale, seen


def jitter(row, feature, bucket):
    with np.errstate(over="ignore"):
        return naive.jitter(int(mix(np.uint64(row), np.uint64(feature), np.uint64(bucket), SECRET)))


def test_level_and_scale_equal_the_definition():
    """600 buckets with outliers give the twin's weighted mean and standard deviation."""
    rng = np.random.default_rng(0)
    counts = [
        np.floor(np.exp(rng.normal(3, 1, (3, 2)))) * rng.choice([1, 1e6], (3, 2), p=[0.97, 0.03]) for _ in range(600)
    ]
    level, scale, _ = run(counts)
    for i in range(3):
        for j in range(2):
            xs = [math.log1p(count[i, j] + jitter(i, j, bucket)) for bucket, count in enumerate(counts)]
            mean, deviation = naive.learn(xs, FLOOR[j])

            assert math.isclose(mean, level[i, j], rel_tol=1e-9)
            assert math.isclose(deviation, scale[i, j], rel_tol=1e-6)


def test_score_equals_the_definition_and_needs_two_buckets():
    """Z is (x − level) / scale with the scale's floor, NaN before two buckets and where nothing was visible."""
    level, scale, seen = run([np.array([[5.0, 0.0]]), np.array([[5.0, 0.0]]), np.array([[6.0, 0.0]])])
    z = np.zeros((1, 2))
    volumes.score(np.array([[500.0, np.nan]]), 9, SECRET, level, scale, FLOOR, seen, z)
    expected = naive.score(math.log1p(500 + volumes.jitter(0, 0, 9, SECRET)), level[0, 0], scale[0, 0], FLOOR[0], 3)

    assert math.isclose(expected, z[0, 0], rel_tol=1e-12)
    assert math.isnan(z[0, 1])
    volumes.score(np.array([[500.0, 1.0]]), 9, SECRET, level, scale, FLOOR, np.array([1]), z)
    assert np.isnan(z).all()
    assert math.isnan(naive.score(1.0, 0.0, 1.0, 0.2, 1))


def test_a_flagged_row_does_not_learn():
    """Where `take` is false nothing changes, not even the number of buckets."""
    level, scale, seen = run([np.full((2, 2), 4.0)] * 10)
    before = (level.copy(), scale.copy(), seen.copy())

    volumes.learn(np.full((2, 2), 1e9), 10, SECRET, np.array([False, False]), level, scale, FLOOR, seen)

    assert all((old == new).all() for old, new in zip(before, (level, scale, seen), strict=True))


def test_one_huge_bucket_moves_the_level_by_three_scales_at_most():
    """1e12 bytes once do not poison the baseline."""
    level, scale, seen = run([np.full((1, 2), 10.0)] * 100)
    before = level[0, 0]

    volumes.learn(np.full((1, 2), 1e12), 100, SECRET, np.array([True]), level, scale, FLOOR, seen)

    assert level[0, 0] - before <= 3 * max(scale[0, 0], volumes.SCALE_MIN) / 100


def test_the_floor_is_the_tie_breakers_own_deviation():
    """A constant count has the standard deviation of log1p(u), which is the smallest scale."""
    u = (np.arange(100_000) + 0.5) / 100_000

    assert math.isclose(volumes.SCALE_MIN, np.log1p(u).std(), rel_tol=1e-2)
