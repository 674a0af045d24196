"""FLOW rows of exporters that count packets, bytes and TCP flags alone: NetFlow, IPFIX, Suricata.

What such a record does not say is worked out, and only so far as it can be:

- `conn_state` from which of SYN, FIN and RST each side ever sent. The order in which they came is not known: two FINs
  count for more than a reset, and a flow without a SYN of its originator is midstream (OTH).
- `orig_bytes` and `resp_bytes`, the payload, from the IP bytes less headers without options: 20 or 40 bytes of IP, 20
  of TCP (RFC 9293 §3.1), 8 of UDP and ICMP (RFC 768, RFC 792). TCP's timestamps make this 12 bytes a packet too much.

`history` and `missed_bytes` stay unset, `size_sq` and `gap_sq` NaN.
"""

import numpy as np
from numpy.typing import NDArray

from sensor.model.flow import CONN_STATES, FLOW, ICMP, ICMPV6, TCP, UDP

FIN, SYN, RST = 1, 2, 4
"""TCP flags (RFC 9293 §3.1)."""
_STATES = {name: number for number, name in enumerate(CONN_STATES)}
_HEADERS = {TCP: 20, UDP: 8, ICMP: 8, ICMPV6: 8}
_COUNTERPARTS = {
    ICMP: {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17, 10: 9, 9: 10},
    ICMPV6: {128: 129, 129: 128, 131: 130, 130: 131, 133: 134, 134: 133, 135: 136, 136: 135, 139: 140, 140: 139},
}
"""ICMP types that answer each other (https://www.iana.org/assignments/icmp-parameters, icmpv6-parameters)."""
_INT64_MAX = (1 << 63) - 1


def blank(rows: int) -> NDArray[np.void]:
    """Make FLOW rows with every column unset, dtype FLOW, shape (rows,)."""
    made = np.zeros(rows, FLOW)
    for column in (
        *("duration", "local_orig", "local_resp", "orig_bytes", "resp_bytes", "missed_bytes"),
        *("orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes"),
    ):
        made[column] = -1
    made["size_sq"] = made["gap_sq"] = np.nan
    return made


def conn_state(proto: int, flags: tuple[int | None, int | None], packets: tuple[int, int]) -> int:
    """Say how a conversation went, as an index into CONN_STATES.

    Args:
        proto: IP protocol.
        flags: TCP flags that originator and responder ever sent, None where not known.
        packets: Packets of originator and responder.
    """
    if proto != TCP:
        return _STATES["SF" if all(packets) else "S0" if packets[0] else "SHR"]
    if flags[0] is None or (flags[1] is None and packets[1]):
        return 0
    orig, resp = flags[0], flags[1] or 0
    if not orig & SYN:
        half = "RSTRH" if resp & RST else "SHR" if resp & FIN else "OTH"
        return _STATES[half if resp & SYN and not packets[0] else "OTH"]
    return _STATES[_with_syn_ack(orig, resp) if resp & SYN else _without_syn_ack(orig, resp, packets[1])]


def _with_syn_ack(orig: int, resp: int) -> str:
    if orig & resp & FIN:
        return "SF"
    if (orig | resp) & RST:
        return "RSTO" if orig & RST else "RSTR"
    return "S2" if orig & FIN else "S3" if resp & FIN else "S1"


def _without_syn_ack(orig: int, resp: int, answered: int) -> str:
    if answered:
        return "REJ" if resp & RST else "OTH"
    return "RSTOS0" if orig & RST else "SH" if orig & FIN else "S0"


def payload(ip_bytes: int, packets: int, proto: int, *, v4: bool) -> int:
    """Work out payload bytes from IP bytes; -1 where the protocol's header is not known."""
    header = _HEADERS.get(proto)
    if header is None or ip_bytes < 0 or packets < 0:
        return -1
    return max(0, ip_bytes - packets * (header + (20 if v4 else 40)))


def icmp_ports(proto: int, kind: int, code: int) -> tuple[int, int]:
    """Return what Zeek has in the place of ports: the type, and its counterpart or else the code."""
    return kind & 0xFF, _COUNTERPARTS.get(proto, {}).get(kind, code) & 0xFF


def bounded(count: int | None) -> int:
    """Return a counter as it fits a column; -1 where it is unset or no count."""
    return -1 if count is None or not 0 <= count <= _INT64_MAX else count
