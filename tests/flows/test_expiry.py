"""Flows end by event time, without another packet of theirs, and are reported while they go on."""

import numpy as np
from numpy.typing import NDArray
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from sensor.flows.engine import FlowEngine
from sensor.model.capture import FRAME, LINK_ETHERNET
from sensor.model.flow import CONN_STATES, ENDINGS

SECOND = 1_000_000_000
BEGIN = 1_700_000_000 * SECOND


def feed(engine: FlowEngine, packets: list[tuple[float, Packet]]) -> None:
    """Give packets with their seconds since the beginning to an engine, in one batch."""
    raw = [bytes(packet) for _, packet in packets]
    buf = np.zeros(1 << 20, np.uint8)
    frames = np.zeros(len(raw), FRAME)
    at = 0
    for row, (content, (seconds, _)) in enumerate(zip(raw, packets, strict=True)):
        buf[at : at + len(content)] = np.frombuffer(content, np.uint8)
        frames[row] = (BEGIN + round(seconds * SECOND), at, len(content), len(content), LINK_ETHERNET, 0)
        at += len(content)
    engine.feed(buf, frames, 1 << 19)


def udp(port: int = 4000) -> Packet:
    """A datagram between two fixed hosts."""
    return Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=port, dport=9999) / b"x"


def syn(port: int) -> Packet:
    """A SYN nobody answers."""
    return Ether() / IP(src="10.0.0.1", dst="10.0.0.3") / TCP(sport=port, dport=81, flags="S", seq=port)


def ended(engine: FlowEngine) -> list[tuple[str, int]]:
    """How and when, in seconds, the finished flows ended."""
    flows: NDArray[np.void] = engine.drain_flows()
    return [(ENDINGS[flow["why"]], int(flow["duration"]) // SECOND) for flow in flows]


def test_a_tick_ends_what_is_overdue_and_nothing_else() -> None:
    """UDP ends 60 s after its last packet; a tick a second before that writes nothing."""
    engine = FlowEngine(64)
    feed(engine, [(0, udp()), (5, udp())])
    engine.tick(BEGIN + 64 * SECOND)
    assert [] == ended(engine)
    engine.tick(BEGIN + 65 * SECOND)
    assert [("timeout", 5)] == ended(engine)


def test_an_unanswered_syn_ends_after_five_seconds_of_others_traffic() -> None:
    """The sweep needs no further packet of the flow itself."""
    engine = FlowEngine(64)
    feed(engine, [(0, syn(1000)), *[(second, udp()) for second in range(1, 18)]])
    flows = engine.drain_flows()
    assert ["S0"] == [CONN_STATES[flow["conn_state"]] for flow in flows]


def test_a_late_packet_opens_a_new_flow_whatever_the_sweep_did() -> None:
    """Look-up applies the timeout too: 60 s of silence make two flows, 59 s one."""
    for silence, expected in ((59, 1), (60, 2)):
        engine = FlowEngine(64)
        feed(engine, [(0, udp()), (silence, udp())])
        engine.finish()
        assert expected == len(engine.drain_flows())


def test_a_flow_that_goes_on_is_reported_at_intervals_and_once_at_its_end() -> None:
    """Rows of one uid: interval, interval, then the last one, whose counts cover the whole flow."""
    engine = FlowEngine(64, interval_ns=100 * SECOND)
    feed(engine, [(second, udp()) for second in range(0, 251, 10)])
    engine.finish()
    flows = engine.drain_flows()
    assert ["interval", "interval", "end_of_input"] == [ENDINGS[flow["why"]] for flow in flows]
    assert 1 == len(set(flows["uid"].tolist()))
    assert 26 == flows["orig_pkts"][-1]


def test_time_that_goes_back_ends_nothing_early() -> None:
    """A packet with an older time joins its flow; the duration is not negative."""
    engine = FlowEngine(64)
    feed(engine, [(10, udp()), (0, udp())])
    engine.finish()
    flows = engine.drain_flows()
    assert (1, 2) == (len(flows), int(flows["orig_pkts"][0]))
    assert flows["duration"][0] >= 0
