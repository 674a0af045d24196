"""What comes over a link, into the state: orders and their outcomes, at a site and at a hub."""

import contextlib

import msgspec

from sensor.model import given, report
from sensor.model.given import Letter, encode
from sensor.model.order import HUB
from sensor.pipeline.taking import Taking
from sensor.store.returned import Taker
from sensor.store.state import State
from tests.responses.orders import order, outcome, wanted
from tests.store.test_returned import COMMIT


def bring(folder, *bodies):
    with contextlib.closing(Taker(folder)) as taker:
        first = taker.place().sequence + 1
        taker.store([Letter(7, first + k, f"k{k}", body) for k, body in enumerate(bodies)])


def test_what_a_hub_gives_is_in_the_state_with_the_commit(tmp_path):
    """One that comes twice is one; what a later release gives is counted and passed over."""
    with State(tmp_path) as state:
        state.orders.give(HUB, wanted("ACT-9", "disable_account", "account", "ann@ex.com"))
        found = Taking()
        assert not found.take(state)
        became = given.Became(ts=1, outcome=outcome("ACT-9"))
        bring(tmp_path, *(encode(one) for one in (order("ACT-1"), order("ACT-2"), order("ACT-1"), became)), b"\xc1")
        assert found.take(state)
        assert {"Order": 3, "Became": 1, "unknown": 1} == found.counts
        assert [] == state.orders.live("in")
        state.commit(**COMMIT)

        assert ["ACT-1", "ACT-2"] == [one.wanted.id for one in state.orders.live("in")]
        assert outcome("ACT-9") == state.orders.outcome(HUB, "ACT-9")
        assert not found.take(state)
        assert {} == found.save()


def test_what_sites_tell_is_theirs_alone(tmp_path):
    """Of two sites that use the same id each has its own; only whom an order was given to says what became of it."""
    with State(tmp_path) as state:
        state.orders.give("SYD", wanted("ACT-9"))
        one, other = wanted("ACT-1", target="192.0.2.1"), wanted("ACT-1", target="192.0.2.2")
        told = [
            report.Ordered(ts=1, site="SYD", wanted=one), report.Ordered(ts=1, site="PER", wanted=other),
            report.Became(ts=1, site="PER", outcome=outcome("ACT-9")),
            report.Verdict(ts=1, site="PER", incident="INC-1", evidence=(), verdict="true"),
        ]  # fmt: skip
        Taking().hear(told, state)
        state.commit(**COMMIT)

        assert [("PER", other), ("SYD", one)] == [(held.site, held.wanted) for held in state.orders.live("in")]
        assert "" == state.orders.outcome("SYD", "ACT-9").state
        Taking().hear([msgspec.structs.replace(told[2], site="SYD")], state)
        state.commit(**COMMIT)
        assert "verified" == state.orders.outcome("SYD", "ACT-9").state
