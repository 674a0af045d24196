"""What a flow says about a first contact: which walk it belongs to, and whether it failed.

TCP (Zeek's conn_state): the originator's SYN was seen and the responder never agreed is a failure: S0 (no answer), REJ
(reset in answer to the SYN), RSTOS0 (SYN, then the originator's own reset, no SYN-ACK) and SH (SYN, then FIN, no
SYN-ACK). A SYN-ACK makes it a success, whatever came after: S1, SF, S2, S3, RSTO (a half-open scan of an open port),
RSTR. The rest says nothing: SHR and RSTRH begin with a SYN-ACK or reset whose SYN was not seen, which is how
backscatter looks to its receiver, and OTH is midstream. A row without `S` in a history that is present is midstream
too, whatever its state. Where one side was seen to confirm what the other side's unseen packets said, the flow was
seen from one side: that is no failure, and it tells that the capture is one-way (`one_sided`).

UDP: answered or not, to single hosts only (multicast and likely broadcasts are no contact); what traceroute sends to
ports that nothing listens at is answered by ICMP, or not at all, and says nothing. ICMP: echo requests only;
errors are neither contacts nor failures.
"""

import numpy as np
from numpy.typing import NDArray

from sensor.entities.flow_states import answered, opened
from sensor.entities.networks import may_be_broadcast, no_host
from sensor.model.flow import CONN_STATES, ICMP, ICMPV6, TCP, UDP
from sensor.model.tick import Contacts, Tick

WALK_TCP, WALK_UDP, WALK_ECHO, WALK_NONE = 0, 1, 2, 255
WALK_NAMES = ("TCP", "UDP", "ICMP echo")

_FAILED = np.isin(CONN_STATES, ("S0", "REJ", "RSTOS0", "SH"))
_MADE = np.isin(CONN_STATES, ("S1", "SF", "S2", "S3", "RSTO", "RSTR"))
_ECHO_REQUEST, _ECHO_REQUEST_V6 = 8, 128
"""RFC 792; RFC 4443 §4.1."""
_TRACEROUTE = (33434, 33534)
"""UDP ports of traceroute(8): its default first one, and one for each of up to a hundred probes."""

_SETS = (
    "abcdefghijklmnopqrstuvwxyz",  # the responder's letters
    "SH",
    "AD",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",  # the originator's
    "sh",
    "ad",
)
_RESP, _SYN, _WENT_ON, _ORIG, _ANSWER, _WENT_ON_BACK = (1 << k for k in range(len(_SETS)))
_LETTERS = np.array(
    [sum(1 << k for k, letters in enumerate(_SETS) if chr(code) in letters) for code in range(256)], np.uint8
)
"""Which of the sets a letter of a history is in, a bit each."""


def contacts(tick: Tick) -> Contacts:
    """Read each flow of a tick as a contact; done once a tick."""
    if tick.contacts is None:
        tick.contacts = _read(tick)
    return tick.contacts


def one_sided(flows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Tell which TCP flows show that only one of their sides can be seen: it went on as only an answer lets it.

    An originator that acknowledges or sends data after its SYN had a SYN-ACK; a responder that does so after its
    SYN-ACK had an acknowledgement. Without a history nothing can be told.

    Args:
        flows: dtype FLOW, shape (n,).

    Returns:
        bool, shape (n,).
    """
    letters = np.ascontiguousarray(flows["history"]).view(np.uint8)
    said = np.bitwise_or.reduce(_LETTERS[letters.reshape(len(flows), flows.dtype["history"].itemsize)], axis=1)
    originator = (said & _RESP == 0) & (said & _SYN != 0) & (said & _WENT_ON != 0)
    responder = (said & _ORIG == 0) & (said & _ANSWER != 0) & (said & _WENT_ON_BACK != 0)
    return np.asarray((flows["proto"] == TCP) & (originator | responder), np.bool_)


def _read(tick: Tick) -> Contacts:
    flows = tick.flows
    n = len(flows)
    walk, outcome = np.full(n, WALK_NONE, np.uint8), np.full(n, -1, np.int8)
    single = ~no_host(flows["resp_hi"], flows["resp_lo"]) & ~no_host(flows["orig_hi"], flows["orig_lo"])
    replied, sent = answered(flows), opened(flows)
    two_way = sent & replied
    tcp = (flows["proto"] == TCP) & single
    walk[tcp] = WALK_TCP
    letters = np.ascontiguousarray(flows["history"]).view(np.uint8).reshape(n, flows.dtype["history"].itemsize)
    syn = (letters == ord("S")).any(axis=1) | (letters[:, 0] == 0)
    made = tcp & syn & _MADE[flows["conn_state"]]
    outcome[tcp & syn & _FAILED[flows["conn_state"]]] = 1
    outcome[made] = 0
    outcome[one_sided(flows)] = -1
    unicast = single & ~may_be_broadcast(flows["resp_hi"], flows["resp_lo"])
    udp = (flows["proto"] == UDP) & unicast
    echo = (flows["proto"] == ICMP) & (flows["orig_p"] == _ECHO_REQUEST)
    echo = (echo | ((flows["proto"] == ICMPV6) & (flows["orig_p"] == _ECHO_REQUEST_V6))) & unicast
    walk[udp], walk[echo] = WALK_UDP, WALK_ECHO
    either = (udp | echo) & sent
    outcome[either] = np.where(replied[either], 0, 1)
    traced = udp & (flows["resp_p"] >= _TRACEROUTE[0]) & (flows["resp_p"] <= _TRACEROUTE[1]) & ~replied
    outcome[traced | ~tick.fresh] = -1
    return Contacts(walk, outcome, two_way.astype(np.uint8))
