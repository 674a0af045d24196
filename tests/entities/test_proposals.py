"""What a site's configuration could say."""

import numpy as np

from sensor.entities.contacts import Tally
from sensor.entities.entities import Entities
from sensor.entities.proposals import proposals
from sensor.model import addresses


def test_an_egress_that_is_not_configured_is_proposed_with_its_numbers():
    """And one that is, is not."""
    entities = Entities({}, 1, {"A": ("198.51.100.0/24",)})
    entities.site_number("A")
    tally = Tally(trials=9, hits=9, shifted=0, days=3, last_day=3)
    entities.identity.contacts.egress[0, "203.0.113.1"] = tally
    entities.identity.contacts.egress[0, "198.51.100.7"] = tally
    entities.identity.contacts.egress[0, "203.0.113.2"] = Tally(trials=9, hits=9, shifted=30, days=3)

    (one,) = proposals(entities, {"A": ("198.51.100.0/24",)})
    assert ("A", "egress", "203.0.113.1") == (one["site"], one["key"], one["value"])
    assert "9 of 9 sign-ins" in one["why"]


def test_networks_that_are_seen_are_proposed_with_their_reason():
    """What a router advertises and where hosts speak ARP; where tunnels end has no key, and is only told."""
    entities = Entities({}, 1)
    site = entities.site_number("A")
    entities.places.advertise("A", ("2001:db8:7::/64",))
    foreign = [addresses.parse(f"203.0.113.{k}")[1] & 0xFFFF_FFFF for k in (1, 2, 3)]
    entities.places.speak(np.full(3, site, np.int32), np.array(foreign, np.uint32))
    row = entities.devices.new((site, 0, 0), 0, 0, confirmed=True)
    for k in (1, 2):
        entities.devices.bind((site, *addresses.parse(f"10.99.0.{k}")), row, 0, tunnel=True)

    assert [
        ("local_networks", "2001:db8:7::/64", "advertised by a router as on its link"),
        ("local_networks", "203.0.113.0/24", "at least 3 hosts speak ARP there"),
        (None, "10.99.0.0/24", "2 addresses of VPN leases"),
    ] == [(one.get("key"), one["value"], one["why"]) for one in proposals(entities, {})]
