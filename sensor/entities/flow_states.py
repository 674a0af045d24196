"""What the ends of a flow are: which were seen sending, and which can be a single host.

Sending is told by packets where they were counted, else by bytes and Zeek's state. A dozen places ask this of each
tick, so it is worked out once, in one pass.
"""

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows
from sensor.entities.networks import NO_HOST_MASKS
from sensor.model.flow import CONN_STATES, FLOW
from sensor.model.tick import Sides, Tick

Flags = NDArray[np.bool_]
_ANSWERED = np.isin(CONN_STATES, ("S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR"))
"""States in which Zeek saw the responder answer the originator."""
_FLAGS = rows(np.bool_)


@kernel(rows(FLOW), rows(np.uint64, 2), _FLAGS, _FLAGS, _FLAGS, _FLAGS)
def look(
    flows: NDArray[np.void],
    masks: NDArray[np.uint64],
    sent: Flags,
    replied: Flags,
    orig: Flags,
    resp: Flags,
) -> None:
    """Tell what the ends of flows are.

    Args:
        flows: dtype FLOW, shape (n,).
        masks: What is no single host, as `baselines.prefixes.match` takes it, uint64, shape (k, 4).
        sent: Out: the originator was seen sending, bool, shape (n,); a log without packet counts is believed.
        replied: Out: the responder was, bool, shape (n,).
        orig: Out: the originator's address is a single host's, bool, shape (n,). `resp`: the responder's.
    """
    for i in range(len(flows)):
        flow = flows[i]
        sent[i] = flow["orig_pkts"] != 0
        if flow["resp_pkts"] >= 0:
            replied[i] = flow["resp_pkts"] > 0
        else:
            replied[i] = _ANSWERED[flow["conn_state"]] or flow["resp_bytes"] > 0
        orig[i] = resp[i] = True
        for j in range(masks.shape[0]):
            if (flow["orig_hi"] & masks[j, 2]) == masks[j, 0] and (flow["orig_lo"] & masks[j, 3]) == masks[j, 1]:
                orig[i] = False
            if (flow["resp_hi"] & masks[j, 2]) == masks[j, 0] and (flow["resp_lo"] & masks[j, 3]) == masks[j, 1]:
                resp[i] = False


def sides_of(flows: NDArray[np.void]) -> Sides:
    """Return what the ends of flows are; dtype FLOW, shape (n,)."""
    found = np.empty((4, len(flows)), np.bool_)
    sent, replied, orig, resp = found
    look(flows, NO_HOST_MASKS, sent, replied, orig, resp)
    return Sides(sent, replied, orig, resp)


def sides(tick: Tick) -> Sides:
    """Return what the ends of a tick's flows are; worked out once a tick."""
    if tick.sides is None:
        tick.sides = sides_of(tick.flows)
    return tick.sides
