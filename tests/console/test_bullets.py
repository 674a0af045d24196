"""Small plots: what was seen beside what is usual."""

from xml.etree import ElementTree as ET

import pytest

from sensor.console.bullets import WIDTH, Bar, bullet, columns, rarity
from tests.console.desks import EVIL, evidence


def drawn(text):
    """A plot as a tree."""
    return ET.fromstring(text)  # noqa: S314 - our own


@pytest.mark.parametrize(
    ("observed", "expected", "usual"),
    [
        (40.0, 2.0, (0.0, 5.0)),
        (3.0, 2.0, (1.0, 5.0)),
        (1e12, 1.0, (0.0, 2.0)),
        (0.0, 0.0, (0.0, 0.0)),
        (5.0, 2.0, None),
    ],
)
def test_a_number_is_drawn_on_its_axis(observed, expected, usual):
    """Within the plot, whatever its size; with words for who does not see it."""
    tree = drawn(bullet(evidence(observed=observed, expected=expected, range=usual)))
    (seen,) = [one for one in tree if one.get("class") == "b-seen"]
    x = float(seen.get("d")[1:].split()[0])
    assert 0 <= x <= WIDTH
    assert tree.get("aria-label").startswith("observed ")


def test_without_a_usual_it_is_how_rare():
    """Also where the number is none; an odd p draws nothing."""
    assert "p = 1e-06" in bullet(evidence(range=None, expected=None))
    assert "p = 1e-06" in bullet(evidence(observed=float("inf")))
    assert ("", "") == (rarity(2.0), rarity(float("nan")))
    assert "10⁻¹²" in rarity(0.0)


def test_rarer_is_further_right():
    """On a logarithmic axis."""
    at = [float(drawn(rarity(p))[-1].get("d")[1:].split()[0]) for p in (1.0, 1e-2, 1e-4, 1e-6)]
    assert sorted(at) == at
    assert at[1] - at[0] == pytest.approx(at[3] - at[2], abs=0.2)


def test_columns_are_as_high_as_their_values():
    """Names are escaped; nothing at all draws nothing."""
    tree = drawn(columns([Bar(EVIL, 1.0), Bar("b", 4.0), Bar("c", 0.0)], "flows"))
    heights = [float(one.get("height")) for one in tree if one.tag == "rect"]
    assert (10.0, 40.0, 0.5) == tuple(heights)
    assert "" == columns([Bar("a", 0.0)], "flows") == columns([], "flows")
