"""How scores lie in the fleet: what each site last told, added up, given back to all."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model.fleet_part import TOP_MAX, FleetPool, pool_problem
from sensor.model.report import Calibrated
from sensor.model.times import DAY_NS, HOUR_NS
from sensor.pipeline import calibration_giving
from sensor.pipeline.calibration_giving import CalibrationGiving, merged


def pool(scores, sites=1, statistic="new_peer"):
    """Return the pool of whole scores; the bin of a score is its number."""
    bins, counts = np.unique(np.array(scores, np.int64), return_counts=True)
    top = np.sort(np.array(scores, np.float64))[-TOP_MAX:]
    return FleetPool(
        statistic, sites, bins.astype("<u2").tobytes(), counts.astype("<u4").tobytes(), top.astype("<f8").tobytes()
    )


def calibrated(site, scores, ts=DAY_NS, **more):
    return Calibrated(ts=ts, site=site, pool=pool(scores, **more))


SCORES = st.lists(st.integers(0, 500), max_size=60)


@settings(deadline=None)
@given(SCORES, SCORES, SCORES)
def test_merging_is_associative_and_commutative_and_as_if_one_had_seen_all(one, two, three):
    """To the byte."""
    a, b, c = pool(one), pool(two), pool(three)

    def both(*pools):
        return merged("new_peer", pools)

    assert both(both(a, b), c) == both(a, both(b, c)) == both(c, b, a) == pool([*one, *two, *three], sites=3)
    assert pool_problem(both(a, b, c)) is None


def test_every_site_is_given_the_sum_of_what_each_last_told():
    """Once a day, and a site that is new at once."""
    hub = CalibrationGiving({})
    assert [] == hub.due(DAY_NS)
    hub.hear([calibrated("SYD", [1, 2]), calibrated("PER", [2, 300])])
    gifts = hub.due(DAY_NS)
    assert {("SYD", "calibration:new_peer"), ("PER", "calibration:new_peer")} == {(one.site, one.key) for one in gifts}
    assert [pool([1, 2, 2, 300], sites=2)] * 2 == [one.given.pool for one in gifts]
    hub.hear([calibrated("SYD", [1, 2, 3], ts=DAY_NS + HOUR_NS)])
    assert [] == hub.due(DAY_NS + HOUR_NS)
    assert pool([1, 2, 2, 3, 300], sites=2) == hub.due(2 * DAY_NS)[0].given.pool
    hub.hear([calibrated("ADL", [9])])
    (adl,) = [one for one in hub.due(2 * DAY_NS) if one.site == "ADL"]
    assert pool([1, 2, 2, 3, 300], sites=2) == adl.given.pool


def test_a_restart_goes_on_where_it_was():
    """With what was told and given."""
    hub = CalibrationGiving({})
    hub.hear([calibrated("SYD", [1, 2])])
    hub.due(DAY_NS)
    again = CalibrationGiving(hub.save())
    for one in (hub, again):
        one.hear([calibrated("PER", [5], sites=900)])  # a site is one site
    assert hub.due(2 * DAY_NS) == again.due(2 * DAY_NS)
    assert {} == CalibrationGiving({})._held.pools


def test_it_is_bounded(monkeypatch):
    """Further pools are left out, and counted."""
    monkeypatch.setattr(calibration_giving, "POOLS_MAX", 2)
    hub = CalibrationGiving({})
    hub.hear([calibrated(site, [1]) for site in ("A", "B", "C", "A")])

    assert ({"A", "B"}, 1) == ({one.site for one in hub.due(DAY_NS)}, hub.refused)
