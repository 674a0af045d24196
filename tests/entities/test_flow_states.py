"""Which ends of a flow were seen sending, and which are a single host."""

import ipaddress
import itertools

import numpy as np

from sensor.entities import networks
from sensor.entities.flow_states import look, sides_of
from sensor.model.flow import CONN_STATES
from tests.naive import flow_states as naive
from tests.scenes import flow, flows

ENDS = (
    "10.0.0.5", "10.0.0.255", "224.0.0.251", "255.255.255.255", "127.0.0.1", "0.0.0.9", "fe80::1", "ff02::1", "::1",
    "::", "2001:db8::1",
)  # fmt: skip


def test_packets_go_before_bytes_and_state():
    """A flow without an answer, one answered, and one whose log counts no packets."""
    rows = flows(flow(state="S0"), flow(state="SF", at_s=1), flow(state="SF", at_s=2))
    rows["resp_pkts"][2] = rows["orig_pkts"][2] = -1

    assert [False, True, True] == sides_of(rows).replied.tolist()
    assert [True, True, True] == sides_of(rows).sent.tolist()


def test_look_equals_the_twin():
    """Every pair of kinds of address, every state, with and without packets and bytes."""
    counts = itertools.cycle(itertools.product((-1, 0, 3), (-1, 0, 2), (-1, 0, 9)))
    states = itertools.cycle(CONN_STATES)
    rows = flows(*(flow(orig, resp) for orig, resp in itertools.product(ENDS, ENDS) for _ in range(5)))
    for row, state, (sent, back, size) in zip(rows, states, counts, strict=False):
        row["conn_state"], row["orig_pkts"] = CONN_STATES.index(state), sent
        row["resp_pkts"], row["resp_bytes"] = back, size
    found = np.empty((4, len(rows)), np.bool_)

    look(rows, networks.NO_HOST_MASKS, *found)

    nobody = [ipaddress.ip_network(text) for text in networks.NOBODY]
    assert naive.look(rows, CONN_STATES, nobody) == [tuple(row) for row in found.T.tolist()]


def test_no_flows_have_no_ends():
    """An empty tick."""
    assert [] == sides_of(flows()).sent.tolist()
