"""How far two places are, and whether anybody gets there."""

import math

import pytest

from sensor.entities.distance import Spot, is_too_far, km_between, spot_of

SYDNEY, PERTH = Spot("AU", "Sydney", -33.87, 151.21), Spot("AU", "Perth", -31.95, 115.86)
MELBOURNE, DALLAS = Spot("AU", "Melbourne", -37.81, 144.96), Spot("US", "Dallas", 32.78, -96.8)


def test_the_distance_is_the_great_circles():
    """Sydney to Perth is 3,290 km."""
    assert pytest.approx(3290, rel=0.01) == km_between(SYDNEY, PERTH)
    assert km_between(SYDNEY, Spot("AU")) is None


@pytest.mark.parametrize(
    ("one", "other", "hours", "expected"),
    [
        (SYDNEY, DALLAS, 0.5, True), (SYDNEY, PERTH, 0.5, True), (SYDNEY, PERTH, 5.0, False),
        (SYDNEY, MELBOURNE, 0.1, False), (Spot("AU"), Spot("US"), 0.5, True), (Spot("FR"), Spot("GB"), 0.5, False),
        (Spot("AU", "Sydney"), Spot("AU", "Perth"), 0.5, False), (SYDNEY, Spot(), 0.5, False),
        (SYDNEY, Spot("US"), 0.5, True), (Spot(), Spot(), 0.5, False),
    ],
)  # fmt: skip
def test_who_cannot_get_there(one, other, hours, expected):
    """Within a country only what is far beyond the databases' mistakes; without a place nothing."""
    assert expected == is_too_far(one, other, hours)


@pytest.mark.parametrize("given", [(None, None), ("1", 2), (0, 0), (91, 0), (math.nan, 1.0), (True, None)])
def test_what_are_no_coordinates_is_left_out(given):
    """The country stays."""
    assert Spot("AU", "Sydney") == spot_of("AU", "Sydney", *given)


def test_a_place_is_said():
    """As far as it is known."""
    assert ["Sydney, AU", "US", "1.0, 2.0", "an unknown place"] == [
        one.said() for one in (SYDNEY, Spot("US"), Spot(None, None, 1.0, 2.0), Spot())
    ]
    assert [True, False] == [SYDNEY.is_placed, Spot(None, "Sydney").is_placed]
