"""Which ends of a flow were seen sending."""

from sensor.entities.flow_states import answered, opened
from tests.scenes import flow, flows


def test_packets_go_before_bytes_and_state():
    """A flow without an answer, one answered, and one whose log counts no packets."""
    rows = flows(flow(state="S0"), flow(state="SF", at_s=1), flow(state="SF", at_s=2))
    rows["resp_pkts"][2] = rows["orig_pkts"][2] = -1

    assert [False, True, True] == answered(rows).tolist()
    assert [True, True, True] == opened(rows).tolist()
