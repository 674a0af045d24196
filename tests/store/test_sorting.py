"""Event order with bounded memory: any chunking, any spilling, the same order."""

import numpy as np
import pytest

from sensor.model.capture import ARP
from sensor.model.flow import FLOW
from sensor.model.metadata import Dns
from sensor.model.source import Batch
from sensor.store import sorting
from sensor.store.sorting import EventOrder, Runs
from tests.scenes import START, S, arp, common, flow, flows

SMALL = np.dtype([("input", np.int32), ("offset", np.int64), ("value", np.int64)])


def given(n, seed=0, spread=40):
    rng = np.random.default_rng(seed)
    rows = np.zeros(n, SMALL)
    rows["input"], rows["offset"] = rng.integers(0, 3, n), rng.permutation(n)
    rows["value"] = np.arange(n)
    return rng.integers(0, spread, n), rows


@pytest.mark.parametrize(("run_rows", "block_rows", "piece"), [(1000, 100, 1000), (64, 7, 13), (10, 3, 1), (1, 1, 5)])
@pytest.mark.parametrize("spread", [3, 10_000])
def test_runs_come_out_in_the_order_of_one_sort(run_rows, block_rows, piece, spread):
    """Whatever is spilled, and with many or few equal keys, the order is (key, input, offset)."""
    keys, rows = given(500, spread=spread)
    runs = Runs(SMALL, run_rows, block_rows)
    for start in range(0, 500, piece):
        runs.add(keys[start : start + piece], rows[start : start + piece])
    out = list(runs.blocks())
    runs.close()
    order = sorted(range(500), key=lambda i: (keys[i], rows["input"][i], rows["offset"][i]))

    assert rows["value"][order].tolist() == np.concatenate([block["value"] for _, block in out]).tolist()
    assert keys[order].tolist() == np.concatenate([k for k, _ in out]).tolist()


def test_no_rows_no_blocks():
    """An empty run is legal."""
    assert [] == list(Runs(SMALL).blocks())


def test_ticks_hold_what_was_complete_in_them():
    """A flow belongs to the tick of its last packet, the rest to that of its own time; empty ticks are none."""
    with EventOrder(FLOW, ARP) as order:
        order.add(0, Batch(flows=flows(flow(at_s=1, duration_s=30, uid="late"), flow(at_s=3, uid="early"))))
        order.add(1, Batch(messages=[Dns(**common(at_s=3.5), query="x")], arp=arp(at_s=55)))
        steps = list(order.ticks(10 * S, 100))

    assert [START + k * S for k in (10, 40, 60)] == [step.end_ns for step in steps]
    assert [[b"early"], [b"late"], []] == [step.flows["uid"].tolist() for step in steps]
    assert [["x"], [], []] == [[one.query for one in step.messages] for step in steps]
    assert [[], [], [1]] == [step.arp_input.tolist() for step in steps]
    assert [1] == [message.input for message in steps[0].messages]


def test_a_crowded_tick_is_cut_by_count_and_in_order():
    """More flows than the limit come in several steps of the same end, each message once."""
    rows = flows(*(flow(at_s=k / 100, uid=f"u{k}") for k in range(50)))
    told = [Dns(**common(at_s=k / 100), query=str(k)) for k in range(50)]
    with EventOrder(FLOW, ARP) as order:
        order.add(0, Batch(flows=rows, messages=told))
        steps = list(order.ticks(10 * S, 20))

    assert [20, 20, 10] == [len(step.flows) for step in steps]
    assert {START + 10 * S} == {step.end_ns for step in steps}
    assert [str(k) for k in range(50)] == [one.query for step in steps for one in step.messages]


def test_messages_beyond_memory_come_back_whole(monkeypatch):
    """Messages spooled to disk are the same messages."""
    monkeypatch.setattr(sorting, "SPOOL_BYTES", 1000)
    told = [Dns(**common(at_s=k % 7), query=f"name-{k}", offset=k, addresses=("192.0.2.1",)) for k in range(200)]
    with EventOrder(FLOW, ARP, run_rows=16) as order:
        order.add(0, Batch(messages=told))
        back = [one for step in order.ticks(10 * S, 100) for one in step.messages]

    assert sorted(told, key=lambda one: (one.ts, one.offset)) == back
