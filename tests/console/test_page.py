"""How times, numbers and addresses are written."""

import pytest

from sensor.console import page
from sensor.model.times import DAY_NS, HOUR_NS, parse

T = "2026-11-24T05:13:02.123456Z"


def test_times_are_short_and_utc():
    """And what is none is shown as it is."""
    assert ("2026-11-24 05:13:02", "24 Nov 05:13", "soon") == (page.moment(T), page.short(T), page.short("soon"))
    now = parse(T)
    assert ["now", "3 h", "2 d"] == [page.ago(T, now + more) for more in (0, 3 * HOUR_NS, 2 * DAY_NS)]


@pytest.mark.parametrize(
    ("value", "shown"), [(None, ""), (1234567, "1,234,567"), (0.00012345, "0.0001234"), (float("nan"), "–"), ("x", "–"),
                         (12.0, "12"), (1e300, "1e+300")],
)  # fmt: skip
def test_numbers_have_no_digits_that_say_nothing(value, shown):
    """What is none is a dash."""
    assert shown == page.number(value)


def test_weights_odds_and_sizes():
    """As a person says them."""
    assert ["+23", "-4", ""] == [page.decibans(value) for value in (23.4, -4.0, None)]
    assert ["1 in 1,000", "rarer than 1 in 10⁹", "–", "–"] == [page.rare(p) for p in (1e-3, 1e-300, 0.0, None)]
    assert ["5 B", "1.5 kB", "200 MB", "3.0 TB"] == [page.size(value) for value in (5, 1500, 2e8, 3e12)]


def test_an_address_keeps_what_was_chosen():
    """But not what was done last, and nothing that is empty."""
    assert "/x?a=1&page=2" == page.link("/x", {"a": "1", "b": "", "done": "closed"}, page=2)
    assert "/x" == page.link("/x", {"a": "1"}, a="")


def test_every_page_is_reachable_and_every_template_is_used():
    """What the menu names exists; no template is left over."""
    from sensor.console.app import PAGES

    paths = {one.path for one in PAGES if one.method == "GET"}
    assert set() == {path for path, _, _ in page.NAV} - paths
    assert page.environment() is page.environment()
