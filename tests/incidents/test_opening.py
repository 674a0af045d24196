"""The budget of people's attention."""

import math

import numpy as np
import pytest

from sensor.incidents.opening import Opening
from sensor.model.times import DAY_NS, HOUR_NS
from tests.incidents.hands import START, People, seen


def opening(devices=40, accounts=40):
    return Opening(People(accounts, devices), 1.0, lambda site: devices)


def test_below_a_thousand_device_days_the_rate_decides():
    """What has no null opens nothing; what is too frequent for the site neither."""
    one = opening()
    one.begin(START)

    assert [True, False, False] == [
        one.may(found)
        for found in (
            seen("scan", "scan", 1e-3, START), seen("scan", "scan", 0.2, START),
            seen("volumes", "volume", 1e-6, START, opens=False),
        )
    ]  # fmt: skip


def test_from_a_thousand_device_days_the_channels_threshold_holds_too():
    """What every tenth device does every day is no incident; a slow channel may then open one."""
    one = opening(100)
    rng = np.random.default_rng(0)
    for day in range(30):
        at_ns = START + day * DAY_NS
        one.begin(at_ns)
        for device in range(100):
            if rng.random() < 0.3:
                p = float(10.0 ** -rng.uniform(2, 5))
                one.observe(seen("scan", "scan", p, at_ns, device=device).evidence)
                one.observe(seen("drift", "volume", p, at_ns, device=device, channel="drift").evidence)
    weak, strong = seen("scan", "scan", 1e-4, START), seen("scan", "scan", 1e-9, START)
    slow = [seen("drift", "volume", p, START, opens=False, slow=True, channel="drift") for p in (1e-4, 1e-9)]

    assert [False, True, False, True] == [one.may(found) for found in (weak, strong, *slow)]
    fresh = opening(100)
    assert [True, False] == [fresh.may(found) for found in (weak, slow[1])]


def test_a_slow_day_opens_where_it_is_rare_or_comes_again():
    """One in 1,000 device-days is no incident of a site of 40 devices; again, or one in 10,000, it is one."""
    one = opening()
    for day in range(30):
        one.begin(START + day * DAY_NS)
        one.observe(seen("scan", "scan", 1e-2, START + day * DAY_NS).evidence)
    often, rare = (seen("drift", "volume", p, START, opens=False, slow=True, channel="drift") for p in (1e-3, 1e-4))

    assert [False, True, True] == [one.may(often), one.may(often, again=True), one.may(rare)]


def test_what_could_open_nothing_raises_no_threshold():
    """Volumes of every device every day, which are no candidates, leave a beacon's way open."""
    one = opening(100)
    for day in range(30):
        one.begin(START + day * DAY_NS)
        for device in range(100):
            loud = seen("volumes", "volume", 1e-6, START + day * DAY_NS, device=device, opens=False)
            assert not one.is_candidate(loud)
            one.observe(loud.evidence, candidate=False)

    assert one.may(seen("beacon", "beacon", 5e-3, START))


def test_three_times_the_ceiling_a_day_and_then_no_more():
    """Of devices and of accounts apart; the next day anew."""
    one = opening()
    one.begin(START)

    assert [True] * 3 + [False] * 2 == [one.admit("SYD", "device", START + k * HOUR_NS) for k in range(5)]
    assert one.admit("SYD", "account", START)
    assert not one.has_room("SYD", "device")
    one.begin(START + DAY_NS)
    assert one.admit("SYD", "device", START + DAY_NS)


def test_over_five_in_an_hour_is_a_surge_and_its_day_is_not_learned():
    """Five are none; the surge lasts an hour; the budget's history lacks that day."""
    one = opening()
    one.begin(START)
    for k in range(5):
        one.admit("SYD", "device", START + k)
    assert not one.is_surging(START + 5)
    one.admit("SYD", "device", START + 6)

    assert [True, False] == [one.is_surging(START + 7), one.is_surging(START + 7 + HOUR_NS)]
    one.begin(START + DAY_NS)
    assert 0 == one.budget.days(0)
    one.begin(START + 2 * DAY_NS)
    assert 40 == one.budget.days(0)


@pytest.mark.parametrize(("accounts", "level"), [(10, 20.0), (500, 25.0)])
def test_the_level_of_accounts_is_assumed_until_a_thousand(accounts, level):
    """Counted once each, however often it is asked."""
    one = opening(accounts=accounts)

    assert [level, level] == [round(one.level_db(), 1) for _ in range(2)]


def test_a_restart_keeps_the_day():
    """What was opened stays counted."""
    one, again = opening(), opening()
    one.begin(START)
    for _ in range(3):
        one.admit("SYD", "device", START)
    one.observe(seen("scan", "scan", 1e-5, START).evidence)
    again.load(one.save())

    assert not again.admit("SYD", "device", START + 1)
    again.begin(START + DAY_NS)
    assert 40 == again.budget.days(0)
    assert math.isnan(again.budget.threshold(0, 0.001))
