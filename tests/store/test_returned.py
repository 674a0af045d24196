"""What a site was given: on disk before it says so, into the state once, and again where a commit did not come."""

import contextlib

import pytest

from sensor.errors import Transient
from sensor.model.given import Letter, Place
from sensor.store import returned
from sensor.store.returned import Taker
from sensor.store.state import State

COMMIT = {"columns": {}, "incidents": [], "devices": [], "accounts": [], "inputs": [], "meta": {}}


def letters(*numbers):
    return [Letter(7, number, f"k{number}", str(number).encode()) for number in numbers]


def test_what_is_stored_is_taken_once_and_goes_with_the_commit(tmp_path):
    """A process that ends before its commit takes it again."""
    with State(tmp_path) as state, contextlib.closing(Taker(tmp_path)) as taker:
        assert Place() == taker.place()
        taker.store(letters(1, 2))
        taker.store([])
        assert (Place(7, 2), Place(7, 2)) == (taker.place(), state.returned.place)
        assert [("k1", b"1"), ("k2", b"2")] == state.returned.take()
        assert [] == state.returned.take()
    with State(tmp_path) as state, contextlib.closing(Taker(tmp_path)) as taker:
        assert [("k1", b"1"), ("k2", b"2")] == state.returned.take()
        taker.store(letters(3))  # while the core has not committed the others
        state.commit(**COMMIT)
        assert [("k3", b"3")] == state.returned.take()
        state.commit(**COMMIT)
    with State(tmp_path) as state:
        assert ([], Place(7, 3)) == (state.returned.take(), state.returned.place)


def test_what_there_is_no_room_for_is_not_stored(tmp_path, monkeypatch):
    """And not acknowledged: it comes again when the core has taken some."""
    monkeypatch.setattr(returned, "HELD_MAX", 2)
    with State(tmp_path) as state, contextlib.closing(Taker(tmp_path)) as taker:
        taker.store(letters(1, 2))
        with pytest.raises(Transient, match="no room"):
            taker.store(letters(3))
        assert Place(7, 2) == taker.place()
        state.returned.take()
        state.commit(**COMMIT)
        taker.store(letters(3))
        assert Place(7, 3) == taker.place()


def test_a_lot_is_taken_some_at_a_time(tmp_path, monkeypatch):
    """The core goes on between."""
    monkeypatch.setattr(returned, "READ_MAX", 2)
    with State(tmp_path) as state, contextlib.closing(Taker(tmp_path)) as taker:
        taker.store(letters(1, 2, 3))
        assert [2, 1, 0] == [len(state.returned.take()) for _ in range(3)]
