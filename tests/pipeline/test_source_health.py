"""How sources are, and what they gave in the last hours."""

import pytest

from sensor import config
from sensor.model.fleet import SourceHealth
from sensor.model.result import InputResult
from sensor.model.source import Account
from sensor.pipeline.core import Core
from sensor.pipeline.forwarding import Forwarding
from sensor.pipeline.source_health import HOUR_S, HOURS, SourceTally
from sensor.pipeline.sourcing import Slot
from sensor.store.state import State


class Reader:
    """As much of a reader as is asked."""

    def __init__(self, problem=""):
        self.problem = problem


def slot(name, kind, problem=""):
    """One source."""
    account = Account(path=name, site="SYD", format=kind)
    return Slot(name, "SYD", kind, account, component=object(), reader=Reader(problem))


def read(records, **rejected):
    """What became of what a source gave."""
    return InputResult(
        path="x", site="SYD", format="zeek", records=records, bytes=1, accepted=records - sum(rejected.values()),
        late=0, duplicates=0, rejected=rejected,
    )  # fmt: skip


@pytest.fixture
def tally():
    """Two Zeeks of which one is down, an Entra; a hub's own source and one that is gone are not told of."""
    slots = [slot("a", "zeek"), slot("b", "zeek", "no file"), slot("c", "entra"), slot("d", "site"), slot("e", "span")]
    slots[-1].component = None
    return SourceTally(lambda: slots, lambda number: 10.0 * number)


def test_several_of_a_type_are_one(tally):
    """Up only where all are, behind as the one that is furthest, added up."""
    tally.count("zeek", read(100, bad_time=3), 0.0)
    tally.count("zeek", read(50), 10.0)
    assert (
        SourceHealth(source="entra", up=True, lag_s=20.0),
        SourceHealth(source="zeek", up=False, lag_s=10.0, records=150, dropped=3),
    ) == tally.tell()


def test_only_the_last_hours_count(tally):
    """And asking changes nothing: the hub is told where something changed, which is asked again and again."""
    tally.count("entra", read(5), 0.0)
    assert [5, 0] == [one.records for one in tally.tell()] == [one.records for one in tally.tell()]
    tally.count("entra", read(2), HOUR_S * (HOURS - 1))
    assert [7, 0] == [one.records for one in tally.tell()]
    tally.count("entra", read(1), HOUR_S * HOURS)
    assert [3, 0] == [one.records for one in tally.tell()]


def test_whoever_gathers_for_a_hub_asks_here(tally, tmp_path):
    """Where there is one."""
    with State(tmp_path) as state:
        core = Core(config.default(), state)
        tally.serve(core)
        assert core.forwarder is None
        core.forwarder = Forwarding(core, "SYD")
        tally.serve(core)
        assert ["entra", "zeek"] == [one.source for one in core.forwarder.sources()]
