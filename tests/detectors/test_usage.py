"""What devices use: destinations, services asked for and offered, each once answered."""

from sensor.detectors.usage import ASKS, DESTINATION, DYNAMIC, OFFERS, by_name, thing_of, uses
from tests.detectors.ticks import entities, tick
from tests.scenes import flow, flows


def used(*rows, known=None, **options):
    known = known or entities()
    step = tick(known, flows(*rows))
    for name, value in options.items():
        setattr(step, name, value)
    return uses(step), known


def test_a_flow_is_a_destination_and_a_service_for_one_end_and_an_offer_of_the_other():
    """Only where both are devices; unanswered, to many, or repeated it is none."""
    found, _ = used(
        flow("10.0.0.5", "10.0.0.9", port=445), flow("10.0.0.5", "203.0.113.7", at_s=1, port=443),
        flow("10.0.0.5", "10.0.0.8", at_s=2, state="S0"), flow("10.0.0.5", "224.0.0.251", at_s=3, port=5353, proto=17),
    )  # fmt: skip

    assert [DESTINATION] * 2 + [ASKS] * 2 + [OFFERS] == found.category.tolist()
    assert [0, 1, 0, 1, 0] == found.flow.tolist()
    assert [(6, 445), (6, 443), (6, 445)] == list(zip(found.hi[2:].tolist(), found.lo[2:].tolist(), strict=True))
    assert (found.device * 4 + found.category).tolist() == found.key.tolist()


def test_dynamic_ports_are_one_service():
    """RFC 6335: nobody's."""
    found, _ = used(flow(port=50_000), flow(port=65_000, at_s=1), flow(port=DYNAMIC - 1, at_s=2))

    assert [DYNAMIC, DYNAMIC, DYNAMIC - 1] == found.lo[found.category == ASKS].tolist()


def test_some_of_them_can_be_looked_at():
    """All columns alike."""
    found, _ = used(flow(), flow(resp="10.0.0.8", at_s=1))
    some = found.at(found.category == ASKS)

    assert (2, {ASKS}) == (len(some.flow), set(some.category.tolist()))
    assert some.key.tolist() == found.key[found.category == ASKS].tolist()


def test_names_stand_for_addresses_by_what_was_registered():
    """Two hosts of one registered name are one thing; what has no name stays an address; a proxy's host is its own."""
    known = entities()
    known.address_name = lambda hi, lo: {1: "a.example.com", 2: "b.example.com"}.get(lo & 0xFF)
    found, _ = used(*(flow(resp=f"203.0.113.{k}", at_s=k) for k in (1, 2, 3)), known=known)
    hi, lo, named = by_name(known, found)
    behind, _ = used(flow(resp="203.0.113.9"), destinations={0: "www.example.com"})

    assert [True, True, False] == named[:3].tolist()
    assert (hi[0], lo[0]) == (hi[1], lo[1]) == thing_of("example.com") == (behind.hi[0], behind.lo[0])
    assert (found.hi[2], found.lo[2]) == (hi[2], lo[2])
    assert not named[3:].any()
