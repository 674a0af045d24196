"""What a sensor that sees less of its site is told as, and what is none."""

import numpy as np
import pytest

from sensor.detectors import blindness
from sensor.detectors.blindness import BINS, FLOWS_MIN, again, bin_of, quantile
from tests.detectors.ticks import entities, tick
from tests.scenes import SECRET, flow, flows

HOUR = 3600.0
COUNT = FLOWS_MIN + 20


def busy(hour, *, missed=0, one_way=0, count=COUNT, state="SF"):
    """One hour's flows of a site; some with missed bytes, some that show one side alone."""
    made = [
        flow("10.0.0.5", f"198.51.100.{k % 200 + 1}", at_s=hour * HOUR + 5, port=443, out=500, back=500, state=state,
             uid=f"C{hour}-{k}", history="ShADadFf" if state == "SF" else "S")
        for k in range(count)
    ]  # fmt: skip
    for k, one in enumerate(made):
        one["missed_bytes"] = missed if k % 2 else 0
        if k < one_way:
            one["history"], one["conn_state"], one["resp_pkts"] = b"SAD", 0, 0
    return flows(*made)


class Site:
    """A detector that is shown a site hour by hour."""

    def __init__(self):
        self.known = entities()
        self.detector = blindness.detector(self.known, SECRET)

    def hour(self, number, **fields):
        """Let one hour pass; return what is said as it begins, which is about those before."""
        one = tick(self.known, busy(number, **fields))
        found = self.detector.score(one)
        self.detector.learn(one, np.zeros(self.known.count(), np.bool_))
        return found

    def hours(self, first, last, **fields):
        """Let hours pass in which nothing is said."""
        for number in range(first, last):
            assert [] == self.hour(number, **fields)
        return self


def test_loss_far_above_the_usual_is_one_row():
    """Against the site's own hours; a second hour of the day adds none."""
    site = Site().hours(0, 40, missed=1)
    site.hour(40, missed=300)
    (found,) = site.hour(41, missed=300)

    evidence = found.evidence
    assert ("site", "local", -1, True, False) == (
        evidence.entity.kind, evidence.entity.id, found.device, found.digest, found.opens,
    )  # fmt: skip
    assert pytest.approx(0.15) == evidence.observed
    assert 1 / 31 == pytest.approx(evidence.p)
    assert evidence.p == pytest.approx(again(evidence))
    assert "missed 15.0% of the payload of 120 TCP connections from 16:00 to 17:00 UTC" in evidence.text
    assert [] == site.hour(42)


def test_a_site_that_always_loses_says_nothing():
    """Its usual is what it is held against."""
    Site().hours(0, 60, missed=300)


def test_before_a_day_of_its_own_nothing_is_told():
    """It is learning, and says so; without a flow there is nothing to judge."""
    site = Site()
    assert "no_input" == site.detector.coverage().state
    site.hours(0, 20)
    assert "learning" == site.detector.coverage().state
    site.hour(20, missed=300)
    assert [] == site.hour(21)


def test_a_span_that_lost_a_direction_is_told():
    """Conversations that go on and show one side alone."""
    site = Site().hours(0, 40)
    site.hour(40, one_way=COUNT)
    (found,) = site.hour(41)
    assert ("blindness.one_way/1", 1.0) == (found.evidence.model, found.evidence.observed)
    assert "one side of 100% of 120 TCP conversations" in found.evidence.text


def test_a_scan_is_no_lost_direction():
    """Nothing goes on in it; nor do few flows say anything."""
    site = Site().hours(0, 40)
    site.hour(40, state="S0", count=2000)
    assert [] == site.hour(41, one_way=30, count=30)
    assert [] == site.hour(42)


def test_silence_at_an_hour_that_was_never_silent_is_told():
    """As one evidence, with how long it lasted; the same on the next day is rated by the site itself."""
    site = Site().hours(0, 8 * 24)
    (told,) = site.hour(8 * 24 + 5)
    assert 5.0 == told.evidence.observed
    assert "Nothing was heard of local for 5 hours from 00:00 UTC" in told.evidence.text
    assert "8 days before" in told.evidence.text
    (second,) = Site.hour(site.hours(8 * 24 + 6, 9 * 24), 9 * 24 + 4)
    assert (1.0, 4.0) == (second.evidence.basis["events"], second.evidence.observed)
    assert second.evidence.p > told.evidence.p


def test_hours_that_are_silent_by_habit_say_nothing():
    """An office at night, a weekend; and a sensor that was off for more than a week."""
    site = Site()
    for day in range(10):
        site.hours(day * 24 + 8, day * 24 + 18)
    assert [] == site.hour(11 * 24 + 8 + 24 * 8)


def test_hours_of_few_flows_may_be_silent():
    """Two machines at night."""
    site = Site().hours(0, 9 * 24, count=5)
    assert [] == site.hour(9 * 24 + 3)


def test_it_goes_on_after_a_restart():
    """With its hours; a state of before has none."""
    site = Site().hours(0, 40)
    restored = blindness.detector(site.known, SECRET)
    restored.load(site.detector.save())
    site.detector = restored
    site.hour(40, missed=300)
    assert 1 == len(site.hour(41))
    assert "judged" == site.detector.coverage().state
    blindness.detector(site.known, SECRET).load({})


def test_records_older_than_the_state_change_nothing():
    """They are neither judged nor learned."""
    site = Site()
    one = tick(site.known, busy(3), learn=False)
    assert [] == site.detector.score(one)
    site.detector.learn(one, np.zeros(site.known.count(), np.bool_))
    assert "no_input" == site.detector.coverage().state


def test_a_share_falls_into_its_bin():
    """Ten a decade; the quantile is the bin's upper edge."""
    assert (0, 0, BINS - 1) == (bin_of(0.0), bin_of(1e-7), bin_of(1.0))
    counts = np.zeros(BINS, np.int32)
    assert 0.0 == quantile(counts, 0.95)
    counts[bin_of(0.05)] = 20
    assert 0.05 <= quantile(counts, 0.95) < 0.065
