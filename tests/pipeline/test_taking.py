"""What the hub gave, in the core: orders wait for whoever executes them, and survive a restart."""

import contextlib

from sensor.model.given import Letter, Order, encode
from sensor.pipeline import taking
from sensor.pipeline.taking import Taking
from sensor.store.returned import Taker
from sensor.store.state import State


def order(name):
    return Order(ts=1, id=name, action=b"x", expires_ns=0)


def bring(folder, *bodies):
    with contextlib.closing(Taker(folder)) as taker:
        first = taker.place().sequence + 1
        taker.store([Letter(7, first + k, f"k{k}", body) for k, body in enumerate(bodies)])


def test_orders_wait_until_they_are_taken_out(tmp_path):
    """One that comes twice is one; what a later release gives is counted and passed over."""
    with State(tmp_path) as state:
        found = Taking()
        assert not found.take(state.returned)
        bring(tmp_path, encode(order("a")), encode(order("b")), encode(order("a")), b"\xc1")
        assert found.take(state.returned)
        assert {"a": order("a"), "b": order("b")} == found.orders
        assert {"Order": 3, "unknown": 1} == found.counts
        again = Taking()
        again.load(found.save())
        assert found.orders == again.orders
        assert {} == Taking().save()


def test_orders_that_nobody_executes_are_bounded(tmp_path, monkeypatch):
    """The oldest goes."""
    monkeypatch.setattr(taking, "ORDERS_MAX", 2)
    with State(tmp_path) as state:
        bring(tmp_path, *(encode(order(name)) for name in "abc"))
        found = Taking()
        found.take(state.returned)
        assert ["b", "c"] == list(found.orders)
