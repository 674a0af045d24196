"""What was said of accounts at places, and taken back."""

import msgspec

from sensor.detectors import said
from sensor.detectors.said import PLACES_MAX, SAID_MAX, Said
from sensor.model.times import DAY_NS
from tests.incidents.hands import START, People, act

WHY = "the network saw it"


def told(held, *places, account=0, target="x", at_ns=START):
    finding = act("place", "place", 1e-3, at_ns, account=account, target=target, marks=("rare_place",))
    for place in places:
        held.tell(finding, place)
    return finding


def test_what_is_explained_is_withdrawn_under_its_id():
    """With the reason, and with no weight and no records."""
    held = Said()
    finding = told(held, "203.0.113.5")
    (gone,) = held.vouch(0, "203.0.113.5", START + 60, WHY)

    assert (finding.evidence.id, WHY, ("context", "taken_back")) == (
        gone.evidence.id, gone.evidence.text, gone.evidence.marks,
    )  # fmt: skip
    assert [] == held.vouch(0, "203.0.113.5", START + 61, WHY)


def test_what_rests_on_another_address_too_stays():
    """Until both are explained; another account's and another day's are not touched."""
    held = Said()
    told(held, "a", "b")
    told(held, "a", account=1, target="y")
    told(held, "a", target="z", at_ns=START - 3 * DAY_NS)

    assert [0, 1] == [len(held.vouch(0, place, START, WHY)) for place in ("a", "b")]


def test_what_rests_on_many_addresses_is_never_taken_back():
    """They are not all remembered."""
    held = Said()
    told(held, *(f"a{k}" for k in range(PLACES_MAX + 3)))

    assert [] == [one for k in range(PLACES_MAX + 3) for one in held.vouch(0, f"a{k}", START, WHY)]


def test_a_place_is_vouched_for_a_day():
    """By account."""
    held = Said()
    held.vouch(0, "a", START, WHY)
    asked = [(0, "a", START + DAY_NS), (0, "a", START + DAY_NS + 1), (1, "a", START), (0, "b", START)]

    assert [True, False, False, False] == [held.is_vouched(*one) for one in asked]


def test_the_oldest_goes_at_the_cap():
    """And stands."""
    held = Said()
    for k in range(SAID_MAX + 1):
        told(held, "a", target=str(k))

    assert SAID_MAX == len(held.vouch(0, "a", START, WHY))


def test_save_and_load_is_identity():
    """A restart takes back the same."""
    held, other = Said(), Said()
    told(held, "a")
    held.vouch(1, "b", START, WHY)
    other.load(held.save())

    assert msgspec.json.decode(held.save()) == msgspec.json.decode(other.save())
    assert held.vouch(0, "a", START, WHY) == other.vouch(0, "a", START, WHY)


def test_detectors_of_the_same_entities_share_one():
    """What one told another can take back."""
    one, other = People(), People()

    assert [True, False] == [said.shared(one) is said.shared(who) for who in (one, other)]
