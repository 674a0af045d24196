"""Device-days of a site."""

from baselines.table import Table
from sensor.detectors.device_days import COLUMNS, count_days, shrunk
from tests.detectors.ticks import entities, tick
from tests.scenes import flow, flows


def test_a_day_counts_once_it_is_over():
    """Three days of two devices: the first two are over."""
    known, sites = entities(), Table(COLUMNS, 8)
    for day in range(3):
        for at_s in (0, 3600):
            rows = [flow("10.0.0.5", "10.0.0.9", at_s=86_400 * day + at_s, orig_mac=5, resp_mac=9)]
            count_days(sites, known, tick(known, flows(*rows)))

    assert 2 * known.site_devices(0) == sites.columns["device_days"][0]


def test_an_assumed_rate_weighs_two_hundred_device_days():
    """Alone at first, by half after as many."""
    assert [0.001, 0.0105] == [shrunk(0.001, 0, 0), shrunk(0.001, 4, 200)]
