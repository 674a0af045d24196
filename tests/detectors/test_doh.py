"""Encrypted DNS of one device alone."""

import numpy as np
import pytest

from sensor.detectors import doh
from sensor.detectors.doh import Doh, detector
from sensor.model.metadata import Tls
from tests.detectors.ticks import entities, joined, tick
from tests.scenes import DAY, SECRET, common, flow, flows

DAY_S = 86_400


def hello(name="dns.quad9.net", at_s=2 * DAY_S, orig="10.0.0.5"):
    return Tls(**{**common(at_s, orig, "203.0.113.53"), "resp_p": 443, "proto": 6}, server_name=name)


def start(hosts=4, messages=()):
    """A site of four hosts, learned for two days."""
    known = entities()
    one = detector(known, SECRET)
    for day in range(2):
        rows = [flow(f"10.0.0.{5 + host}", "198.51.100.1", at_s=day * DAY_S + host) for host in range(hosts)]
        take(known, one, rows, messages if day == 0 else ())
    return known, one


def take(known, one, rows, messages=()):
    step = tick(known, flows(*rows), messages=messages)
    found = one.score(step)
    one.learn(step, np.zeros(known.count(), np.bool_))
    return found


def test_a_resolver_that_nobody_used_is_news_once():
    """By name: it opens, priced by an assumed rate and the site's device-days."""
    known, one = start()
    found = take(known, one, [flow(at_s=2 * DAY_S)], [hello()])
    again = take(known, one, [flow(at_s=2 * DAY_S + 60)], [hello(at_s=2 * DAY_S + 60)])

    assert [True] == [finding.opens for finding in found]
    assert found[0].evidence.p == doh.again(found[0].evidence) < 0.05
    assert [] == again
    assert "judged" == one.coverage().state


@pytest.mark.parametrize(("resp", "port"), [("9.9.9.9", 443), ("203.0.113.9", 853)])
def test_a_resolvers_address_without_a_name_is_news_too(resp, port):
    """A known resolver's address on 443, or the port of DNS over TLS anywhere."""
    known, one = start()

    assert [True] == [
        finding.opens for finding in take(known, one, [flow("10.0.0.5", resp, at_s=2 * DAY_S, port=port)])
    ]


def test_other_places_are_none():
    """Any other name or address on 443, and a resolver on its plain port."""
    known, one = start()
    rows = [
        flow("10.0.0.5", "9.9.9.9", at_s=2 * DAY_S, port=53, proto=17),
        flow("10.0.0.5", "203.0.113.9", at_s=2 * DAY_S, port=443),
    ]

    assert [] == take(known, one, rows, [hello("www.example.org")])


def test_what_the_site_uses_already_is_listed():
    """Another device asked it in the first day."""
    known, one = start(messages=[hello(at_s=0.0, orig="10.0.0.6")])
    found = take(known, one, [flow(at_s=2 * DAY_S)], [hello()])

    assert [(False, 1.0)] == [(finding.opens, finding.evidence.p) for finding in found]


def test_without_history_it_is_listed():
    """Nobody knows whether it is new."""
    known = entities()
    one = detector(known, SECRET)
    take(known, one, [flow()])
    found = take(known, one, [flow(at_s=60)], [hello(at_s=60)])

    assert [(False, False)] == [(finding.opens, finding.digest) for finding in found]
    assert "learning" == one.coverage().state


def test_a_device_that_turns_out_to_be_another_is_told_once():
    """What either was told for is told."""
    known, one = start()
    take(known, one, [flow(at_s=2 * DAY_S)], [hello()])
    joined(known, one, "10.0.0.6", "10.0.0.5")

    assert [] == take(known, one, [flow(at_s=2 * DAY_S + 60)], [hello(at_s=2 * DAY_S + 60, orig="10.0.0.6")])


def test_save_and_load_is_identity():
    """A restart forgets no resolver and no count."""
    known, one = start()
    other = Doh(known, SECRET)
    other.load(one.save())
    step = tick(known, flows(flow(at_s=2 * DAY_S)), messages=[hello()])

    assert [finding.evidence for finding in one.score(step)] == [finding.evidence for finding in other.score(step)]
    assert [] == other.score(step)


class Held:
    """An archive with so many contacts."""

    since_ns = 0

    def __init__(self, contacts):
        self.contacts = contacts

    def rows(self, sql, parameters=()):
        assert "dns.quad9.net" in parameters
        return [(self.contacts,)]


def test_the_contact_is_found_again():
    """In the archive, or not."""
    known, one = start()
    evidence = take(known, one, [flow(at_s=2 * DAY_S)], [hello()])[0].evidence
    late = Held(3)
    late.since_ns = DAY

    assert [1.0, 0.0, None] == [doh.recount(evidence, held) for held in (Held(3), Held(0), late)]
