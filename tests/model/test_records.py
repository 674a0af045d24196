"""Records copied, picked and joined as bytes: as NumPy does it, field by field."""

import numpy as np

from sensor.model.flow import FLOW
from sensor.model.records import copied, joined, picked
from tests.scenes import flow, flows


def two():
    """Two flows that differ in every way that matters here."""
    return flows(flow(orig="10.0.0.1", at_s=1.0), flow(orig="10.0.0.2", at_s=2.0))


def test_copied_does_not_share():
    """What is written to a copy is not written to the original."""
    rows = two()
    copy = copied(rows)
    copy["ts"] = 0
    assert (rows["ts"] > 0).all()
    assert copy.dtype == FLOW


def test_picked_by_place_and_flag():
    """Places and flags pick the rows that indexing picks, in that order."""
    rows = two()
    assert picked(rows, np.array([1, 0, 1])).tobytes() == b"".join(rows[at : at + 1].tobytes() for at in (1, 0, 1))
    assert picked(rows, np.array([False, True])).tobytes() == rows[1:].tobytes()
    assert picked(rows[:0], np.empty(0, np.int64)).tolist() == []


def test_joined_in_order():
    """Parts, empty ones too, come out one behind the other."""
    rows = two()
    assert joined([rows[:0], rows[1:], rows]).tobytes() == rows[1:].tobytes() + rows.tobytes()


def test_part_of_a_record():
    """A record within a record, as the sorter holds ARP messages, is copied alone."""
    outer = np.zeros(3, np.dtype([("input", np.int32), ("row", np.dtype([("a", np.int64), ("b", "S3")]))]))
    outer["row"]["a"], outer["row"]["b"] = [1, 2, 3], [b"x", b"yy", b"zzz"]
    assert copied(outer["row"]).tolist() == outer["row"].tolist()
