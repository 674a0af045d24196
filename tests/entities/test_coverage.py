"""Whether a site could be seen."""

import numpy as np

from sensor.entities.coverage import SIGNINS_MIN, Coverage
from sensor.entities.distance import Spot
from sensor.model.times import MINUTE_NS

AT = 1000 * MINUTE_NS


def seen(minutes, names=None, site=0):
    coverage = Coverage()
    for column, those in (("flows", minutes), ("names", minutes if names is None else names)):
        times = np.array([AT + k * MINUTE_NS for k in those], np.int64)
        coverage.take(np.full(len(times), site), times, column)
    return coverage


def test_every_minute_around_must_have_records():
    """A minute without is a gap; a site that no sensor tells of has none; names must be visible."""
    whole = seen(range(-3, 4))

    assert whole.gap(0, AT) is None
    assert "no sensor" in whole.gap(1, AT)
    assert "1 of the 7" in seen([-3, -2, -1, 0, 2, 3]).gap(0, AT)
    assert "names" in seen(range(-3, 4), names=[0]).gap(0, AT)
    assert whole.gap(0, AT + 10 * MINUTE_NS) is not None


def test_a_minute_that_begins_is_told_once():
    """So that what was judged without it is judged again."""
    coverage = Coverage()
    times = np.array([AT, AT + 1, AT + MINUTE_NS], np.int64)

    assert [(2, 1000), (2, 1001)] == coverage.take(np.array([2, 2, 2]), times)
    assert [] == coverage.take(np.array([2]), times[:1], "names")
    assert [] == coverage.take(np.array([2]), times[:1] - 1440 * MINUTE_NS)
    assert [] == coverage.take(np.array([2]), np.array([-5 * MINUTE_NS]))


def test_what_is_seen_of_hardly_any_sign_in_is_no_absence():
    """With few sign-ins, or a share below nine of ten, nothing is concluded."""
    coverage = Coverage()
    for _ in range(SIGNINS_MIN):
        assert coverage.shortfall(0) is not None
        coverage.count(0, seen=True)
    assert coverage.shortfall(0) is None
    for _ in range(5):
        coverage.count(0, seen=False)
    assert "20 of 25" in coverage.shortfall(0)
    for _ in range(2000):
        coverage.count(0, seen=True)
    assert coverage.shortfall(0) is None


def test_a_site_is_where_records_place_its_egress():
    """What is rare or says nothing is left out."""
    coverage = Coverage()
    for k in range(20):
        coverage.place(0, Spot("AU", "Sydney") if k else Spot("US"))
    coverage.place(0, Spot())

    assert [Spot("AU", "Sydney")] == coverage.spots(0)
    assert [] == coverage.spots(1)


def test_save_and_load_is_the_identity():
    """Minutes, shares and places."""
    one, other = seen(range(-3, 4)), Coverage()
    one.count(0, seen=True)
    one.place(0, Spot("AU"))
    other.load(one.save())

    assert other.gap(0, AT) is None
    assert (one.spots(0), one.shortfall(0)) == (other.spots(0), other.shortfall(0))
    other.load({})
