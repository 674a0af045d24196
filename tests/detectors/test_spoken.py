"""Services of a tick's flows."""

import numpy as np

from sensor.detectors.spoken import each, spoken
from tests.detectors.ticks import entities, tick
from tests.scenes import flow, flows


def step():
    rows = flows(*(flow(at_s=k) for k in range(5)))
    rows["service"] = [b"ssh", b"", b"dns", b"ssh", b"ssl"]
    return tick(entities(), rows)


def test_each_text_once_and_by_number():
    """Texts in order of their bytes, and every flow's number among them."""
    found = spoken(step())
    assert [b"", b"dns", b"ssh", b"ssl"] == found.texts
    assert [2, 0, 1, 2, 3] == found.number.tolist()


def test_flows_of_each_service():
    """Only of the places that are asked for."""
    found = [(text, at.tolist()) for text, at in each(step(), np.array([0, 3, 4]))]
    assert [(b"ssh", [0, 3]), (b"ssl", [4])] == found


def test_no_flows_speak_nothing():
    """An empty tick."""
    assert [] == spoken(tick(entities(), flows())).texts
