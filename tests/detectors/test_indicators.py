"""Indicators judged: what an indicator weighs, what is common, and who is left out."""

import pytest

from baselines.evidence import decibans
from sensor.detectors import indicators
from sensor.model.indicator import Indicator
from tests.detectors.test_indicator_records import flow, listed, message
from tests.store.test_usual import Held


class Known:
    """Names of devices by their rows."""

    def device_name(self, row):
        return f"PC-{row}"

    def account_row(self, name):
        return 3


def judged(held, *listed_ones):
    return indicators.look_back(listed_ones, held, Known(), lambda identity: int(identity.removeprefix("dev-")))


@pytest.mark.parametrize(("confidence", "p"), [(100.0, 1e-4), (75.0, 1e-3), (None, 1e-3), (50.0, 1e-2), (0.0, 1.0)])
def test_an_indicator_weighs_what_its_list_says(confidence, p):
    """Ten times more false for each 25 points less."""
    assert p == pytest.approx(indicators.rate(confidence))


def test_a_device_that_met_one():
    """The text names the list and the row; p can be computed and observed counted again."""
    held = Held()
    flow(held)
    flow(held)
    (one,) = judged(held, listed("address", "203.0.113.9", about="botnet", confidence=75.0, origin="a.csv, row 4"))
    evidence = one.evidence

    assert (1, True, 2.0) == (one.device, one.opens, evidence.observed)
    assert (
        "PC-1 met 203.0.113.9, listed “botnet” in a.csv, row 4 with a confidence of 75 of 100: it opened flows to it, "
        "2 times on 1 day."
    ) == evidence.text
    assert "destination:203.0.113.9" in evidence.keys
    assert evidence.observed == indicators.recount(evidence, held)
    assert evidence.p == indicators.again(evidence)
    assert evidence.db == decibans(evidence.p)


def test_below_even_odds_nothing_is_opened():
    """It is a row of the digest."""
    held = Held()
    flow(held)
    (one,) = judged(held, listed("address", "203.0.113.9", confidence=40.0))

    assert (False, True) == (one.opens, one.digest)


def test_what_many_devices_meet_is_no_sign():
    """Eight of twenty: context, with its reason; a ninth device changes nothing in what is verified."""
    held = Held()
    for k in range(20):
        flow(held, orig_device=f"dev-{k}", resp_h="203.0.113.9" if k < 8 else "198.51.100.1")
    found = judged(held, listed("address", "203.0.113.9"))

    assert 8 == len(found)
    assert {("context",)} == {one.evidence.marks for one in found}
    assert {1.0} == {one.evidence.p for one in found} == {indicators.again(one.evidence) for one in found}
    assert "8 of 20 devices" in found[0].evidence.text


def test_a_resolver_that_asks_for_its_clients_is_left_out():
    """Unless nobody else is known to have asked."""
    held = Held()
    flow(held, orig_device="dev-2", resp_device="dev-1", resp_h="10.0.0.53", resp_p=53)
    message(held, "dns", "bad.example", device="dev-1")
    assert [1] == [one.device for one in judged(held, listed("domain", "bad.example"))]
    message(held, "dns", "bad.example", device="dev-2")
    assert [2] == [one.device for one in judged(held, listed("domain", "bad.example"))]


def test_the_surest_comes_first():
    """The day's budget goes to it."""
    held = Held()
    flow(held)
    flow(held, orig_device="dev-2", resp_h="198.51.100.1")
    found = judged(
        held, listed("address", "203.0.113.9", confidence=60.0), listed("address", "198.51.100.1", confidence=90.0)
    )  # fmt: skip

    assert [2, 1] == [one.device for one in found]


def test_nothing_listed_nothing_found():
    """And nothing is asked of an empty archive."""
    assert [] == judged(Held())
    assert [] == judged(Held(), Indicator(kind="hash", value="a" * 64))
