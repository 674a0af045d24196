"""What a hub gives its sites: in order, once a key, also after either was put back; bounded."""

import contextlib

import msgspec
import pytest

from sensor.model.given import Place, decode
from sensor.store import returns
from sensor.store.returns import Returns, ReturnsReader
from sensor.store.state import State
from tests.responses.orders import order


@pytest.fixture
def state(tmp_path):
    """A hub's state."""
    with State(tmp_path) as made:
        yield made


def give(state, *names, site="SYD", writer=None):
    with state._connection:
        for name in names:
            (writer or state.returns).put(site, f"order:{name}", order(name))


@contextlib.contextmanager
def reader(state):
    with contextlib.closing(ReturnsReader(state.folder)) as made:
        yield made


def ids(letters):
    return [decode(one.body).wanted.id for one in letters]


def test_a_site_is_given_its_own_in_order_behind_what_it_has(state):
    """And nobody else's."""
    give(state, "a", "b", "c")
    give(state, "x", site="PER")
    with reader(state) as found:
        first = found.after("SYD", Place())
        assert ["a", "b", "c"] == ids(first)
        place = Place(first[1].epoch, first[1].sequence)
        assert (["c"], 1) == (ids(found.after("SYD", place)), found.waiting("SYD", place))
        assert Place(first[2].epoch, 3) == found.newest("SYD")
        assert (["x"], []) == (ids(found.after("PER", Place())), found.after("ADL", Place()))
        assert Place() == found.newest("ADL")


def test_a_later_one_of_the_same_key_takes_the_place(state):
    """Under a new sequence; where it says the same, nothing happens."""
    give(state, "a", "b", "a")
    with reader(state) as found:
        assert [("order:a", 1), ("order:b", 2)] == [(one.key, one.sequence) for one in found.after("SYD", Place())]
        with state._connection:
            state.returns.put("SYD", "order:a", order("a", "changed"))
        assert [("order:b", 2), ("order:a", 3)] == [(one.key, one.sequence) for one in found.after("SYD", Place())]


def test_nothing_is_given_that_is_not_committed(state):
    """What is rolled back was never there."""
    with reader(state) as found, contextlib.suppress(KeyError), state._connection:
        state.returns.put("SYD", "order:a", order("a"))
        raise KeyError
    with reader(state) as found:
        assert [] == found.after("SYD", Place())


def test_a_hub_that_was_put_back_gives_what_came_after_anew(state):
    """A site that has more of the life before than this state ended with is given all that a later life gave."""
    give(state, "a", "b")
    with reader(state) as found:
        first = found.after("SYD", Place())
        lost = Place(first[0].epoch, 40)
        give(state, "c", writer=Returns(state._connection))
        assert ["c"] == ids(found.after("SYD", lost))
        assert ["a", "b", "c"] == ids(found.after("SYD", Place(12345, 40)))  # of a life that this state never knew
        assert ["b", "c"] == ids(found.after("SYD", Place(first[0].epoch, 1)))


def test_what_expires_goes(state):
    """Of the rest nothing."""
    with state._connection:
        state.returns.put("SYD", "a", order("a"), expires_ns=100)
        state.returns.put("SYD", "b", order("b"))
        state.returns.expire(99)
    with reader(state) as found:
        assert ["a", "b"] == ids(found.after("SYD", Place()))
        with state._connection:
            state.returns.expire(100)
        assert ["b"] == ids(found.after("SYD", Place()))


def test_it_is_bounded_by_number_and_bytes_and_orders_go_last(state, monkeypatch):
    """What was given longest ago goes first, and is counted."""
    monkeypatch.setattr(returns, "LETTERS_MAX", 3)
    with state._connection:
        for key in ("order:a", "popular:1", "popular:2", "popular:3"):
            state.returns.put("SYD", key, order(key))
    with reader(state) as found:
        assert ["order:a", "popular:2", "popular:3"] == [one.key for one in found.after("SYD", Place())]
        monkeypatch.setattr(returns, "LETTERS_BYTES", 300)
        with state._connection:
            state.returns.put("SYD", "order:b", order("b", "x" * 150))
        assert ["order:b"] == [one.key for one in found.after("SYD", Place())]
    assert 4 == state.returns.dropped


def test_a_message_is_as_long_as_it_may_be(state):
    """One at least; the rest follows."""
    with state._connection:
        for k in range(8):
            state.returns.put("SYD", f"order:{k}", order(str(k), "x" * 60_000))
    with reader(state) as found:
        first = found.after("SYD", Place())
        assert ["0", "1", "2", "3"] == ids(first)
        assert ["4", "5", "6", "7"] == ids(found.after("SYD", Place(first[-1].epoch, first[-1].sequence)))


def test_a_commit_takes_it_along(state):
    """All or nothing, with the snapshot."""
    one = returns.Given(site="SYD", key="order:a", given=order("a"))
    state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={}, given=[one])
    with reader(state) as found:
        assert [order("a")] == [decode(letter.body) for letter in found.after("SYD", Place())]


def test_a_key_is_bounded(state):
    """It goes over the way with each."""
    with pytest.raises(ValueError, match="key"), state._connection:
        state.returns.put("SYD", "k" * 200, msgspec.structs.replace(order("a")))
