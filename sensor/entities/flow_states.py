"""Which ends of a flow were seen sending: by packets where they were counted, else by bytes and Zeek's state."""

import numpy as np
from numpy.typing import NDArray

from sensor.model.flow import CONN_STATES

Flags = NDArray[np.bool_]
_ANSWERED = np.isin(CONN_STATES, ("S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR"))
"""States in which Zeek saw the responder answer the originator."""


def answered(flows: NDArray[np.void]) -> Flags:
    """Tell which flows' responder was seen sending; by packets, else bytes, else state. Shape (n,)."""
    by_state = _ANSWERED[flows["conn_state"]] | (flows["resp_bytes"] > 0)
    return np.where(flows["resp_pkts"] >= 0, flows["resp_pkts"] > 0, by_state)


def opened(flows: NDArray[np.void]) -> Flags:
    """Tell which flows' originator was seen sending; a log without packet counts is believed. Shape (n,)."""
    return np.asarray(flows["orig_pkts"] != 0, np.bool_)
