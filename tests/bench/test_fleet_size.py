"""The plan for a fleet adds up: sites, bytes, limits, parts. What is measured is measured elsewhere."""

import numpy as np

from tests.bench import fleet_costs, fleet_size
from tests.bench.fleet_costs import BUSY, OFFICE, Applied, Costs, Told

COSTS = Costs(7_000, 500, 11_000, 2e-6, 1.5e-4, 2e-4, 640, 1.5e-5, 5e-5, 3_500, 0.05, 4e-5)
TOLD = Told(15, 13, 39, 19, 800, 580, 150, 1e-7)
APPLIED = Applied(3e-6, 4e-6, 1e-4, 1e-6, 10_000)


def test_sites_are_drawn_to_the_wanted_number_of_devices():
    """The largest first, each with one at least, and the same again from the same seed."""
    found = fleet_size.sizes(1_000, 10_000_000, np.random.default_rng(0))
    assert abs(int(found.sum()) - 10_000_000) < 1_000
    assert (True, True) == (bool((np.diff(found) <= 0).all()), bool(found.min() >= 1))
    assert np.array_equal(found, fleet_size.sizes(1_000, 10_000_000, np.random.default_rng(0)))


def test_what_a_site_sends_grows_with_its_devices_and_their_day():
    """And an empty site still says that it is there."""
    small, large = fleet_size.bytes_a_day(np.array([1, 1_000]), TOLD, OFFICE)
    assert (
        fleet_size.HEALTHS * TOLD.health + fleet_size.PACKETS * TOLD.packet
        < small
        < large
        < fleet_size.bytes_a_day(np.array([1_000]), TOLD, BUSY)[0]
    )


def test_the_first_limit_is_named_first():
    """By how many devices a hub can have until then."""
    found = fleet_size.limits(COSTS, TOLD, APPLIED, 1e-3, OFFICE, 1_000, 10_000_000)
    assert sorted(one.devices for one in found) == [one.devices for one in found]
    assert "presence has no more rows" == found[0].what


def test_devices_are_spread_evenly_over_parts_and_sites_are_not():
    """Of a hash of site and device the fullest part is hardly fuller than the others."""
    found = fleet_size.balance(fleet_size.sizes(300, 300_000, np.random.default_rng(0)), 16)
    assert (True, True) == (found["device"] < 1.05, found["site"] > 1.2)
    assert 36 == fleet_size.partitions(COSTS, TOLD, APPLIED, OFFICE, 10_800_000)["commits of 15 s, snapshots alone"]


def test_a_row_of_each_kind_is_some_bytes():
    """Written by the program's own encoder, read by its own decoder; an hour of presence in one report is smaller."""
    each, hourly = fleet_costs.told(200), fleet_costs.told(200, every_slots=12)
    assert all(value > 0 for value in each)
    assert hourly.present < each.present < 40
