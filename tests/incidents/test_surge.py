"""A surge is one finding about the site."""

import math

import pytest

from baselines.evidence import decibans
from sensor.incidents.surge import finding, p_of_surge
from tests.incidents.hands import START


@pytest.mark.parametrize("wanted", [1, 2, 6, 40])
def test_p_is_a_poisson_tail(wanted):
    """Within 3 % of the sum of its terms, and never below it."""
    rate = 1 / 24
    tail = sum(math.exp(-rate) * rate**k / math.factorial(k) for k in range(wanted, 100))

    assert tail <= p_of_surge(wanted) * (1 + 1e-12)
    assert p_of_surge(wanted) == pytest.approx(tail, rel=0.03)


def test_it_is_about_the_site_and_grows_within_a_day():
    """One evidence a site and day, whose p has a floor."""
    one, more = finding("SYD", 6, 40, START + 5), finding("SYD", 60, 40, START + 9)

    assert ("site", "SYD", 6.0) == (one.evidence.entity.kind, one.evidence.entity.id, one.evidence.observed)
    assert (one.evidence.id, 1e-6, decibans(1e-6)) == (more.evidence.id, more.evidence.p, more.evidence.db)
