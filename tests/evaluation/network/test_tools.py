"""The evaluation's own tools: what is simulated, put in, scored and drawn is what it says."""

import numpy as np
import pytest

from tests.evaluation.network import alone, attacks, novelties, report
from tests.evaluation.network.baselines_to_beat import Learned, bowley, hourly, rita_score
from tests.evaluation.network.fleet import Fleet, in_copies
from tests.evaluation.network.protocol import Outcome, Plan, Results, _place, _threshold
from tests.evaluation.network.simulator import DAY_NS, START, S, World, in_order, rows
from tests.evaluation.network.templates import BROADCAST, OUTSIDE, RESOLVER, SERVER, HostDay

SITES = {"SYD": 12, "BER": 9}


def template(seed=0, n=400):
    """A host-day made by hand: its resolver, a server, a broadcast and 30 outside places."""
    rng = np.random.default_rng(seed)
    made = rows(np.sort(rng.integers(0, DAY_NS, n)), 1, 2, port=443, out=rng.integers(100, 9_000, n))
    kinds = (RESOLVER, SERVER, BROADCAST, *[OUTSIDE] * 30)
    return HostDay("made", made, rng.integers(0, len(kinds), n), kinds, tuple(f"n{k}" for k in range(len(kinds))))


def values_of(flows):
    """Return what the columns hold: between them an aligned row has bytes that nobody sets."""
    return [flows[name].tobytes() for name in flows.dtype.names]


@pytest.fixture(scope="module")
def world():
    """Two small sites."""
    return World([template(0), template(1)], SITES, seed=7, days=20)


def test_a_day_is_the_same_for_one_seed_and_no_other_days_copy():
    """Flows of two worlds of one seed are equal; two days of one device are not, nor are two draws."""
    first, second = (World([template()], SITES, seed=7, days=20) for _ in range(2))
    one, same, other = first.day(1), second.day(1), first.day(2)

    assert values_of(one.flows) == values_of(same.flows)
    assert not np.intersect1d(one.flows["ts"] % DAY_NS, other.flows["ts"] % DAY_NS).size > len(one.flows) // 20
    assert values_of(first.device_day(5, 1)[0]) != values_of(first.device_day(5, 1, draw=1)[0])


def test_a_day_is_in_order_and_its_owners_send_it(world):
    """In order of completion; who owns a flow is its originator."""
    day = world.day(1)
    done = day.flows["ts"] + np.maximum(day.flows["duration"], 0)

    assert (np.diff(done) >= 0).all()
    assert [world.devices[k].address for k in day.owner.tolist()] == day.flows["orig_lo"].tolist()
    assert len(np.unique(day.flows["uid"])) == len(day.flows)


def test_people_rest_on_weekends_and_holidays(world):
    """Fewer flows on Saturday than on Tuesday; a holiday is no working day."""
    assert len(world.day(5).flows) < len(world.day(1).flows) / 2
    assert [True, False, False] == [world.works(day) for day in (1, 5, 10)]


@pytest.mark.parametrize("family", attacks.FAMILIES)
def test_every_attack_is_by_its_device_and_after_its_begin(world, family):
    """Each intensity of a family."""
    k = next(k for k, one in enumerate(world.devices) if one.kind == "workstation")
    begin = START + DAY_NS + 10 * 3_600 * S
    for intensity in attacks.FAMILIES[family]:
        one = attacks.make(world, family, intensity, k, begin, np.random.default_rng(1))
        assert {world.devices[k].address} == set(one.flows["orig_lo"].tolist())
        assert int(one.flows["ts"].min()) >= begin


def test_what_is_put_in_is_in_and_silence_takes_out(world):
    """Flows add up, and a silent server has none from its begin on."""
    day, begin = world.day(1), START + DAY_NS + 10 * 3_600 * S
    scan = attacks.make(world, "scan", "20 hosts/h", 8, begin, np.random.default_rng(1))
    quiet = attacks.make(world, "silence", "a file server", 1, begin, np.random.default_rng(1))
    with_scan, with_both = attacks.put(day, [scan]), attacks.put(day, [scan, quiet])
    late = with_both.flows[with_both.flows["ts"] >= begin]

    assert len(day.flows) + 20 == len(with_scan.flows)
    assert 0 == ((late["orig_lo"] == world.devices[1].address) | (late["resp_lo"] == world.devices[1].address)).sum()


def test_a_ramp_grows_to_its_factor(world):
    """On its last day the bytes are the factor's, others' are as they were."""
    day = world.day(2)
    k = int(day.owner[0])
    last = attacks.ramp(world, day, 13, 0, 14, {k: 16.0})
    own = (day.owner == k) & (day.flows["orig_bytes"] > 100)

    assert np.allclose(16.0, last.flows["orig_bytes"][own] / day.flows["orig_bytes"][own], rtol=0.01)
    assert (last.flows["orig_bytes"][day.owner != k] == day.flows["orig_bytes"][day.owner != k]).all()


@pytest.mark.parametrize("kind", novelties.KINDS)
def test_novelties_are_made_at_their_site(world, kind):
    """Every injection has flows from the site's addresses."""
    made = novelties.KINDS[kind](world, 0, START + DAY_NS + 10 * 3_600 * S, np.random.default_rng(2))

    assert made
    assert all((one.flows["input"] == 0).all() and len(one.flows) for one in made)


def test_hourly_counts_are_the_counts():
    """One device, three flows in one hour, two peers, one failure."""
    at = START + np.array([0, 60, 120]) * S
    made = np.concatenate([
        rows(at[:2], 1, np.array([9, 9], np.uint64), port=80, out=50), rows(at[2:], 1, 8, port=22, state="S0", out=0),
    ])  # fmt: skip
    table = np.expm1(hourly(in_order(made, [], np.zeros(3, np.int32)), 1))[0, 0]

    assert np.allclose([100, 1_200 + 600, 3, 1, 0, 2, 2, 100], table)


def test_ritas_formula_prefers_what_is_regular():
    """Without jitter and of one size only the count is missing; skewness is Bowley's."""
    steady = rita_score(np.arange(0, 86_400, 60), np.full(1_440, 200), 86_400.0, 1_440)
    rng = np.random.default_rng(0)
    random = rita_score(np.unique(rng.integers(0, 86_400, 1_440)), rng.integers(0, 60_000, 1_440), 86_400.0, 1_440)

    assert 0.85 < steady <= 1.0
    assert random < 0.6
    assert (0.0, 1.0) == (bowley(np.array([1, 2, 3])), round(bowley(np.array([0, 1, 1_000_000])), 2))


def test_baselines_see_a_flood(world):
    """Every baseline but the random one and RITA's gives a flooding device the largest score."""
    days = [world.day(number) for number in (1, 2, 3)]
    learned = Learned([hourly(day, len(world.devices)) for day in days])
    k = next(k for k, one in enumerate(world.devices) if one.kind == "workstation")
    flood = attacks.make(
        world, "scan", "1,000 hosts/h", k, START + 4 * DAY_NS + 3 * 3_600 * S, np.random.default_rng(1)
    )
    scores = learned.scores(attacks.put(world.day(4), [flood]), len(world.devices))

    assert k == int(scores["own z"].argmax())
    assert k == int(scores["half-space trees"].argmax())


def test_a_copy_leaves_the_original_as_it_was(world, tmp_path):
    """A day run in a copy moves no clock here, and a failing copy answers with its error."""
    fleet = Fleet(SITES, tmp_path / "state")
    fleet.run(world.day(1), 1)
    before = fleet.core.entities.now_ns
    answers = in_copies([lambda: len(fleet.run(world.day(2), 2)), lambda: 1 / 0])

    assert before == fleet.core.entities.now_ns
    assert isinstance(answers[0], int)
    assert "ZeroDivisionError" in str(answers[1])


def test_the_threshold_lets_as_many_through_as_are_allowed():
    """One in 1,000 device-days of 2,000 are two."""
    assert 8.0 == _threshold([10, 9, 8, 7], 2_000, 1.0)
    assert -np.inf == _threshold([10], 5_000, 1.0)


def test_the_report_says_what_is_simulated():
    """Recall counts incidents above the threshold alone, and each table names its background."""
    results = Results(Plan({"SYD": 10}, 1, 1, 1), device_days=10, by_day={1: 10})
    results.outcomes = [
        Outcome("scan", "100 hosts/h", 10, rank=1_010.0, tier="triage", seconds=60.0, baselines={"random": 0.0}),
        Outcome("scan", "100 hosts/h", 10, rank=12.0, tier="digest", baselines={"random": 1.0}),
    ]
    results.thresholds = {rate: {"program": -np.inf, "random": 0.5} for rate in (0.5, 1.0, 5.0)}
    text = report.markdown(results, {})

    assert (0.5, 0.5) == (
        report.recall(results.outcomes, results, 1.0),
        report.recall(results.outcomes, results, 1.0, "random"),
    )
    assert text.count("simulated") >= 4
    assert (None, 0) == _place([], "10.0.0.1")


def test_volumes_and_silence_run_alone(capsys, monkeypatch):
    """Day by day; ramps and silent servers come only later, and are counted."""
    monkeypatch.setattr(alone.simulator, "HOLIDAYS", ())  # set anew by it, and as it was after this test
    monkeypatch.setattr(alone.templates, "read", lambda _: [template(0), template(1)])
    alone.main(["--days", "2", "--devices", "20", "--ramped", "2"])
    said = capsys.readouterr().out

    assert "day 1 work: devices at p <= 1e-3 by channel {'now': 0, 'accumulation': 0, 'drift': 0}" in said
    assert "ramps x16: drift at p <= 1e-3 of 0 of 1" in said
    assert "silent servers told: 0 of 0" in said
