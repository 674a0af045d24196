"""The story in order of time."""

from sensor.incidents import timeline
from sensor.model.times import MINUTE_NS
from tests.incidents.hands import START, act, seen
from tests.incidents.test_case import case


def test_network_and_identity_stand_in_one_order_with_their_numbers():
    """Evidence where it began, context beside it, what happened to the incident after its reason."""
    one = case()
    one.take(seen("scan", "scan", 1e-5, START + 9 * MINUTE_NS), START + 9 * MINUTE_NS, weighs=True)
    one.take(act("place", "place", 1e-3, START), START + 2 * MINUTE_NS, weighs=True)
    one.take(act("mailbox", "mailbox", 0.1, START + MINUTE_NS), START + MINUTE_NS, weighs=False)
    one.note(START + 9 * MINUTE_NS, "tier", "page from here on")
    lines = timeline.of(one)

    assert ["evidence", "context", "evidence", "tier"] == [line.kind for line in lines]
    assert ["user0@example.com", "user0@example.com", "LAPTOP-0", "spanline"] == [line.who for line in lines]
    assert [True, True, True, False] == [line.db is not None for line in lines]


def test_what_grew_stands_where_it_began():
    """A scan of an hour is told at its first minute."""
    one = case()
    for k in range(60):
        at_ns = START + k * MINUTE_NS
        one.take(seen("scan", "scan", 10.0 ** -(k + 1), at_ns, target="x"), at_ns, weighs=True)

    assert [timeline.of(one)[0].ts] == ["2023-11-15T00:00:00.000000Z"]


def test_it_is_bounded(monkeypatch):
    """Context goes first, then the weakest evidence; notes stay."""
    monkeypatch.setattr(timeline, "MOMENTS_MAX", 3)
    one = case()
    for k in range(4):
        one.take(seen("scan", "scan", 10.0 ** -(k + 2), START, target=f"{k}"), START, weighs=k != 3)
    one.note(START, "tier", "triage")

    assert ["evidence", "evidence", "tier"] == [line.kind for line in timeline.of(one)]
