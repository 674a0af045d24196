"""What a site tells of what its devices use: digests of what is new or has doubled, and nothing that is private."""

import numpy as np
import pytest

from sensor import config
from sensor.errors import ConfigError
from sensor.model.fleet_part import DESTINATION, FINGERPRINT, digest_of, key_of, pool_problem
from sensor.model.times import DAY_NS, HOUR_NS
from sensor.pipeline import fleet_telling
from sensor.pipeline.core import Core
from sensor.pipeline.fleet_telling import FleetTelling, fleet_key
from sensor.pipeline.forwarding import Forwarding
from sensor.store.state import State
from tests.scenes import flow, flows

KEY = key_of("fleet")
SINK = {"type": "site", "url": "https://hub.example:8478", "cert": "a", "key": "b"}


@pytest.fixture
def core(tmp_path):
    """A site's core that was heard of."""
    with State(tmp_path, exclusive=True) as state:
        made = Core(config.build({"site": "SYD"}), state)
        made.entities.site_number("SYD")
        yield made


def words(address):
    row = flows(flow("10.0.0.10", address))
    return int(row["resp_hi"][0]), int(row["resp_lo"][0])


def used(core, name, group, things):
    """Have devices use things: {words: how many}."""
    popular = next(one for one in core.detectors if one.name == name)._popular
    for (hi, lo), count in things.items():
        for _ in range(count):
            popular.add(np.array([group], np.int64), np.array([hi], np.uint64), np.array([lo], np.uint64), 1)


def told(reports):
    """Return {digest: devices} of reports."""
    return {
        int(thing): int(count)
        for one in reports
        for thing, count in zip(np.frombuffer(one.things, "<u8"), np.frombuffer(one.users, "<u2"), strict=True)
    }


def test_destinations_and_fingerprints_are_told_as_digests(core):
    """Of this site; services and private addresses are not."""
    telling = FleetTelling(core, "SYD", KEY, {})
    public, private = words("203.0.113.5"), words("192.168.3.4")
    used(core, "new_peer", 0, {public: 3, private: 9})
    used(core, "new_peer", 1, {(6, 443): 5})  # a service
    used(core, "new_peer", 4, {words("203.0.113.6"): 2})  # of another site
    used(core, "fingerprint", 0, {(7, 8): 1})

    assert {
        digest_of(KEY, DESTINATION, *public): 3, digest_of(KEY, FINGERPRINT, 7, 8): 1,
    } == told(telling.due(HOUR_NS))  # fmt: skip


def test_it_is_told_again_when_it_has_doubled(core):
    """Every six hours at most, also over a restart."""
    telling, thing = FleetTelling(core, "SYD", KEY, {}), digest_of(KEY, DESTINATION, 1, 2)
    used(core, "new_peer", 0, {(1, 2): 3})
    assert {thing: 3} == told(telling.due(HOUR_NS))
    used(core, "new_peer", 0, {(1, 2): 2})
    assert [] == telling.due(2 * HOUR_NS)
    assert [] == telling.due(7 * HOUR_NS)
    used(core, "new_peer", 0, {(1, 2): 1})
    again = FleetTelling(core, "SYD", KEY, telling.save())
    assert [] == again.due(8 * HOUR_NS)
    assert {thing: 6} == told(again.due(13 * HOUR_NS))


def test_a_lot_is_told_in_turns(core, monkeypatch):
    """Some each time, in reports that a packet holds."""
    monkeypatch.setattr(fleet_telling, "AT_ONCE", 5)
    monkeypatch.setattr(fleet_telling, "OF_REPORT", 2)
    telling = FleetTelling(core, "SYD", KEY, {})
    used(core, "new_peer", 0, {(1, k): 1 for k in range(8)})
    first, second = telling.due(HOUR_NS), telling.due(7 * HOUR_NS)

    assert ([2, 2, 1], [2, 1]) == tuple([len(told([one])) for one in some] for some in (first, second))
    assert 8 == len(told([*first, *second]))


def test_without_a_key_nothing_is_told(core, tmp_path):
    """Its place is checked when the sensor starts."""
    secret = tmp_path / "fleet.key"
    secret.write_text("fleet")
    with_key = {**SINK, "fleet_key": {"file": str(secret)}}

    assert fleet_key(config.build({"sinks": {"hub": SINK}})) is None
    assert KEY == fleet_key(config.build({"sinks": {"hub": with_key}}))
    with pytest.raises(ConfigError, match="fleet_key"):
        config.build({"sinks": {"hub": {**SINK, "fleet_key": {}}}})
    assert {"held"} == set(Forwarding(core, "SYD").save())


def test_scores_of_days_past_are_told_once_a_day(core):
    """As a pool that merges; of the last 24 h nothing."""
    telling = FleetTelling(core, "SYD", KEY, {})
    pools = next(one for one in core.detectors if one.name == "new_peer")._pools
    pools.advance(DAY_NS)
    pools.add(0, np.zeros(3, np.int32), np.array([1.0, 1.0, 5.0]))
    assert [] == telling.due(DAY_NS)
    pools.advance(3 * DAY_NS)
    (one,) = telling.due(3 * DAY_NS)
    pool = one.pool

    assert pool_problem(pool) is None
    assert ("new_peer", [2, 1], [1.0, 1.0, 5.0]) == (
        pool.statistic, np.frombuffer(pool.counts, "<u4").tolist(), np.frombuffer(pool.top, "<f8").tolist(),
    )  # fmt: skip
    assert [] == telling.due(3 * DAY_NS + 6 * HOUR_NS)
    assert [] == FleetTelling(core, "SYD", KEY, telling.save()).due(3 * DAY_NS + 12 * HOUR_NS)
    assert 1 == len(telling.due(4 * DAY_NS))
