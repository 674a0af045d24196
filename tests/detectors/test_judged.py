"""Which trait of a sign-in is told of, in arrays made by hand: network, country, client."""

import numpy as np
import pytest

from sensor.detectors.judged import news

RARE, COMMON = 1e-3, 0.5


@pytest.mark.parametrize(
    ("rarest", "told", "p", "expected"),
    [
        (2, (0, 0, 0), (RARE, RARE, RARE), 2),  # nothing was told: the rarest
        (2, (0, 0, 1), (2 * RARE, RARE, RARE), 1),  # the client was: the country
        (2, (0, 0, 1), (RARE, COMMON, RARE), 0),  # at home: the network
        (2, (0, 0, 1), (COMMON, COMMON, RARE), 2),  # nothing else is rare: a repetition
        (1, (0, 1, 0), (RARE, RARE, RARE), 1),  # another network and client of that country: a repetition
        (0, (1, 0, 0), (RARE, COMMON, RARE), 0),  # another client on that network: a repetition
        (0, (1, 1, 1), (RARE, RARE, RARE), 0),
    ],
)
def test_what_was_told_gives_way_to_what_is_news(rarest, told, p, expected):
    """In a told country every network is expected, and in a told place every client."""
    columns = np.array([told], np.bool_).T, np.array([p]).T
    assert [expected] == news(np.array([rarest]), *columns).tolist()


def test_no_sign_in_has_no_trait():
    """An empty tick stays empty."""
    assert [] == news(np.zeros(0, np.int64), np.zeros((3, 0), np.bool_), np.zeros((3, 0))).tolist()
