"""What joins, and what never does."""

import msgspec

from sensor.incidents.joins import Joins, holds
from sensor.model.times import DAY_NS
from tests.incidents.hands import START, People, act, seen


def test_links_go_both_ways_and_are_strong():
    """An account's devices, a device's people; a machine's account joins nothing."""
    people = People(links=[(0, 0, "strong"), (0, 1, "medium"), (2, 0, "strong")])
    people.account_kind = lambda row: "machine" if row == 2 else "user"
    joins = Joins(people)

    assert ["device:dev-0"] == joins.neighbours(act("place", "place", 0.1, START), START)
    assert ["account:user0@example.com"] == joins.neighbours(seen("scan", "scan", 0.1, START), START)


def test_hubs_join_nothing():
    """By role, by many people, or in the top .5 % by degree."""
    people = People(links=[(k, 0, "strong") for k in range(4)] + [(9, 1, "strong")])
    people.roles[1] = "domain controller"
    joins = Joins(people)

    assert [[], []] == [joins.neighbours(act("place", "place", 0.1, START, account=k), START) for k in (0, 9)]
    crowd = People(accounts=40, devices=400, links=[(k, 5, "medium") for k in range(20)])
    assert [True, False] == [Joins(crowd).is_hub(row, START) for row in (5, 6)]


def test_ties_are_of_the_kind_that_names_one_doing():
    """A guessing source, a session, a message, a beacon's target; an address is none, but the sprayed one's."""
    keys = ("address:192.0.2.1", "source:192.0.2.1", "session:s", "message:m", "destination:d")
    spray, place, beacon = (
        act("x", "spray", 0.1, START, keys=keys), act("x", "place", 0.1, START, keys=keys),
        seen("x", "beacon", 0.1, START, keys=keys),
    )  # fmt: skip
    won = msgspec.structs.replace(place.evidence, marks=("sprayed_success",))
    joins = Joins(People())

    assert [
        ["source:192.0.2.1", "session:s", "message:m"], ["session:s", "message:m"],
        ["session:s", "message:m", "destination:d"], ["source:192.0.2.1", "session:s", "message:m"],
    ] == [joins.ties(one) for one in (spray.evidence, place.evidence, beacon.evidence, won)]  # fmt: skip


def test_ties_expire():
    """A guessing source after a day, a session with the incident."""
    assert [True, False, True] == [
        holds("source:x", START, START + DAY_NS), holds("source:x", START, START + DAY_NS + 1),
        holds("session:x", START, START + 9 * DAY_NS),
    ]  # fmt: skip
