"""Volumes: silent while learning, then a flood or a silence is told, and neither opens an incident."""

import numpy as np

from sensor.detectors.volumes import READY, Volumes, detector
from tests.detectors.ticks import entities, joined, tick
from tests.scenes import SECRET, START, S, flow, flows

BUCKET_S = 600


def day(buckets, *, start=0, out=2_000, hosts=4, seed=0):
    """Each host opens a few flows in each bucket."""
    rng = np.random.default_rng(seed)
    for bucket in range(start, start + buckets):
        yield flows(
            *(
                flow(
                    f"10.0.0.{host + 10}",
                    "10.0.0.2",
                    at_s=bucket * BUCKET_S + 5 + host,
                    out=int(out * rng.lognormal(0, 0.3)),
                )
                for host in range(hosts)
            )
        )


def run(known, one, batches):
    found = []
    for rows in batches:
        step = tick(known, rows)
        found += one.score(step)
        one.learn(step, np.zeros(known.count(), np.bool_))
    return found


def test_nothing_is_said_before_a_day_of_history():
    """A flood in the first day is learning, not evidence."""
    known, one = entities(), None
    one = detector(known, SECRET)
    found = run(known, one, [*day(30), *day(2, start=30, out=50_000_000)])

    assert [] == found
    assert "learning" == one.coverage().state


def test_a_flood_after_a_day_is_told_with_its_numbers():
    """50 MB where 2 kB are usual: evidence for sender and receiver, usual range below it, opening nothing."""
    known = entities()
    one = detector(known, SECRET)
    run(known, one, day(READY + 200))
    rows = next(day(1, start=READY + 200))
    rows["orig_bytes"][0] = 50_000_000
    found = run(known, one, [rows, *day(1, start=READY + 201)])

    assert ["10.0.0.10", "10.0.0.2"] == [finding.name for finding in found]
    evidence = found[0].evidence
    assert (50_000_000.0, "bytes_out" in evidence.text, False) == (evidence.observed, False, found[0].opens)
    assert evidence.range[1] < 20_000 < evidence.observed
    assert evidence.p <= 0.01
    assert "judged" == one.coverage().state


def test_what_is_flagged_does_not_learn():
    """A flagged device's bucket leaves its level alone; another's moves."""
    known = entities()
    one = detector(known, SECRET)
    run(known, one, day(20))
    before = one._table.columns["level"][: known.count()].copy()
    rows = next(day(1, start=20, out=90_000))
    step = tick(known, rows)
    one.score(step)
    flags = np.zeros(known.count(), np.bool_)
    first = int(step.orig_device[0])
    flags[first] = True
    before = one._table.columns["level"][: known.count()].copy()
    one.learn(step, flags)
    run(known, one, day(1, start=21))

    moved = (one._table.columns["level"][: known.count()] != before)[:, 0]
    assert not moved[first]
    assert moved.any()


def test_buckets_without_any_record_teach_nothing():
    """A night in which the sensor was off is no silence of the devices."""
    known = entities()
    one = detector(known, SECRET)
    run(known, one, [*day(10), *day(1, start=500)])

    assert 10 == one._table.columns["seen"][0]


def test_a_row_that_is_another_device_now_is_judged_no_more():
    """Its silence is none: it teaches the pool nothing, and its level goes on where the device's row had less."""
    known = entities()
    one = detector(known, SECRET)
    run(known, one, day(READY + 10))
    columns = one._table.columns
    rows = [known.locate(0, f"10.0.0.{host}") for host in (2, 10)]
    wanted = max((columns["level"][row] for row in rows), key=sum).copy()
    _, kept = joined(known, one, "10.0.0.2", "10.0.0.10")
    gone = next(row for row in rows if row != kept)
    level = one._table.columns["level"][kept].copy()
    pooled = one._pool.size(0)
    one._close(one._bucket + 1)

    assert np.array_equal(wanted, level)
    assert known.count() - 1 == one._pool.size(0) - pooled
    assert 0 == one.progress(gone) < one.progress(kept)
    assert f"of {known.count() - 1} devices" in one.coverage().why


def test_save_and_load_is_identity():
    """After a restart the next bucket scores the same."""
    known = entities()
    one, other = Volumes(known, SECRET), Volumes(known, SECRET)
    run(known, one, day(12))
    other.load(one.save())
    step = tick(known, next(day(1, start=12)))
    for each in (one, other):
        each.score(step)
        each.learn(step, np.zeros(known.count(), np.bool_))

    assert all(np.array_equal(a, b) for a, b in zip(one.save().values(), other.save().values(), strict=True))
    assert START + 12 * BUCKET_S * S < known.now_ns


def test_progress_is_the_share_of_a_day():
    """Half a day of buckets is one half; an unknown row is nothing."""
    known = entities()
    one = detector(known, SECRET)
    run(known, one, day(READY // 2 + 1))

    assert (0.5, 0.0) == (one.progress(0), one.progress(99))
