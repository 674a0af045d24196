"""Community ids are those of the specification's reference implementation."""

import ipaddress
import json

import communityid
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.flows.community_id import community_ids
from sensor.model.addresses import text
from sensor.model.flow import FLOW
from tests.flows.rows import flow

REFERENCE = communityid.CommunityID()
V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address).map(str)
V6 = st.integers(1 << 64, 2**128 - 1).map(ipaddress.IPv6Address).map(str)
PORTS = st.integers(0, 65_535)


def reference(row):
    """The reference's answer for one flow. Its ICMP takes type and code and finds the answering type itself."""
    orig, resp = text(row["orig_hi"], row["orig_lo"]), text(row["resp_hi"], row["resp_lo"])
    proto, orig_p, resp_p = int(row["proto"]), int(row["orig_p"]), int(row["resp_p"])
    if proto not in (1, 6, 17, 58, 132):
        return REFERENCE.calc(communityid.FlowTuple(proto, orig, resp))
    return REFERENCE.calc(communityid.FlowTuple(proto, orig, resp, orig_p, resp_p))


@given(st.tuples(V4, V4) | st.tuples(V6, V6), st.sampled_from([6, 17, 132, 47, 50, 0, 255]), PORTS, PORTS)
def test_equals_the_reference(pair, proto, orig_p, resp_p):
    """Both families, protocols with and without ports."""
    row = flow(*pair, proto=proto, orig_p=orig_p, resp_p=resp_p)
    assert [reference(row[0])] == community_ids(row)


@given(st.tuples(V4, V4) | st.tuples(V6, V6), PORTS, PORTS)
def test_is_free_of_direction(pair, orig_p, resp_p):
    """Who opened the flow does not matter, for equal addresses too."""
    there, back = flow(*pair, orig_p=orig_p, resp_p=resp_p), flow(*pair[::-1], orig_p=resp_p, resp_p=orig_p)
    assert community_ids(there) == community_ids(back)
    same = flow(pair[0], pair[0], orig_p=orig_p, resp_p=resp_p)
    assert [reference(same[0])] == community_ids(same)


@pytest.mark.parametrize(("proto", "orig", "resp"), [(1, "192.168.0.89", "10.0.0.1"), (58, "fe80::2", "fe80::1")])
def test_every_icmp_type_equals_the_reference(proto, orig, resp):
    """All 256 types, both ways round, with the code where there is no answering type."""
    for kind in range(256):
        for pair in ((orig, resp), (resp, orig)):
            row = flow(*pair, proto=proto, orig_p=kind, resp_p=3)
            assert [reference(row[0])] == community_ids(row), kind


def test_the_specifications_own_example():
    """The baseline of the specification: 1:LQU9qZlK+B5F3KDmev6m5PMibrg=."""
    row = flow("128.232.110.120", "66.35.250.204", orig_p=34_855, resp_p=80)
    assert ["1:LQU9qZlK+B5F3KDmev6m5PMibrg="] == community_ids(row)


def test_columns_keep_their_order():
    """IPv4 and IPv6, with and without ports, mixed."""
    rows = np.concatenate([flow(), flow("::1", "::2"), flow(proto=47), flow("::1", "::2", proto=50), flow(orig_p=5)])
    assert [reference(row) for row in rows] == community_ids(rows)
    assert [] == community_ids(np.empty(0, FLOW))


def test_equals_what_arkime_computed(data_dir):
    """Arkime's expected sessions: over TCP and UDP, all captures at hand."""
    found = wanted = 0
    for path in sorted((data_dir / "network" / "arkime").rglob("*.test")):
        for session in json.loads(path.read_text())["sessions3"]:
            body = session["body"]
            expected = body.get("network", {}).get("community_id")
            if expected is None or body.get("ipProtocol") not in (6, 17):
                continue
            row = flow(
                body["source"]["ip"],
                body["destination"]["ip"],
                proto=body["ipProtocol"],
                orig_p=body["source"]["port"],
                resp_p=body["destination"]["port"],
            )
            wanted += 1
            found += [expected] == community_ids(row)
    assert wanted > 250
    assert wanted == found
