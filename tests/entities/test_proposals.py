"""What a site's configuration could say."""

from sensor.entities.contacts import Tally
from sensor.entities.entities import Entities
from sensor.entities.proposals import proposals


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
