"""Services answered and asked."""

import numpy as np
import pytest

from sensor.entities.activity import SERVICES, Activity
from tests.scenes import flow, flows


def take(activity, rows, orig, resp, *, both=True):
    activity.take(
        rows, np.array(orig, np.int32), np.array(resp, np.int32), np.full(len(rows), both), max([*orig, *resp, 0]) + 1
    )


def test_services_are_counted_for_both_ends():
    """By protocol and port; what nobody names is other; an unanswered flow was asked and not answered."""
    activity = Activity(100)
    rows = flows(flow(port=53, proto=17, at_s=0), flow(port=53, at_s=1), flow(port=9100, at_s=2), flow(port=7, at_s=3))
    take(activity, rows, [0, 0, 0, -1], [1, 1, 2, 1])
    take(activity, rows[:1], [0], [1], both=False)

    assert ({"dns": 2, "other": 1}, {"print": 1}, {}) == tuple(activity.answered(row) for row in (1, 2, 0))
    assert {"dns": 3, "print": 1} == activity.asked(0)
    assert {} == activity.answered(99)


def test_the_other_ends_are_counted_roughly():
    """Thirty clients are about thirty, however often they come; one is one."""
    activity = Activity(100)
    rows = flows(*(flow(f"10.0.{k % 30}.9", port=80, at_s=k) for k in range(90)))
    take(activity, rows, [-1] * 90, [1] * 90)

    assert 30 == pytest.approx(activity.clients(1), rel=0.35)
    assert (0.0, 0.0) == (activity.clients(0), activity.clients(99))


def test_merging_adds_and_clears():
    """Two rows of one device."""
    activity = Activity(100)
    take(activity, flows(flow(port=22, at_s=0), flow(port=22, at_s=1)), [0, 1], [-1, -1])
    activity.merge(1, 0)

    assert ({"ssh": 2}, {}) == (activity.asked(0), activity.asked(1))


def test_an_empty_tick_counts_nothing_and_no_port_is_two_services():
    """Every port has one meaning a protocol."""
    take(Activity(10), flows(), [], [])
    for side in (0, 1):
        ports = [port for pair in SERVICES.values() for port in pair[side]]
        assert len(set(ports)) == len(ports)
