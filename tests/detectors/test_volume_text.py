"""What volumes say, and the numbers that go with it."""

import math

import numpy as np
import pytest

from baselines import seasonal
from baselines.calibration import Law, p_floor
from sensor.detectors import volume_text
from sensor.detectors.volume_state import BUCKET_NS
from sensor.detectors.volume_text import Whose
from sensor.model.times import HOUR_NS


def law(n=2_000):
    return Law(n, np.zeros(513), np.inf, 1.0, 0.0, 0.0, np.inf, p_floor(n))


OF = Whose(3, "LAPTOP-231", "SYD", "dev-1")


@pytest.mark.parametrize("z", [-3.0, 0.0, 2.0, 9.0])
def test_the_share_of_buckets_with_any_comes_back(z):
    """Both sides of a hurdle's score give the share that it was made with; without any, the low side does."""
    some, tail = 0.3, np.empty(2)
    seasonal.tails(np.array([z, -z]), tail)
    high, low = tail[0] - math.log(some), -math.log(1 - some + some * math.exp(-tail[1]))

    assert math.isclose(some, volume_text.share_of_any(z, high, low=False), rel_tol=1e-6)
    # So far above its centre nothing is unusually low, and the share says nothing.
    assert z > 8 or math.isclose(some, volume_text.share_of_any(z, low, low=True), rel_tol=1e-6)
    assert math.isclose(some, volume_text.share_of_any(math.nan, -math.log(1 - some), low=True))


def test_a_drift_is_told_in_a_days_own_unit():
    """Sixteen times as much: both levels, the ratio, and how many days of peers look like it."""
    basis = {"now": math.log1p(16e6), "before": math.log1p(1e6), "score": 7.0, "shifted": 0.0}
    finding = volume_text.drifted(OF, 20_000, 0, basis, 2e-3, law(), 2)

    assert "LAPTOP-231 sent 16,000,000 payload bytes in a usual 10 minutes" in finding.evidence.text
    assert "× 16" in finding.evidence.text
    assert "1 in 500 of its peers' days looks like this (workstations, 2,000 device-days)" in finding.evidence.text
    assert ("drift", False, False, ("T1048",)) == (
        finding.evidence.channel, finding.opens, finding.digest, finding.techniques
    )  # fmt: skip


def test_hours_are_told_from_when_they_began():
    """Nine hours of fewer flows: no technique, and since when in the check."""
    basis = {"since": 480_000.0, "total": 21.0, "shifted": 0.0}
    finding = volume_text.accumulated(OF, 480_008, 5, basis, 1e-3, law(), 0)

    assert "for 9 hours been unlike itself, in the last of them it opened fewer flows" in finding.evidence.text
    assert ("accumulation", True, ()) == (finding.evidence.channel, finding.digest, finding.techniques)


@pytest.mark.parametrize(("side", "kind", "slow"), [(4, 2, True), (5, 2, False), (5, 1, True), (5, 0, False)])
def test_a_lack_may_be_an_incident_of_servers_alone(side, kind, slow):
    """A laptop whose owner is away does less; what is listed is listed all the same."""
    basis = {"since": 480_000.0, "total": 21.0, "shifted": 0.0}
    finding = volume_text.accumulated(OF, 480_008, side, basis, 1e-3, law(), kind)

    assert (slow, True, False) == (finding.slow, finding.digest, finding.opens)


def test_a_fleets_row_says_how_often_it_was_so():
    """One cause; worth a row where it is rare, which takes twenty days to know."""
    rows = [
        volume_text.common("SYD", 1, (24 * HOUR_NS, BUCKET_NS), 0, (14, 20), 3.2, days)
        for days in ((0, 0), (0, 30), (9, 30))
    ]

    assert [False, True, False] == [row.digest for row in rows]
    assert "14 of 20 servers at SYD sent many more payload bytes" in rows[0].evidence.text
    assert ("site", "SYD", -1) == (rows[0].evidence.entity.kind, rows[0].evidence.entity.id, rows[0].device)
