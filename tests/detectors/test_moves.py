"""Accounts of one home that come to another network together."""

import pytest

from sensor.detectors import moves
from sensor.detectors.habits import shared
from sensor.detectors.place import detector
from tests.detectors.acts_made import SAFARI, known, office, run, signin
from tests.scenes import SECRET

DAY = 20
LINE = {"ip": "203.0.113.5", "country": "AU", "asn": 64500}


def one_of(k, hour, **fields):
    """A sign-in of the k-th person, from the other line unless said."""
    name = "ann@corp.example" if k == 0 else f"p{k}@corp.example"
    return signin(day=DAY, hour=hour, account=name, **LINE | fields)


def found(*events, people=8):
    entities = known()
    place = detector(entities, SECRET)
    run(entities, [place], office(days=DAY, people=people))
    rows = run(entities, [place], list(events))
    return [one.evidence for one in rows], moves.shared(entities, shared(entities, SECRET)), entities


def test_a_site_that_leaves_by_another_line_is_one_row():
    """What was said of the first two is taken back, the others say nothing, and the move is told once."""
    rows, _, _ = found(*(one_of(k, 9 + k / 10) for k in range(6)))
    gone = [one for one in rows if "taken_back" in one.marks]
    told = [one for one in rows if "taken_back" not in one.marks]

    assert (1, 2) == (len(told), len(gone))
    assert ("site", "local", 6.0) == (told[0].entity.kind, told[0].entity.id, told[0].observed)
    assert told[0].text.startswith("6 accounts that are at home on one network signed in from AS64500 (203.0.113.5)")
    assert all("one move" in one.text for one in gone)


@pytest.mark.parametrize(
    "events",
    [
        [one_of(k, 9 + k / 10) for k in range(2)],
        [one_of(k, 9 + k) for k in range(5)],
        [one_of(k, 9 + k / 10, user_agent=SAFARI) for k in range(5)],
        [*(one_of(k, 9 + k / 10) for k in range(3)), one_of(5, 9.15, ip="198.51.100.7", asn=None)],
    ],
    ids=["two", "over hours", "with clients of nobody's", "while others stay"],
)
def test_what_is_no_move_of_many_stays_evidence(events):
    """A journey of two, strangers' clients, and several people caught while their colleagues are at home."""
    rows, _, _ = found(*events)

    assert {"account"} == {one.entity.kind for one in rows}
    assert not [one for one in rows if "taken_back" in one.marks]


def test_a_few_of_many_are_no_move():
    """Three of thirty who are at home there."""
    rows, _, _ = found(*(one_of(k, 9 + k / 10) for k in range(3)), people=30)

    assert 3 == len([one for one in rows if one.entity.kind == "account"])


def test_another_client_of_a_moved_account_is_told_all_the_same():
    """The move explains the network."""
    stranger = one_of(7, 9.9, user_agent="python-requests/2.31")
    rows, _, _ = found(*(one_of(k, 9 + k / 10) for k in range(6)), stranger)

    assert 1 == len([one for one in rows if one.entity.id == "p7@corp.example"])


def test_a_record_without_a_network_has_that_of_its_address():
    """As sign-ins named it."""
    _, held, entities = found(one_of(0, 9))
    network = shared(entities, SECRET).traits.network

    assert network("203.0.113.5", 64500) == held.network_of("203.0.113.5", None)
    assert network("192.0.2.1", None) == held.network_of("192.0.2.1", None)
    assert 0 == held.network_of(None, None)


def test_save_and_load_is_identity():
    """A restart goes on with the move."""
    _, held, entities = found(*(one_of(k, 9 + k / 10) for k in range(6)))
    other = moves.Moves(shared(entities, SECRET))
    other.load(held.save())
    account = entities.account_row("p6@corp.example")
    network = held.network_of("203.0.113.5", None)

    assert held.save() == other.save()
    assert other.is_common(account, network, one_of(0, 10).ts)
    assert not other.is_common(account, network, one_of(0, 10).ts + 2 * 86_400 * 10**9)


def test_after_a_day_or_two_nobody_is_at_home_anywhere():
    """Phones of three colleagues on one carrier, on the second evening of a log, are no line that failed."""
    entities = known()
    place = detector(entities, SECRET)
    run(entities, [place], office(days=2))
    evening = [
        signin(day=2, hour=19 + k / 10, account="ann@corp.example" if k == 0 else f"p{k}@corp.example", **LINE)
        for k in range(3)
    ]

    assert [] == [one for one in run(entities, [place], evening) if one.evidence.entity.kind == "site"]
