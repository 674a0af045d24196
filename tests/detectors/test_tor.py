"""Tor: host names that it makes up, and nobody resolves."""

import numpy as np
import pytest

from sensor.detectors import tor
from sensor.detectors.tor import Tor, detector, looks_random
from sensor.model.metadata import Dns, Tls
from tests.detectors.ticks import entities, joined, tick
from tests.scenes import SECRET, common, flow, flows

MADE_UP = ("www.6kyx72vjlrwxcmxnj4we7n.com", "www.de5v2whiex3xxy.com", "www.ojj4rbje7z7.com", "www.d3i7.com")
"""As Tor made them (zat's Tor log)."""


def hello(name, k=0, orig="10.0.0.5"):
    return Tls(**{**common(k, orig, f"203.0.113.{k + 1}"), "resp_p": 443, "proto": 6}, server_name=name)


def score(messages, *rows, known=None, one=None):
    known = known or entities()
    one = one or detector(known, SECRET)
    hosts = {message.orig_h for message in messages}
    own = [flow(host, "198.51.100.9", at_s=1) for host in sorted(hosts)]
    return one.score(tick(known, flows(*own, *rows), messages=messages)), known, one


def test_made_up_names_that_nobody_resolved_open():
    """Two of them are enough; they are one evidence a day."""
    found, known, one = score([hello(name, k) for k, name in enumerate(MADE_UP[:3])])
    more, _, _ = score([hello(MADE_UP[3], 7)], known=known, one=one)

    assert [(True, 3.0)] == [(finding.opens, finding.evidence.observed) for finding in found]
    assert found[0].evidence.id == more[0].evidence.id
    assert found[0].evidence.p == tor.again(found[0].evidence)


def test_one_name_and_two_relays_open():
    """A relay's port outside, at two addresses."""
    relays = [flow("10.0.0.5", f"203.0.113.{k}", at_s=2, port=9001) for k in (50, 51)]
    alone, _, _ = score([hello(MADE_UP[0])])
    found, _, _ = score([hello(MADE_UP[0])], *relays)
    ports, _, _ = score([hello("www.example.org")], *relays)

    assert ([False], [True], []) == ([one.opens for one in alone], [one.opens for one in found], ports)


@pytest.mark.parametrize(
    "name", ["www.example.com", "www.hotels.com", "www.wordpress.com", "img.6kyx72vjl.com", "www.6kyx72vjl.org", None]
)
def test_other_names_are_none(name):
    """Words, other forms, no name."""
    assert [] == score([hello(name, k) for k in range(4)])[0]


def test_what_was_resolved_is_no_tor():
    """A browser asks for the names it visits."""
    asked = [Dns(**common(0), query=name) for name in MADE_UP]

    assert [] == score([*asked, *(hello(name, k) for k, name in enumerate(MADE_UP))])[0]


def test_a_device_that_turns_out_to_be_another_takes_its_signs_along():
    """One name each is two names of one device."""
    _, known, one = score([hello(MADE_UP[0], 1), hello("www.example.org", 2, orig="10.0.0.6")])
    joined(known, one, "10.0.0.6", "10.0.0.5")
    found, _, _ = score([hello(MADE_UP[1], 3, orig="10.0.0.6")], known=known, one=one)

    assert [2.0] == [finding.evidence.observed for finding in found]


def test_save_and_load_is_identity():
    """A restart forgets no sign."""
    _, known, one = score([hello(MADE_UP[0], 1)])
    other = Tor(known, SECRET)
    other.load(one.save())
    step = tick(known, flows(flow(at_s=30)), messages=[hello(MADE_UP[1], 3)])

    assert [finding.evidence for finding in one.score(step)] == [finding.evidence for finding in other.score(step)]
    one.learn(step, np.zeros(known.count(), np.bool_))


class Held:
    """An archive of the given server names."""

    since_ns = 0

    def __init__(self, names):
        self.names = names

    def rows(self, sql, parameters=()):
        assert "kind = 'ssl'" in sql
        return [(name,) for name in self.names]


def test_names_are_counted_again_from_the_archive():
    """The archive's hellos give what was observed."""
    evidence = score([hello(name, k) for k, name in enumerate(MADE_UP)])[0][0].evidence

    assert evidence.observed == tor.recount(evidence, Held([*MADE_UP, "www.example.org"]))
    assert evidence.observed != tor.recount(evidence, Held(MADE_UP[1:]))


def test_random_looks():
    """Digits among letters, or clusters; not words, not a number at the end."""
    assert [True, True, False, False] == [looks_random(one) for one in ("d3i7", "xkqvwpzt", "example", "route66")]


def test_coverage_says_whether_hellos_were_seen():
    """No TLS, no judgement."""
    assert "no_input" == detector(entities(), SECRET).coverage().state
    assert "judged" == score([hello("www.example.org")])[2].coverage().state
