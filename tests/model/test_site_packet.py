"""Names that a site may have in its envelopes."""

import pytest

from sensor.model.site_packet import fleet_problem, problem


@pytest.mark.parametrize("site", ["SYD", "Zürich 2", "x" * 64])
def test_a_printable_name_will_do(site):
    """Also of other letters, up to 64 bytes."""
    assert None is problem(site)


@pytest.mark.parametrize("site", ["", "x" * 65, "ü" * 33, "a/b", "a=b", "a\nb", "a\x00", "\ud83d"])
def test_what_could_be_taken_for_something_else_is_no_name(site):
    """Separators, control characters and what is too long are refused."""
    assert None is not problem(site)


@pytest.mark.parametrize(
    ("site", "sites", "sources", "sinks", "told"),
    [
        ("SYD", [], ["zeek"], ["site", "syslog"], None), ("HUB", ["SYD"], ["site"], [], None),
        ("a b", ["x\n"], ["zeek"], [], None), ("SYD", [], [], ["site", "site"], "one hub"),
        ("HUB", ["SYD"], ["site", "site"], [], "one source"), ("HUB", [], ["site"], [], "sites that may send"),
        ("x\t", [], [], ["site"], "printable"), ("HUB", ["SYD", "y" * 65], ["site"], [], "64 bytes"),
    ],
)  # fmt: skip
def test_a_hub_and_a_site_of_it_are_configured_once(site, sites, sources, sinks, told):
    """One hub a site, one source of sites a hub, and names that go into envelopes."""
    found = fleet_problem(site, sites, sources, sinks)
    assert found is None if told is None else told in found
