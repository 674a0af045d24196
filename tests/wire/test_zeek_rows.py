"""conn records in any form: what the kernels leave to the judge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.flow import FLOW
from sensor.wire.zeek_header import Schema
from sensor.wire.zeek_records import read
from sensor.wire.zeek_rows import fill
from sensor.wire.zeek_tsv import TsvReader
from tests.flows.conn_lines import any_line, columns
from tests.flows.test_log_tsv import shown
from tests.naive.log_tsv import record

PLAIN = {
    "ts": "1.5",
    "id.orig_h": "10.0.0.1",
    "id.orig_p": "1",
    "id.resp_h": "10.0.0.2",
    "id.resp_p": "2",
    "proto": "tcp",
}


def filled(**changes):
    """Fill a row from a record."""
    row = np.zeros(1, FLOW)
    fill(row, (PLAIN | changes).get)
    return row[0]


@settings(max_examples=300)
@given(st.data())
def test_any_line_is_judged_as_the_twin_does(data):
    """Accepted with the same columns, or refused, whatever its fields hold."""
    order = data.draw(columns)
    line = data.draw(any_line(order)).removesuffix("\r")
    try:
        found = shown(read(TsvReader(Schema(fields=tuple(order))).record(line.encode()), "conn", "conn", 0, 0)[0])
    except Malformed:
        found = None
    assert record(line, order) == found


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"ts": None}, "missing_ts"), ({"id.orig_h": None}, "missing_orig_h"), ({"id.resp_p": None}, "missing_resp_p"),
        ({"proto": None}, "missing_proto"), ({"proto": "sctp?"}, "bad_proto"), ({"conn_state": "XX"}, "bad_conn_state"),
        ({"duration": "-1"}, "bad_duration"), ({"orig_bytes": "-1"}, "bad_orig_bytes"), ({"vlan": "x"}, "bad_vlan"),
        ({"local_orig": "maybe"}, "bad_local_orig"), ({"uid": "C" * 25}, "bad_uid"), ({"orig_l2_addr": "x"},
        "bad_orig_l2_addr"),
    ],
)  # fmt: skip
def test_why_a_record_is_refused(columns, reason):
    """The reason names the first column that is missing or does not parse."""
    with pytest.raises(Malformed, match=f"^{reason}$"):
        filled(**columns)


def test_text_longer_than_its_column():
    """A history is cut; services are cut after the last whole name."""
    row = filled(history="S" * 40, service="gssapi,krb,smb,dce_rpc,ntlm")
    assert (b"S" * 32, b"gssapi,krb,smb,dce_rpc") == (row["history"], row["service"])


@pytest.mark.parametrize(
    ("proto", "ip_proto", "orig_h", "number"),
    [
        ("tcp", None, "10.0.0.1", 6), ("icmp", None, "10.0.0.1", 1), ("icmp", None, "fe80::1", 58),
        ("unknown_transport", "47", "10.0.0.1", 47), ("unknown_transport", None, "10.0.0.1", 255),
    ],
)  # fmt: skip
def test_the_protocols_number(proto, ip_proto, orig_h, number):
    """It is the log's where it says it; ICMP's follows the addresses."""
    assert number == filled(**{"proto": proto, "ip_proto": ip_proto, "id.orig_h": orig_h})["proto"]
