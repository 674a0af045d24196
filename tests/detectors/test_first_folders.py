"""First places of a day: their rate, how little they are known, and the bound of several."""

import numpy as np
import pytest

from sensor.detectors.first_folders import ASSUMED_SHARES, P_MIN, bin_of, labelled_share, p_of, prior, rarest, share


def test_the_rate_shrinks_to_the_peers_and_is_higher_while_an_account_is_young():
    """Its mean goes from the assumed one to the tenant's, from there to its own."""
    means = [
        a / (a + b)
        for a, b in (
            prior(0, 0, 0, 0, 0.0), prior(0, 0, 400, 2000, 0.0), prior(0, 2000, 400, 2000, 0.0), prior(0, 0, 0, 0, 0.5),
        )
    ]  # fmt: skip

    assert np.isclose(0.05, means[0])
    assert 0.15 < means[1] < 0.2
    assert means[2] < 0.005
    assert np.isclose(0.5, means[3])


@pytest.mark.parametrize(
    ("others", "expected"), [(-1, 0), (0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (8, 4), (9, 5), (10**6, 5)]
)
def test_places_are_classed_by_how_many_others_know_them(others, expected):
    """None, 1, 2, up to 4, up to 8, more."""
    assert expected == bin_of(others)


def test_a_share_counts_what_is_at_most_as_well_known():
    """From the assumed ones to the tenant's own."""
    assert list(ASSUMED_SHARES) == [share([0] * 6, others) for others in (0, 1, 2, 4, 8, 9)]
    assert share([0, 0, 0, 0, 0, 2000], 0) < 0.01
    assert np.isclose(1.0, share([5, 0, 0, 1, 0, 3], 50))
    assert labelled_share(0, 0) > labelled_share(0, 100) > 0.0


def test_the_bound_holds_for_simulated_days():
    """P(at least so many first places that are so little known), with the rate drawn from its Beta distribution."""
    rng = np.random.default_rng(0)
    a, b, opened = 3.0, 57.0, 5
    rates = rng.beta(a, b, 200_000)
    for new, widest in ((1, 1.0), (1, 0.3), (2, 1.0), (2, 0.3), (3, 1.0)):
        happened = (rng.random((200_000, opened)) < (rates * widest)[:, None]).sum(axis=1) >= new
        assert happened.mean() <= 1.05 * p_of(opened, new, widest, a, b, 1)


def test_the_day_is_as_rare_as_its_rarest_part():
    """Two that nobody knows among others that everybody does; the number tried is paid for."""
    p, new, widest, looks = rarest(6, [0.9, 0.01, 0.02, 0.95], 3.0, 57.0)

    assert (2, 0.02, 4) == (new, widest, looks)
    assert np.isclose(p_of(6, 2, 0.02, 3.0, 57.0, 4), p)
    assert P_MIN == rarest(6, [0.001] * 6, 3.0, 57.0)[0]
