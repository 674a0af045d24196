"""The first line: what could be seen."""

from sensor.detectors.visible import Seen
from tests.detectors.ticks import entities, tick
from tests.scenes import SECRET, flow, flows


def told(*rows, dns=False, late=False, duplicates=False, bad_checksums=0.0):
    known, seen = entities(), Seen(SECRET)
    if rows:
        seen.observe(tick(known, flows(*rows)))
    return seen.visible(known.count(), dns=dns, late=late, duplicates=duplicates, bad_checksums=bad_checksums)


def test_directions_names_hosts_and_span_are_said():
    """Two of three flows two-way, one outside address."""
    one = told(
        flow(), flow("10.0.0.6", "203.0.113.1", at_s=1), flow("10.0.0.6", "10.0.0.77", at_s=2, state="S0"), dns=True
    )

    assert (True, 0.6667, True, 1) == (one.both_directions, one.two_way_share, one.dns, one.outside_hosts)
    assert one.text.startswith("Visible: both directions (67% of flows two-way), DNS, 3 local hosts and 1 outside")


def test_one_direction_only_is_said():
    """Nothing but unanswered flows."""
    assert "one direction only" in told(flow(state="S0")).text


def test_what_stands_in_the_way_is_said_with_a_remedy():
    """Bad checksums, old records, no local address, nothing new, nothing at all."""
    assert "--ignore-checksums" in told(flow(), bad_checksums=0.4).text
    assert "older than the state" in told(flow(), late=True).text
    assert "local_networks" in told(flow("203.0.113.1", "198.51.100.1")).text
    assert told(duplicates=True).text.startswith("Nothing new")
    assert told().text.startswith("Nothing was visible")
