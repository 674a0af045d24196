"""Volumes: silent while learning; then floods, silences, drips and common causes are told, and open no incident."""

import copy
from functools import cache

import numpy as np
import pytest

from baselines.drift import Drift
from sensor.detectors.volume_judge import Drifted
from sensor.detectors.volume_state import BUCKET_NS, DAY, FEATURES, READY, SIDES, cells
from sensor.detectors.volumes import HELD, Volumes, again, detector
from tests.detectors.ticks import entities, joined, tick
from tests.scenes import SECRET, START, S, flow, flows

BUCKET_S = BUCKET_NS // S
HOSTS = 30
DAYS = 9
_ROW = flow("10.0.0.10", "10.0.0.2", port=443)


def bucket(number, *, hosts=HOSTS, out=2_000, times=None, only=None, seed=0):
    """Each host opens some three flows to the server; `times` multiplies the bytes of some hosts."""
    rng = np.random.default_rng([seed, number])
    each = 1 + rng.poisson(2, hosts)
    who = np.repeat(np.arange(hosts), each)
    sizes = out * rng.lognormal(0, 0.5, len(who)) * np.array([(times or {}).get(host, 1) for host in who.tolist()])
    rows = np.repeat(_ROW, len(who))
    rows["orig_lo"] += who.astype(np.uint64)
    rows["ts"] = START + number * BUCKET_NS + (5 + np.arange(len(who))) * 10**8
    rows["uid"] = [f"C{number}-{k}".encode() for k in range(len(who))]
    rows["orig_bytes"], rows["orig_ip_bytes"] = sizes.astype(np.int64), sizes.astype(np.int64) + 120
    rows = rows if only is None else rows[np.isin(who, only)]
    return flows(*rows.reshape(-1, 1)) if len(rows) else flows()


def run(known, one, batches):
    found = []
    for rows in batches:
        step = tick(known, rows)
        found += one.score(step)
        one.learn(step, np.zeros(known.count(), np.bool_))
    return found


@cache
def learned():
    """Entities and the state of a detector after nine days of 31 devices."""
    known = entities()
    one = detector(known, SECRET)
    found = run(known, one, [bucket(number) for number in range(DAYS * DAY)])
    return known, one.save(), found


def ready_one():
    known, state, _ = learned()
    known = copy.deepcopy(known)
    one = Volumes(known, SECRET)
    one.load(state)
    return known, one


def channel(found, name):
    return [finding for finding in found if finding.evidence.channel == name]


def test_nothing_is_said_before_a_day_of_history():
    """A flood in the first day is learning, not evidence."""
    known = entities()
    one = detector(known, SECRET)
    found = run(known, one, [*(bucket(k) for k in range(30)), *(bucket(k, out=50_000_000) for k in (30, 31))])

    assert [] == found
    assert ("learning", True) == (one.coverage().state, "100 device-days" in one.coverage().why)
    assert "no_input" == detector(entities(), SECRET).coverage().state


def test_usual_days_say_little():
    """Of 279 device-days no more than a few are told at p ≤ .01, and none opens anything."""
    _, _, found = learned()

    assert 8 >= len({finding.evidence.id for finding in found})
    assert not any(finding.opens for finding in found)


def test_a_flood_is_told_with_its_numbers():
    """500 times the usual bytes: evidence with the usual range below it, opening nothing."""
    known, one = ready_one()
    now = DAYS * DAY
    found = run(known, one, [bucket(now, times={0: 500}), bucket(now + 1)])

    finding = next(finding for finding in found if finding.name == "10.0.0.10")
    evidence = finding.evidence
    assert ("now", False, "device") == (evidence.channel, finding.opens, evidence.entity.kind)
    assert evidence.range[1] < 100_000 < 300_000 < evidence.observed
    assert evidence.p <= 0.01
    assert "sent" in evidence.text
    assert "judged" == one.coverage().state


def test_a_server_that_falls_silent_is_told():
    """Nobody reaches it any more: its low side, with no technique; its clients go on elsewhere."""
    known, one = ready_one()
    now = DAYS * DAY
    quiet = [bucket(now + k) for k in range(3)]
    for rows in quiet:
        rows["resp_lo"] += np.uint64(1)
    found = run(known, one, [*quiet, bucket(now + 3)])
    silent = [finding for finding in found if finding.name == "10.0.0.2"]

    assert [()] == list({finding.techniques for finding in silent})
    assert {1.0} == {finding.evidence.basis["low"] for finding in silent}
    assert 0.01 >= min(finding.evidence.p for finding in silent)


def test_a_drip_accumulates():
    """Three times the bytes for ten hours: told by its sum, by then, and computed again."""
    known, one = ready_one()
    now = DAYS * DAY
    found = run(known, one, [bucket(now + k, times={4: 3}) for k in range(61)])
    told = [finding for finding in channel(found, "accumulation") if finding.name == "10.0.0.14"]

    assert told
    assert all(finding.evidence.p <= 0.01 for finding in told)
    assert [again(finding.evidence) for finding in told] == pytest.approx([one.evidence.p for one in told])


def test_what_a_whole_group_does_is_one_row_of_the_site():
    """Everybody sends 200 times as much at once: one row, and nobody stands out but the server."""
    known, one = ready_one()
    now = DAYS * DAY
    found = run(known, one, [bucket(now, times=dict.fromkeys(range(HOSTS), 200)), bucket(now + 1)])
    fleet = [finding for finding in found if finding.evidence.entity.kind == "site"]

    assert ["local"] == list({finding.name for finding in fleet})
    assert all("one cause" in finding.evidence.text for finding in fleet)
    assert [again(finding.evidence) for finding in fleet] == [finding.evidence.p for finding in fleet]
    assert 3 >= len({finding.name for finding in found if finding.device >= 0 and finding.evidence.p < 1e-2})


def test_a_holiday_is_one_row_and_no_accumulation():
    """Twenty of thirty stay away for twelve hours: each lacks a little for long, all together one row of the site."""
    known, one = ready_one()
    now = DAYS * DAY
    at_work = np.arange(0, HOSTS, 3)
    found = run(known, one, [bucket(now + k, only=at_work) for k in range(12 * 6 + 1)])
    fleet = [finding for finding in found if finding.evidence.entity.kind == "site"]
    away = [f"10.0.0.{10 + host}" for host in range(HOSTS) if host % 3]

    assert any("in the hour from" in finding.evidence.text for finding in fleet)
    assert [again(finding.evidence) for finding in fleet] == [finding.evidence.p for finding in fleet]
    assert [] == [f.name for f in channel(found, "accumulation") if f.name in away and f.evidence.p <= 1e-3]
    assert one.judge.lacking.any()
    other = Volumes(known, SECRET)
    other.load(one.save())
    assert np.array_equal(one.judge.lacking, other.judge.lacking)


def test_a_lack_that_is_not_the_groups_accumulates():
    """One host of thirty that sends nothing while the others go on."""
    known, one = ready_one()
    now = DAYS * DAY
    found = run(known, one, [bucket(now + k, only=np.arange(1, HOSTS)) for k in range(12 * 6 + 1)])

    assert [1.0] == sorted({f.evidence.basis["low"] for f in channel(found, "accumulation") if f.name == "10.0.0.10"})
    assert not one.judge.lacking.any()


@pytest.mark.parametrize(("timezone", "hour"), [("UTC", 0), ("Australia/Brisbane", 10)])
def test_seasons_are_learned_by_the_clock_on_the_wall(timezone, hour):
    """Traffic of the first hour of a UTC day is the eleventh hour's where the clock is ten hours ahead."""
    known = entities(timezone)
    one = detector(known, SECRET)
    run(known, one, [bucket(number) for number in range(6)])

    season = one.save()["table/season"]

    assert {hour} == set(np.nonzero(season.reshape(-1, season.shape[-1]).any(axis=0))[0].tolist())


def test_one_evidence_a_day_and_channel():
    """A flood that goes on is the same evidence; the next day's is another."""
    known, one = ready_one()
    now = DAYS * DAY
    parts = [
        channel(run(known, one, [*(bucket(at + k, times={0: 500 + 900 * k}) for k in range(4)), bucket(at + 4)]), "now")
        for at in (now, now + DAY)
    ]
    told = [[finding.evidence for finding in part if finding.name == "10.0.0.10"] for part in parts]

    assert [1, 1] == [len({evidence.id for evidence in part}) for part in told]
    assert [True, True] == [len(part) > 1 for part in told]
    assert told[0][0].id != told[1][0].id


def test_what_is_flagged_does_not_learn():
    """A device in an open incident leaves its level and the pools alone; another's move."""
    known, one = ready_one()
    now = DAYS * DAY
    step = tick(known, bucket(now))
    one.score(step)
    flags = np.zeros(known.count(), np.bool_)
    first = int(step.orig_device[0])
    flags[first] = True
    one.learn(step, flags)
    before = one._table.columns["level"][: known.count()].copy()
    pooled = int(one.judge.pools.counts[0].sum())
    run(known, one, [bucket(now + 1)])

    moved = (one._table.columns["level"][: known.count()] != before).any(axis=1)
    assert not moved[first]
    assert known.count() - 1 == moved.sum()
    assert known.count() - 1 == int(one.judge.pools.counts[0].sum()) - pooled


def test_the_strange_is_learned_after_48_hours():
    """A new habit is held back for two days, then it is what the device does."""
    known, one = ready_one()
    host = known.locate(0, "10.0.0.10")
    columns = one._table.columns
    before = int(columns["seen"][host])
    columns["held"][host] = HELD + 1
    run(known, one, [bucket(DAYS * DAY + k, times={0: 10_000}) for k in range(2)])

    assert before < columns["seen"][host]


def test_buckets_without_any_record_teach_nothing():
    """A night in which the sensor was off is no silence of the devices."""
    known = entities()
    one = detector(known, SECRET)
    run(known, one, [*(bucket(k) for k in range(10)), bucket(60)])

    assert 10 == one._table.columns["seen"][0]


def test_a_device_that_went_away_is_not_judged():
    """After a week without a flow it neither learns silence nor is told of."""
    known, one = ready_one()
    now, host = DAYS * DAY, known.locate(0, "10.0.0.10")
    one._table.columns["last"][host] -= 8 * DAY
    before = int(one._table.columns["seen"][host])
    found = run(known, one, [bucket(now + k, only=np.arange(1, HOSTS)) for k in range(4)])

    assert before == one._table.columns["seen"][host]
    assert "10.0.0.10" not in {finding.name for finding in found}


def test_a_row_that_is_another_device_now_is_judged_no_more():
    """Its silence is none: it teaches nothing, and the device goes on with the habits of the row that learned more."""
    known, one = ready_one()
    rows = [known.locate(0, f"10.0.0.{host}") for host in (10, 11)]
    one._table.columns["seen"][rows[0]] += 5
    wanted = one._table.columns["level"][rows[0]].copy()
    _, kept = joined(known, one, "10.0.0.11", "10.0.0.10")
    gone = next(row for row in rows if row != kept)

    assert np.array_equal(wanted, one._table.columns["level"][kept])
    one._close(one._bucket + 1)
    assert 0 == one.progress(gone) < one.progress(kept)
    assert f"of {known.count() - 1} devices" in one.coverage().why


def test_save_and_load_is_identity():
    """After a restart the next day is judged as it would have been, to the bit."""
    known, one = ready_one()
    other = Volumes(known, SECRET)
    other.load(one.save())
    for number in range(DAYS * DAY, DAYS * DAY + 8):
        step = tick(known, bucket(number, times={3: 900}))
        assert [f.evidence for f in one.score(step)] == [f.evidence for f in other.score(step)]
        for each in (one, other):
            each.learn(step, np.zeros(known.count(), np.bool_))

    saved = (one.save(), other.save())
    assert saved[0].keys() == saved[1].keys()
    assert all(
        np.array_equal(saved[0][name], saved[1][name], equal_nan=True) for name in saved[0] if "known" not in name
    )
    with pytest.raises(ValueError, match="version 9"):
        other.load({**saved[0], "head": np.array([9, 0])})


def test_the_release_before_is_read():
    """Five features' levels and ages go on; seasons and pools begin."""
    old = {"counts": np.zeros((3, 5)), "level": np.arange(15.0).reshape(3, 5), "scale": np.ones((3, 5)),
           "seen": np.array([500, 3, 0]), "joined": np.zeros(3, np.uint8), "_version": np.array([1, 3, 0]),
           "_free": np.zeros(0, np.int64)}  # fmt: skip
    known = entities()
    run(known, detector(known, SECRET), [bucket(0, hosts=2)])
    one = detector(known, SECRET)
    one.load({**{f"table/{name}": column for name, column in old.items()}, "pool": np.zeros((5, 512)),
              "bucket": np.array([START // BUCKET_NS, 7]), "flagged": np.zeros(3, np.bool_)})  # fmt: skip

    assert [0, 1, 2, 3, 0, 4] == one._table.columns["level"][0].tolist()
    assert (1.0, 3 / READY) == (one.progress(0), one.progress(1))
    assert "learning" == one.coverage().state
    run(known, one, [bucket(1, hosts=2), bucket(2, hosts=2)])


def test_progress_is_the_share_of_a_day():
    """Half a day of buckets is one half; an unknown row is nothing."""
    known = entities()
    one = detector(known, SECRET)
    run(known, one, [bucket(k, hosts=2) for k in range(READY // 2 + 1)])

    assert (0.5, 0.0) == (one.progress(0), one.progress(99))


def test_ratios_are_named_for_the_metric():
    """Each statistic at three alphas; NaN where too little was seen."""
    _, one = ready_one()
    ratios = one.calibration

    assert {1e-2, 1e-3, 1e-4} == {alpha for _, alpha in ratios}
    assert {"volumes.now", "volumes.accumulation", "volumes.drift"} < {name for name, _ in ratios}
    assert any(ratio > 0 for ratio in ratios.values())


def test_a_level_that_neither_doubled_nor_halved_is_no_drift_to_tell_of(monkeypatch):
    """However rare it is among peers who are all steady."""
    known = entities()
    one = detector(known, SECRET)
    step = tick(known, flows(*[flow(f"10.0.0.{k}", "203.0.113.1") for k in (5, 6, 7)]))
    one.score(step)
    one.learn(step, np.zeros(known.count(), np.bool_))
    c = cells(one._table)
    c["seen"][:] = 40 * DAY
    rows = len(c["seen"])
    raw = np.ones((rows, SIDES))
    raw[:, 0] = 1e-9
    distance = np.zeros((rows, len(FEATURES)))
    distance[:, 0] = np.log([1.2, 3.0, 0.4])[:rows]
    moved = Drift(distance, np.ones_like(distance), np.ones_like(distance), np.full(distance.shape, 7))
    score = np.abs(np.repeat(distance, 2, axis=1))
    drifted = Drifted(moved, score, score, raw, np.full(rows, 5.0), np.full(rows, 1e-3), [])
    monkeypatch.setattr(one.judge, "day", lambda *_: drifted)

    assert [1, 2] == sorted(finding.device for finding in one._day(c, 50 * DAY) if finding.evidence.channel == "drift")
