"""One request as a page sees it."""

import pytest

from sensor.console.visit import Refused, Visit


def visit(**query):
    """A request of nobody."""
    return Visit(path="/", part="", query=query, form={}, cookies={}, address="", host="", session=None)


@pytest.mark.parametrize(
    ("text", "number"), [("3", 3), ("0", 1), ("-1", 1), ("x", 1), ("99", 9), ("9" * 20, 1), ("٣", 1)]
)
def test_a_number_is_kept_within_bounds(text, number):
    """What is none is the least."""
    assert number == visit(page=text).number("page", 1, 9)


def test_nobody_is_no_person():
    """A page that asks who it is, is refused."""
    with pytest.raises(Refused, match="Sign in"):
        _ = visit().within
