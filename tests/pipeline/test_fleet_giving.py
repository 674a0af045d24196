"""What a hub makes of what its sites use: maxima, settled for a week, in parts to every site."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model.fleet_part import problem
from sensor.model.report import Popular
from sensor.model.times import DAY_NS, HOUR_NS
from sensor.pipeline.fleet_giving import FleetGiving
from tests.scenes import SECRET

WEEK = 7 * DAY_NS
TOP = 1 << 60


def popular(site, things, ts=DAY_NS, devices=20):
    """Return what a site tells: {digest: users}."""
    return Popular(
        ts=ts, site=site, devices=devices, things=np.array(list(things), "<u8").tobytes(),
        users=np.array(list(things.values()), "<u2").tobytes(),
    )  # fmt: skip


def shown(gifts, site="SYD"):
    """Return what a site knows then: {digest: (sites, devices)}, and of how many."""
    found, of = {}, set()
    for one in gifts:
        if one.site == site:
            part = one.given.part
            assert problem(part) is None
            of.add((part.of_sites, part.of_devices))
            found |= {
                int(t): (int(s), int(d))
                for t, s, d in zip(
                    np.frombuffer(part.things, "<u8"), np.frombuffer(part.sites, "<u2"),
                    np.frombuffer(part.devices, "<u4"), strict=True,
                )
            }  # fmt: skip
    return found, of


def test_things_of_two_sites_are_given_to_all_after_a_week():
    """With how many sites and devices; what one site has is nobody's business."""
    hub = FleetGiving({}, SECRET)
    hub.hear([popular("SYD", {5: 3, 6: 1, TOP + 1: 2}), popular("PER", {5: 4, TOP + 1: 1}), popular("ADL", {})])
    assert ({}, set()) == shown(hub.due(DAY_NS + HOUR_NS))
    gifts = hub.due(DAY_NS + WEEK)

    assert {"SYD", "PER", "ADL"} == {one.site for one in gifts}
    assert ({5: (2, 7), TOP + 1: (2, 3)}, {(3, 60)}) == shown(gifts, "ADL")
    assert {"popular:00", "popular:01"} == {one.key for one in gifts}


def test_what_spreads_within_days_is_not_common():
    """A campaign is at many sites at once: it counts a week later, when somebody has had the time to see it."""
    hub = FleetGiving({}, SECRET)
    hub.hear(popular(site, {5: 3}) for site in ("SYD", "PER", "ADL"))
    hub.hear(popular(site, {9: 3}, ts=DAY_NS + WEEK - HOUR_NS) for site in ("SYD", "PER", "ADL"))

    assert {5} == set(shown(hub.due(DAY_NS + WEEK))[0])
    assert {5, 9} == set(shown(hub.due(DAY_NS + 2 * WEEK))[0])


def test_nothing_is_given_twice_but_to_a_site_that_is_new():
    """The same parts, since the same time: the state's store knows that a site has them."""
    hub = FleetGiving({}, SECRET)
    hub.hear([popular("SYD", {5: 3}), popular("PER", {5: 4})])
    first = hub.due(DAY_NS + WEEK)
    assert [] == hub.due(DAY_NS + WEEK + HOUR_NS)
    assert first == hub.due(DAY_NS + WEEK + 6 * HOUR_NS)
    hub.hear([popular("ADL", {}, ts=DAY_NS + WEEK + 7 * HOUR_NS)])
    assert [one.given for one in first if one.site == "SYD"] == [
        one.given for one in hub.due(DAY_NS + WEEK + 7 * HOUR_NS) if one.site == "ADL"
    ]
    assert [] == hub.due(DAY_NS + WEEK + 7 * HOUR_NS)


TOLD = st.lists(
    st.tuples(st.sampled_from(["SYD", "PER", "ADL"]), st.integers(1, 4), st.integers(1, 9)), min_size=1, max_size=20
)


@settings(deadline=None)
@given(TOLD, st.randoms(use_true_random=False), st.lists(st.integers(0, 19), max_size=5))
def test_order_and_repeats_change_nothing(told, rng, again):
    """A maximum of what each site told."""
    expected = {}
    for site, thing, users in told:
        expected.setdefault(thing, {})
        expected[thing][site] = max(expected[thing].get(site, 0), users)
    other = told + [told[at % len(told)] for at in again]
    rng.shuffle(other)
    hub = FleetGiving({}, SECRET)
    for site, thing, users in other:
        hub.hear([popular(site, {thing: users})])

    assert {t: (len(by), sum(by.values())) for t, by in expected.items() if len(by) > 1} == shown(
        hub.due(DAY_NS + WEEK), told[0][0]
    )[0]


def test_a_restart_goes_on_where_it_was():
    """With everything that was told and given."""
    hub = FleetGiving({}, SECRET)
    hub.hear([popular("SYD", {5: 3}), popular("PER", {5: 4})])
    hub.due(DAY_NS + WEEK)
    again = FleetGiving(hub.save(), SECRET)
    for one in (hub, again):
        one.hear([popular("ADL", {5: 1}, ts=DAY_NS + WEEK)])

    assert hub.due(DAY_NS + 2 * WEEK) == again.due(DAY_NS + 2 * WEEK)
    assert hub.saturation == again.saturation


def test_a_part_is_bounded_and_the_commonest_stay():
    """4,096 of those that most sites have."""
    hub = FleetGiving({}, SECRET)
    rare = dict.fromkeys(range(5000), 1)
    hub.hear([popular("SYD", rare), popular("PER", rare), popular("ADL", dict.fromkeys(range(4000, 5000), 1))])
    found, _ = shown(hub.due(DAY_NS + WEEK))

    assert 4096 == len(found)
    assert all(found[k] == (3, 3) for k in range(4000, 5000))


@pytest.mark.parametrize("users", [0, 65_535])
def test_a_site_says_what_it_likes_of_itself_alone(users):
    """One site makes nothing common."""
    hub = FleetGiving({}, SECRET)
    hub.hear([popular("SYD", {5: users}), popular("PER", {6: users})])

    assert {} == shown(hub.due(DAY_NS + WEEK))[0]
