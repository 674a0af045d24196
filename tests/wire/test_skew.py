"""Another clock's error lies between two bounds, whatever the way takes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model.times import HOUR_NS, SECOND_NS
from sensor.wire.skew import Estimate, Skew

DELAYS = st.lists(st.tuples(st.integers(0, 5 * SECOND_NS), st.integers(0, 5 * SECOND_NS)), min_size=1, max_size=20)


@settings(deadline=None)
@given(skew_ns=st.integers(-10 * HOUR_NS, 10 * HOUR_NS), delays=DELAYS)
def test_the_truth_lies_within_the_error(skew_ns, delays):
    """And the error is half of the quickest way there and the quickest way back."""
    made, now_ns = Skew(), 1000 * HOUR_NS
    for there_ns, back_ns in delays:
        made.add(now_ns + skew_ns, now_ns + there_ns)
        made.add_reply(now_ns + there_ns, now_ns + there_ns + back_ns + skew_ns)
        now_ns += 10 * SECOND_NS
    found = made.estimate()

    assert abs(found.skew_ns - skew_ns) <= found.error_ns
    assert (min(one for one, _ in delays) + min(one for _, one in delays) + 1) // 2 == found.error_ns


def test_one_way_tells_nothing():
    """A bundle that lay for a day is no slow clock."""
    made = Skew()
    made.add(0, 24 * HOUR_NS)
    assert made.estimate() is None


def test_a_clock_that_is_set_is_believed_at_once():
    """What contradicts the newest bounds is forgotten."""
    made = Skew()
    for at_ns, skew_ns in ((0, 3600 * SECOND_NS), (SECOND_NS, 0), (2 * SECOND_NS, -7200 * SECOND_NS)):
        made.add(at_ns + skew_ns, at_ns)
        made.add_reply(at_ns, at_ns + skew_ns)
        assert Estimate(skew_ns, 0) == made.estimate()


def test_old_bounds_are_forgotten():
    """After two hours the quickest way of then counts no more."""
    made = Skew()
    made.add(0, 0)
    made.add_reply(0, 0)
    for hour in (1, 2, 3):
        made.add(hour * HOUR_NS, hour * HOUR_NS + SECOND_NS)
        made.add_reply(hour * HOUR_NS, hour * HOUR_NS + 3 * SECOND_NS)
    assert Estimate(SECOND_NS, 2 * SECOND_NS) == made.estimate()
