"""Which incidents a finding is part of."""

import msgspec
import pytest

from sensor.incidents.cases import Cases
from sensor.incidents.homes import Homes
from sensor.incidents.joins import Joins
from sensor.model.times import HOUR_NS
from tests.incidents.hands import START, People, act, seen, weighing
from tests.incidents.test_case import case
from tests.incidents.test_cases import holding


@pytest.fixture
def known():
    """One device's incident."""
    found = Cases()
    holding(found)
    return found


def test_an_accounts_act_finds_its_devices_incident_if_it_weighs_enough(known):
    """Through a strong link alone, and from 10 dB on."""
    strong, weak = (Homes(known, Joins(People(links=[(0, 0, how)]))) for how in ("strong", "medium"))
    heavy, light = (weighing(act("place", "place", 0.1, START), db) for db in (10.0, 9.9))

    assert [1, 0, 0] == [len(homes.of(one, START)) for homes, one in ((strong, heavy), (strong, light), (weak, heavy))]


def test_what_adds_is_heavy_or_shares_a_key(known):
    """Else it is listed, of the same family too; that it is the same device's is no key."""
    homes, case = Homes(known, Joins(People())), known.of_node("device:dev-0")[0]
    light = weighing(seen("volumes", "volume", 0.1, START), 3.0).evidence

    assert [False, True, False, False, False] == [
        homes.weighs(case, one)
        for one in (
            light, msgspec.structs.replace(light, keys=("destination:x",)),
            msgspec.structs.replace(light, family="beacon"), msgspec.structs.replace(light, keys=("device:dev-0",)),
            msgspec.structs.replace(light, db=50.0, marks=("context",)),
        )
    ]  # fmt: skip


def test_a_first_contact_says_nothing_of_the_account_that_uses_the_device(known):
    """A new page of its owner's is no part of an account's incident, however rare, unless an address ties them."""
    people, case = People(links=[(0, 1, "strong"), (0, 0, "strong")]), known.of_node("device:dev-0")[0]
    homes = Homes(known, Joins(people))
    page = weighing(seen("new_peer", "novelty", 1e-4, START, device=1), 15.0).evidence
    own = msgspec.structs.replace(page, entity=msgspec.structs.replace(page.entity, id="dev-0"))
    tied = msgspec.structs.replace(page, keys=("destination:x",))

    quiet = msgspec.structs.replace(page, detector="volumes", family="volume")

    assert [False, True, True, False] == [homes.weighs(case, one) for one in (page, own, tied, quiet)]


def test_many_that_do_the_same_within_an_hour_have_one_incident():
    """From the fifth device on; later, at another site and of another kind they are others."""
    known = Cases()
    homes = Homes(known, Joins(People()))
    key = "alike:scan.hosts TCP 445"
    for device in range(4):
        one = case(f"INC-{device}", "triage", START)
        one.take(seen("scan", "scan", 1e-5, START, device=device, keys=(key,)), START, weighs=True)
        known.add(one)
        later = seen("scan", "scan", 1e-5, START, device=9, keys=(key,))
        assert (4 if device == 3 else 0) == len(homes.of(later, START + HOUR_NS))

    other = seen("scan", "scan", 1e-5, START, device=9, keys=("alike:scan.hosts TCP 22",))
    elsewhere = seen("scan", "scan", 1e-5, START, device=9, keys=(key,), site="MEL")
    again = seen("scan", "scan", 1e-5, START, device=0, target="x", keys=(key,))
    assert [0, 0, 1] == [len(homes.of(one, START)) for one in (other, elsewhere, again)]
    assert [] == homes.of(later, START + HOUR_NS + 1)
