"""Twin of sensor/entities/flow_states.py: one flow after the other, addresses as objects."""

import ipaddress

ANSWERED = {"S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR"}


def address(hi, lo):
    """The address of two words, IPv4 where it is one."""
    whole = ipaddress.IPv6Address(int(hi) << 64 | int(lo))
    return whole.ipv4_mapped or whole


def is_single(hi, lo, nobody):
    """Whether an address is in none of the networks that are no single host's."""
    one = address(hi, lo)
    return not any(one in network for network in nobody if network.version == one.version)


def look(flows, states, nobody):
    """(sent, replied, single originator, single responder) of each flow; `states` are Zeek's by number."""
    found = []
    for flow in flows:
        by_state = states[flow["conn_state"]] in ANSWERED or flow["resp_bytes"] > 0
        replied = flow["resp_pkts"] > 0 if flow["resp_pkts"] >= 0 else by_state
        ends = [is_single(flow[f"{end}_hi"], flow[f"{end}_lo"], nobody) for end in ("orig", "resp")]
        found.append((bool(flow["orig_pkts"] != 0), bool(replied), *ends))
    return found
