"""What is usual for an account and its tenant, against the definition counted by hand."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.detectors.habits import BINS, EXACT, SLOTS, Habits, _bin, _parents, shared
from tests.detectors.acts_made import ANN, at, known, office, run, signin, tick_of
from tests.scenes import SECRET

NAMES = [f"p{number}@corp.example" for number in range(4)]


class Learner:
    """The habits alone, as a detector."""

    def __init__(self, habits):
        self.habits, self.judged = habits, []

    def score(self, tick):
        """Judge."""
        self.judged.append((tick, self.habits.judge(tick)))
        return []

    def learn(self, tick, flagged):
        """Learn."""
        self.habits.learn(tick, flagged)


def counted(days):
    """P(new for the account) and P(of the tenant's mass) by definition; `days` holds (account, network, day)."""
    own = Counter((account, network) for account, network, _ in days)
    tenant = Counter(network for _, network, _ in days)

    def judge(account, network):
        mine = [n for (name, _), n in own.items() if name == account]
        new = 1.0 if (account, network) in own else (1 + 0.25 * len(mine)) / (1 + sum(mine))
        rare = [n for n in tenant.values() if n <= tenant[network]]
        tail = (1 + 0.25 * len(tenant) + sum(n - 0.25 for n in rare)) / (1 + sum(tenant.values()))
        return new, min(1.0, tail)

    return judge


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=40))
def test_rarity_is_its_definition_counted_in_active_days(draws):
    """Whatever was seen, how often, and in which order within ticks."""
    entities = known()
    learner = Learner(Habits(entities, SECRET))
    events = [
        signin(day=day, hour=9 + k / 100, account=NAMES[who], ip=f"10.{network}.0.1", country=None, user_agent=None)
        for k, (who, network, day) in enumerate(sorted(draws, key=lambda draw: draw[2]))
    ]
    run(entities, [learner], events)
    judge = counted({(NAMES[who], network, day) for who, network, day in draws})
    for who in range(4):
        for network in range(5):
            new = signin(day=9, account=NAMES[who], ip=f"10.{network}.0.1", country=None, user_agent=None)
            step = tick_of(entities, [new])
            judged = learner.habits.judge(step)
            expected = judge(NAMES[who], network)
            if expected[0] < 1:
                assert np.isclose(expected[0], judged.own[0, 0])
                assert np.isclose(expected[1], judged.tail[0, 0])
            else:
                assert 1.0 == judged.own[0, 0]


def test_rows_do_not_count_days_do():
    """A hundred sign-ins of a day are one day; refusals teach nothing."""
    entities = known()
    learner = Learner(Habits(entities, SECRET))
    run(entities, [learner], [signin(hour=9 + k / 100) for k in range(100)] + [signin(day=1, outcome="failure")])

    row = entities.account_row(ANN)
    assert (1, 1) == (learner.habits.account_days(row), learner.habits.tenant_days(learner.habits.tenant_of(row)))


def test_a_device_is_known_after_three_earlier_days():
    """Today does not count."""
    entities = known()
    learner = Learner(Habits(entities, SECRET))
    run(entities, [learner], [signin(day=day, device_id="D1") for day in range(4)])

    assert [False, False, False, True] == [bool(judged.known_device[0]) for _, judged in learner.judged]


def test_an_unusual_value_is_learned_after_two_days_if_nothing_came_of_it():
    """Until then each sign-in is unusual anew, and said to be a repetition; of a frozen account it is never learned."""
    days = [21 + k / 4 for k in range(16)]
    for freeze, expected in (((), True), ((ANN,), False)):
        entities = known()
        learner = Learner(Habits(entities, SECRET))
        run(entities, [learner], office(days=21, people=20))
        learner.judged.clear()
        run(entities, [learner], [signin(day=day, ip="203.0.113.5", country="US") for day in days], freeze=freeze)
        p = [float(judged.p[0]) for _, judged in learner.judged]
        assert p[0] < 1e-3
        assert expected == (p[-1] == 1.0)
        assert [False, True] == [bool(judged.repeated[0]) for _, judged in learner.judged[:2]]


def test_a_small_tenant_knows_no_rarity():
    """Below 100 account-days novelty is worth 2 dB at most."""
    entities = known()
    learner = Learner(Habits(entities, SECRET))
    run(entities, [learner], office(days=8, people=10))
    step = tick_of(entities, [signin(day=8, ip="203.0.113.5", country="US")])
    judged = learner.habits.judge(step)

    assert judged.raw[0] < 0.05 < judged.p[0]


def test_the_accounts_domain_and_those_below_are_the_tenants():
    """Another registered name is not, however alike."""
    entities = known()
    habits = Habits(entities, SECRET)
    run(entities, [Learner(habits)], [signin()])
    row = entities.account_row(ANN)

    found = [habits.is_own_domain(name, row) for name in ("corp.example", "mail.corp.example", "corp2.example")]
    assert [True, True, False] == found
    assert ["a.b.c", "b.c"] == _parents("A.b.c.")


def test_one_object_serves_all_detectors_of_the_same_entities():
    """And others have their own."""
    one, other = known(), known()

    assert shared(one, SECRET) is shared(one, SECRET)
    assert shared(one, SECRET) is not shared(other, SECRET)


def test_save_and_load_is_identity():
    """A restart forgets no habit."""
    entities = known()
    habits = Habits(entities, SECRET)
    run(entities, [Learner(habits)], office(days=15))
    other = Habits(entities, SECRET)
    other.load(habits.save())
    step = tick_of(entities, [signin(day=15, ip="203.0.113.5", country="US"), signin(day=15, hour=9.5)])

    one, two = habits.judge(step), other.judge(step)
    assert one.p.tolist() == two.p.tolist()
    assert one.known_device.tolist() == two.known_device.tolist()


def test_an_account_has_bounded_slots():
    """Of many networks the ones not used longest give way."""
    entities = known()
    habits = Habits(entities, SECRET)
    many = [signin(day=day, ip=f"10.{day}.0.1", country=None) for day in range(SLOTS["network"] + 5)]
    run(entities, [Learner(habits)], many)

    row = habits.accounts["network"][entities.account_row(ANN)]
    assert SLOTS["network"] == len(set(row.tolist()) - {0})
    assert habits.traits.network(f"10.{SLOTS['network'] + 4}.0.1", None) in row.tolist()


def test_classes_of_counts_keep_their_order():
    """Exact where counts are small, then two an octave."""
    counts = np.array([0, 1, EXACT - 1, EXACT, 45, 46, 64, 10**6, 10**9], np.int64)
    found = _bin(counts)

    assert (np.diff(found) >= 0).all()
    assert [0, 1, EXACT - 1, EXACT, EXACT, EXACT + 1, EXACT + 2, BINS - 1] == [*found[:7].tolist(), int(found[-1])]


def test_hours_are_counted_by_day_of_the_week():
    """1970 began on a Thursday: day 0 of these tests is a Tuesday."""
    entities = known()
    habits = Habits(entities, SECRET)
    run(entities, [Learner(habits)], [signin(day=day, hour=9) for day in range(7)])

    hours = habits.accounts["hours"][entities.account_row(ANN)]
    assert (5, 2) == (int(hours[9]), int(hours[24 + 9]))
    assert 2 == (at() // 86_400_000_000_000 + 4) % 7
