"""What is held, when it is stepped, and that nothing of it is lost or comes twice."""

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensor.model.capture import ARP
from sensor.model.event import Event
from sensor.model.flow import FLOW
from sensor.model.metadata import Dns
from sensor.model.source import Batch
from sensor.model.times import HOUR_NS, SECOND_NS, TICK_NS
from sensor.pipeline.gathering import DISORDER_NS, PART_NS, Gathering
from sensor.store.sorting import EventOrder

START = 170_000_000 * TICK_NS
NOW = START + 24 * HOUR_NS
LIMIT = 1 << 18


def flows(*seconds, offset=0):
    """Flows that end at these seconds."""
    rows = np.zeros(len(seconds), FLOW)
    rows["ts"] = [START + int(one * SECOND_NS) for one in seconds]
    rows["offset"] = offset + np.arange(len(seconds))
    return rows


def event(second, row=0):
    """An event of this second."""
    return Event(
        ts=START + int(second * SECOND_NS), source="okta", kind="signin", action="a", outcome="success", row=row
    )


def dns(second):
    """A query of this second."""
    return Dns(
        ts=START + second * SECOND_NS, uid="C1", orig_h="10.0.0.1", orig_p=5, resp_h="10.0.0.2", resp_p=53, proto=17
    )  # fmt: skip


def taken(gathering, bound):
    """Steps up to a bound, as (seconds of the end, offsets of flows, rows of events, late)."""
    bound = None if bound is None else START + int(bound * SECOND_NS)
    return [
        ((step.end_ns - START) // SECOND_NS, step.flows["offset"].tolist(), [one.row for one in step.events], late)
        for step, late in gathering.steps(bound, LIMIT)
    ]


def test_a_tick_that_goes_on_is_stepped_in_parts_and_closed_behind_the_watermark():
    """Each part has its tick's end; what comes within the disorder is still of the tick."""
    held = Gathering(START)
    newest = held.add(0, Batch(flows=flows(1, 3, 9.5)), NOW)
    first, second = taken(held, 2.5), taken(held, 5)
    held.add(1, Batch(flows=flows(8, offset=50), events=[event(11, 7)]), NOW)
    third, fourth = taken(held, 11.9), taken(held, 12)

    assert START + int(9.5 * SECOND_NS) == newest
    assert [(10, [0], [], False)] == first
    assert [(10, [1], [], False)] == second
    assert [(10, [50, 2], [], False)] == third
    assert [(20, [], [7], False)] == fourth
    assert (0, START + TICK_NS) == (len(held), held.closed_ns)
    assert PART_NS <= DISORDER_NS


def test_a_late_flow_is_stepped_for_itself_and_a_late_event_with_what_comes_now():
    """The flow is told late; the event is of the tick that goes on."""
    held = Gathering(START + 60 * TICK_NS)
    held.add(0, Batch(flows=flows(35, 601), events=[event(33, 4)]), NOW)

    assert [(40, [0], [], True), (610, [1], [4], False)] == taken(held, 603)


def test_a_flow_that_had_to_time_out_first_is_not_late():
    """A minute of silence of UDP, five of TCP: it is of the tick that goes on, and learned from."""
    held = Gathering(START + 60 * TICK_NS)
    held.add(0, Batch(flows=flows(540, 300, 601, 269)), NOW)

    assert [(270, [3], [], True), (610, [0, 1, 2], [], False)] == taken(held, 603)


def test_where_nobody_is_waited_for_everything_is_stepped():
    """What comes after in the same tick is not late."""
    held = Gathering()
    held.add(0, Batch(flows=flows(1, 14)), NOW)
    first = taken(held, None)
    held.add(0, Batch(flows=flows(13, 15, offset=5)), NOW)

    assert [(10, [0], [], False), (20, [1], [], False)] == first
    assert [(20, [5, 6], [], False)] == taken(held, None)


def test_a_record_ahead_of_time_moves_no_time_on():
    """A clock of next year: its records are taken in now, and those of others are not late for it."""
    held = Gathering(START)
    ahead = held.add(0, Batch(flows=flows(30 * 86_400), events=[event(90 * 86_400, 3)]), NOW)
    newest = held.add(1, Batch(flows=flows(4, offset=9)), NOW)

    assert (0, START + 4 * SECOND_NS) == (ahead, newest)
    assert [(10, [0, 9], [3], False)] == taken(held, None)
    assert START >= held.closed_ns


def test_a_step_holds_only_so_many_flows():
    """A busy tick is stepped in several, messages beside the flows that they came with."""
    held = Gathering(START)
    held.add(0, Batch(flows=flows(*range(8)), messages=[dns(5)]), NOW)
    steps = [step for step, _ in held.steps(None, 3)]

    assert [3, 3, 2] == [len(step.flows) for step in steps]
    assert [0, 1, 0] == [len(step.messages) for step in steps]


def test_what_is_held_goes_through_a_restart():
    """Saved and loaded under other numbers, it is stepped as it would have been."""
    arp = np.zeros(1, ARP)
    arp["ts"] = START + SECOND_NS
    held = Gathering(START)
    held.add(0, Batch(flows=flows(1, 2), arp=arp), NOW)
    held.add(1, Batch(events=[event(3, 1)], messages=[dns(4)]), NOW)
    again = Gathering()
    again.load(held.save({0: "S/a", 1: "S/b"}), {"S/a": 5, "S/b": 2}.__getitem__, NOW)
    ((step, _),) = again.steps(None, LIMIT)

    assert (START, 5) == (START, len(held))
    assert [5, 5] == step.flows["input"].tolist()
    assert ([5], [2], [2]) == (
        step.arp_input.tolist(), [one.input for one in step.events], [one.input for one in step.messages]
    )  # fmt: skip


def test_what_another_release_held_in_another_form_is_said(caplog):
    """It cannot be read; nothing is made up of it."""
    held = Gathering(START)
    held.add(0, Batch(flows=flows(1)), NOW)
    saved = held.save({0: "S/a"})
    saved["layout"] = np.zeros(16, np.uint8)
    again = Gathering()
    again.load(saved, lambda _: 0, NOW)

    assert 0 == len(again)
    assert "another release" in caplog.text


@given(st.lists(st.lists(st.floats(0, 60), max_size=4), max_size=6))
def test_in_order_of_arrival_or_not_each_record_is_stepped_once(polls):
    """However polls and bounds fall: every record once, in ticks of its own time unless it is late."""
    held, seen, offset = Gathering(START), [], 0
    for poll in polls:
        held.add(0, Batch(flows=flows(*poll, offset=offset)), NOW)
        offset += len(poll)
        seen += [row for _, rows, _, _ in taken(held, max(poll, default=0)) for row in rows]
    seen += [row for _, rows, _, _ in taken(held, None) for row in rows]

    assert list(range(offset)) == sorted(seen)


def test_read_at_once_it_gives_what_a_replay_gives():
    """The same steps as the order of event time of a replay."""
    rng = np.random.default_rng(0)
    rows = flows(*rng.uniform(0, 100, 200).round(3))
    events = [event(float(one), number) for number, one in enumerate(rng.uniform(0, 100, 50))]
    held = Gathering()
    held.add(0, Batch(flows=rows, events=events), NOW)
    steps = [step for step, _ in held.steps(None, LIMIT)]
    with EventOrder(FLOW, ARP) as order:
        order.add(0, Batch(flows=rows, events=events))
        wanted = list(order.ticks(TICK_NS, LIMIT))

    assert [one.end_ns for one in wanted] == [one.end_ns for one in steps]
    assert [one.flows.tobytes() for one in wanted] == [one.flows.tobytes() for one in steps]
    assert [msgspec.json.encode(one.events) for one in wanted] == [msgspec.json.encode(one.events) for one in steps]
