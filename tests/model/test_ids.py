"""Identifiers."""

from sensor.model.ids import identify


def test_identifiers_depend_on_every_part_and_its_borders():
    """The same parts give the same id; moving a character across a border gives another."""
    assert identify("EV", "a", 1) == identify("EV", "a", 1)
    assert 3 == len({identify("EV", "ab", "c"), identify("EV", "a", "bc"), identify("EV", "abc", "")})
    assert identify("INC", "x").startswith("INC-")
