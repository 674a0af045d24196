"""The list of the most unusual: ranks with honest p."""

import numpy as np

from sensor.detectors.unusual import detector
from sensor.model.metadata import Dns
from tests.detectors.ticks import entities, joined, steps, tick
from tests.scenes import SECRET, common, flow, flows, office


def test_the_biggest_talker_leads_with_its_rank_as_p():
    """One of n devices cannot be rarer than 1 in n; the text says how short the history is."""
    known = entities()
    one = detector(known, SECRET)
    steps(known, one, flows(*office(hosts=8), flow("10.0.0.12", "203.0.113.5", at_s=900, out=10**9)))
    listed = one.listed(10)
    talk = next(row for row in listed if "sent 1,0" in row.text and "payload bytes;" in row.text)

    assert 1 / known.count() == talk.p
    assert min(row.p for row in listed) == listed[0].p
    assert "no history: seen for" in talk.text
    assert any("203.0.113.5" in row.text for row in listed)


def test_one_device_alone_cannot_be_unusual():
    """With nothing to compare with, p is 1."""
    known = entities()
    one = detector(known, SECRET)
    steps(known, one, flows(flow("10.0.0.5", "203.0.113.5", state="S0")))

    assert {1.0} == {row.p for row in one.listed(10)}


def test_a_port_that_one_device_alone_uses_is_listed():
    """An answered port nobody else used; a refused one is not."""
    known = entities()
    one = detector(known, SECRET)
    steps(
        known,
        one,
        flows(*office(), flow("10.0.0.12", "10.0.0.2", port=23), flow("10.0.0.12", "10.0.0.2", port=99, state="REJ")),
    )
    texts = [row.text for row in one.listed(30)]

    assert any("port 23/tcp" in text for text in texts)
    assert not any("port 99/tcp" in text for text in texts)


def test_names_that_do_not_exist_are_counted():
    """NXDOMAIN answers count for who asked."""
    known = entities()
    one = detector(known, SECRET)
    tick(known, flows(flow()))
    step = tick(known, flows(), messages=[Dns(**common(), query="x", rcode=3, is_response=True)] * 4)
    one.learn(step, np.zeros(known.count(), np.bool_))

    assert any("asked 4 times for names that do not exist" in row.text for row in one.listed(30))


def test_a_device_met_as_two_is_listed_once():
    """With the sum of what both did, and each peer once."""
    known = entities()
    one = detector(known, SECRET)
    pairs = [("10.0.0.5", "203.0.113.5"), ("10.0.0.5", "203.0.113.6"), ("10.0.0.6", "203.0.113.6")]
    steps(known, one, flows(*(flow(*pair, out=500) for pair in pairs)))
    rows = [known.locate(0, host) for host in ("10.0.0.5", "10.0.0.6")]
    _, kept = joined(known, one, "10.0.0.5", "10.0.0.6")
    totals = [(one._totals.columns["bytes_out"][row], one._totals.columns["peers"][row]) for row in rows]

    assert {(1500.0, 2.0), (0.0, 0.0)} == set(totals)
    assert (1500.0, 2.0) == totals[rows.index(kept)]


def test_nothing_seen_lists_nothing():
    """An empty run has an empty list and no coverage; nothing is kept."""
    one = detector(entities(), SECRET)

    assert ([], "no_input", {}) == (one.listed(5), one.coverage().state, one.save())
    one.load({})
    assert [] == one.score(tick(entities(), flows()))
