"""Records told as lines; the command line is tried in tests/cli/test_events.py."""

from sensor.model.source import Batch
from sensor.pipeline.telling import NoLedger, batch_lines
from tests.scenes import flow, flows


def test_flows_and_refusals_stand_in_order_of_their_rows():
    """A flow is a connection; what was refused is told between what was not."""
    rows = flows(flow(uid="C1"), flow(uid="C2"))
    rows["offset"] = [0, 2]
    lines = list(batch_lines(Batch(flows=rows, refused=[(1, "bad_time")]), "x.log"))

    assert [("connection", "C1"), (None, None), ("connection", "C2")] == [
        (line.get("kind"), line.get("raw_id")) for line in lines
    ]
    assert {"rejected": "bad_time", "input": "x.log", "row": 1} == lines[1]


def test_everything_is_new_to_it():
    """Looking at a file twice shows it twice."""
    ledger = NoLedger()
    ledger.remember("s", 0, b"x", 1, 1)

    assert ([], None, True, True) == (
        ledger.lengths("s", 0), ledger.records("s", 0, b"x"), ledger.add_record("a", b"1"), ledger.add_record("a", b"1")
    )  # fmt: skip
