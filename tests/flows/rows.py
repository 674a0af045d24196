"""Flows and ARP messages of every shape, for the writers' tests."""

import numpy as np

from sensor.model.addresses import parse, parse_mac
from sensor.model.capture import ARP
from sensor.model.flow import CONN_STATES, FLOW

START_NS = 1_258_531_221_486_539_000


def flow(orig="10.0.0.1", resp="192.0.2.7", **values):
    """One flow; what is not given is as for a short TCP connection."""
    row = np.zeros(1, FLOW)
    given = {
        "ts": START_NS,
        "duration": 1_500_000_000,
        "uid": b"CXWv6p3arKYeMETxOg",
        "orig_p": 49_152,
        "resp_p": 443,
        "proto": 6,
        "conn_state": CONN_STATES.index("SF"),
        "local_orig": 1,
        "orig_bytes": 117,
        "resp_bytes": 3451,
        "orig_pkts": 9,
        "orig_ip_bytes": 597,
        "resp_pkts": 7,
        "resp_ip_bytes": 3827,
        "history": b"ShADadFf",
        "service": b"ssl",
    }
    for name, value in {**given, **values}.items():
        row[name] = value
    (row["orig_hi"], row["orig_lo"]), (row["resp_hi"], row["resp_lo"]) = parse(orig), parse(resp)
    return row


def many():
    """One flow of each kind that a writer must tell apart."""
    return np.concatenate(
        [
            flow(),
            flow(
                ts=START_NS + 999_999_500, duration=-1, orig_bytes=-1, resp_bytes=-1, service=b"", history=b"",
                conn_state=0, local_orig=-1, local_resp=-1,
            ),
            flow("2001:db8::1", "ff02::1:ff00:7", proto=58, orig_p=135, resp_p=136, service=b"", uid=b"C1"),
            flow("10.0.0.9", "10.0.0.1", proto=1, orig_p=3, resp_p=13, local_resp=1, missed_bytes=2**40, uid=b"C2"),
            flow(proto=47, orig_p=0, resp_p=0, vlan=100, inner_vlan=200, tunnel=1, service=b"", uid=b"C3"),
            flow(orig_l2=parse_mac("00:1b:21:00:00:01"), proto=17, service=b"dns", local_orig=0, uid=b"C4"),
            flow(ts=0, duration=0, proto=132, orig_pkts=2**40, uid=b"C5"),
        ]
    )  # fmt: skip


def arps():
    """A request for an address, and an operation without a name on a VLAN."""
    rows = np.zeros(2, ARP)
    rows["ts"] = START_NS, START_NS + 1000
    rows["sender_mac"] = parse_mac("00:1b:21:00:00:01")
    rows["target_mac"] = 0, parse_mac("ff:ff:ff:ff:ff:ff")
    rows["sender_ip"], rows["target_ip"] = 0x0A000001, 0x0A0000FE
    rows["op"], rows["vlan"] = (1, 8), (0, 12)
    return rows
