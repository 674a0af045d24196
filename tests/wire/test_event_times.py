"""Times as logs write them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.times import rfc3339
from sensor.wire.event_times import read_time


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2021-08-02T13:11:39.7724491Z", "2021-08-02T13:11:39.772449Z"),
        ("2021-08-02T13:11:39.7724491", "2021-08-02T13:11:39.772449Z"),
        ("2021-01-01T00:00:00-05:00", "2021-01-01T05:00:00.000000Z"),
        ("2021-01-01T00:00:00+0530", "2020-12-31T18:30:00.000000Z"),
        ("2021-01-01 00:00:00", "2021-01-01T00:00:00.000000Z"),
        ("2021-01-01 00:00:00.5 UTC", "2021-01-01T00:00:00.500000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("2017-06-30", "2017-06-30T00:00:00.000000Z"),
        ("3/24/2022 2:42:35 PM", "2022-03-24T14:42:35.000000Z"),
        ("12/1/2022 12:00:01 AM", "2022-12-01T00:00:01.000000Z"),
        ("1/9/2007 10:41:00 AM +01:00", "2007-01-09T09:41:00.000000Z"),
        ("2023-10-26T5:32:08.107Z", "2023-10-26T05:32:08.107000Z"),
        ("Thu Mar 16 03:08:58 2023 UTC", "2023-03-16T03:08:58.000000Z"),
        ("16/Mar/2023:03:08:58 +0100", "2023-03-16T02:08:58.000000Z"),
        ("/Date(1647000000000)/", "2022-03-11T12:00:00.000000Z"),
        (1678936138, "2023-03-16T03:08:58.000000Z"),
        (1678936138.25, "2023-03-16T03:08:58.250000Z"),
        ("1678936138.123456", "2023-03-16T03:08:58.123456Z"),
        ("1678936138123", "2023-03-16T03:08:58.123000Z"),
        (1678936138123456, "2023-03-16T03:08:58.123456Z"),
        (1678936138123456789, "2023-03-16T03:08:58.123456Z"),
    ],
)
def test_every_form_is_read(written, expected):
    """As the products write them; without a zone it is UTC."""
    assert expected == rfc3339(read_time(written))


@pytest.mark.parametrize(
    "written",
    [
        *("", "now", "2021-13-01T00:00:00Z", "31/31/2022 1:00:00 AM", None, True, "1e400"),
        *("9999-12-31T23:59:59Z", "0001-01-01", 99_999_999_999, 10**25, "/Date(99999999999999999)/"),
    ],
)
def test_what_is_no_time_is_refused(written):
    """With the reason that is counted."""
    with pytest.raises(Malformed, match="bad_time"):
        read_time(written)


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats()))
def test_anything_else_is_a_time_or_refused(written):
    """No other error comes out, and no time that the columns cannot hold."""
    with contextlib.suppress(Malformed):
        assert -(1 << 63) <= read_time(written) < 1 << 63
