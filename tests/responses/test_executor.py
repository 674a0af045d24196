"""Actions through the executor: modes, guards, limits, and what is left by a kill at any step."""

import random

import msgspec
import pytest

from sensor.model.guard import Guard
from sensor.model.incident import Step
from sensor.model.response import VERBS, Request
from sensor.model.times import parse, rfc3339
from sensor.responses.executor import Armed, Around, Executor
from sensor.store import audit
from sensor.store.actions import KILL_SWITCH, Actions
from sensor.store.held import Held
from sensor.store.state import State
from tests.responses.products import NOW, Permanent, Product, S, Transient, action, incident

HOUR = 3600 * S
_OPEN = []


@pytest.fixture(autouse=True)
def _all_closed():
    yield
    while _OPEN:
        _OPEN.pop().close()


def around(accounts=1000, protected=()):
    return Around(
        lambda: accounts, lambda kind, target: (), lambda device: (),
        lambda kind, target: "a domain controller" if target in protected else None,
    )  # fmt: skip


def opened(folder, product, *, mode="auto", guard=None, verb_modes=None, **rest):
    """An executor over a fresh or an older state, with one product."""
    if not (folder / "state.sqlite").exists():
        State(folder).close()
    actions = Actions(folder)
    _OPEN.append(actions)
    executor = Executor(
        folder, actions, {"fake": Armed(product, mode, verb_modes or {})}, guard or Guard(), around(**rest)
    )
    _OPEN.append(executor)
    return executor, actions


def done(executor, actions, *incidents, at=NOW, looks=1):
    """Offer incidents and let the executor work."""
    executor.offer(incidents, at)
    for k in range(looks):
        executor.step(at + k * 30 * S)
    return {held.action.id: held.action for held in actions.all()}


def test_armed_and_paged_it_acts_and_sees_the_effect(tmp_path):
    """Every step is in the history and in a log that verifies; an hour later it is taken back."""
    product = Product()
    executor, actions = opened(tmp_path, product)
    states = done(executor, actions, incident(action("ACT-1")))

    assert "verified" == states["ACT-1"].state
    assert ["approved", "executing", "verified"] == [step.state for step in states["ACT-1"].history]
    assert {"ACT-1"} == product.done
    executor.step(NOW + HOUR + S)
    assert set() == product.done
    assert "undone" == actions.get("ACT-1").action.state
    assert ([], 5) == audit.verify(tmp_path, least=actions.audited())


@pytest.mark.parametrize(
    ("mode", "tier", "sources"),
    [("recommend", "page", ("identity", "network")), ("approve", "page", ("identity", "network")),
     ("auto", "triage", ("identity", "network")), ("auto", "page", ("identity",))],
)  # fmt: skip
def test_it_does_nothing_by_itself_unless_all_holds(tmp_path, mode, tier, sources):
    """Not armed, not paged, or from one source alone: proposed, and no more."""
    product = Product()
    executor, actions = opened(tmp_path, product, mode=mode)
    states = done(executor, actions, incident(action("ACT-1"), tier=tier, sources=sources), looks=3)

    assert ("proposed", mode, "fake") == (states["ACT-1"].state, states["ACT-1"].mode, states["ACT-1"].connector)
    assert [] == product.touched


def test_it_acts_as_soon_as_the_incident_pages(tmp_path):
    """What was proposed at triage is done when the incident grows."""
    product = Product()
    executor, actions = opened(tmp_path, product)
    done(executor, actions, incident(action("ACT-1"), tier="triage"))
    states = done(executor, actions, incident(action("ACT-1")), at=NOW + HOUR)

    assert "verified" == states["ACT-1"].state


def test_a_person_approves_and_denies(tmp_path):
    """Beside the executor; both are in the audit log under the person's name. What is decided stays so."""
    product = Product()
    executor, actions = opened(tmp_path, product, mode="approve")
    done(executor, actions, incident(action("ACT-1"), action("ACT-2", "revoke_sessions")))
    beside = Actions(tmp_path)
    _OPEN.append(beside)
    assert beside.decide("ACT-1", "approved", "user:kim", "seen", NOW) is None
    assert beside.decide("ACT-2", "denied", "user:kim", "a drill", NOW) is None
    assert "ACT-2 is denied: only what is proposed can be approved" == beside.decide("ACT-2", "approved", "x", "", NOW)
    assert "no action ACT-9" == beside.decide("ACT-9", "approved", "x", "", NOW)
    executor.step(NOW + S)

    assert ("verified", "denied") == tuple(actions.get(key).action.state for key in ("ACT-1", "ACT-2"))
    log = (tmp_path / audit.LOG).read_text()
    assert 2 == log.count('"by":"user:kim"')
    assert [] == audit.verify(tmp_path, least=actions.audited())[0]


def test_without_a_connector_it_is_still_proposed(tmp_path):
    """And cannot be approved."""
    executor, actions = opened(tmp_path, Product(verbs=("block_address",)))
    states = done(executor, actions, incident(action("ACT-1")))
    assert (None, "recommend", "proposed") == (
        states["ACT-1"].connector, states["ACT-1"].mode, states["ACT-1"].state,
    )  # fmt: skip
    assert "has no connector" in actions.decide("ACT-1", "approved", "user:kim", "", NOW)


def test_what_is_never_touched_is_denied_even_when_approved(tmp_path):
    """By list, and because the network stands on it."""
    product = Product()
    guard = Guard(never_touch=("ann@ex.com",))
    executor, actions = opened(tmp_path, product, guard=guard, protected=("D-dc",))
    states = done(executor, actions, incident(action("ACT-1"), action("ACT-2", "isolate_device", "D-dc")))

    assert {"denied"} == {one.state for one in states.values()}
    assert ["ann@ex.com is never touched", "a domain controller"] == [
        states[key].history[-1].detail for key in ("ACT-1", "ACT-2")
    ]
    assert [] == product.touched


def test_the_limits_hold_and_what_waits_is_done_later(tmp_path):
    """Three an hour; the fourth an hour later."""
    product = Product()
    executor, actions = opened(tmp_path, product)
    acts = [action(f"ACT-{k}", "revoke_sessions", f"u{k}@ex.com") for k in range(4)]
    states = done(executor, actions, incident(*acts), looks=4)

    assert 3 == len(product.done)
    waiting = next(one for one in states.values() if one.state == "approved")
    assert "waits: 3 actions in the last hour" == waiting.history[-1].detail
    executor.step(NOW + HOUR + 2 * S)
    assert 4 == len(product.done)


def test_of_few_accounts_one_a_day_is_touched(tmp_path):
    """One in a hundred, at least one; a second action on the same account is no second account."""
    product = Product()
    executor, actions = opened(tmp_path, product, accounts=40)
    acts = [action("ACT-1"), action("ACT-2", "revoke_sessions"), action("ACT-3", target="bob@ex.com")]
    done(executor, actions, incident(*acts), looks=3)

    assert {"ACT-1", "ACT-2"} == product.done


def test_the_kill_switch_stops_everything_and_is_seen_at_once(tmp_path):
    """Nothing is begun, nor taken back, while it is thrown."""
    product = Product()
    executor, actions = opened(tmp_path, product)
    (tmp_path / KILL_SWITCH).touch()
    done(executor, actions, incident(action("ACT-1")))
    assert [] == product.touched
    (tmp_path / KILL_SWITCH).unlink()
    executor.step(NOW + S)
    assert {"ACT-1"} == product.done


def test_trouble_is_waited_out_and_then_given_up(tmp_path):
    """A server that says later; one that refuses; an effect that never shows."""
    executor, actions = opened(tmp_path / "a", Product(fails=[Transient("503"), Transient("503")]))
    assert "verified" == done(executor, actions, incident(action("ACT-1")), looks=4)["ACT-1"].state
    executor, actions = opened(tmp_path / "b", Product(fails=[Permanent("403 forbidden")]))
    failed = done(executor, actions, incident(action("ACT-1")), looks=4)["ACT-1"]
    assert ("failed", "403 forbidden") == (failed.state, failed.history[-1].detail)
    executor, actions = opened(tmp_path / "c", Product(slow=10**6))
    failed = done(executor, actions, incident(action("ACT-1")), looks=40)["ACT-1"]
    assert ("failed", True) == (failed.state, "given up after 10 minutes" in failed.history[-1].detail)


def test_sessions_that_outlive_their_revocation_are_waited_for(tmp_path):
    """The effect shows after a few minutes."""
    executor, actions = opened(tmp_path, Product(slow=12))
    states = done(executor, actions, incident(action("ACT-1", "revoke_sessions")), looks=20)
    assert "verified" == states["ACT-1"].state


def test_a_product_that_cannot_be_asked_is_not_called_a_success(tmp_path):
    """The state is unknown, and said."""
    executor, actions = opened(tmp_path, Product(blind=True))
    found = done(executor, actions, incident(action("ACT-1")))["ACT-1"]
    assert ("unknown", "the product took it, and cannot be asked") == (found.state, found.history[-1].detail)


def test_what_nobody_decides_expires(tmp_path):
    """And what cannot be taken back is said to be so."""
    executor, actions = opened(tmp_path, Product(), mode="approve")
    short = action("ACT-1", expires="2023-11-15T00:00:00.000000Z")
    done(executor, actions, incident(short), at=NOW)
    executor.step(NOW + 24 * HOUR)
    assert "expired" == actions.get("ACT-1").action.state
    assert "cannot be taken back" in (_undone(tmp_path / "b") or "")


def _undone(folder):
    executor, actions = opened(folder, Product())
    done(executor, actions, incident(action("ACT-1", "revoke_sessions")))
    return executor.undo("ACT-1", "user:kim", NOW)


def test_a_person_undoes(tmp_path):
    """What was done and can be taken back; with the switch thrown nothing is."""
    product = Product()
    executor, actions = opened(tmp_path, product)
    done(executor, actions, incident(action("ACT-1")))
    (tmp_path / KILL_SWITCH).touch()
    assert "responses are stopped" in executor.undo("ACT-1", "user:kim", NOW)
    (tmp_path / KILL_SWITCH).unlink()
    assert executor.undo("ACT-1", "user:kim", NOW) is None
    assert set() == product.done
    assert "there is nothing to take back" in executor.undo("ACT-1", "user:kim", NOW)


def test_one_process_executes(tmp_path):
    """A second one is refused."""
    executor, _ = opened(tmp_path, Product())
    with pytest.raises(ValueError, match="another spanline process"):
        opened(tmp_path, Product())
    executor.close()
    again, _ = opened(tmp_path, Product())
    again.close()


class Killed(BaseException):
    """What kill -9 is to a test: nothing catches it, nothing runs after it."""


def killing(executor, actions, product, after):
    """Let the program die before its n-th step that anybody outside could see, or right after it."""
    left = [after]

    def counted(function):
        def called(*arguments, **named):
            for moment in ("before", "after"):
                left[0] -= 1
                if left[0] < 0:
                    raise Killed(moment)
                if moment == "before":
                    result = function(*arguments, **named)
            return result

        return called

    for owner, names in (
        (executor._audit, ("append",)),
        (actions, ("put", "put_if")),
        (product, ("before", "act", "verify", "undo")),
    ):
        for name in names:
            setattr(owner, name, counted(getattr(owner, name)))


@pytest.mark.parametrize("blind", [False, True])
def test_killed_between_any_two_steps_the_effect_is_there_once_or_unknown_is_said(tmp_path, blind):
    """At each of the steps of an automatic action in turn; the log verifies after each."""
    ended = set()
    for after in range(40):
        folder = tmp_path / str(after)
        folder.mkdir()
        product = Product(blind=blind)
        executor, actions = opened(folder, product)
        plain = Product.before, Product.act, Product.verify
        killing(executor, actions, product, after)
        survived = True
        try:
            done(executor, actions, incident(action("ACT-1")))
        except Killed:
            survived = False
        executor._lock.close()
        executor._audit.close()
        product.before, product.act, product.verify = (method.__get__(product) for method in plain)
        executor, actions = opened(folder, product)
        executor.recover(NOW + 5 * S)
        found = done(executor, actions, incident(action("ACT-1")), at=NOW + 10 * S, looks=3)["ACT-1"]
        ended.add(found.state)
        assert product.changes.get("ACT-1", 0) == 1 or found.state == "unknown"
        assert found.state == ("unknown" if blind else "verified")
        assert [] == audit.verify(folder, least=actions.audited())[0]
        executor.close()
        actions.close()
        if survived:
            break
    assert survived
    assert {"unknown" if blind else "verified"} == ended


@pytest.mark.parametrize("asked", [False, True])
def test_killed_while_it_is_taken_back_it_is_taken_back(tmp_path, asked):
    """At each step after its effect was seen: it has no effect in the end, was done once, and its state says undone."""
    for after in range(40):
        folder = tmp_path / str(after)
        product = Product()
        executor, actions = opened(folder, product)
        done(executor, actions, incident(action("ACT-1")))
        killing(executor, actions, product, after)
        survived = True
        try:
            if asked:
                actions.ask_back("ACT-1", "user:jo", "wrong", NOW + S)
            executor.step(NOW + (S if asked else HOUR + S))
        except Killed:
            survived = False
        executor._lock.close()
        executor._audit.close()
        product.undo = Product.undo.__get__(product)
        executor, actions = opened(folder, product)
        executor.recover(NOW + HOUR + 2 * S)
        executor.step(NOW + HOUR + 3 * S)

        assert ("undone", set(), {"ACT-1": 1}) == (actions.get("ACT-1").action.state, product.done, product.changes)
        assert [] == audit.verify(folder, least=actions.audited())[0]
        executor.close()
        actions.close()
        if survived:
            return
    raise AssertionError("it never got through")


def thrown(folder, count, rounds):
    """Throw random incidents at an executor over days; return what was touched, and when."""
    draw = random.Random(1)
    product = Product()
    never = ("ceo@ex.com", "*@board.ex.com", "10.0.0.0/24", "D-7")
    executor, actions = opened(folder, product, guard=Guard(never_touch=never), accounts=250, protected=("D-8",))
    targets = {
        "account": ["ceo@ex.com", "CEO@ex.com", "zoe@board.ex.com", *(f"u{k}@ex.com" for k in range(40))],
        "device": [f"D-{k}" for k in range(20)], "address": ["10.0.0.9", "127.0.0.1", "203.0.113.5", "198.51.100.7"],
        "mail_rule": ["u1@ex.com/."], "message": ["m1/u2@ex.com"],
    }  # fmt: skip
    verbs = {kind: [verb for verb, one in VERBS.items() if one.target == kind] for kind in targets}
    when, begun = NOW, []
    for k in range(rounds):
        made = []
        for j in range(count // rounds):
            kind = draw.choice(list(targets))
            one = action(f"ACT-{k}-{j}", draw.choice(verbs[kind]), draw.choice(targets[kind]))
            tier, sources = draw.choice(["page", "triage"]), draw.choice([("identity",), ("identity", "network")])
            made.append(incident(one, tier=tier, sources=sources, key=f"INC-{k}-{j}"))
        executor.offer(made, when)
        before = len(product.touched)
        executor.step(when)
        begun += [(when, touched) for touched in product.touched[before:]]
        when += draw.randrange(1, 4 * 3600) * S
    executor.close()
    actions.close()
    return begun


def check(begun):
    """Nothing forbidden, and no window of an hour or a day over its limit."""
    for _, (_, target) in begun:
        assert target.lower() not in {"ceo@ex.com", "zoe@board.ex.com"}
        assert target not in {"D-7", "D-8", "10.0.0.9", "127.0.0.1"}
    times = [when for when, _ in begun]
    for length, most in ((HOUR, 3), (24 * HOUR, 10)):
        assert all(sum(when - length < other <= when for other in times) <= most for when in times)
    for when in times:
        touched = {what[1] for other, what in begun if when - 24 * HOUR < other <= when and "account" in what[0]}
        sessions = {what[1] for other, what in begun if when - 24 * HOUR < other <= when and "sessions" in what[0]}
        assert len(touched | sessions) <= 2


def test_random_incidents_touch_nothing_forbidden_and_pass_no_limit(tmp_path):
    """A few hundred of them over days."""
    begun = thrown(tmp_path, 300, 30)
    assert begun
    check(begun)


def test_what_ends_a_takeover_is_begun_first_and_what_a_person_wants_before_that(tmp_path):
    """Three an hour: sessions, sign-in and rule before addresses, whatever their ids."""
    product = Product()
    executor, actions = opened(tmp_path, product, verb_modes={"isolate_device": "approve"})
    made = [
        action("ACT-1", "block_address", "203.0.113.5"), action("ACT-2", "block_address", "203.0.113.6"),
        action("ACT-3", "remove_mail_rule", "ann@ex.com/."), action("ACT-4"), action("ACT-5", "revoke_sessions"),
        action("ACT-6", "isolate_device", "D-1"),
    ]  # fmt: skip
    executor.offer([incident(*made)], NOW)
    actions.decide("ACT-6", "approved", "user:ann", "it is stolen", NOW)
    executor.step(NOW)
    executor.step(NOW + HOUR)

    assert ["isolate_device", "revoke_sessions", "disable_account", "remove_mail_rule"] == [
        verb for verb, _ in product.touched[:4]
    ]


def test_what_expired_is_proposed_again_when_its_incident_grows(tmp_path):
    """Triage that nobody answered, then a page days later: it acts, and the history says so; not without growth."""
    product = Product()
    executor, actions = opened(tmp_path, product)
    first = action("ACT-1")
    done(executor, actions, incident(first, tier="triage"))
    late = parse(first.expires) + HOUR
    executor.step(late)
    executor.offer([incident(first)], late)
    assert "expired" == actions.get("ACT-1").action.state
    grown = msgspec.structs.replace(first, expires=rfc3339(late + 24 * HOUR))
    executor.offer([incident(grown)], late)
    executor.step(late)

    history = [(step.state, step.detail) for step in actions.get("ACT-1").action.history]
    assert ("proposed", "the incident grew") in history
    assert ("verified", [("disable_account", "ann@ex.com")]) == (history[-1][0], product.touched)
    assert [] == audit.verify(tmp_path, least=actions.audited())[0]


@pytest.mark.slow
def test_a_hundred_thousand_random_incidents(tmp_path):
    """The length that a release is held to; over three weeks, the limit of ten a day is used up on each."""
    begun = thrown(tmp_path, 100_000, 250)
    days = (begun[-1][0] - begun[0][0]) / (24 * HOUR)
    assert 10 * (days - 1) <= len(begun) <= 10 * (days + 1)
    check(begun)


def steps_of(executor, actions, *moments):
    """Count SQLite's instructions while the executor steps: each row that is looked at takes some."""
    done = [0]

    def count():
        done[0] += 1

    actions._connection.set_progress_handler(count, 1)
    for when in moments:
        executor.step(when)
    actions._connection.set_progress_handler(None, 0)
    return done[0]


def waiting(folder, count):
    """An executor whose limit of an hour is used up, and before which this many are proposed, and as many approved."""
    executor, actions = opened(folder, Product(), verb_modes={"block_address": "approve"})
    first = [action(f"ACT-{k}", "isolate_device", f"D-{k}") for k in range(3)]
    done(executor, actions, incident(*first))
    rows, wanted = [], tuple(VERBS)
    for k in range(count):
        verb = wanted[k % len(wanted)]
        one = action(f"ACT-w{k:05}", verb, f"t{k}")
        step = Step(ts=rfc3339(NOW), state="approved", by="spanline", detail="mode auto, page tier")
        request = Request(id=one.id, verb=verb, target=f"t{k}", incident="INC-1", reason="r")
        approved = msgspec.structs.replace(one, state="approved", connector="fake", mode="auto", history=(step,))
        proposed = msgspec.structs.replace(one, id=f"ACT-p{k:05}")
        rows += [Held(approved, request, "INC-1", next_ns=NOW, audited=1), Held(proposed, request, "INC-1")]
    actions.put(rows)
    return executor, actions


def test_a_step_costs_what_is_due_and_not_what_waits(tmp_path):
    """Twenty thousand that wait cost as much as six hundred, and the first that may are begun an hour later."""
    costs = []
    for count in (300, 10_000):
        executor, actions = waiting(tmp_path / str(count), count)
        executor.step(NOW + S)  # those that are next are told why they wait, once
        lines = actions.audited()
        costs.append(steps_of(executor, actions, NOW + 2 * S, NOW + 120 * S))
        assert lines == actions.audited()
        begun = actions.begun_since(0)
        executor.step(NOW + HOUR + S)
        assert (3, 6) == (begun, actions.begun_since(0))
    assert costs[1] < 1.5 * costs[0]


def test_a_person_asks_beside_the_executor_and_it_takes_back(tmp_path):
    """The next step takes it back, in the name of who asked; what has no effect, or none to take back, is refused."""
    product = Product()
    executor, actions = opened(tmp_path, product, mode="approve")
    executor.offer([incident(action("ACT-1"))], NOW)
    assert "ACT-1 is proposed: there is nothing to take back" == actions.ask_back("ACT-1", "user:jo", "no", NOW)
    actions.decide("ACT-1", "approved", "user:ann", "sure", NOW)
    executor.step(NOW)
    assert (None, {"ACT-1"}) == (actions.ask_back("ACT-1", "user:jo", "wrong person", NOW + S), product.done)
    executor.step(NOW + S)

    last = actions.get("ACT-1").action.history[-1]
    assert ("undone", "user:jo", "asked to take it back: wrong person") == (last.state, last.by, last.detail)
    assert (set(), "no action ACT-9") == (product.done, actions.ask_back("ACT-9", "user:jo", "", NOW))
