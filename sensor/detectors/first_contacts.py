"""What a flow says about a first contact: which walk it belongs to, and whether it failed.

TCP (Zeek's conn_state): the originator's SYN was seen and the responder never agreed is a failure: S0 (no answer), REJ
(reset in answer to the SYN), RSTOS0 (SYN, then the originator's own reset, no SYN-ACK) and SH (SYN, then FIN, no
SYN-ACK). A SYN-ACK makes it a success, whatever came after: S1, SF, S2, S3, RSTO (a half-open scan of an open port),
RSTR. The rest says nothing: SHR and RSTRH begin with a SYN-ACK or reset whose SYN was not seen, which is how
backscatter looks to its receiver, and OTH is midstream. A row without `S` in a history that is present is midstream
too, whatever its state. Where one side was seen to confirm what the other side's unseen packets said, the flow was
seen from one side: that is no failure, and it tells that the capture is one-way (`Contacts.one_sided`).

UDP: answered or not, to single hosts only (multicast and likely broadcasts are no contact); what traceroute sends to
ports that nothing listens at is answered by ICMP, or not at all, and says nothing. ICMP: echo requests only;
errors are neither contacts nor failures.
"""

import numpy as np
from numpy.typing import NDArray

from baselines._jit import kernel, rows
from sensor.entities.flow_states import sides
from sensor.model.flow import CONN_STATES, FLOW, ICMP, ICMPV6, TCP, UDP
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
_S = ord("S")
_V4, _LAST = np.uint64(0xFFFF), np.uint64(0xFF)
"""An IPv4 address has the first in its low word; where it ends in the second, it is a usual prefix's broadcast."""
Flags = NDArray[np.bool_]
_FLAGS = rows(np.bool_)


@kernel(
    rows(FLOW), rows(np.uint8, 2), _FLAGS, _FLAGS, _FLAGS, _FLAGS, _FLAGS, rows(np.uint8), rows(np.int8),
    rows(np.uint8), _FLAGS,
)  # fmt: skip
def judge(
    flows: NDArray[np.void],
    letters: NDArray[np.uint8],
    sent: Flags,
    replied: Flags,
    orig_single: Flags,
    resp_single: Flags,
    fresh: Flags,
    walk: NDArray[np.uint8],
    outcome: NDArray[np.int8],
    two_way: NDArray[np.uint8],
    one_sided: Flags,
) -> None:
    """Read flows as contacts.

    A flow is one-sided where it is TCP and went on as only an answer lets it: an originator that acknowledges or sends
    data after its SYN had a SYN-ACK; a responder that does so after its SYN-ACK had an acknowledgement. Without a
    history nothing can be told.

    Args:
        flows: dtype FLOW, shape (n,).
        letters: Their histories, uint8, shape (n, 32).
        sent: As `Sides` has it, bool, shape (n,), and the next three likewise.
        fresh: As `Tick` has it, bool, shape (n,).
        walk: Out, as `Contacts` has it, uint8, shape (n,). `outcome`, `two_way` and `one_sided` likewise.
    """
    for i in range(len(flows)):
        flow = flows[i]
        proto, port = flow["proto"], flow["resp_p"]
        said, syn = 0, letters[i, 0] == 0
        for k in range(letters.shape[1]):
            said |= _LETTERS[letters[i, k]]
            syn = syn or letters[i, k] == _S
        single = orig_single[i] and resp_single[i]
        two_way[i] = sent[i] and replied[i]
        originator = (said & _RESP) == 0 and (said & _SYN) != 0 and (said & _WENT_ON) != 0
        responder = (said & _ORIG) == 0 and (said & _ANSWER) != 0 and (said & _WENT_ON_BACK) != 0
        one_sided[i] = proto == TCP and (originator or responder)
        walk[i], outcome[i] = WALK_NONE, -1
        broadcast = (
            flow["resp_hi"] == 0
            and (flow["resp_lo"] >> np.uint64(32)) == _V4
            and (flow["resp_lo"] & np.uint64(0xFF)) == _LAST
        )
        if proto == TCP and single:
            walk[i] = WALK_TCP
            if syn and _MADE[flow["conn_state"]]:
                outcome[i] = 0
            elif syn and _FAILED[flow["conn_state"]]:
                outcome[i] = 1
        elif proto == UDP and single and not broadcast:
            walk[i] = WALK_UDP
        elif (
            single
            and not broadcast
            and (
                (proto == ICMP and flow["orig_p"] == _ECHO_REQUEST)
                or (proto == ICMPV6 and flow["orig_p"] == _ECHO_REQUEST_V6)
            )
        ):
            walk[i] = WALK_ECHO
        if (walk[i] == WALK_UDP or walk[i] == WALK_ECHO) and sent[i]:
            outcome[i] = 0 if replied[i] else 1
        traced = walk[i] == WALK_UDP and port >= _TRACEROUTE[0] and port <= _TRACEROUTE[1] and not replied[i]
        if one_sided[i] or traced or not fresh[i]:
            outcome[i] = -1


def contacts(tick: Tick) -> Contacts:
    """Read each flow of a tick as a contact; done once a tick."""
    if tick.contacts is None:
        flows, seen, n = tick.flows, sides(tick), len(tick.flows)
        letters = flows["history"].copy().view(np.uint8).reshape(n, FLOW["history"].itemsize)
        made = Contacts(np.empty(n, np.uint8), np.empty(n, np.int8), np.empty(n, np.uint8), np.empty(n, np.bool_))
        judge(
            flows, letters, seen.sent, seen.replied, seen.orig_single, seen.resp_single, tick.fresh, made.walk,
            made.outcome, made.two_way, made.one_sided,
        )  # fmt: skip
        tick.contacts = made
    return tick.contacts
