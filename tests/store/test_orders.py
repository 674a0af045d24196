"""Orders in the state: once, handed over once they are on disk, bounded."""

import msgspec
import pytest

from sensor.model.given import Became, Order, decode
from sensor.model.order import HUB
from sensor.store import orders
from sensor.store.orders import FOLLOWED, FRESH
from sensor.store.returns import ReturnsReader
from sensor.store.state import State
from tests.responses.orders import outcome, wanted
from tests.responses.products import NOW, S
from tests.store.test_returned import COMMIT


@pytest.fixture
def state(tmp_path):
    """An empty one."""
    with State(tmp_path) as made:
        yield made


def given(state, site):
    """What a site is given."""
    reader = ReturnsReader(state.folder)
    try:
        return [(one.key, decode(one.body)) for one in reader.after(site, reader.newest("nobody"))]
    finally:
        reader.close()


def test_what_is_for_a_site_goes_with_the_commit_and_once(state):
    """The same again is nothing new; that it is taken back takes its place."""
    assert state.orders.outcome("SYD", "ACT-1") is None
    state.orders.give("SYD", wanted("ACT-1"))
    assert ("", True, True) == (
        state.orders.outcome("SYD", "ACT-1").state, state.orders.waits(upwards=False), state.orders.waits(upwards=True),
    )  # fmt: skip
    state.commit(**COMMIT)
    state.orders.give("SYD", wanted("ACT-1"))
    assert not state.orders.waits(upwards=True)
    assert [("order:ACT-1", Order(ts=NOW, wanted=wanted("ACT-1")))] == given(state, "SYD")
    state.orders.give("SYD", wanted("ACT-1", back=True))
    state.commit(**COMMIT)
    assert [("order:ACT-1", Order(ts=NOW, wanted=wanted("ACT-1", back=True)))] == given(state, "SYD")


def test_what_is_for_the_hub_is_handed_to_whoever_gathers(state):
    """It waits until the commit that has it is made; where nobody gathers, for ever."""
    state.orders.give(HUB, wanted("ACT-1"))
    assert (True, False) == (state.orders.waits(upwards=True), state.orders.waits(upwards=False))
    state.commit(**COMMIT)
    assert [wanted("ACT-1")] == state.orders.upwards()
    state.commit(**COMMIT)
    assert [] == state.orders.upwards()


def test_an_order_that_came_is_followed_and_told_of(state):
    """What became of it goes back to who gave it; the order that comes again changes nothing."""
    for _ in range(2):
        state.orders.came("SYD", wanted("ACT-1"))
    state.commit(**COMMIT)
    (held,) = state.orders.live("in")
    assert (FRESH, "") == (held.live, held.action)
    state.orders.follow(held, "ACT-1")
    (held,) = state.orders.live("in")
    assert (FOLLOWED, "ACT-1") == (held.live, held.action)
    state.orders.tell(held, outcome("ACT-1"), 5, settled=True)
    state.commit(**COMMIT)
    assert [("became:ACT-1", Became(ts=NOW + S, outcome=outcome("ACT-1")))] == given(state, "SYD")
    state.orders.came("SYD", wanted("ACT-1"))
    state.commit(**COMMIT)
    assert [] == state.orders.live("in")


def test_what_changed_after_it_was_read_is_handed_over_again(state):
    """An order that is taken back between the reading and the commit."""
    state.orders.give(HUB, wanted("ACT-1"))
    assert [wanted("ACT-1")] == state.orders.upwards()
    state.orders.give(HUB, wanted("ACT-1", back=True))
    state.commit(**COMMIT)
    assert [wanted("ACT-1", back=True)] == state.orders.upwards()


def test_they_are_bounded(state, monkeypatch):
    """Settled ones go; where all are live, nothing more is taken."""
    monkeypatch.setattr(orders, "HELD_MAX", 2)
    for key in ("ACT-1", "ACT-2", "ACT-3"):
        state.orders.came("SYD", wanted(key))
    state.commit(**COMMIT)
    assert ["ACT-1", "ACT-2"] == [one.wanted.id for one in state.orders.live("in")]
    state.orders.tell(state.orders.live("in")[0], outcome("ACT-1"), 1, settled=True)
    state.commit(**COMMIT)
    state.orders.came("SYD", wanted("ACT-3"))
    state.commit(**COMMIT)
    assert ["ACT-2", "ACT-3"] == [one.wanted.id for one in state.orders.live("in")]


def test_one_place_does_not_fill_them(state, monkeypatch):
    """Others' orders are taken all the same, and what takes back one that is here."""
    monkeypatch.setattr(orders, "LIVE_MAX", 2)
    for key in ("ACT-1", "ACT-2", "ACT-3"):
        state.orders.came("SYD", wanted(key))
    state.orders.came("SYD", wanted("ACT-1", back=True))
    state.orders.came("PER", wanted("ACT-4"))
    state.commit(**COMMIT)
    assert [("PER", "ACT-4", False), ("SYD", "ACT-1", True), ("SYD", "ACT-2", False)] == [
        (one.site, one.wanted.id, one.wanted.back) for one in state.orders.live("in")
    ]


def test_an_outcome_is_seen_once(state):
    """Until another comes."""
    state.orders.give("SYD", wanted("ACT-1"))
    for one, ended in ((outcome("ACT-1", "executing"), False), (outcome("ACT-1"), True)):
        state.orders.came("SYD", one)
        state.commit(**COMMIT)
        (held,) = state.orders.live("out")
        assert (one, 0) == (held.outcome, held.told)
        state.orders.settle(held, seen=ended)
    assert [] == state.orders.live("out")
    state.orders.came("SYD", msgspec.structs.replace(outcome("ACT-1"), state="undone"))
    state.commit(**COMMIT)
    assert ["undone"] == [one.outcome.state for one in state.orders.live("out")]
