"""What a site has had to do with: since when, and how many of its devices."""

import numpy as np

from sensor.detectors.places import Places, words
from sensor.model import addresses
from sensor.model.metadata import Dns, Http, Tls
from tests.detectors.ticks import entities, tick
from tests.scenes import SECRET, START, common, flow, flows

DAY = 86_400 * 10**9
FAR = addresses.parse("198.51.100.1")


def seen(known, places, rows=(), messages=(), flagged=()):
    step = tick(known, flows(*rows), messages=messages, end_ns=None if rows else START + 10**10)
    flags = np.zeros(known.count(), np.bool_)
    flags[list(flagged)] = True
    places.learn(step, flags)
    return step


def test_an_address_is_known_from_its_first_flow_and_by_whom():
    """First time and users are told; what was never seen has neither."""
    known, places = entities(), Places(SECRET)
    seen(known, places, [flow(f"10.0.0.{k}", "198.51.100.1", at_s=60 + k) for k in (5, 6, 7)])

    place = places.of_address(0, *FAR)
    assert (START + 65 * 10**9, 3) == (place.first_ns, round(place.users))
    assert (0, 0.0) == places.of_address(0, *addresses.parse("198.51.100.2"))


def test_names_are_known_by_what_was_registered():
    """Asked for, named to a server, or asked of a web server: subdomains are one name."""
    known, places = entities(), Places(SECRET)
    messages = [
        Dns(**common(1), query="a.b.example.org"),
        Tls(**common(2), server_name="www.example.net"),
        Http(**common(3), host="shop.example.co.uk:8080"),
    ]
    seen(known, places, [flow(at_s=0)], messages)

    assert [1.0] * 3 == [places.of_name(0, name).users for name in ("example.org", "example.net", "example.co.uk")]


def test_new_is_what_came_after_the_first_day_and_not_long_ago():
    """A place of the first day is not new, nor one that was there for more than a day; an unknown one is."""
    known, places = entities(), Places(SECRET)
    seen(known, places, [flow(resp="198.51.100.1", at_s=0)])
    seen(known, places, [flow(resp="198.51.100.2", at_s=3 * 86_400)])
    old, late, never = (places.of_address(0, *addresses.parse(f"198.51.100.{k}")) for k in (1, 2, 3))
    now = START + 3 * DAY + 10**9

    assert [False, True, True] == [places.is_new(0, place, now) for place in (old, late, never)]
    assert not places.is_new(0, late, now + 2 * DAY)
    assert [True, False] == [places.since_first_day(0, place) for place in (old, late)]
    assert not places.is_new(0, never, START + DAY // 2)


def test_what_flagged_devices_do_is_not_learned():
    """Neither their flows nor their names."""
    known, places = entities(), Places(SECRET)
    seen(known, places, [flow()])
    seen(known, places, [flow(resp="198.51.100.1", at_s=9)], [Dns(**common(9), query="example.org")], flagged=[0])

    assert [0, 0] == [places.of_address(0, *FAR).first_ns, places.of_name(0, "example.org").first_ns]


def test_save_and_load_is_identity():
    """A restart forgets no place and no first day."""
    known, places = entities(), Places(SECRET)
    seen(known, places, [flow(resp="198.51.100.1", at_s=5)], [Dns(**common(9), query="example.org")])
    other = Places(SECRET)
    other.load(places.save())

    assert places.of_address(0, *FAR) == other.of_address(0, *FAR)
    assert places.of_name(0, "example.org") == other.of_name(0, "example.org")
    assert places.learned_ns(0, START + DAY) == other.learned_ns(0, START + DAY) > 0


def test_words_stand_for_a_name():
    """The same name gives the same words, another gives others."""
    assert words("a") == words("a") != words("b")
