"""Plots as SVG: well-formed, escaped, bounded."""

import math
from xml.etree import ElementTree as ET

from sensor.console.plots import LANES_MAX, Mark, Series, Stay, bars, lines, marks, stays

T0, HOUR = 1_700_000_000 * 10**9, 3600 * 10**9


def parsed(text):
    """The drawing's elements by name."""
    root = ET.fromstring(text)  # noqa: S314 - we made it
    return root, [one.tag for one in root.iter()]


def test_lines_are_drawn_over_time_and_what_is_no_number_is_left_out():
    """Each its own colour and dash, named in the legend; the axis tells the time."""
    text = lines(
        [Series("out", [(T0, 0.0), (T0 + HOUR, math.nan), (T0 + 2 * HOUR, 5e6)]), Series("in & <b>", [(T0, 2e6)])],
        "bytes",
    )
    root, tags = parsed(text)
    assert 2 == tags.count("polyline")
    words = [one.text for one in root.iter("text")]
    assert {"5 M", "in & <b>", "Nov 14 22:13"} <= set(words)
    assert "" == lines([Series("out", [(T0, 1.0)])], "bytes")


def test_many_points_keep_the_peaks():
    """100,000 points are drawn as some 2,000, the largest of each slot."""
    points = [(T0 + k * 10**9, 1e9 if k == 54_321 else 1.0) for k in range(100_000)]
    text = lines([Series("out", points)], "bytes")
    path = parsed(text)[0].find("polyline").get("points").split()
    assert 1_500 < len(path) <= 2_000
    assert 1 == sum(point.endswith(",10.0") for point in path)


def test_evidence_lies_in_lanes_and_says_what_it_is():
    """One lane a source; its text is a title, escaped; nothing is drawn of nothing."""
    found = [
        Mark(T0, "network", 20.0, "a"),
        Mark(T0 + HOUR, "identity", 60.0, '<script>"\x07'),
        Mark(T0, "network", 0.0, "b"),
    ]
    root, tags = parsed(marks(found))
    assert (2, 1) == (tags.count("circle"), tags.count("polygon"))
    assert ["a", '<script>"\ufffd', "b"] == [one.text for one in root.iter("title")]
    assert "" == marks([])


def test_bars_are_as_long_as_their_values():
    """At most twenty; none without a value above 0."""
    root, tags = parsed(bars([(f"n{k}", float(k)) for k in range(40)], "dB"))
    widths = [float(one.get("width")) for one in root.iter("rect")]
    assert 20 == tags.count("rect")
    assert widths == sorted(widths)
    assert "" == bars([("x", 0.0)], "dB")


def test_stays_are_bars_a_lane_a_place():
    """A moment is still seen, names are cut and escaped, and of too many places the first are drawn."""
    root, tags = parsed(stays([Stay(T0, T0 + HOUR, "SYD", "10.0.0.5"), Stay(T0, T0, "<a long name>", "x")]))
    assert (2, 2) == (tags.count("rect"), sum(one.get("class") == "lane" for one in root.iter("line")))
    assert {"SYD", "<a long …"} <= {one.text for one in root.iter("text")}
    assert min(float(one.get("width")) for one in root.iter("rect")) >= 3.0
    _, tags = parsed(stays([Stay(T0, T0 + HOUR, f"S{at}", "") for at in range(LANES_MAX + 3)]))
    assert LANES_MAX == tags.count("rect")
    assert "" == stays([])
