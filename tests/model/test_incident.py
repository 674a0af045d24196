"""The order of incidents."""

import itertools

from sensor.model.incident import urgency
from tests.store.test_state import incident


def test_urgency_is_open_then_tier_then_score():
    """Any order of arrival sorts alike."""
    rows = [
        incident("a", "page", score=1),
        incident("b", "triage", score=9),
        incident("c", "triage"),
        incident("d", "page", "closed", 99),
    ]
    expected = ["a", "c", "b", "d"]

    for order in itertools.permutations(rows):
        assert expected == [one.id for one in sorted(order, key=urgency)]
