"""Times: RFC 3339 both ways, and spans for a person."""

import pytest

from sensor.model import times


def test_times_survive_the_way_out_and_in():
    """Microseconds are kept; nanoseconds below are cut, before 1970 too."""
    for ns in (0, 1_258_531_221_486_539_000, -1_000, 4_102_444_800 * 10**9):
        assert ns == times.parse(times.rfc3339(ns))


def test_times_are_written_with_z_and_microseconds():
    """Always six digits, always UTC."""
    assert "2009-11-18T08:00:21.486539Z" == times.rfc3339(1_258_531_221_486_539_999)


def test_times_out_of_range_are_clamped():
    """A damaged time does not stop the output."""
    assert ("0001-01-01", "9999-12-31") == (times.rfc3339(-(2**70))[:10], times.rfc3339(2**70)[:10])


def test_dates_and_offsets_are_read():
    """A date is its midnight UTC; an offset is applied."""
    assert times.parse("2020-07-18T00:00:00Z") == times.parse("2020-07-18") == times.parse("2020-07-18T10:00:00+10:00")


def test_what_is_no_time_is_refused():
    """Free text is a ValueError, not a guess."""
    with pytest.raises(ValueError, match="Invalid isoformat"):
        times.parse("yesterday")


def test_spans_read_like_a_person_says_them():
    """One unit, no more digits than help."""
    minute = times.MINUTE_NS
    shown = [
        times.span(ns) for ns in (0, 4_000_000, 90 * times.SECOND_NS, 11 * minute, 192 * minute, 14 * times.DAY_NS)
    ]

    assert ["0 seconds", "less than a second", "90 seconds", "11 minutes", "3.2 hours", "14 days"] == shown
