"""A case as it is shown."""

import msgspec

from sensor.incidents.nulls import Nulls
from sensor.incidents.render import incident
from sensor.model.incident import Incident
from tests.incidents.hands import START, People, act, seen
from tests.incidents.test_case import case


def test_everything_of_a_case_is_in_its_incident_in_order():
    """Evidence by weight, the smallest p that is no sequence's, parties once, and it survives being stored."""
    one = case()
    one.take(seen("scan", "scan", 1e-5, START), START, weighs=True)
    one.take(act("place", "place", 1e-7, START), START + 5, weighs=True)
    one.take(seen("volumes", "volume", 0.3, START), START + 6, weighs=False)
    shown = incident(one, 20.0, lambda site: 40, People(), {}, Nulls(People()))

    assert ["place", "scan"] == [row.detector for row in shown.evidence]
    assert (1e-7, ("SYD",), 1, 3) == (shown.p, shown.sites, len(shown.context), len(shown.entities))
    assert [("dev-0", "subject"), ("user0@example.com", "subject"), ("203.0.113.9", "peer")] == [
        (party.id, party.role) for party in shown.entities
    ]
    assert shown == msgspec.json.decode(msgspec.json.encode(shown), type=Incident)
