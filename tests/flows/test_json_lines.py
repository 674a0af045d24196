"""One JSON object a flow, under Zeek's names."""

import io
import json

from sensor.flows.community_id import community_ids
from sensor.flows.json_lines import JsonLines
from sensor.flows.zeek_log import FIELDS
from tests.flows.rows import arps, flow, many


def lines(write, rows):
    """The objects that were written."""
    out = io.BytesIO()
    getattr(JsonLines(out), write)(rows)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_flow_is_one_object_under_zeeks_names():
    """Values have JSON's types; what conn.log has not comes after its columns."""
    (found,) = lines("write", flow(vlan=100, orig_l2=1, tunnel=1))
    assert [*FIELDS, "community_id", "vlan", "inner_vlan", "orig_l2_addr", "resp_l2_addr", "tunnel"] == list(found)
    assert {
        "ts": "2009-11-18T08:00:21.486539Z",
        "uid": "CXWv6p3arKYeMETxOg",
        "id.orig_h": "10.0.0.1",
        "id.orig_p": 49_152,
        "id.resp_h": "192.0.2.7",
        "id.resp_p": 443,
        "proto": "tcp",
        "service": "ssl",
        "duration": 1.5,
        "orig_bytes": 117,
        "resp_bytes": 3451,
        "conn_state": "SF",
        "local_orig": True,
        "local_resp": False,
        "missed_bytes": 0,
        "history": "ShADadFf",
        "orig_pkts": 9,
        "orig_ip_bytes": 597,
        "resp_pkts": 7,
        "resp_ip_bytes": 3827,
        "tunnel_parents": None,
        "ip_proto": 6,
        "community_id": community_ids(flow())[0],
        "vlan": 100,
        "inner_vlan": None,
        "orig_l2_addr": "00:00:00:00:00:01",
        "resp_l2_addr": None,
        "tunnel": "gre",
    } == found


def test_absent_values_are_null():
    """Never 0 or an empty text."""
    found = lines("write", many())[1]
    unset = ("duration", "orig_bytes", "resp_bytes", "conn_state", "history", "service", "local_orig", "local_resp")
    assert {None} == {found[name] for name in unset}


def test_the_community_id_is_over_ports_that_zeek_does_not_log():
    """Two SCTP associations between two hosts differ in it, though not in their ids."""
    one, other = (lines("write", flow(proto=132, orig_p=port))[0] for port in (1000, 2000))
    assert (0, 0) == (one["id.orig_p"], other["id.orig_p"])
    assert [one["community_id"], other["community_id"]] == [
        community_ids(flow(proto=132, orig_p=port))[0] for port in (1000, 2000)
    ]
    assert one["community_id"] != other["community_id"]


def test_arp_lines_say_what_they_are():
    """They may stand between flows."""
    found = lines("write_arp", arps())
    assert {
        "_path": "arp",
        "ts": "2009-11-18T08:00:21.486539Z",
        "op": "request",
        "sender_mac": "00:1b:21:00:00:01",
        "sender_ip": "10.0.0.1",
        "target_mac": None,
        "target_ip": "10.0.0.254",
        "vlan": None,
    } == found[0]
    assert ("8", 12) == (found[1]["op"], found[1]["vlan"])


def test_every_line_is_an_object_of_its_own():
    """As many lines as flows, none over two lines."""
    assert [row["uid"].decode() for row in many()] == [found["uid"] for found in lines("write", many())]
