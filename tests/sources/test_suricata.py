"""Tests for sensor/sources/suricata.py: which records are EVE's and what becomes of each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.flow import FLOW
from sensor.sources import suricata
from sensor.wire.fields import Fields
from sensor.wire.suricata_messages import READERS

TUPLE = {
    "timestamp": "2018-07-05T15:01:09.820360-0400",
    "flow_id": 298824096901438,
    "src_ip": "192.0.2.85",
    "src_port": 55406,
    "dest_ip": "198.51.100.1",
    "dest_port": 22,
    "proto": "TCP",
}


def test_its_own_records_are_claimed_and_no_others() -> None:
    """By type and the part named after it, or the flow's number and ends."""
    mine = [
        {**TUPLE, "event_type": "ssh", "ssh": {}},
        {**TUPLE, "event_type": "flow"},
        {"timestamp": "x", "event_type": "stats", "stats": {"uptime": 1}},
    ]
    others = [
        {"event_type": "flow"},
        {"timestamp": "x", "event_type": "login", "login": {}},
        {"eventType": "user.session"},
        {"timestamp": "x", "event_type": "http", "message": "y"},
        {"message": "flow"},
        {},
    ]
    assert [True] * 3 + [False] * 6 == [suricata.claims(Fields(record)) for record in mine + others]


def test_a_flow_is_a_row_and_a_statistic_nothing() -> None:
    """Every type is accepted."""
    flow = {**TUPLE, "event_type": "flow", "flow": {"start": "2018-07-05T15:01:09.820360-0400"}}
    (row,) = suricata.read(Fields(flow))
    assert isinstance(row, np.ndarray)
    assert (FLOW, (1,)) == (row.dtype, row.shape)
    assert [] == suricata.read(Fields({"timestamp": "x", "event_type": "stats", "stats": {}}))


@pytest.mark.parametrize(("gone", "reason"), [("timestamp", "missing_time"), ("src_ip", "missing_orig_h")])
def test_what_is_missing_is_named(gone: str, reason: str) -> None:
    """A record about a flow needs a time and both ends."""
    record = {key: value for key, value in TUPLE.items() if key != gone}
    with pytest.raises(Malformed, match=f"^{reason}$"):
        suricata.read(Fields({**record, "event_type": "ssh", "ssh": {}}))


PARTS = st.sampled_from(["ttl", "rdata", "rrname", "status"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["192.0.2.1", "2018-07-05T15:01:09Z"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ttl", "rdata", "rrname", "status"]), inner)
    ),
    max_leaves=6,
)
KINDS = sorted([*READERS, "flow", "stats"])


@given(
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from([*TUPLE, "vlan", "ether", "icmp_type", *KINDS]), VALUES),
    st.dictionaries(
        st.sampled_from(
            [
                "type",
                "answers",
                "sni",
                "start",
                "bytes_toserver",
                "pkts_toserver",
                "opnum",
                "client_mac",
                "grouped",
                "ntlmssp",
                "request",
                "responses",
                "rcpt_to",
            ]
        ),
        VALUES,
    ),
)
def test_garbage_is_read_or_refused(kind: str, over: dict[str, object], part: dict[str, object]) -> None:
    """Nothing but Malformed leaves the reader."""
    try:
        found = suricata.read(Fields({**TUPLE, "event_type": kind, kind: part, **over}))
    except Malformed:
        return
    assert isinstance(found, list)
