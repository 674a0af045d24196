"""Links between accounts, devices and addresses."""

import pytest

from sensor.entities import links as module
from sensor.entities.links import NOWHERE, Links, expires_ns, sharing, weigh
from sensor.model.times import DAY_NS, HOUR_NS

PLACE = (0, 0, 5)


def test_sightings_of_one_kind_are_one_link():
    """With its span, its count and its days."""
    links = Links()
    for ts in (5, 2, DAY_NS + 1, DAY_NS + 2):
        links.see(0, 3, PLACE, "ntlm", ts, ("x.log", str(ts)))
    links.see(0, 3, PLACE, "kerberos_as", 7)
    found = links.of(0, DAY_NS)

    assert 2 == len(found)
    ntlm = next(link for link in found if link.kind == "ntlm")
    assert (2, DAY_NS + 2, 4, 2) == (ntlm.first_ns, ntlm.last_ns, ntlm.count, ntlm.days)
    assert ("x.log", str(DAY_NS + 2)) == (ntlm.input, ntlm.record)


def test_a_link_holds_until_it_expires():
    """A tunnel address for hours, a ticket for a month."""
    links = Links()
    links.see(0, -1, PLACE, "vpn", 0)
    links.see(0, 1, NOWHERE, "kerberos_as", 0)

    assert ["kerberos_as", "vpn"] == sorted(link.kind for link in links.of(0, HOUR_NS))
    assert ["kerberos_as"] == [link.kind for link in links.of(0, DAY_NS)]
    links.expire(31 * DAY_NS)
    assert 0 == len(links)


def test_the_oldest_goes_when_there_is_no_room(monkeypatch):
    """Of the account that has too many, else of all; it is counted."""
    monkeypatch.setattr(module, "PER_ACCOUNT", 2)
    monkeypatch.setattr(module, "LIMIT", 3)
    links = Links()
    for account, device in [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0)]:
        links.see(account, device, NOWHERE, "ntlm", 10 * account + device)

    assert [(0, 2), (1, 0), (2, 0)] == [(link.account, link.device) for link in links.all(0)]
    assert 2 == links.dropped


def test_room_is_made_for_many_at_once(monkeypatch):
    """A sixteenth, so that a flood of links does not look at all of them each time."""
    monkeypatch.setattr(module, "LIMIT", 64)
    links = Links()
    for account in range(65):
        links.see(account, 0, NOWHERE, "ntlm", account)

    assert (61, 4, 4) == (len(links), links.dropped, min(link.account for link in links.all(0)))


def test_what_many_share_links_nobody_for_certain():
    """Three persons may have a computer; each further one halves the weight; machines' accounts do not count."""
    links = Links()
    for account in range(6):
        links.see(account, 9, NOWHERE, "ntlm", 0)
    links.see(0, 8, NOWHERE, "ntlm", 0)
    persons = [True] * 5 + [False]
    shared = sharing(links.all(0), persons)
    weights = {link.device: weigh(link, shared) for link in links.of(0, 0)}

    assert {9: (0.25, True), 8: (1.0, False)} == weights


def test_a_device_that_turns_out_to_be_another_hands_its_links_over():
    """Sightings add up, and the span covers both."""
    links = Links()
    links.see(0, 1, PLACE, "ntlm", 5)
    links.see(0, 2, PLACE, "ntlm", 9)
    links.see(0, 1, NOWHERE, "agent", 6)
    links.merge_devices({1: 2})

    assert [("agent", 2, 1, 6, 6), ("ntlm", 2, 2, 5, 9)] == sorted(
        (link.kind, link.device, link.count, link.first_ns, link.last_ns) for link in links.of(0, 9)
    )


def test_save_and_load_is_identity():
    """Loaded links are the saved ones."""
    links, other = Links(), Links()
    links.see(0, 1, PLACE, "ntlm", 5, ("a", "b"))
    other.load(links.save())

    assert links.all(5) == other.all(5)
    assert [5 + 30 * DAY_NS] == [expires_ns(link) for link in other.all(5)]


@pytest.mark.parametrize("kind", ["co_occurrence", "rdp_cookie"])
def test_weak_evidence_weighs_less(kind):
    """By its kind alone."""
    links = Links()
    links.see(0, 1, PLACE, kind, 5)

    assert weigh(links.of(0, 5)[0], {})[0] < 1
