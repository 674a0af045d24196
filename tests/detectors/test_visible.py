"""The first line: what could be seen."""

from sensor.detectors.visible import Seen
from tests.detectors import acts_made
from tests.detectors.acts_made import act, signin
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


def test_logs_without_traffic_are_not_called_one_direction():
    """What there is, is said: sign-ins, whether they name a country, the rest."""
    known, seen = acts_made.known(), Seen(SECRET)
    events = [signin(), signin(country=None), act("file", "FileAccessed")]
    seen.observe(acts_made.tick_of(known, events))
    text = seen.visible(0, dns=False, late=False, duplicates=False, bad_checksums=0.0).text

    assert text.startswith("Visible: no traffic; 2 records of sign-ins, some without a country, 1 other records over")
    assert "local_networks" not in text


def test_logs_beside_traffic_are_said_too():
    """Behind the flows; a country that is never named is missed."""
    known, seen = entities(), Seen(SECRET)
    seen.observe(tick(known, flows(flow())))
    seen.observe(acts_made.tick_of(known, [signin(country=None)]))

    text = seen.visible(1, dns=True, late=False, duplicates=False, bad_checksums=0.0).text
    assert "1 flows, 1 records of sign-ins without a country, 0 other records over" in text
