"""Countries that are near each other."""

import pytest

from sensor.entities import borders
from sensor.entities.borders import apart


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("AU", "US", True), ("DE", "AU", True), ("DE", "DE", False), ("FR", "GB", False), ("GB", "FR", False),
     ("US", "CA", False), ("SG", "MY", False), ("AU", "XX", False), ("AU", "Australia", False), ("ES", "MA", False)],
)  # fmt: skip
def test_countries_are_apart_where_both_are_known_and_no_neighbours(one, other, expected):
    """What is no code is not judged."""
    assert expected == apart(one, other)


def test_every_code_has_two_letters():
    """The table has no slip of the pen."""
    assert all(len(code) == 2 and code.isalpha() and code.isupper() for code in borders.COUNTRIES)
    assert len(borders.COUNTRIES) > 190
