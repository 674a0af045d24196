"""Leaps between sign-ins: over whole ticks the same as one by one."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.detectors.traits import Traits
from sensor.detectors.travel import TRAVEL_KM, TRAVEL_KMH, distance_km, leaps, placed_in, remember
from sensor.model.times import HOUR_NS
from tests.detectors.acts_made import known, signin, tick_of

ROWS = 3
PLACES = ((-31.95, 115.86), (51.5, -0.12), (51.7, -0.5), (48.86, 2.35), (-33.87, 151.21))
NETWORKS = ("192.0.2.1", "198.51.100.7", "203.0.113.9")


def columns():
    """Last places of accounts, of which nothing is known."""
    return {
        "lat": np.full(ROWS, np.nan, np.float32), "lon": np.full(ROWS, np.nan, np.float32),
        "placed_ns": np.zeros(ROWS, np.int64), "placed_network": np.zeros(ROWS, np.uint64),
    }  # fmt: skip


def one_by_one(events, accounts, traits, last):
    """Return (place, km) of each leap by the definition."""
    found = []
    for i, (event, account) in enumerate(zip(events, accounts, strict=True)):
        if event.outcome != "success" or not 0 <= account < ROWS or "longitude" not in event.detail:
            continue
        here, own = (event.detail["latitude"], event.detail["longitude"]), traits.network(event.ip, event.asn)
        before, last[account] = last.get(account), (here, event.ts, own)
        if before is not None and before[2] != own:
            km, hours = distance_km(before[0], here), abs(event.ts - before[1]) / HOUR_NS
            if km > TRAVEL_KM and km > TRAVEL_KMH * hours:
                found.append((i, km))
    return found


def placed(hour, place, network, outcome="success", *, whole=True):
    """A sign-in somewhere."""
    (latitude, longitude), detail = PLACES[place], {}
    detail = {"latitude": latitude, **({"longitude": longitude} if whole else {})}
    return signin(day=0, hour=hour, ip=NETWORKS[network], outcome=outcome, detail=detail)


SIGNINS = st.tuples(
    st.builds(
        placed, st.floats(0, 24), st.integers(0, 4), st.integers(0, 2), st.sampled_from(("success", "failure")),
        whole=st.sampled_from((True, True, True, False)),
    ),
    st.integers(-1, ROWS),
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(SIGNINS, min_size=1, max_size=20), min_size=1, max_size=3))
def test_a_tick_is_judged_as_one_by_one(days):
    """Each held against the one of its account before it, in this tick or an earlier one."""
    traits, kept, last = Traits(5), columns(), {}
    for day in days:
        made = sorted(day, key=lambda one: one[0].ts)
        step = tick_of(known(), [event for event, _ in made])
        step.event_account = np.array([account for _, account in made], np.int32)
        where = placed_in(step, traits)
        found = [(leap.at, leap.km) for leap in leaps(where, kept)]
        remember(where, kept)
        expected = one_by_one(step.events, step.event_account.tolist(), traits, last)

        assert [i for i, _ in expected] == [i for i, _ in found]
        assert np.allclose([km for _, km in expected], [km for _, km in found], rtol=1e-6)


def test_half_a_place_is_none():
    """A latitude alone, or what is no number, is not travelled to."""
    some = [placed(9, 0, 0), placed(9.1, 1, 1, whole=False)]
    nowhere = signin(hour=9.2, ip=NETWORKS[2], detail={"latitude": math.inf, "longitude": 3.0})
    step = tick_of(known(), [*some, nowhere])

    assert [0] == placed_in(step, Traits(5)).at.tolist()
    assert [] == leaps(placed_in(step, Traits(5)), columns())
